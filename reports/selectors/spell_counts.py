"""How many spells started and ended in a short period, for the home page (docs/metrics.md, "Label activity").

Who sees every team reads the spells as they are stored. For anybody else the spells are joined anew over the
channels they see, because filters choose intervals before joining.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum

from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import NOBODY, Viewer
from labels.models import ChannelLabelMeaning, LabelAssignment, LabelDay, LabelSpell
from labels.rules.scopes import WHOLE
from labels.rules.spells import SpellRow, runs_of, spells
from labels.selectors.spell_inputs import histories, limits_now, meanings_in
from reports.selectors.filtered_spells import SEEN_IN_PART, scopes_of, seen_whole
from reports.selectors.periods import Period, of_days

ADDED, FOUND, REMOVED, LOST = "added", "found", "removed", "lost"
FIGURES = (ADDED, FOUND, REMOVED, LOST)


@dataclass(frozen=True, slots=True)
class SpellCounts:
    """Spells that started and ended in a period. `mistaps` are among `added`."""

    added: int = 0
    mistaps: int = 0
    found: int = 0
    removed: int = 0
    lost: int = 0

    @property
    def net(self) -> int:
        return self.added + self.found - self.removed - self.lost

    def __add__(self, other: SpellCounts) -> SpellCounts:
        return SpellCounts(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_empty(self) -> bool:
        return not any(astuple(self))


def count_spells(viewer: Viewer, periods: Sequence[Period]) -> list[SpellCounts]:
    """What started and ended in each period, for what the viewer sees."""
    if viewer.everything:
        return _stored(periods)
    joined = list(_joined(viewer, periods))
    return [_counted(joined, period) for period in periods]


def count_days(viewer: Viewer, first: date, last: date) -> list[SpellCounts]:
    """What `count_spells` says of each business day from `first` up to, not including, `last`; mistaps are left out.

    Of many days it costs far less: they are added up where they are stored.
    """
    found = _days_of_all(first, last) if viewer.everything else _days_of(viewer, first, last)
    days = (first + timedelta(days=n) for n in range((last - first).days))
    return [found.get(day, SpellCounts()) for day in days]


def rows(viewer: Viewer, what: str, period: Period, *, most: int, after: int = 0) -> list[SpellRow]:
    """The spells behind one number of `count_spells`, newest first: `most` at most, `after` so many newer ones."""
    if viewer.everything:
        return [_as_spell(row) for row in _behind(what, period)[after : after + most]]
    found = [spell for spell in _joined(viewer, [period]) if _is(what, spell, period)]
    return sorted(found, key=lambda spell: _moment(what, spell), reverse=True)[after : after + most]


def _moment(what: str, spell: SpellRow) -> datetime:
    """When a spell did what it is listed for: it started, or it ended."""
    return spell.started_at if what in (ADDED, FOUND) or spell.ended_at is None else spell.ended_at


def _is(what: str, spell: SpellRow, period: Period) -> bool:
    if what in (ADDED, FOUND):
        return period.holds(spell.started_at) and spell.found == (what == FOUND)
    return period.holds(spell.ended_at) and spell.lost == (what == LOST)


def _counted(joined: Iterable[SpellRow], period: Period) -> SpellCounts:
    counts = dict.fromkeys(FIGURES, 0)
    mistaps = 0
    for spell in joined:
        for what in FIGURES:
            counts[what] += _is(what, spell, period)
        mistaps += spell.mistap and period.holds(spell.started_at)
    return SpellCounts(mistaps=mistaps, **counts)


# -- As stored --------------------------------------------------------------------------------------------------------


def _started(period: Period) -> QuerySet[LabelSpell]:
    return LabelSpell.objects.filter(started_at__gte=period.start, started_at__lt=period.end)


def _ended(period: Period) -> QuerySet[LabelSpell]:
    return LabelSpell.objects.filter(ended_at__gte=period.start, ended_at__lt=period.end)


def _stored(periods: Sequence[Period]) -> list[SpellCounts]:
    """One pass over what started in any of the periods, and one over what ended."""
    starts: dict[str, Count] = {}
    ends: dict[str, Count] = {}
    started, ended = Q(pk__in=[]), Q(pk__in=[])
    for place, period in enumerate(periods):
        begun = Q(started_at__gte=period.start, started_at__lt=period.end)
        over = Q(ended_at__gte=period.start, ended_at__lt=period.end)
        started, ended = started | begun, ended | over
        starts |= {
            f"added_{place}": Count("id", filter=begun & Q(found=False)),
            f"mistaps_{place}": Count("id", filter=begun & Q(found=False, mistap=True)),
            f"found_{place}": Count("id", filter=begun & Q(found=True)),
        }
        ends |= {
            f"removed_{place}": Count("id", filter=over & Q(lost=False)),
            f"lost_{place}": Count("id", filter=over & Q(lost=True)),
        }
    counts = LabelSpell.objects.filter(started).aggregate(**starts) | LabelSpell.objects.filter(ended).aggregate(**ends)
    names = [each.name for each in fields(SpellCounts)]
    return [SpellCounts(**{name: counts[f"{name}_{place}"] for name in names}) for place in range(len(periods))]


def _behind(what: str, period: Period) -> QuerySet[LabelSpell]:
    if what in (ADDED, FOUND):
        return _started(period).filter(found=what == FOUND).order_by("-started_at", "-id")
    return _ended(period).filter(lost=what == LOST).order_by("-ended_at", "-id")


def _as_spell(row: LabelSpell) -> SpellRow:
    return SpellRow(
        row.contact_id, row.label_id, row.started_at, row.ended_at, row.channel_id, row.found, row.lost,
        row.import_or_resync, row.agent_id, row.user_id, row.method, row.removed_by_id, row.mistap,
    )  # fmt: skip


def _days_of_all(first: date, last: date) -> dict[date, SpellCounts]:
    stored = LabelDay.objects.filter(scope=WHOLE, day__gte=first, day__lt=last).order_by()
    sums = stored.values_list("day").annotate(*(Sum(name) for name in FIGURES))
    return {day: SpellCounts(**dict(zip(FIGURES, counts, strict=True))) for day, *counts in sums}


# -- As a team sees it ------------------------------------------------------------------------------------------------

_DAYS = """
    WITH seen AS NOT MATERIALIZED (
        SELECT contact_id, started_at, ended_at, found, lost FROM labels_labelspell WHERE {seen_whole}
        UNION ALL
        SELECT contact_id, started_at, ended_at, found, lost FROM labels_scopedlabelspell WHERE {seen_in_part}
    ), changes AS (
        SELECT contact_id, started_at AS at, (NOT found)::int AS added, found::int AS found, 0 AS removed, 0 AS lost
        FROM seen WHERE started_at >= %(start)s AND started_at < %(end)s
        UNION ALL
        SELECT contact_id, ended_at, 0, 0, (NOT lost)::int, lost::int
        FROM seen WHERE ended_at >= %(start)s AND ended_at < %(end)s
    )
    SELECT (at AT TIME ZONE %(zone)s)::date AS day,
           sum(added)::int, sum(found)::int, sum(removed)::int, sum(lost)::int
    FROM changes WHERE contact_id <> ALL(%(joined)s::bigint[]) GROUP BY day
