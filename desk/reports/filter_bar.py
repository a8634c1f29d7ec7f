"""The bar above every report: periods, and the filters that the report takes. What is chosen stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from contacts.models import Agent, Campaign, Channel, Team
from contacts.models.channels import CRM_GATEWAY
from desk.base.days import DayField
from reports.query import ReportQuery
from reports.selectors.campaigns import Basis, Touch

PRESETS = {
    "today": gettext_lazy("Today"),
    "yesterday": gettext_lazy("Yesterday"),
    "last_7": gettext_lazy("7 days"),
    "last_30": gettext_lazy("30 days"),
    "last_60": gettext_lazy("60 days"),
    "last_90": gettext_lazy("90 days"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
}
Choices = list[tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class FilterField:
    """One filter: its words, and what may be chosen; without `has_all` something always is."""

    label: str | Promise
    choices: Callable[[ReportQuery], Choices]
    has_all: bool = True


def _channels(query: ReportQuery) -> Choices:
    channels = Channel.objects.visible_to(query.viewer).exclude(gateway=CRM_GATEWAY)
    return [(channel.key, channel.name) for channel in channels]


def _rows_of(model: Any) -> Callable[[ReportQuery], Choices]:
    return lambda query: [(row.pk, str(row)) for row in model.objects.visible_to(query.viewer)]


FIELDS: Mapping[str, FilterField] = {
    "channel": FilterField(gettext_lazy("Channel"), _channels),
    "team": FilterField(gettext_lazy("Team"), lambda query: [(t.pk, t.name) for t in _teams(query)]),
    "agent": FilterField(gettext_lazy("CS"), _rows_of(Agent)),
    "category": FilterField(
        gettext_lazy("Category"), lambda query: [(each.code, str(each)) for each in query.question.categories]
    ),
    "label": FilterField(
        gettext_lazy("Label"),
        lambda query: [(label.pk, str(label)) for label in query.question.labels if not label.is_archived],
    ),
    "campaign": FilterField(gettext_lazy("Campaign"), _rows_of(Campaign)),
    "certain": FilterField(gettext_lazy("Labeller"), lambda query: [("true", _("Known labeller only"))]),
    "touch": FilterField(
        gettext_lazy("Touch"),
        lambda query: [(Touch.FIRST.value, _("First touch")), (Touch.LAST.value, _("Last touch"))],
        has_all=False,
    ),
    "basis": FilterField(
        gettext_lazy("Basis"),
        lambda query: [(Basis.COHORT.value, _("By date of touch")), (Basis.EVENT.value, _("By date of label"))],
        has_all=False,
    ),
}
"""In the order in which they stand in the bar, which has those that the report takes."""

NARROWS = tuple(name for name, field in FIELDS.items() if field.has_all)


def _teams(query: ReportQuery) -> Any:
    return Team.objects.visible_to(query.viewer)


def is_narrowed(query: ReportQuery) -> bool:
    """Whether a filter leaves anything out."""
    return any(query.shown.get(name) for name in NARROWS)


class FilterForm(forms.Form):
    """The filters of a page as they are set; what is typed goes through `reports.query` like everything else."""

    def __init__(self, query: ReportQuery, *, without: tuple[str, ...] = ()) -> None:
        super().__init__()
        last_moment = query.period.end - timedelta(microseconds=1)
        first, last = (timezone.localtime(moment).date() for moment in (query.period.start, last_moment))
        self.fields["from"] = DayField(label=_("From"), initial=first)
        self.fields["until"] = DayField(label=_("Until and including"), initial=last)
        for name, field in FIELDS.items():
            if name in query.report.parameters and name not in without:
                self.fields[name] = self._choice(field, query, _chosen(query, name))

    @staticmethod
    def _choice(field: FilterField, query: ReportQuery, chosen: Any) -> forms.ChoiceField:
        choices = field.choices(query)
        return forms.ChoiceField(
            label=str(field.label),
            choices=[("", _("All")), *choices] if field.has_all else choices,
            initial=chosen or "",
            required=False,
            widget=UnfoldAdminSelectWidget,
        )


def _chosen(query: ReportQuery, name: str) -> Any:
    value = query.shown.get(name)
    return "true" if value is True else value
