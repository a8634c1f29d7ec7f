"""Which names of WhatsApp labels say the same, and which of our labels that is. Pure: no models, no settings.

A cluster is either around one of our labels, or of names that none of ours is like. Names that deny something are only
ever together with names that deny the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from labels.rules.lexicon import ideas_of, negations_of, write_out
from labels.rules.naming import normalize
from labels.rules.suggesting import (
    CERTAIN,
    GUESS,
    LIKELY,
    SHORTEST_SIMILAR,
    SHORTHAND,
    SIMILAR,
    SIMILARITY,
    SPELLING,
    SYNONYM,
    Suggester,
)

SETTLED = "settled"  # it means the label already
# Of a cluster without a label: in which category its ideas belong, where they say so.
CATEGORIES = {
    "paid": "transaction", "done": "transaction", "deal": "transaction", "to pay": "transaction",
    "sent": "transaction", "called off": "transaction", "order": "transaction", "hot": "filter", "cold": "filter",
    "grade": "filter", "price talk": "filter", "question asked": "lead", "question": "lead", "new": "lead",
    "follow up": "lead", "sample": "lead", "complaint": "support", "after sales": "support", "urgent": "support",
    "important": "support", "soon": "support", "loyal": "retargeting", "regular": "retargeting",
    "repeat": "retargeting", "reseller": "retargeting",
}  # fmt: skip
BY_COLOUR = {"yellow": "filter", "green": "transaction", "red": "support", "blue": "retargeting"}
USUAL = "lead"


@dataclass(frozen=True, slots=True)
class KnownName:
    """A WhatsApp name: the label (id) that it means now, None where nobody decided, and how many contacts have it."""

    name: str
    label: int | None
    contacts: int


@dataclass(frozen=True, slots=True)
class ClusterMember:
    """A name of a cluster by its place in what was given; `word` is what it was compared with."""

    place: int
    sure: str
    why: str
    word: str


@dataclass(frozen=True, slots=True)
class NameCluster:
    """`label` (id) is what all its names mean, None where that would be a new one; the most used name comes first."""

    label: int | None
    members: tuple[ClusterMember, ...]


def clusters(
    names: Sequence[KnownName], suggester: Suggester, *, refused: Collection[frozenset[str]] = ()
) -> list[NameCluster]:
    """Names put together. `refused` are pairs of normalised names that a person said are not the same."""
    around: dict[int, list[ClusterMember]] = defaultdict(list)
    loose = []
    for place, known in enumerate(names):
        if known.label is not None:
            around[known.label].append(ClusterMember(place, CERTAIN, SETTLED, ""))
        elif (found := suggester.suggest(known.name)) is not None and found.sure != GUESS:
            around[found.label].append(ClusterMember(place, found.sure, found.why, found.word))
        else:
            loose.append(place)
    found_around = [NameCluster(label, _by_use(members, names)) for label, members in around.items()]
    return found_around + [NameCluster(None, _by_use(group, names)) for group in _alike(loose, names, refused)]


def category_of(names: Sequence[str], families: Collection[str]) -> str:
    """The code of the category where a label of these names belongs, by what they say, else by their colours."""
    hints = [CATEGORIES[idea] for name in names for idea in sorted(ideas_of(name)) if idea in CATEGORIES]
    hints = hints or [BY_COLOUR[family] for family in families if family in BY_COLOUR]
    return max(hints, key=hints.count, default=USUAL)


def same_label(labels: Sequence[tuple[int, str]]) -> list[tuple[int, int]]:
    """Pairs of our labels (ids) whose names say the same, by (id, name); a label may stand there with several names."""
    by_ideas: dict[frozenset[str], list[int]] = defaultdict(list)
    for label, name in labels:
        if (ideas := ideas_of(name)) and label not in by_ideas[ideas]:
            by_ideas[ideas].append(label)
    pairs = [(first, other) for first, *others in by_ideas.values() for other in others]
    return sorted({pair for pair in pairs if pair[0] != pair[1]})


def _by_use(members: Sequence[ClusterMember], names: Sequence[KnownName]) -> tuple[ClusterMember, ...]:
    return tuple(sorted(members, key=lambda member: (-names[member.place].contacts, names[member.place].name)))


def _alike(
    places: Sequence[int], names: Sequence[KnownName], refused: Collection[frozenset[str]]
) -> Iterator[list[ClusterMember]]:
    """Groups of two and more of these names, each around its most used one."""
    left = sorted(places, key=lambda place: (-names[place].contacts, names[place].name))
    while left:
        first, *others = left
        members = {place: found for place in others if (found := _compared(names[first].name, names[place].name))}
        kept = [
            ClusterMember(place, LIKELY, why, names[first].name)
            for place, why in members.items()
            if frozenset((normalize(names[first].name), normalize(names[place].name))) not in refused
        ]
        if kept:
            yield [ClusterMember(first, LIKELY, SPELLING, names[first].name), *kept]
        gone = {first, *(member.place for member in kept)}
        left = [place for place in left if place not in gone]


def _compared(one: str, other: str) -> str:
    """Why two names are the same, "" where they are not."""
    written, wrote = write_out(normalize(one)), write_out(normalize(other))
    if written.replace(" ", "") == wrote.replace(" ", ""):
        return SHORTHAND
    if ideas_of(one) == ideas_of(other) and ideas_of(one):
        return SYNONYM
    joined, also = written.replace(" ", ""), wrote.replace(" ", "")
    if (
        min(len(joined), len(also)) < SHORTEST_SIMILAR
        or joined[0] != also[0]
        or negations_of(one) != negations_of(other)
    ):
        return ""
    return SIMILAR if fuzz.ratio(joined, also, score_cutoff=SIMILARITY * 100) else ""
