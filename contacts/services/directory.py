"""Whom is an identifier? Chats become contacts here, and identifiers that belong together come to one contact.

Safe beside other lanes: rows are inserted in sorted order, and an identifier that another lane created in
the meantime wins over ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contacts.services.contact_rows import lock_contacts
from contacts.services.identities import (
    PHONE,
    Identifier,
    KnownContact,
    attach,
    claim,
    identifiers,
    insert_contacts,
    lead,
    lookup,
    other_forms,
    take_lead,
    take_place,
)
from contacts.services.joining import Merge, MergeCandidates
from webhooks.gateways.events import Chat


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A person whose number or id was `old` has `chat` from `at` on, as WhatsApp itself told."""

    old: Chat
    chat: Chat
    at: datetime


@dataclass(slots=True)
class Directory:
    """The contacts of a batch of chats.

    `merges` are contacts that turned out to be one. Whoever resolves must carry them out, in this order, before
    recording anything (`labels.services.merging`).
    """

    known: dict[Identifier, KnownContact] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    created: set[int] = field(default_factory=set)

    def find(self, chat: Chat) -> KnownContact | None:
        """The contact of a chat, by phone first; None for one nobody has seen."""
        if chat.phone and (known := self.known.get((PHONE, chat.phone))):  # the usual case, once per event
            return known
        wanted = identifiers(chat)
        return next((self.known[i] for i in wanted if i in self.known), None) or self._by_other_form(wanted)

    def _by_other_form(self, wanted: Iterable[Identifier]) -> KnownContact | None:
        return next((self.known[form] for i in wanted for form in other_forms(i) if form in self.known), None)


@dataclass(frozen=True, slots=True)
class LinkedIdentifiers:
    """Identifiers that are one person's; `reason` is a code for how we know, for the record of a merge."""

    identifiers: tuple[Identifier, ...]
    reason: str


SAME_MESSAGE = "same_message"
SAME_NUMBER = "same_number"
IDENTIFIERS_TOLD = "lid_learnt"
NUMBER_CHANGED = "number_changed"


def resolve(
    chats: Mapping[Chat, datetime],
    *,
    names_only: Collection[Chat] = (),
    changes: Sequence[NumberChange] = (),
    same: Sequence[tuple[Identifier, ...]] = (),
    typed: bool = False,
) -> Directory:
    """Contacts for `chats` (chat → first time seen), created where nobody knows them; what belongs together joined.

    `names_only` chats are looked up and joined but never created: a phone's address book is no reason to
    call somebody a contact. `same` are identifiers under which one message came. `typed` chats come from a
    file or a person and not from WhatsApp: they find somebody under any form of their number, and join nobody.
    Everybody found is locked until the end of the caller's transaction.
    """
    named = [tuple(identifiers(chat)) for chat in (*chats, *names_only)]
    linked = [] if typed else _linked(named, changes, same)
    wanted = {identifier for one in linked for identifier in one.identifiers}
    wanted.update(identifier for found in named for identifier in found)
    forms = {(one, form) for one in wanted for form in other_forms(one)}
    wanted.update(form for _, form in forms)
    directory = Directory(known=lookup(wanted))
    while True:
        _create_missing(directory, chats, changes)
        if _is_held(directory, wanted) and (typed or _join(directory, linked, forms)):
            _move_leads(directory, changes)
            return directory


def _linked(
    named: Iterable[tuple[Identifier, ...]], changes: Iterable[NumberChange], same: Iterable[tuple[Identifier, ...]]
) -> list[LinkedIdentifiers]:
    """Every set of identifiers that belong together, in an order that does not depend on how the batch came."""
    together = {found for found in named if len(found) > 1}
    changed = {tuple(dict.fromkeys((*identifiers(one.chat), *identifiers(one.old)))) for one in changes}
    return [
        *(LinkedIdentifiers(one, IDENTIFIERS_TOLD) for one in sorted(together)),
        *(LinkedIdentifiers(one, SAME_MESSAGE) for one in same),
        *(LinkedIdentifiers(one, NUMBER_CHANGED) for one in sorted(changed)),
    ]


