"""What spells are joined from: intervals, what their labels meant, and the limits that this installation set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

from django.conf import settings

from labelcrm.core.bulk import array, fetch_binary
from labels.rules.spells import DatedMeaning, IntervalRow, Meanings, SpellLimits

_INTERVALS = """
    SELECT a.contact_id, a.channel_id, a.channel_label_id, a.added_at, a.removed_at, a.origin,
           a.added_by_id, a.added_by_user_id, a.added_by_method,
           a.removed_by_id, a.removed_by_user_id, a.removed_origin, a.removed_reason
    FROM labels_labelassignment a
    JOIN contacts_contact c ON c.id = a.contact_id AND c.deleted_at IS NULL
    JOIN labels_channellabel w ON w.id = a.channel_label_id AND NOT w.hidden
    WHERE a.contact_id = ANY(%s::bigint[])
"""
# A label without dated meanings always meant what it means now.
_MEANINGS = """
    SELECT w.id, m.since, coalesce(m.label_id, w.label_id)
    FROM labels_channellabel w LEFT JOIN labels_channellabelmeaning m ON m.channel_label_id = w.id
    WHERE w.id = ANY(%s::bigint[])
    ORDER BY w.id, m.since NULLS FIRST
"""


def histories(contacts: Collection[int], *, channels: Collection[int] | None = None) -> list[list[IntervalRow]]:
    """The intervals of living contacts, those of WhatsApp's own lists left out: one list a contact, by contact id.

    `channels` keeps intervals of these channels only; a contact without any has no list.
    """
    if not contacts:
        return []
    chosen, values = "", [array(contacts)]
    if channels is not None:
        chosen, values = " AND a.channel_id = ANY(%s::bigint[])", [*values, array(channels)]
    rows = fetch_binary(f"{_INTERVALS}{chosen} ORDER BY a.contact_id", values)
    return [list(of_contact) for _, of_contact in groupby(map(IntervalRow._make, rows), key=itemgetter(0))]


def meanings_in(found: Collection[Collection[IntervalRow]]) -> Meanings:
    """What the channel labels of these histories meant, oldest meaning first."""
    ids = {interval.channel_label for history in found for interval in history}
    meanings: dict[int, list[DatedMeaning]] = defaultdict(list)
    for channel_label, since, label in fetch_binary(_MEANINGS, [array(ids)]) if ids else ():
        meanings[channel_label].append(DatedMeaning(since, label))
    return meanings


def limits_now() -> SpellLimits:
    """The limits of mistaps and holes that this installation has set."""
    return SpellLimits(
        mistap=timedelta(seconds=settings.MISTAP_SECONDS),
        hole=timedelta(seconds=settings.HOLE_SECONDS),
    )


def stage_steps() -> dict[int, int]:
    """The step of each stage label (ids), archived ones too."""
    return dict(fetch_binary("SELECT id, step FROM labels_label WHERE step IS NOT NULL", []))


def exclusive_groups() -> dict[int, str]:
    """The exclusive group of each label that has one (ids), archived ones too."""
    return dict(fetch_binary("SELECT id, exclusive_group FROM labels_label WHERE exclusive_group <> ''", []))
