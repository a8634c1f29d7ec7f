"""Are two contacts one person? What a gateway's word is enough for, and who of two stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from labelcrm.core.bulk import array, fetch

_FACTS = """
SELECT c.id, c.deleted_at IS NOT NULL,
       EXISTS (SELECT FROM contacts_contactidentity i WHERE i.contact_id = c.id AND i.kind = 'phone')
  FROM contacts_contact c WHERE c.id = ANY(%s::bigint[])
"""
# A merge that a person undid parts the two for good, and whoever has been merged into one of them since.
_PARTED = """
SELECT COALESCE(one.merged_into_id, one.id), COALESCE(two.merged_into_id, two.id)
  FROM contacts_contactmerge merge
  JOIN contacts_contact one ON one.id = merge.survivor_id JOIN contacts_contact two ON two.id = merge.merged_id
 WHERE merge.undone_at IS NOT NULL
   AND (one.id = ANY(%(ids)s::bigint[]) OR one.merged_into_id = ANY(%(ids)s::bigint[]))
   AND (two.id = ANY(%(ids)s::bigint[]) OR two.merged_into_id = ANY(%(ids)s::bigint[]))
"""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two contacts that are one person, who of them stays, and a code for how we know."""

    survivor_id: int
    merged_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """What decides about a contact: whether it is archived and has a phone, and whom it stands for."""

    contact_id: int
    archived: bool
    has_phone: bool
    stands_for: frozenset[int]

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Lowest first stays: a living contact, then one with a phone, then the older one."""
        return (self.archived, not self.has_phone, self.contact_id)


def who_stays(contact_ids: Sequence[int]) -> tuple[int, int]:
    """Of two contacts that are made one, the one that stays and the one that goes."""
    candidates = MergeCandidates()
    candidates.learn(contact_ids)
    stays, goes = sorted((candidates.facts(pk) for pk in contact_ids), key=lambda facts: facts.rank)
    return stays.contact_id, goes.contact_id


@dataclass(slots=True)
class MergeCandidates:
    """Contacts that may turn out to be one, and the merges found so far."""

    merges: list[Merge] = field(default_factory=list)
    _facts: dict[int, ContactFacts] = field(default_factory=dict)
    _parted: set[frozenset[int]] = field(default_factory=set)

    def learn(self, contact_ids: Iterable[int]) -> None:
        """Look up those who are not known yet."""
        fresh = sorted(set(contact_ids) - self._facts.keys())
        if not fresh:
            return
        for contact_id, archived, has_phone in fetch(_FACTS, [array(fresh)]):
            self._facts[contact_id] = ContactFacts(contact_id, archived, has_phone, frozenset({contact_id}))
        everybody = sorted({one for facts in self._facts.values() for one in facts.stands_for})
        self._parted |= {frozenset(pair) for pair in fetch(_PARTED, {"ids": array(everybody)})}

    def facts(self, contact_id: int) -> ContactFacts:
        """What is known of somebody who was learnt."""
        return self._facts[contact_id]

    def now(self, contact_id: int) -> int:
        """The contact that stands for `contact_id` after the merges so far."""
        facts = self._facts.get(contact_id)
        return contact_id if facts is None else facts.contact_id

    def join(self, contact_ids: Sequence[int], *, reason: str, by_whatsapp: bool = False) -> int:
        """Make of these contacts as few as may be; returns the one that the first has become."""
        first = self.now(contact_ids[0])
        for other in dict.fromkeys(contact_ids):
            if self.now(other) != first:
                first = self._join_two(first, self.now(other), reason=reason, by_whatsapp=by_whatsapp)
        return first

    def _join_two(self, first: int, other: int, *, reason: str, by_whatsapp: bool) -> int:
        """Two with a phone each are never made one by a guess, nor two whom a person parted by anything told."""
        self.learn([first, other])
        one, two = self._facts[first], self._facts[other]
        if self._are_parted(one, two) or (one.has_phone and two.has_phone and not by_whatsapp):
            return first
        stays, goes = sorted((one, two), key=lambda facts: facts.rank)
        self.merges.append(Merge(stays.contact_id, goes.contact_id, reason))
        both = one.stands_for | two.stands_for
        joined = ContactFacts(stays.contact_id, stays.archived, one.has_phone or two.has_phone, both)
        self._facts |= dict.fromkeys(both, joined)
        return joined.contact_id

    def _are_parted(self, one: ContactFacts, two: ContactFacts) -> bool:
        return any(frozenset({a, b}) in self._parted for a in one.stands_for for b in two.stands_for)
