"""Learning suggestions from the business's own labelled chats, and whether that beats the words (docs/suggestions.md).

A chat is what a contact and we wrote before somebody put labels on: never anything after. The latest fifth is held
back; of contacts in it nothing is learned. Words and models suggest for the held-back chats as they would have then,
and a model is used for a label only where it beats the words (`labels.rules.text_model.beats`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from labelcrm.core import audit
from labelcrm.core.bulk import fetch
from labelcrm.core.jobs import Step
from labelcrm.core.models import Job
from labels.models import LabelTextModel, SuggestionTraining
from labels.rules.label_suggesting import (
    MOST_MESSAGES,
    SET_LABEL,
    LabelKnowledge,
    LabelPeriod,
    SuggestedChatMessage,
    suggest,
)
from labels.rules.label_words import LabelPhrases
from labels.rules.message_words import LONGEST_TEXT
from labels.rules.text_model import HeldBackScore, TextWeights, beats, pack, terms_of
from labels.selectors.suggestions import RECENT, knowledge_now, knowledge_of
from labels.services import text_fitting

LEARNED, NO_LIBRARY, FEW = "learned", "no_library", "few"
WINDOW = timedelta(days=365)
MOST_SPELLS = 10_000  # the latest
HELD_BACK = 0.2
FEWEST_CHATS = 200  # of fewer nothing is learned


@dataclass(frozen=True, slots=True)
class LabelledChat:
    """What a contact and we wrote up to `at`, when `labels` were put on; `before` are the labels of the time before."""

    contact: int
    at: datetime
    labels: frozenset[int]
    messages: tuple[SuggestedChatMessage, ...]
    before: tuple[LabelPeriod, ...]

    @property
    def terms(self) -> frozenset[str]:
        """What models see of it: the contact's own words."""
        return frozenset(term for message in self.messages if not message.from_me for term in terms_of(message.text))


def train_step(job: Job) -> Step:
    """One step of the job: everything, some seconds for MOST_SPELLS labels."""
    if not text_fitting.is_installed():
        return Step(progress=1, total=1, result={"state": NO_LIBRARY})
    return Step(progress=1, total=1, result=train(timezone.now(), actor=job.owner))


def train(now: datetime, *, actor: Any) -> dict[str, Any]:
    """Learn from the labels of a year, write the models in place of those before, and return what came of it."""
    chats = labelled_chats(now)
    learned_from, held_back = split(chats)
    if len(chats) < FEWEST_CHATS or not held_back:
        return {"state": FEW, "chats": len(chats)}
    pairs = [(chat.contact, chat.terms) for chat in learned_from]
    terms = text_fitting.vocabulary(pairs)
    models = text_fitting.fit(pairs, [chat.labels for chat in learned_from], terms=terms)
    scores = compare(held_back, models)
    with transaction.atomic():
        training = _write(now, learned_from, held_back, terms, models, scores)
        used = sorted(model.label_id for model in training.models.all() if model.used)
        audit.record(actor=actor, action="suggestions.trained", obj=training, used=used)
    return {"state": LEARNED, "chats": len(chats), "used": len(used)}


def split(chats: Sequence[LabelledChat]) -> tuple[list[LabelledChat], list[LabelledChat]]:
    """Chats to learn from, and the latest HELD_BACK of all; nobody's words are in both."""
    ordered = sorted(chats, key=lambda chat: (chat.at, chat.contact))
    held_back = ordered[len(ordered) - round(len(ordered) * HELD_BACK) :]
    theirs = {chat.contact for chat in held_back}
    return [chat for chat in ordered[: len(ordered) - len(held_back)] if chat.contact not in theirs], held_back


def compare(
    chats: Iterable[LabelledChat], models: Mapping[int, TextWeights]
) -> dict[int, tuple[HeldBackScore, HeldBackScore]]:
    """By label how words and models did on these chats."""
    labels, _used = knowledge_now()
    words = knowledge_of(labels, models={})
    learned = replace(words, phrases=LabelPhrases(()), models=models)
    chats = list(chats)
    labelled = Counter(label for chat in chats for label in chat.labels)
    of_words, of_models = _scores(chats, words, labelled), _scores(chats, learned, labelled)
    return {label: (of_words[label], of_models[label]) for label in models}


def _scores(
    chats: Iterable[LabelledChat], knowledge: LabelKnowledge, labelled: Mapping[int, int]
) -> dict[int, HeldBackScore]:
    said, right = Counter[int](), Counter[int]()
    for chat in chats:
        hint = suggest(chat.messages, chat.before, knowledge)
        if hint is not None and hint.kind == SET_LABEL:
            said[hint.label] += 1
            right[hint.label] += hint.label in chat.labels
    return {
        label: HeldBackScore(labelled=labelled.get(label, 0), said=said[label], right=right[label])
        for label in knowledge.labels
    }


