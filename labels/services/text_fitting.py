"""Fitting weights to labelled chats with scikit-learn, an optional extra (requirements-suggest.txt).

Nothing else of labelcrm needs it: what was fitted is kept as plain numbers (`labels.rules.text_model`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from importlib.util import find_spec

from labels.rules.text_model import TextWeights

MIN_CONTACTS = 5  # who used a word before a model may know it: a name that one customer bears is none of its words
MOST_TERMS = 2000
FEWEST = 20  # chats with a label, and without it, of which something is learned
STRENGTH = 0.3  # scikit-learn's C: small enough that one word alone decides nothing
DIGITS = 4

LearnedChat = tuple[int, frozenset[str]]  # (contact id, terms)


def is_installed() -> bool:
    """Whether this installation can train."""
    return find_spec("sklearn") is not None


def vocabulary(chats: Iterable[LearnedChat]) -> list[str]:
    """The terms that at least MIN_CONTACTS contacts used, the commonest MOST_TERMS of them, in one order."""
    users = Counter(term for _contact, term in {(contact, term) for contact, terms in chats for term in terms})
    known = [(count, term) for term, count in users.items() if count >= MIN_CONTACTS]
    return sorted(term for _count, term in sorted(known, reverse=True)[:MOST_TERMS])


def fit(
    chats: Sequence[LearnedChat], labels: Sequence[Collection[int]], *, terms: Sequence[str]
) -> dict[int, TextWeights]:
    """Weights by label, of logistic regressions over which of `terms` a chat has, rare ones counting more (TF-IDF).

    `labels` says of each chat which labels it got. Labels that too few got are left out.
    """
    # Loaded when it is needed: it takes a second, and most installations have none.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    counts = Counter(label for got in labels for label in got)
    learnable = [label for label, n in sorted(counts.items()) if FEWEST <= n <= len(chats) - FEWEST]
    if not terms or not learnable:
        return {}
    vectorizer = TfidfVectorizer(analyzer=sorted, vocabulary=list(terms), binary=True, norm=None)
    matrix = vectorizer.fit_transform([found for _contact, found in chats])
    fitted = {}
    for label in learnable:
        regression = LogisticRegression(C=STRENGTH, max_iter=1000)
        regression.fit(matrix, [label in got for got in labels])
        weights = regression.coef_[0] * vectorizer.idf_
        fitted[label] = TextWeights(
            round(float(regression.intercept_[0]), DIGITS),
            {
                term: round(float(weight), DIGITS)
                for term, weight in zip(terms, weights, strict=True)
                if abs(weight) > 0.001
            },
        )
    return fitted