"""
_SEEN_BY_SEVERAL = f"""
    SELECT DISTINCT contact_id FROM labels_scopedlabelspell WHERE {SEEN_IN_PART}
    AND (started_at >= %(start)s AND started_at < %(end)s OR ended_at >= %(start)s AND ended_at < %(end)s)
"""  # noqa: S608 - a condition from reports.selectors.filtered_spells


def _days_of(viewer: Viewer, first: date, last: date) -> dict[date, SpellCounts]:
    """Contacts whose spells no scope has as this viewer sees them are joined anew: few changed in so short a time."""
    period = of_days(first, last)
    scopes = scopes_of(viewer.channels)
    asked = {**scopes, "start": period.start, "end": period.end, "zone": settings.TIME_ZONE}
    contacts = _only_here(viewer, period)
    if len(scopes["scopes"]) > 1:
        contacts |= {pk for (pk,) in fetch(_SEEN_BY_SEVERAL, asked)}
    statement = _DAYS.format(seen_whole=seen_whole(scopes), seen_in_part=SEEN_IN_PART)
    rows = fetch(statement, asked | {"joined": sorted(contacts)})
    found = {day: SpellCounts(**dict(zip(FIGURES, counts, strict=True))) for day, *counts in rows}
    joined = list(_spells_of(viewer, contacts))
    for n in range((last - first).days if joined else 0):
        day = first + timedelta(days=n)
        more = replace(_counted(joined, of_days(day, day + timedelta(days=1))), mistaps=0)
        found[day] = found.get(day, SpellCounts()) + more
    return found


def _only_here(viewer: Viewer, period: Period) -> set[int]:
    """Contacts whose labels that exist in the CRM alone changed: seen with the contact, whoever has labelled it."""
    if viewer.crm == NOBODY:
        return set()
    return set(_changed(viewer, [period]).filter(channel_id=viewer.crm).values_list("contact_id", flat=True))


# -- Joined anew ------------------------------------------------------------------------------------------------------


def _joined(viewer: Viewer, periods: Sequence[Period]) -> Iterator[SpellRow]:
    """The spells, over the channels that the viewer sees, of every contact for whom something changed in a period."""
    return _spells_of(viewer, _changed(viewer, periods).values_list("contact_id", flat=True).distinct())


def _changed(viewer: Viewer, periods: Iterable[Period]) -> QuerySet[LabelAssignment]:
    seen: QuerySet[LabelAssignment] = LabelAssignment.objects.visible_to(viewer)
    return seen.filter(_changed_in(periods), channel_label__hidden=False, contact__deleted_at__isnull=True)


def _spells_of(viewer: Viewer, contacts: Iterable[int]) -> Iterator[SpellRow]:
    found = histories(list(contacts), channels=viewer.channels | {viewer.crm})
    meanings = meanings_in(found)
    limits = limits_now()
    for history in found:
        yield from spells(runs_of(history, meanings), limits=limits)


def _changed_in(periods: Iterable[Period]) -> Q:
    """Put on, taken off, or given another meaning."""
    changed = Q(pk__in=[])
    for period in periods:
        span = (period.start, period.end)
        reworded = ChannelLabelMeaning.objects.filter(since__range=span).values("channel_label")
        changed |= Q(added_at__range=span) | Q(removed_at__range=span) | Q(channel_label__in=reworded)
    return changed
