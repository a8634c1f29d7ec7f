"""What a model of the business's own labelled chats says of a chat: a sum of weights of its words. Pure.

One label has one table of weights. A term is a word or two that follow each other, as `labels.rules.message_words`
writes them; a chat has it or not. The sum is squeezed into a probability, so a prediction needs no library, and the
words that weighed most are its reason. Tables are kept as JSON with the hash of what was trained: nothing is executed
when they are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from math import exp
from typing import Any

from labelcrm.lib.wilson import wilson
from labels.rules.message_words import shown_text, words_in

VERSION = 1
LIKELY_FROM, CERTAIN_FROM = 0.5, 0.9  # probability
LONGEST_TERM = 40
_DIGIT = re.compile(r"\d")  # of any script: numbers are of people, and tell no label
MOST_QUOTED = 3


@dataclass(frozen=True, slots=True)
class TextWeights:
    """The weights of a label's terms; `bias` is what a chat without any of them has."""

    bias: float
    terms: Mapping[str, float]

    def probability(self, terms: Iterable[str]) -> float:
        """How likely a chat with these terms is to get the label, 0 to 1."""
        total = self.bias + sum(self.terms.get(term, 0.0) for term in terms)
        return 1 / (1 + exp(-max(-60.0, min(60.0, total))))

    def telling(self, terms: Iterable[str]) -> list[str]:
        """The terms that spoke most for the label, the strongest first; of a pair and its word only one."""
        speaking = sorted((term for term in set(terms) if self.terms.get(term, 0.0) > 0), key=self._by_weight)
        chosen: list[str] = []
        for term in speaking:
            if not any(set(term.split()) & set(other.split()) for other in chosen):
                chosen.append(term)
        return chosen[:MOST_QUOTED]

    def _by_weight(self, term: str) -> tuple[float, str]:
        return -self.terms[term], term


def terms_of(text: str) -> dict[str, str]:
    """The terms of a message that a model may know, each with how it was written there.

    None with a digit: numbers, amounts and accounts are no words.
    """
    shown = shown_text(text)
    words = words_in(shown)
    found = {word.key: shown[word.start : word.end] for word in words}
    for one, other in pairwise(words):
        if one.clause == other.clause:
            found.setdefault(f"{one.key} {other.key}", shown[one.start : other.end])
    return {term: written for term, written in found.items() if _may_be_known(term)}


def _may_be_known(term: str) -> bool:
    return 2 <= len(term) <= LONGEST_TERM and _DIGIT.search(term) is None


def pack(weights: TextWeights) -> tuple[dict[str, Any], str]:
    """The weights as JSON, and the hash by which `unpack` knows them."""
    body = {"version": VERSION, "bias": weights.bias, "terms": dict(weights.terms)}
    return body, _hash(body)


def unpack(body: Any, digest: str) -> TextWeights | None:
    """The weights; None for what another version wrote or somebody changed since."""
    if not isinstance(body, dict) or body.get("version") != VERSION or _hash(body) != digest:
        return None
    return TextWeights(body["bias"], body["terms"])


def _hash(body: dict[str, Any]) -> str:
    return sha256(json.dumps(body, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


# -- Whether it beats the words ---------------------------------------------------------------------------------------

ENOUGH = 20  # held-back chats that got the label, and that the model suggests it for
AT_LEAST = 0.5  # of what it suggests is right, surely


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBackScore:
    """How a label was suggested on held-back chats: `right` of `said`, where `labelled` got it."""

    labelled: int = 0
    said: int = 0
    right: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.labelled if self.labelled else 0.0


def beats(model: HeldBackScore, words: HeldBackScore) -> bool:
    """Whether a model is right more often than not, surely better than the words in precision or recall, and surely
    worse in neither. Sure is what the 95 % intervals of Wilson say.
    """
    if min(model.labelled, model.said) < ENOUGH:
        return False
    precision, recall = wilson(model.right, model.said), wilson(model.right, model.labelled)
    is_worse = precision[1] < words.precision or recall[1] < words.recall
    return precision[0] >= AT_LEAST and not is_worse and (precision[0] > words.precision or recall[0] > words.recall)
