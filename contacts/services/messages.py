"""Messages, and the first and last times of contacts that follow from them."""

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
        """How much is known of it; of one message, two with the same fullness add nothing to each other."""
        return self.kind, bool(self.text), self.ad is not None, self.history


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of contacts_message that told something: new, or an empty one that was filled."""

    id: int
    contact_id: int
    is_new: bool


# A row is empty when it is a placeholder, or says neither words nor what it was. What has content keeps it.
_EMPTY = "(m.kind IN ('waiting', 'unknown') OR (m.kind IN ('text', 'other') AND m.text = '' AND m.ad IS NULL))"
_KIND_FILLS = (
    f"({_EMPTY} AND excluded.kind <> m.kind AND excluded.kind NOT IN ('waiting', 'unknown')"
    " AND NOT (excluded.kind = 'text' AND excluded.text = ''))"
)
_BETTER_TIME = (
    "array_position('{received,gateway,whatsapp}', excluded.at_source::text)"
    " > array_position('{received,gateway,whatsapp}', m.at_source::text)"
)
_FILL = f"""
    kind = CASE WHEN {_KIND_FILLS} THEN excluded.kind ELSE m.kind END,
    wire_type = CASE WHEN {_KIND_FILLS} THEN '' ELSE m.wire_type END,
    text = CASE WHEN m.text = '' OR (m.kind = 'unknown' AND excluded.text <> '') THEN excluded.text ELSE m.text END,
    ad = COALESCE(m.ad, excluded.ad),
    by_api = COALESCE(m.by_api, excluded.by_api),
    at = CASE WHEN {_BETTER_TIME} THEN excluded.at ELSE m.at END,
    at_source = CASE WHEN {_BETTER_TIME} THEN excluded.at_source ELSE m.at_source END,
    history = m.history AND excluded.history
    WHERE m.from_me = excluded.from_me AND (
      m.history AND NOT excluded.history OR excluded.kind NOT IN ('waiting', 'unknown')
      AND ({_KIND_FILLS} OR (m.text = '' AND excluded.text <> '') OR (m.ad IS NULL AND excluded.ad IS NOT NULL)))
"""
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

    Each id stands in `messages` once (`in_rounds`). A row that has content keeps it, whatever comes later; a better
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
        return {(channel, external): Stored(*row) for channel, external, *row in cursor.fetchall()}


def in_rounds(messages: Iterable[NewMessage]) -> Iterator[list[NewMessage]]:
    """`messages` of one channel in lists that hold each id once: what came first of each, then what says more or less.

    The lists are recorded one list after the other, so that it does not matter how posts were cut into batches.
    """
    waiting = list(messages)
    while waiting:
        first: dict[str, NewMessage] = {}
        later = [m for m in waiting if first.setdefault(m.external_id, m).fullness != m.fullness]
        yield list(first.values())
        waiting = later


def record_message_times(messages: Iterable[NewMessage]) -> None:
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


def recount_message_times(contact_ids: Iterable[int]) -> None:
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
