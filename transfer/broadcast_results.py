"""What came of an export within seven days, against whom chance held out (docs/metrics.md, "Broadcast result").

From the moment the file was done: **replied** is a message in, **moved forward** a label of a higher step than the
stage at that moment, **won** a label that means so; labels by live starts of clean spells. Who is known on a number
that was cut off in that time is not judged, and counted beside the shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from reports.selectors.filtered_spells import FilteredSpells, Filters
from reports.selectors.gaps import Gap, gaps
from reports.selectors.shares import Share, ShareDifference, difference, share
from transfer.models import Export

WINDOW = timedelta(hours=24 * 7)
OUTCOMES = ("replied", "forward", "won")


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastOutcome:
    """One thing that may become of somebody: the share of who got the broadcast, and of who was held out."""

    name: str
    sent: Share
    held_out: Share

    @property
    def difference(self) -> ShareDifference | None:
        return difference(self.sent, self.held_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastResult:
    """`until` is the end of the seven days, or now. `unknown_…`: how many are not judged because of `gaps`.

    `written_to` is how many of those held out were in another file until then: they compare less than they should.
    """

    until: datetime
    so_far: bool
    outcomes: list[BroadcastOutcome]
    unknown_sent: int
    unknown_held_out: int
    written_to: int
    gaps: list[Gap]


def broadcast_result(export: Export, *, viewer: Viewer, now: datetime) -> BroadcastResult:
    """What came of a done export, as far as the viewer sees it."""
    assert export.finished_at is not None, "only what is done can have come to something"
    end = export.finished_at + WINDOW
    until = min(end, now)
    silent = _gaps_within(export.finished_at, until, viewer)
    counts = _counts(export, until=until, silent=silent, viewer=viewer)
    outcomes = [
        BroadcastOutcome(name=name, sent=_share(counts, name, sent=True), held_out=_share(counts, name, sent=False))
        for name in OUTCOMES
    ]
    return BroadcastResult(
        until=until, so_far=now < end, outcomes=outcomes, unknown_sent=counts.get((True, True), {}).get("people", 0),
        unknown_held_out=counts.get((False, True), {}).get("people", 0), gaps=silent,
        written_to=_written_to(export, until=until),
    )  # fmt: skip


def _gaps_within(start: datetime, end: datetime, viewer: Viewer) -> list[Gap]:
    found = gaps(since=start, now=end)
    return [gap for gap in found if gap.since < end and (viewer.everything or gap.channel in viewer.channels)]


def _share(counts: Mapping[tuple[bool, bool], Mapping[str, int]], name: str, *, sent: bool) -> Share:
    judged = counts.get((sent, False), {})
    return share(judged.get(name, 0), judged.get("people", 0))


def _counts(
    export: Export, *, until: datetime, silent: list[Gap], viewer: Viewer
) -> dict[tuple[bool, bool], dict[str, int]]:
    """How many people, and how many of them per outcome, by whether they got it and whether a gap hides them."""
    channels = None if viewer.everything else viewer.channels
    spells = FilteredSpells.of(Filters(channels=channels), crm_only=True)
    values: dict[str, Any] = {
        **spells.parameters,
        "export": export.pk,
        "start": export.finished_at,
        "until": until,
        "silent": sorted({gap.channel for gap in silent}),
        "seen": None if channels is None else sorted(channels),
    }
    statement = f"WITH {spells.clean()}, {spells.stays()}, {_PEOPLE} {_OUTCOMES}"
    return {
        (sent, hidden): dict(zip(("people", *OUTCOMES), numbers, strict=True))
        for sent, hidden, *numbers in fetch(statement, values)
    }


def _written_to(export: Export, *, until: datetime) -> int:
    """How many of those held out are in the file of another export that was done in that time."""
    others = Export.objects.filter(finished_at__gte=export.finished_at, finished_at__lt=until).exclude(pk=export.pk)
    files = list(others.values_list("pk", flat=True)) if export.hold_out else []
    return int(fetch(_WRITTEN_TO, [export.pk, files])[0][0]) if files else 0


_WRITTEN_TO = """
    SELECT count(*) FROM transfer_exportedperson p
    WHERE p.export_id = %s AND p.reason = 6 AND EXISTS (
        SELECT FROM transfer_exportedperson other
        WHERE other.export_id = ANY(%s::bigint[]) AND other.contact_id = p.contact_id AND other.reason = 0
    )
"""
# Two contacts that became one are one: whoever of them got it, got it.
_PEOPLE = """
    person AS (
        SELECT c.id, bool_or(p.reason = 0) AS sent
        FROM transfer_exportedperson p
        JOIN contacts_contact was ON was.id = p.contact_id
        JOIN contacts_contact c ON c.id = coalesce(was.merged_into_id, was.id) AND c.deleted_at IS NULL
        WHERE p.export_id = %(export)s AND p.reason IN (0, 6)
        GROUP BY c.id
    )
"""
_OUTCOMES = """
    SELECT sent, hidden, count(*), count(*) FILTER (WHERE replied), count(*) FILTER (WHERE forward),
           count(*) FILTER (WHERE won)
    FROM (
        SELECT p.sent, became.*,
               EXISTS (SELECT FROM contacts_contactchannel k
                       WHERE k.contact_id = p.id AND k.channel_id = ANY(%(silent)s::bigint[])) AS hidden,
               EXISTS (SELECT FROM contacts_message m
                       WHERE m.contact_id = p.id AND NOT m.from_me AND NOT m.history AND m.kind <> 'unknown'
                         AND m.at >= %(start)s AND m.at < %(until)s
                         AND (%(seen)s::bigint[] IS NULL OR m.channel_id = ANY(%(seen)s::bigint[]))) AS replied
        FROM person p
        CROSS JOIN LATERAL (
            SELECT coalesce(max(stay.step), 0) AS step FROM stay
            WHERE stay.contact_id = p.id AND stay.started_at < %(start)s
              AND (stay.ended_at IS NULL OR stay.ended_at >= %(start)s)
        ) AS stood
        CROSS JOIN LATERAL (
            SELECT coalesce(bool_or(l.step > stood.step), false) AS forward,
                   coalesce(bool_or(l.meaning = 'won'), false) AS won
            FROM clean JOIN labels_label l ON l.id = clean.label_id
            WHERE clean.contact_id = p.id AND NOT clean.found
              AND clean.started_at >= %(start)s AND clean.started_at < %(until)s
        ) AS became
    ) AS judged
    GROUP BY sent, hidden
"""
