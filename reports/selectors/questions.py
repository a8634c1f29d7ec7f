"""What selectors need of a query: which time, which spells, as of when; and which labels are of a kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Case, Q, When

from labels.models import Category, Label
from labels.models.querysets import GRADING, UNMAPPED
from labels.selectors import contradictions
from reports.selectors import owners
from reports.selectors.filtered_spells import FilteredSpells, Filters
from reports.selectors.gaps import Gap, gaps
from reports.selectors.gaps import parameters as gap_parameters
from reports.selectors.periods import Period


@dataclass(frozen=True)
class Question:
    """`now` decides what is old enough to be judged; everything stored is used, whatever the period."""

    period: Period
    filters: Filters
    now: datetime

    @cached_property
    def filtered(self) -> FilteredSpells:
        return FilteredSpells.of(self.filters)

    @cached_property
    def gaps(self) -> list[Gap]:
        """Of all channels, from the first moment of the period on: windows that begin in it may overlap them."""
        return gaps(since=self.period.start, now=self.now)

    @cached_property
    def labels(self) -> list[Label]:
        """All labels with their category, archived ones too, in the order of categories and steps."""
        return list(Label.all_objects.select_related("category").order_by("category__position", "step", "name", "id"))

    @cached_property
    def categories(self) -> list[Category]:
        """All categories in their order."""
        return list(Category.objects.all())

    @cached_property
    def kinds(self) -> dict[str, Any]:
        """Which labels are of which kind (`label_kinds`)."""
        return label_kinds()

    @cached_property
    def contradicting(self) -> dict[str, Any]:
        """Which labels contradict each other, by which rule (`labels.selectors.contradictions`)."""
        return contradictions.values()

    @cached_property
    def spell_parameters(self) -> dict[str, Any]:
        """The values that queries of spells and intervals ask for, who judge nobody and look at no gap."""
        moments = {"start": self.period.start, "end": self.period.end, "now": self.now}
        return {**moments, **self.filtered.parameters, **self.kinds}

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The values that the queries of facts may ask for."""
        stretches = owners.stretches(self.period, channels=self.filters.channels)
        return {**self.spell_parameters, **owners.parameters(stretches), **gap_parameters(self.gaps)}

    def over(self, period: Period) -> Question:
        """The same of another period; what labels there are is looked up once."""
        other = replace(self, period=period)
        vars(other).update(labels=self.labels, categories=self.categories, kinds=self.kinds)
        return other

    def of_agent(self, agent: int) -> Question:
        """The same of one agent (id) alone; what contradicts what is looked up once."""
        other = Question(self.period, replace(self.filters, agents=frozenset({agent})), self.now)
        vars(other).update(contradicting=self.contradicting)
        return other


# Labels that figures ask for, as parameters `<kind>_labels`. A list of ids spares every contact a join with labels.
KINDS: dict[str, Q] = {
    "high": Q(high_quality=True),
    "low": Q(low_quality=True),
    "grading": GRADING,
    "waiting": Q(meaning="waiting"),
    "won": Q(meaning="won"),
    "complaint": Q(meaning="complaint"),
    "unmapped": UNMAPPED,
}


def label_kinds() -> dict[str, Any]:
    """The ids of the labels of each kind, archived ones too: they count as long as somebody has them."""
    found = Label.all_objects.annotate(
        **{f"is_{kind}": Case(When(rule, then=True), default=False) for kind, rule in KINDS.items()}
    )
    rows = list(found.order_by("id").values("id", *(f"is_{kind}" for kind in KINDS)))
    return {f"{kind}_labels": [row["id"] for row in rows if row[f"is_{kind}"]] for kind in KINDS}


def of_kind(kind: str, spell: str) -> str:
    """The condition that the label of a spell, or of an interval, is of a kind; `spell` is its alias."""
    return f"{spell}.label_id = ANY(%({kind}_labels)s::bigint[])"


def or_unmapped(row: str) -> str:
    """The label of a row, or NULL for one that nobody has mapped yet: those are one row together."""
    return f"CASE WHEN {of_kind('unmapped', row)} THEN NULL ELSE {row}.label_id END"
