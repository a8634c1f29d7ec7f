"""What was said, when, and what names people go by: messages and the times that follow from them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import connection

from contacts.selectors.counting import COUNTS, first_live_inbound
from labelcrm.core.bulk import array, transpose
from webhooks.gateways.events import AdReferral


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """One message of a known contact, its time already believed."""

    contact_id: int
    identity_id: int
    channel_id: int
    external_id: str
    from_me: bool
    by_api: bool | None
    kind: str
    text: str
    at: datetime
    at_source: str
    received_at: datetime
    ad: AdReferral | None
    inbox_id: int
    history: bool = False
    wire_type: str = ""

    @property
    def counts(self) -> bool:
        """Whether figures may know of it: `contacts.selectors.counting.COUNTS`, before it is stored."""
        return self.kind != "unknown"

    @property
    def fullness(self) -> tuple[str, bool, bool, bool]:
        """How much is told; two tellings of one message with the same fullness add nothing to each other."""
        return self.kind, bool(self.text), self.ad is not None, self.history


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of contacts_message that told something: new, or an empty one that was filled."""

    id: int
    contact_id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """That a contact was seen on a channel at a time."""

    contact_id: int
    channel_id: int
    at: datetime


# A row is empty when it is a placeholder, or says neither words nor what it was. What has content keeps it.
_EMPTY = "(m.kind IN ('waiting', 'unknown') OR (m.kind IN ('text', 'other') AND m.text = '' AND m.ad IS NULL))"
_KIND_FILLS = (
    f"({_EMPTY} AND told.kind <> m.kind AND told.kind NOT IN ('waiting', 'unknown')"
    " AND NOT (told.kind = 'text' AND told.text = ''))"
)
_BETTER_TIME = (
    "array_position('{received,gateway,whatsapp}', told.at_source::text)"
    " > array_position('{received,gateway,whatsapp}', m.at_source::text)"
)
_FILL = f"""
    kind = CASE WHEN {_KIND_FILLS} THEN told.kind ELSE m.kind END,
    wire_type = CASE WHEN {_KIND_FILLS} THEN '' ELSE m.wire_type END,
    text = CASE WHEN m.text = '' OR (m.kind = 'unknown' AND told.text <> '') THEN told.text ELSE m.text END,
    ad = COALESCE(m.ad, told.ad),
    by_api = COALESCE(m.by_api, told.by_api),
    at = CASE WHEN {_BETTER_TIME} THEN told.at ELSE m.at END,
    at_source = CASE WHEN {_BETTER_TIME} THEN told.at_source ELSE m.at_source END,
    history = m.history AND told.history
    WHERE m.from_me = told.from_me AND (
      m.history AND NOT told.history OR told.kind NOT IN ('waiting', 'unknown')
      AND ({_KIND_FILLS} OR (m.text = '' AND told.text <> '') OR (m.ad IS NULL AND told.ad IS NOT NULL)))
""".replace("told.", "excluded.")
_RECORD = f"""
    INSERT INTO contacts_message AS m (contact_id, identity_id, channel_id, external_id, from_me, by_api, kind,
        text, at, at_source, received_at, ad, inbox_id, wire_type, history)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bool[], %s::bool[],
        %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::jsonb[], %s::bigint[], %s::text[],
        %s::bool[])
    ON CONFLICT (channel_id, external_id) DO UPDATE SET {_FILL}
    RETURNING channel_id, external_id, id, contact_id, xmax = 0
"""  # noqa: S608 - the words above


def record_messages(messages: Collection[NewMessage]) -> dict[tuple[int, str], Stored]:
    """Store messages that are not stored yet and fill empty ones; returns by (channel id, external id) what is news.

    Each id stands in `messages` once (`tellings`). A row that has content keeps it, whatever comes later; a better
    source of its time is believed together with the content it brings. A message that came while the history was being
    read may be told in both ways: then it is live.
    """
    if not messages:
        return {}
    rows = [
        (m.contact_id, m.identity_id, m.channel_id, m.external_id, m.from_me, m.by_api, m.kind, m.text, m.at,
         m.at_source, m.received_at, json.dumps(asdict(m.ad)) if m.ad else None, m.inbox_id, m.wire_type,
         m.history)
        for m in sorted(messages, key=lambda m: (m.channel_id, m.external_id))
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, transpose(rows, 15))
        return {(channel, external): Stored(*told) for channel, external, *told in cursor.fetchall()}


