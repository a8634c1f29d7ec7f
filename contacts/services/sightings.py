"""Who was seen on which channel and since when, and by which name and username."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from labelcrm.core.bulk import array, transpose


@dataclass(frozen=True, slots=True)
class Sighting:
    """That a contact was seen on a channel at a time."""

    contact_id: int
    channel_id: int
    at: datetime


def record_sightings(sightings: Iterable[Sighting]) -> None:
    """Keep since when each contact is known on each channel: it decides who may see the contact."""
    first: dict[tuple[int, int], datetime] = {}
    for sighting in sightings:
        key = (sighting.contact_id, sighting.channel_id)
        first[key] = min(sighting.at, first.get(key, sighting.at))
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


def record_names(names: Iterable[tuple[int, str, datetime]]) -> None:
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


def record_usernames(usernames: Iterable[tuple[int, str, datetime]]) -> None:
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
