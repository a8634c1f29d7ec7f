"""How many spells started and ended in a short period, for the home page (docs/metrics.md, "Label activity").

Who sees every team reads the spells as they are stored. For anybody else the spells are joined anew over the
channels they see, because filters choose intervals before joining.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabelMeaning, LabelAssignment, LabelSpell
from labels.rules.spells import SpellRow, runs_of, spells
from labels.selectors.spell_inputs import histories, limits_now, meanings_in
from reports.selectors.periods import Period

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

    @property
    def is_empty(self) -> bool:
        return not any(astuple(self))


def count_spells(viewer: Viewer, periods: Sequence[Period]) -> list[SpellCounts]:
    """What started and ended in each period, for what the viewer sees."""
    if viewer.everything:
        return [_stored(period) for period in periods]
    joined = list(_joined(viewer, periods))
    return [_counted(joined, period) for period in periods]


def rows(viewer: Viewer, what: str, period: Period, *, most: int) -> list[SpellRow]:
    """The spells behind one number of `count_spells`, newest first, `most` at most."""
    if viewer.everything:
        return [_as_spell(row) for row in _behind(what, period)[:most]]
    found = [spell for spell in _joined(viewer, [period]) if _is(what, spell, period)]
    return sorted(found, key=lambda spell: _moment(what, spell), reverse=True)[:most]


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


def _stored(period: Period) -> SpellCounts:
    live = Q(found=False)
    starts = _started(period).aggregate(
        added=Count("id", filter=live),
        mistaps=Count("id", filter=live & Q(mistap=True)),
        found=Count("id", filter=~live),
    )
    ends = _ended(period).aggregate(removed=Count("id", filter=Q(lost=False)), lost=Count("id", filter=Q(lost=True)))
    return SpellCounts(**starts, **ends)


def _behind(what: str, period: Period) -> QuerySet[LabelSpell]:
    if what in (ADDED, FOUND):
        return _started(period).filter(found=what == FOUND).order_by("-started_at", "-id")
    return _ended(period).filter(lost=what == LOST).order_by("-ended_at", "-id")


def _as_spell(row: LabelSpell) -> SpellRow:
    return SpellRow(
        row.contact_id, row.label_id, row.started_at, row.ended_at, row.channel_id, row.found, row.lost,
        row.import_or_resync, row.agent_id, row.user_id, row.method, row.removed_by_id, row.mistap,
    )  # fmt: skip


# -- Joined anew ------------------------------------------------------------------------------------------------------


def _joined(viewer: Viewer, periods: Sequence[Period]) -> Iterator[SpellRow]:
    """The spells, over the channels that the viewer sees, of every contact for whom something changed in a period."""
    seen = LabelAssignment.objects.visible_to(viewer).filter(
        channel_label__hidden=False, contact__deleted_at__isnull=True
    )
    changed = seen.filter(_changed_in(periods)).values_list("contact_id", flat=True).distinct()
    found = histories(list(changed), channels=viewer.channels | {viewer.crm})
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