def tellings(messages: Iterable[NewMessage]) -> Iterator[list[NewMessage]]:
    """`messages` of one channel, each id once at a time: the first telling of each, then those that tell more or less.

    They are recorded one list after the other, so that it does not matter how posts were cut into batches.
    """
    waiting = list(messages)
    while waiting:
        first: dict[str, NewMessage] = {}
        later = [m for m in waiting if first.setdefault(m.external_id, m).fullness != m.fullness]
        yield list(first.values())
        waiting = later


def note_sights(sights: Iterable[Sight]) -> None:
    """Keep first and last sight per contact and channel; shows who may see the contact."""
    first: dict[tuple[int, int], datetime] = {}
    for sight in sights:
        key = (sight.contact_id, sight.channel_id)
        first[key] = min(sight.at, first.get(key, sight.at))
    if not first:
        return
    arrays = transpose([(*key, first[key]) for key in sorted(first)], 3)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contactchannel AS link (contact_id, channel_id, first_seen_at)"
            " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[])"
            " ON CONFLICT (contact_id, channel_id) DO UPDATE SET first_seen_at = excluded.first_seen_at"
            " WHERE excluded.first_seen_at < link.first_seen_at",
            arrays,
        )
        cursor.execute(
            "UPDATE contacts_contact AS contact SET first_seen_at = seen.at FROM"
            " (SELECT id, min(at) AS at FROM unnest(%s::bigint[], %s::timestamptz[]) AS s (id, at) GROUP BY id) AS seen"
            " WHERE contact.id = seen.id AND seen.at < contact.first_seen_at",
            [arrays[0], arrays[2]],
        )


def note_messages(messages: Iterable[NewMessage]) -> None:
    """Move first and last message times of contacts, per channel and in all; history has no part in "live"."""
    ordered = sorted(messages, key=lambda m: (m.contact_id, m.channel_id))
    if not ordered:
        return
    arrays = transpose([(m.contact_id, m.channel_id, m.from_me, m.history, m.at) for m in ordered], 5)
    grouped = (
        " min(at) FILTER (WHERE NOT from_me) AS first_in, max(at) FILTER (WHERE NOT from_me) AS last_in,"
        " max(at) FILTER (WHERE from_me) AS last_out, bool_or(history AND NOT from_me) AS old,"
        " min(at) FILTER (WHERE NOT from_me AND NOT history) AS first_live"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::bool[], %s::bool[], %s::timestamptz[])"
        " AS m (contact, channel, from_me, history, at)"
    )
    moves = (
        " SET first_inbound_at = LEAST(t.first_inbound_at, m.first_in),"
        " last_inbound_at = GREATEST(t.last_inbound_at, m.last_in),"
        " last_outbound_at = GREATEST(t.last_outbound_at, m.last_out), has_history = t.has_history OR m.old,"
        " first_live_inbound_at = CASE WHEN t.has_history OR m.old"
        f" THEN LEAST({first_live_inbound('t')}, m.first_live) END"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE contacts_contactchannel AS t{moves} FROM (SELECT contact, channel,{grouped} GROUP BY 1, 2) AS m"
            " WHERE t.contact_id = m.contact AND t.channel_id = m.channel",
            arrays,
        )
        cursor.execute(
            f"UPDATE contacts_contact AS t{moves}, updated_at = now()"
            f" FROM (SELECT contact,{grouped} GROUP BY 1) AS m WHERE t.id = m.contact",
            arrays,
        )


