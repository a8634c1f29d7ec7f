"""One message that came under two addresses: its chat is one chat, so both address one person.

WhatsApp makes the id of a message once per chat and direction, and every device and gateway repeats it. Whoever
sends can choose it, though, and some gateways number as they like: what contradicts itself proves nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contacts.services.identities import Identifier
from labelcrm.core.bulk import array, fetch
from webhooks.gateways.events import Clock

# Stand-ins for an id, and numbers that somebody counts in a chat of their own.
_NOT_UNIQUE = re.compile(r"[\W_0]*|\d{1,9}|null|none|nil|nan|undefined|unknown|true|false", re.IGNORECASE)
_STORED = """
SELECT m.external_id, i.kind, i.value, m.from_me, m.at, m.at_source, m.text
  FROM contacts_message m JOIN contacts_contactidentity i ON i.id = m.identity_id
 WHERE m.channel_id = %s AND m.external_id = ANY(%s::text[])
"""
SAME_MOMENT = timedelta(minutes=1)  # the same second by WhatsApp's clock, give and take what gateways round
SAME_DAY = timedelta(days=1)  # a copy without that clock is as old as its way to us


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCopy:
    """One copy of a message: under which identifiers it came, and what shows that it is the same message."""

    external_id: str
    identifiers: tuple[Identifier, ...]
    from_me: bool
    at: datetime
    source: str
    text: str


def linked_by_messages(channel_id: int, seen: Sequence[MessageCopy]) -> list[tuple[Identifier, ...]]:
    """Sets of identifiers that belong to one person, because the same message of the channel came under each."""
    by_id: defaultdict[str, list[MessageCopy]] = defaultdict(list)
    for copy in seen:
        if not _NOT_UNIQUE.fullmatch(copy.external_id):
            by_id[copy.external_id].append(copy)
    if not by_id:
        return []
    for copy in _stored(channel_id, by_id):
        by_id[copy.external_id].append(copy)
    return sorted({same for copies in by_id.values() if len(same := _one_person(copies)) > 1})


def _stored(channel_id: int, external_ids: Iterable[str]) -> list[MessageCopy]:
    rows = fetch(_STORED, [channel_id, array(sorted(external_ids))])
    return [
        MessageCopy(
            external_id=external, identifiers=((kind, value),), from_me=from_me, at=at, source=source, text=text
        )
        for external, kind, value, from_me, at, source, text in rows
    ]


def _one_person(copies: Sequence[MessageCopy]) -> tuple[Identifier, ...]:
    """The identifiers under which a message came; none when all copies had the same, or cannot be one person's."""
    first = copies[0]
    if len({copy.identifiers for copy in copies}) == 1:
        return ()
    identifiers = sorted({identifier for copy in copies for identifier in copy.identifiers})
    kinds = [kind for kind, _ in identifiers]
    alike = len(kinds) == len(set(kinds)) and all(_is_same(first, copy) for copy in copies[1:])
    return tuple(identifiers) if alike else ()


def _is_same(one: MessageCopy, two: MessageCopy) -> bool:
    """A message has one direction, one time and one text; a text may be missing where it was not decrypted yet."""
    by_one_clock = one.source == two.source == Clock.WHATSAPP
    near = abs(one.at - two.at) <= (SAME_MOMENT if by_one_clock else SAME_DAY)
    texts = {one.text, two.text} - {""}
    return one.from_me == two.from_me and near and len(texts) < 2
