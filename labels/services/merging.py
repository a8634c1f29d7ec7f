"""Merging contacts with their label history: both people's events are folded again as one person's."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.models import ContactMerge
from contacts.services.contact_rows import lock_contacts
from contacts.services.joining import Merge
from contacts.services.merging import last_rows, merge_contacts, move, snapshot, write_down
from contacts.services.unmerging import FirstChange, check_is_last, give_back, unmerge_contacts
from labelcrm.core.bulk import execute, fetch
from labels.models import StaleFlag
from labels.services import folding
from labels.services.figures import update_figures

Key = tuple[int, int]

EVENTS = "labels_labelevent"
FLAGS = "labels_staleflag"
CONTRADICTIONS = "labels_contradictionflag"  # closed ones too: what was called right stays right
MOVED = (
    EVENTS, "labels_stalesnooze", "labels_sampledgrade", "labels_todayaction", "labels_handedovercontact",
    "labels_suggestiondismissal", CONTRADICTIONS,
)  # fmt: skip
OPEN = "closed_at IS NULL"

_KEYS = "SELECT DISTINCT contact_id, channel_label_id FROM labels_labelevent WHERE contact_id = ANY(%s)"
_FIRST_CHANGES = """
SELECT contact_id, channel_id, min(occurred_at) FROM labels_labelevent
 WHERE contact_id = ANY(%s) AND id > %s GROUP BY 1, 2
"""
_GIVE_BACK_BY_IDENTITY = """
UPDATE labels_labelevent SET contact_id = %s WHERE contact_id = %s AND identity_id = ANY(%s)
"""
_CLOSE_FLAGS = "UPDATE {} SET closed_at = %s, closed_reason = %s WHERE contact_id = %s AND closed_at IS NULL"
# Flags that were open when the merge came, unless a person closed them since. One that a snooze closed may have been
# closed by the other contact's; where it was their own, `staleness.close_settled` closes it again.
_REOPEN_FLAGS = """
UPDATE labels_staleflag f SET closed_at = NULL, closed_reason = '', owner_id = was.owner_id,
       spell_started_at = was.spell_started_at, clock_started_at = was.clock_started_at, limit_days = was.limit_days,
       age_at_least = was.age_at_least, flagged_at = was.flagged_at
  FROM jsonb_populate_recordset(NULL::labels_staleflag, %s::jsonb) AS was
 WHERE f.id = was.id AND f.closed_by_id IS NULL
   AND NOT EXISTS (SELECT FROM labels_staleflag o WHERE (o.contact_id, o.label_id) = (f.contact_id, f.label_id)
                      AND o.closed_at IS NULL AND o.id <> f.id)
"""
_REOPEN_CONTRADICTIONS = """
UPDATE labels_contradictionflag f SET closed_at = NULL, closed_reason = '', taken_off_id = NULL, labels = was.labels,
       owner_id = was.owner_id, since = was.since, awaited_id = was.awaited_id, awaited_at = was.awaited_at,
       awaited_by_id = was.awaited_by_id, flagged_at = was.flagged_at
  FROM jsonb_populate_recordset(NULL::labels_contradictionflag, %s::jsonb) AS was
 WHERE f.id = was.id AND f.closed_by_id IS NULL
   AND NOT EXISTS (SELECT FROM labels_contradictionflag o
                    WHERE (o.contact_id, o.rule_id, o."group") = (f.contact_id, f.rule_id, f."group")
                      AND o.closed_at IS NULL AND o.id <> f.id)
"""


@transaction.atomic
def merge(*, survivor_id: int, merged_id: int, reason: str, actor: Any) -> ContactMerge:
    """Make `merged_id` part of `survivor_id`; overlapping intervals are joined.

    Raises ValidationError where one of them has been merged already.
    """
    one = Merge(survivor_id, merged_id, reason)
    [record] = merge_all([one], actor=actor)
    update_figures(everybody_in([one]))
    return record


def merge_all(merges: Sequence[Merge], *, actor: Any) -> list[ContactMerge]:
    """Merge contacts one after the other in the caller's transaction; their labels are folded once, at the end.

    The caller then updates the figures of `everybody_in(merges)`.
    """
    contacts = sorted(everybody_in(merges))
    if not contacts:
        return []
    lock_contacts(contacts)
    keys = _keys(contacts)
    records = [_move(one, actor=actor) for one in merges]
    _refold(keys, contacts)
    return records


def everybody_in(merges: Iterable[Merge]) -> set[int]:
    """The ids of the contacts that merges concern."""
    return {pk for one in merges for pk in (one.survivor_id, one.merged_id)}


def _move(one: Merge, *, actor: Any) -> ContactMerge:
    both = [one.survivor_id, one.merged_id]
    flags = {table: snapshot(table, both, where=OPEN) for table in (FLAGS, CONTRADICTIONS)}
    last = last_rows(both, (EVENTS,))
    record = merge_contacts(survivor_id=one.survivor_id, merged_id=one.merged_id, reason=one.reason, actor=actor)
    for table in flags:
        execute(_CLOSE_FLAGS.format(table), [timezone.now(), StaleFlag.Closed.OTHER, one.merged_id])
    record.moved |= {table: move(table, one.merged_id, one.survivor_id) for table in MOVED}
    record.before["last"] |= last
    record.before |= flags
    record.save(update_fields=["moved", "before"])
    return record


@transaction.atomic
def unmerge(*, record: ContactMerge, actor: Any) -> None:
    """Undo a merge: both contacts are what they would be without it (`contacts.services.unmerging`).

    Raises ValidationError while a later merge stands on this one, ContactMerge.DoesNotExist when it was undone.
    """
    lock_contacts([record.survivor_id, record.merged_id])
    record = (
        ContactMerge.objects.select_for_update(of=["self"])
        .select_related("survivor", "merged")
        .get(pk=record.pk, undone_at__isnull=True)
    )
    check_is_last(record)
    before = _keys([record.survivor_id])
    for table in MOVED:
        give_back(record, table, record.moved.get(table, []))
    execute(_GIVE_BACK_BY_IDENTITY, [record.merged_id, record.survivor_id, record.identity_ids])
    kept = record.before.get("last", {}).get(EVENTS, 0)
    unmerge_contacts(record, labelled=_first_changes([record.survivor_id, record.merged_id], after=kept))
    execute(_REOPEN_FLAGS, [json.dumps(record.before.get(FLAGS, []))])
    execute(_REOPEN_CONTRADICTIONS, [json.dumps(record.before.get(CONTRADICTIONS, []))])
    record.undone_at = timezone.now()
    record.save(update_fields=["undone_at"])
    write_down(record, "contact.unmerged", actor=actor)
    both = [record.survivor_id, record.merged_id]
    _refold(before, both)
    update_figures(both)


def _keys(contacts: Iterable[int]) -> set[Key]:
    return {(contact, label) for contact, label in fetch(_KEYS, [list(contacts)])}


def _first_changes(contacts: Collection[int], *, after: int) -> list[FirstChange]:
    """Contact, channel and time of the first label change there, of those later than the event `after`."""
    rows = fetch(_FIRST_CHANGES, [list(contacts), after])
    return [(contact, channel, at) for contact, channel, at in rows]


def _refold(before: set[Key], contacts: Collection[int]) -> None:
    """Fold the keys that events left and those they went to; emptied ones lose their intervals first."""
    now = _keys(contacts)
    folding.refold(before - now)
    folding.refold(before | now)