def recount_times(contact_ids: Iterable[int]) -> None:
    """Derive first and last message times of contacts anew, per channel and in all: a time was told better."""
    ids = array(sorted(set(contact_ids)))
    grouped = (
        " min(at) FILTER (WHERE NOT from_me) AS first_in, max(at) FILTER (WHERE NOT from_me) AS last_in,"
        " max(at) FILTER (WHERE from_me) AS last_out, COALESCE(bool_or(history AND NOT from_me), false) AS old,"
        " min(at) FILTER (WHERE NOT from_me AND NOT history) AS first_live"
        f" FROM contacts_message WHERE contact_id = ANY(%s) AND {COUNTS}"
    )
    moves = (
        " SET first_inbound_at = m.first_in, last_inbound_at = m.last_in, last_outbound_at = m.last_out,"
        " has_history = m.old, first_live_inbound_at = CASE WHEN m.old THEN m.first_live END"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE contacts_contactchannel AS t{moves} FROM (SELECT contact_id, channel_id,{grouped} GROUP BY 1, 2)"
            " AS m WHERE t.contact_id = m.contact_id AND t.channel_id = m.channel_id",
            [ids],
        )
        cursor.execute(
            f"UPDATE contacts_contact AS t{moves}, updated_at = now()"
            f" FROM (SELECT contact_id,{grouped} GROUP BY 1) AS m WHERE t.id = m.contact_id",
            [ids],
        )


def note_names(names: Iterable[tuple[int, str, datetime]]) -> None:
    """Give contacts (id, name, time) the latest name WhatsApp told; a name that a person typed stays.

    A name that is told again is as young as its last telling: an older one that comes late does not replace it.
    """
    latest: dict[int, tuple[datetime, str]] = {}
    for contact_id, name, at in names:
        latest[contact_id] = max((at, name), latest.get(contact_id, (at, name)))
    ordered = sorted(latest)
    if not ordered:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE contacts_contact AS t SET name = n.name, name_source = 'whatsapp', name_at = n.at,"
            " updated_at = CASE WHEN t.name = n.name THEN t.updated_at ELSE now() END"
            " FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS n (id, name, at)"
            " WHERE t.id = n.id AND t.name_source <> 'person'"
            ' AND (t.name_at IS NULL OR (t.name_at, t.name COLLATE "C") < (n.at, n.name))',
            transpose([(i, latest[i][1], latest[i][0]) for i in ordered], 3),
        )


def note_usernames(usernames: Iterable[tuple[int, str, datetime]]) -> None:
    """Give contacts (id, username, time) the latest username WhatsApp told; whoever had it before loses it."""
    latest: dict[int, tuple[datetime, str]] = {}
    for contact_id, username, at in usernames:
        latest[contact_id] = max((at, username), latest.get(contact_id, (at, username)))
    ordered = sorted(latest)
    if not ordered:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE contacts_contact AS t SET username = n.username, username_at = n.at,"
            " updated_at = CASE WHEN t.username = n.username THEN t.updated_at ELSE now() END"
            " FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS n (id, username, at) WHERE t.id = n.id"
            ' AND (t.username_at IS NULL OR (t.username_at, t.username COLLATE "C") < (n.at, n.username))',
            transpose([(i, latest[i][1], latest[i][0]) for i in ordered], 3),
        )
        cursor.execute(
            "UPDATE contacts_contact AS t SET username = '', updated_at = now()"
            " FROM unnest(%s::text[]) AS n (username), contacts_contact AS later"
            " WHERE upper(t.username) = upper(n.username) AND t.username <> '' AND t.merged_into_id IS NULL"
            " AND upper(later.username) = upper(n.username) AND later.username <> '' AND later.merged_into_id IS NULL"
            " AND (t.username_at, t.id) < (later.username_at, later.id)",
            [array(sorted({username for _, username in latest.values()}))],
        )


def lock_contacts(contact_ids: Iterable[int]) -> None:
    """Lock contacts in id order for the rest of the transaction: what lanes share, they change one by one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM contacts_contact WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE",
            [array(sorted(set(contact_ids)))],
        )


def touch(contact_ids: Iterable[int]) -> None:
    """Something about these contacts changed: lists and `updated_since` show them as new."""
    with connection.cursor() as cursor:
        # Whoever was made or changed in this transaction says so already.
        cursor.execute(
            "UPDATE contacts_contact SET updated_at = now() WHERE id = ANY(%s::bigint[]) AND updated_at <> now()",
            [array(sorted(contact_ids))],
        )