def _write(
    now: datetime,
    learned_from: Sequence[LabelledChat],
    held_back: Sequence[LabelledChat],
    terms: Sequence[str],
    models: Mapping[int, TextWeights],
    scores: Mapping[int, tuple[HeldBackScore, HeldBackScore]],
) -> SuggestionTraining:
    """Rows of the training; those of earlier ones go, and with them their words."""
    SuggestionTraining.objects.all().delete()
    training = SuggestionTraining.objects.create(
        trained_at=now, learned_from=len(learned_from), held_back=len(held_back), held_back_from=held_back[0].at,
        terms=len(terms),
    )  # fmt: skip
    LabelTextModel.objects.bulk_create(
        _row(training, label, weights, *scores[label]) for label, weights in sorted(models.items())
    )
    return training


def _row(
    training: SuggestionTraining, label: int, weights: TextWeights, words: HeldBackScore, model: HeldBackScore
) -> LabelTextModel:
    used = beats(model, words)
    body, digest = pack(weights if used else TextWeights(0.0, {}))  # words that nobody needs are not kept
    return LabelTextModel(
        training=training, label_id=label, weights=body, digest=digest, used=used, labelled=model.labelled,
        words_said=words.said, words_right=words.right, model_said=model.said, model_right=model.right,
    )  # fmt: skip


# -- Labelled chats ---------------------------------------------------------------------------------------------------

# The latest labels that somebody put on: mistaps and what was found there are none of it, nor are those of archived
# and erased contacts. Each with what was written before, the newest first.
_SPELLS = f"""
    SELECT s.contact_id, s.label_id, s.started_at, said.id, said.at, said.from_me, said.text
    FROM (SELECT s.contact_id, s.label_id, s.started_at FROM labels_cleanspell s
          JOIN contacts_contact c ON c.id = s.contact_id AND c.deleted_at IS NULL
          JOIN labels_label l ON l.id = s.label_id AND l.deleted_at IS NULL
          WHERE NOT s.found AND s.started_at > %(since)s AND s.started_at <= %(now)s
          ORDER BY s.started_at DESC, s.contact_id, s.label_id LIMIT {MOST_SPELLS}) AS s
    CROSS JOIN LATERAL (
        SELECT m.id, m.at, m.from_me, left(m.text, {LONGEST_TEXT}) AS text FROM contacts_message m
        WHERE m.contact_id = s.contact_id AND m.at < s.started_at AND m.at > s.started_at - %(recent)s
          AND m.kind <> 'unknown' AND m.text > ''
        ORDER BY m.at DESC, m.id DESC LIMIT {MOST_MESSAGES}) AS said
    ORDER BY s.contact_id, s.started_at, s.label_id, said.at, said.id
"""  # noqa: S608 - numbers of this module
_PERIODS = """
    SELECT contact_id, label_id, started_at, ended_at FROM labels_cleanspell
    WHERE contact_id = ANY(%s::bigint[]) ORDER BY contact_id, started_at
"""


def labelled_chats(now: datetime) -> list[LabelledChat]:
    """The latest moments at which labels were put on, of contacts who had written before; two queries.

    Labels that were put on with no message of the contact between are of one moment.
    """
    rows = fetch(_SPELLS, {"since": now - WINDOW, "now": now, "recent": RECENT})
    spells: dict[tuple[int, datetime, int], list[SuggestedChatMessage]] = {}
    for contact, label, since, pk, at, from_me, text in rows:
        message = SuggestedChatMessage(id=pk, at=at, from_me=from_me, text=text)
        spells.setdefault((contact, since, label), []).append(message)
    moments: dict[tuple[int, int], list[tuple[datetime, int, list[SuggestedChatMessage]]]] = {}
    for (contact, since, label), messages in spells.items():
        last = next((message.id for message in reversed(messages) if not message.from_me), 0)
        if last:
            moments.setdefault((contact, last), []).append((since, label, messages))
    periods = _periods({contact for contact, _last in moments})
    return [_chat(contact, put, periods[contact]) for (contact, _last), put in moments.items()]


def _chat(
    contact: int, put: Sequence[tuple[datetime, int, list[SuggestedChatMessage]]], periods: Iterable[LabelPeriod]
) -> LabelledChat:
    at, _label, messages = put[0]
    before = tuple(
        replace(each, until=each.until if each.until and each.until < at else None)
        for each in periods
        if each.since < at
    )
    return LabelledChat(contact, at, frozenset(label for _at, label, _said in put), tuple(messages), before)


def _periods(contacts: Iterable[int]) -> dict[int, list[LabelPeriod]]:
    found: dict[int, list[LabelPeriod]] = {}
    for contact, label, since, until in fetch(_PERIODS, [sorted(contacts)]):
        found.setdefault(contact, []).append(LabelPeriod(label=label, since=since, until=until))
    return found
