"""One message that was told under two addresses: its chat is one chat, so both address one person.

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
SAME_DAY = timedelta(days=1)  # a telling without that clock is as old as its way to us


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One telling of a message: under which identifiers, and what shows that it is the same message."""

    external_id: str
    identifiers: tuple[Identifier, ...]
    from_me: bool
    at: datetime
    source: str
    text: str


def told_twice(channel_id: int, told: Sequence[Telling]) -> list[tuple[Identifier, ...]]:
    """Sets of identifiers that belong to one person, because the same message of the channel was told under each."""
    by_id: defaultdict[str, list[Telling]] = defaultdict(list)
    for telling in told:
        if not _NOT_UNIQUE.fullmatch(telling.external_id):
            by_id[telling.external_id].append(telling)
    if not by_id:
        return []
    for telling in _stored(channel_id, by_id):
        by_id[telling.external_id].append(telling)
    return sorted({same for tellings in by_id.values() if len(same := _one_person(tellings)) > 1})


def _stored(channel_id: int, external_ids: Iterable[str]) -> list[Telling]:
    rows = fetch(_STORED, [channel_id, array(sorted(external_ids))])
    return [
        Telling(external_id=external, identifiers=((kind, value),), from_me=from_me, at=at, source=source, text=text)
        for external, kind, value, from_me, at, source, text in rows
    ]


def _one_person(tellings: Sequence[Telling]) -> tuple[Identifier, ...]:
    """The identifiers under which a message was told; none when they were told alike, or cannot be one person's."""
    first = tellings[0]
    if len({telling.identifiers for telling in tellings}) == 1:
        return ()
    identifiers = sorted({identifier for telling in tellings for identifier in telling.identifiers})
    kinds = [kind for kind, _ in identifiers]
    alike = len(kinds) == len(set(kinds)) and all(_is_same(first, telling) for telling in tellings[1:])
    return tuple(identifiers) if alike else ()


def _is_same(one: Telling, two: Telling) -> bool:
    """A message has one direction, one time and one text; a text may be missing where it was not decrypted yet."""
    by_one_clock = one.source == two.source == Clock.WHATSAPP
    near = abs(one.at - two.at) <= (SAME_MOMENT if by_one_clock else SAME_DAY)
    texts = {one.text, two.text} - {""}
    return one.from_me == two.from_me and near and len(texts) < 2