def _is_held(directory: Directory, wanted: Collection[Identifier]) -> bool:
    """Lock everybody known in order; False when another lane made somebody somebody else while we waited."""
    lock_contacts(known.contact_id for known in directory.known.values())
    before, directory.known = directory.known, lookup(wanted)
    return directory.known == before


def _create_missing(directory: Directory, chats: Mapping[Chat, datetime], changes: Iterable[NumberChange]) -> None:
    """New contacts for chats of which no identifier is known; the identity is inserted first, and decides."""
    leading: dict[Identifier, datetime] = {}
    for chat, seen_at in chats.items():
        if directory.find(chat) is None:
            key = identifiers(chat)[0]
            key = next((form for form in other_forms(key) if form in leading), key)
            leading[key] = min(seen_at, leading.get(key, seen_at))
    for change in changes:
        either = (*identifiers(change.chat), *identifiers(change.old))
        if either and not any(one in directory.known or one in leading for one in either):
            leading[either[0]] = change.at
    if not leading:
        return
    ordered = sorted(leading)
    won = claim(ordered)
    insert_contacts([(contact_id, identifier, leading[identifier]) for identifier, contact_id in won.items()])
    directory.created.update(won.values())
    directory.known |= lookup(ordered)


def _join(
    directory: Directory, linked: Sequence[LinkedIdentifiers], forms: Iterable[tuple[Identifier, Identifier]]
) -> bool:
    """Bring each set of identifiers to one contact: attach what is new, list what must be merged.

    False when another lane gave one of them to somebody else in the meantime: then everything is looked up again.
    """
    candidates = MergeCandidates()
    same = [LinkedIdentifiers(pair, SAME_NUMBER) for pair in sorted(forms) if pair[1] in directory.known]
    linked = [*same, *linked]
    candidates.learn(_in_doubt(directory, linked))
    new: dict[Identifier, int] = {}
    replaced: dict[Identifier, Identifier] = {}
    for one in linked:
        owners = [
            new.get(i) or directory.known[i].contact_id for i in one.identifiers if i in directory.known or i in new
        ]
        if one.reason == SAME_NUMBER and (one.identifiers[0] not in directory.known or len(set(owners)) > 1):
            replaced[one.identifiers[0]] = one.identifiers[1]
        if owners:
            owner = candidates.join(owners, reason=one.reason, by_whatsapp=one.reason in (SAME_NUMBER, NUMBER_CHANGED))
            new |= {i: owner for i in one.identifiers if i not in directory.known and i not in new}
    directory.merges = candidates.merges
    if new and not _attach(directory, new, candidates):
        return False
    if replaced:
        take_place(replaced)
    if new:
        lead(directory.known[identifier].contact_id for identifier in new)
    if candidates.merges:
        directory.known = {
            identifier: KnownContact(candidates.now(known.contact_id), known.identity_id)
            for identifier, known in directory.known.items()
        }
    return True


def _in_doubt(directory: Directory, linked: Iterable[LinkedIdentifiers]) -> set[int]:
    """The contacts of sets of identifiers that belong to more than one."""
    doubtful: set[int] = set()
    for one in linked:
        owners = {directory.known[i].contact_id for i in one.identifiers if i in directory.known}
        if len(owners) > 1:
            doubtful |= owners
    return doubtful


def _attach(directory: Directory, new: Mapping[Identifier, int], candidates: MergeCandidates) -> bool:
    """Give contacts their new identifiers; False when another lane was faster with one."""
    attached = attach({identifier: candidates.now(owner) for identifier, owner in new.items()})
    directory.known |= attached
    return len(attached) == len(new)


def _move_leads(directory: Directory, changes: Iterable[NumberChange]) -> None:
    """What a person goes by now leads from then on, and an older change that is told late takes nothing back."""
    since: dict[Identifier, datetime] = {}
    for change in changes:
        for identifier in identifiers(change.chat):
            since[identifier] = max(change.at, since.get(identifier, change.at))
    if since:
        take_lead(since)
        lead(directory.known[identifier].contact_id for identifier in since if identifier in directory.known)
