"""From the parameters of a request to the query of a report: the same words on pages, in CSV files and in the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django import forms
from django.db.models import Q
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Agent, Campaign, Channel, Team
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core.fields import CalendarDayField, IdField, MomentField, TrueFalseField
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels.models import Category, ChannelLabel, Label, LabelAlias
from labels.rules.naming import normalize
from labels.selectors.label_merges import surviving_label
from reports.selectors import (
    cohorts,
    curves,
    label_budget,
    movement,
    periods,
)
from reports.selectors.campaigns import Basis, Touch
from reports.selectors.curves import CurveRow
from reports.selectors.facts import Facts
from reports.selectors.filtered_spells import Filters
from reports.selectors.label_budget import Budget
from reports.selectors.labels import By
from reports.selectors.movement import Board
from reports.selectors.periods import Period, PeriodError
from reports.selectors.questions import Question
from reports.selectors.row_keys import FLAGS, LABEL_PAIRS, NEW, NOTHING, PAIRS, UNUSUAL_DAYS, RowKey


class InvalidQuery(ValueError):
    """A parameter that cannot be meant: its name, a stable code, and a sentence."""

    def __init__(self, name: str, message: str, code: str) -> None:
        super().__init__(message)
        self.name, self.message, self.code = name, str(message), code


@dataclass(frozen=True)
class ReportQuery:
    """What somebody wants to know of one report, and who wants it."""

    report: ReportKind
    viewer: Viewer
    period: Period
    filters: Filters
    now: datetime
    shown: dict[str, Any]  # the filters as the API and the pages repeat them
    touch: Touch = Touch.FIRST
    basis: Basis = Basis.COHORT
    step: int | None = None
    by: By = By.LABEL
    preset: str = ""
    only: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def question(self) -> Question:
        return Question(self.period, self.filters, self.now)

    @cached_property
    def rows(self) -> list[Any]:
        """The rows of the report, limited to one where one was asked for."""
        rows = self.report.rows(self)
        for name, value in self.only.items():
            rows = [row for row in rows if getattr(row, name) == value]
        return rows

    @cached_property
    def curves(self) -> list[CurveRow]:
        """The maturity curves of the same contacts as the campaign report by date of touch."""
        rows = curves.report(self.question, touch=self.touch, week=self.only.get("week"))
        return [row for row in rows if row.campaign == self.only.get("campaign", row.campaign)]

    @cached_property
    def board(self) -> Board:
        """The movement of the period: rows, and the cells between them."""
        return movement.board(self.question)

    @cached_property
    def budget(self) -> Budget:
        """The label budget of the numbers that the viewer sees and asks for."""
        channels = Channel.objects.visible_to(self.viewer).exclude(gateway=CRM_GATEWAY).select_related("team")
        if self.filters.channels is not None:
            channels = channels.filter(pk__in=self.filters.channels)
        return label_budget.budget(self.question, channels=channels)

    @property
    def beside(self) -> dict[str, list[Any]]:
        """What stands beside the rows, by name."""
        return self.report.beside(self) if self.report.beside is not None else {}

    def told_by(self, by: By) -> ReportQuery:
        """The same question with its rows by another key; what the question itself needs is looked up once."""
        other = replace(self, by=by, shown=self.shown | {"by": by.value})
        vars(other)["question"] = self.question
        return other

    def over(self, period: Period) -> ReportQuery:
        """The same question of another period."""
        other = replace(self, period=period)
        vars(other)["question"] = self.question.over(period)
        return other

    @property
    def key(self) -> RowKey:
        """What names the rows of this query."""
        others = self.report.keys if "by" in self.report.parameters else ()
        return next((each for each in others if each.name == self.by), self.report.key)

    def key_of(self, figure: str) -> RowKey:
        """What names the rows that a figure of `facts` is counted in."""
        wanted = self.facts[0][figure].key
        return next(each for each in (self.key, *self.report.keys) if each.type is wanted)

    def read_row(self, figure: str, text: str) -> Any:
        """The key of a row of a figure that a text writes. Raises InvalidQuery where it writes none."""
        try:
            return self.key_of(figure).type.read(text)
        except ValueError:
            raise _nothing("row") from None

    def row(self, figure: str, text: str) -> Any:
        """The same, of a row that there is. Raises InvalidQuery where the viewer sees none."""
        found = self.read_row(figure, text)
        if found is not None and self.subject(found, figure=figure) is None:
            raise _nothing("row")
        return found

    def subject(self, row: Any, *, figure: str) -> Any:
        """Whom the row of this key is about; None for who is not there and who is not the viewer's to see alike.

        Somebody of another team who worked on a number that the viewer sees is in their report, and so is named. A
        row of a day, a step or a pair stands for itself.
        """
        key = self.key_of(figure)
        if key.type is PAIRS:
            return _pair_in_words(row)
        if key.type is FLAGS:
            return self._flags_in_words(row)
        if key.type is LABEL_PAIRS:
            return next(
                (f"{each.first_name} + {each.second_name}" for each in self.budget.pairs if each.pair == row), None
            )
        if key.type is UNUSUAL_DAYS:
            return self._unusual_day_in_words(row)
        model, column = _SUBJECTS.get(key.name, (None, ""))
        seen = _seen(model, self.viewer).filter(**{column: row}).first() if model else None
        if seen is not None:
            return seen
        told = next((each for each in self.rows if key.of(each) == row), None)
        return told if told is None or model is None else _all_of(model).filter(**{column: row}).first()

    def _flags_in_words(self, row: str) -> str | None:
        """Whose flags of which label; None where the report has no such row."""
        told = next((each for each in self.rows if each.key == row), None)
        return None if told is None else f"{told.name} · {told.agent_name or _('Nobody known')}"

    def _unusual_day_in_words(self, row: str) -> str | None:
        """Who did it on which day; None where the report has no such row."""
        told = next((each for each in self.rows if each.key == row), None)
        return None if told is None else f"{told.agent_name or _('Nobody known')} · {format_date(told.day)}"

    @property
    def facts(self) -> tuple[dict[str, Facts], dict[str, Any]]:
        """What is behind the counts of the report, and the values its queries need."""
        assert self.report.facts is not None
        return self.report.facts(self)


@dataclass(frozen=True)
class ReportKind:
    """One of the reports by name: the parameters it takes, where its rows come from, and what is behind its numbers.

    `key` is what names its rows. `keys` are what names other rows that figures of it are counted in. `only` are the
    parameters that choose rows when all is counted; whatever else is asked chooses what is counted. `beside` gives
    other rows that belong to the report, by name. `opens_on` is the period where none is asked for.
    """

    name: str
    key: RowKey
    parameters: frozenset[str]
    rows: Callable[[ReportQuery], list[Any]]
    facts: Callable[[ReportQuery], tuple[dict[str, Facts], dict[str, Any]]] | None = None
    keys: tuple[RowKey, ...] = ()
    only: tuple[str, ...] = ()
    beside: Callable[[ReportQuery], dict[str, list[Any]]] | None = None
    opens_on: str = "last_30"


def parse_query(
    report: ReportKind, given: Mapping[str, str], *, viewer: Viewer, now: datetime | None = None
) -> ReportQuery:
    """The query that `given` makes of `report`; parameters of other reports are left alone. Raises InvalidQuery."""
    now = now or timezone.now()
    values = _values({name: given[name] for name in report.parameters & set(given) if given[name].strip()})
    preset = values.get("period") or ""
    if not (preset or values.get("from") or values.get("to")):
        preset = report.opens_on
    period = _period(preset, values.get("from"), values.get("to"), now=now)
    filters, label = _filters(report, viewer, values)
    step = _step(values.get("step")) if "step" in report.parameters else None
    shown = values | {
        "label": label, "touch": values.get("touch") or Touch.FIRST.value, "step": step,
        "basis": values.get("basis") or Basis.COHORT.value, "by": values.get("by") or By.LABEL.value,
    }  # fmt: skip
    return ReportQuery(
        report=report,
        viewer=viewer,
        period=period,
        filters=filters,
        now=now,
        shown={name: shown.get(name) or None for name in FIELDS if name in report.parameters - TIMES}
        | ({"certain": filters.certain} if "certain" in report.parameters else {}),
        touch=Touch(shown["touch"]),
        basis=Basis(shown["basis"]),
        step=step,
        by=By(shown["by"]),
        preset=preset,
        only={name: values[name] for name in report.only if values.get(name)},
    )


# -- Values -----------------------------------------------------------------------------------------------------------


def _choice(values: Iterable[str]) -> forms.ChoiceField:
    return forms.ChoiceField(required=False, choices=[(value, value) for value in values])


TIMES = frozenset({"from", "to", "period"})
FIELDS: dict[str, forms.Field] = {
    "from": MomentField(required=False),
    "to": MomentField(required=False),
    "period": _choice(periods.PRESETS),
    "channel": forms.CharField(required=False, max_length=60),
    "team": IdField(required=False),
    "label": forms.CharField(required=False, max_length=200),
    "category": forms.CharField(required=False, max_length=30),
    "certain": TrueFalseField(required=False),
    "agent": IdField(required=False),
    "touch": _choice(Touch),
    "basis": _choice(Basis),
    "campaign": IdField(required=False),
    "week": CalendarDayField(required=False),
    "step": IdField(required=False),
    "by": _choice(By),
}


def _values(given: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for name, text in given.items():
        try:
            values[name] = FIELDS[name].clean(text.strip())
        except forms.ValidationError as error:
            raise InvalidQuery(name, error.messages[0], error.error_list[0].code or "invalid") from None
    return values


def _period(preset: str, start: datetime | None, end: datetime | None, *, now: datetime) -> Period:
    if preset:
        return periods.preset(preset, now=now)
    try:
        return periods.between(start, end, now=now)
    except PeriodError as error:
        sentences = {
            "empty_period": _("The period is empty: “from” must lie before “to”."),
            "too_long": _("The period is longer than ten years."),
        }
        raise InvalidQuery("from", sentences[error.code], error.code) from None


def _filters(report: ReportKind, viewer: Viewer, values: Mapping[str, Any]) -> tuple[Filters, int | None]:
    """What the parameters choose of all that is counted, and the label that was asked for."""
    channels = _channels(viewer, values.get("channel"), values.get("team"))
    label = _label(values["label"]) if values.get("label") else None
    labels = None if label is None else frozenset({label})
    if code := values.get("category"):
        of_category = _labels_of(code)
        labels = of_category if labels is None else labels & of_category
    chosen = {name: values.get(name) for name in ("agent", "campaign") if name not in report.only}
    return Filters(
        channels=channels,
        labels=labels,
        agents=_agent(viewer, chosen.get("agent")),
        campaigns=_campaign(viewer, chosen.get("campaign")),
        certain=bool(values.get("certain")),
    ), label


def _labels_of(code: str) -> frozenset[int]:
    """The ids of the labels of a category."""
    if not Category.objects.filter(code=code).exists():
        raise _nothing("category")
    return frozenset(Label.all_objects.filter(category__code=code).values_list("id", flat=True))


def _agent(viewer: Viewer, agent: int | None) -> frozenset[int] | None:
    """Somebody whom the viewer sees, or who held a number that the viewer sees, and so is in its reports."""
    if agent is None:
        return None
    held = Agent.all_objects.filter(pk=agent, ownerships__channel__in=viewer.channels)
    if not Agent.all_objects.visible_to(viewer).filter(pk=agent).exists() and not held.exists():
        raise _nothing("agent")
    return frozenset({agent})


def _campaign(viewer: Viewer, campaign: int | None) -> frozenset[int] | None:
    if campaign is None:
        return None
    if not Campaign.all_objects.visible_to(viewer).filter(pk=campaign).exists():
        raise _nothing("campaign")
    return frozenset({campaign})


def _channels(viewer: Viewer, key: str | None, team: int | None) -> frozenset[int] | None:
    """Ids of the channels asked for among those the viewer sees; None when that is simply all there are."""
    if not key and not team:
        return None if viewer.everything else viewer.channels
    channels = Channel.all_objects.visible_to(viewer)
    if key:
        channels = channels.filter(key=key)
        if not channels.exists():
            raise _nothing("channel")
    if team:
        if not Team.all_objects.visible_to(viewer).filter(pk=team).exists():
            raise _nothing("team")
        channels = channels.filter(team_id=team)
    return frozenset(channels.values_list("id", flat=True))


def _label(text: str) -> int:
    """The id of the label that `text` names by id, name or any spelling of it; of a merged one, of what it became."""
    found: int | None = None
    if pk := row_id(text):
        found = Label.all_objects.filter(pk=pk).values_list("id", flat=True).first()
    if found is None:
        by_name = Label.objects.filter(Q(name=text) | Q(name_en=text)).values_list("id", flat=True)
        spelled = LabelAlias.objects.filter(normalized=normalize(text)).values_list("label_id", flat=True)
        found = spelled.first() or by_name.first()
    if found is None:
        raise _nothing("label")
    return surviving_label(found)


def _step(number: int | None) -> int | None:
    """The step that was asked for, which some label has, else the usual one."""
    if number is None:
        return cohorts.usual_step()
    if not Label.all_objects.filter(step=number).exists():
        raise _nothing("step")
    return number


def _nothing(name: str) -> InvalidQuery:
    return InvalidQuery(name, _("There is nothing of this name or id."), "unknown_value")


# Whom a row of this key is about, and by which column; where there is nobody, the row stands for itself.
_SUBJECTS: dict[str, tuple[Any, str]] = {
    "agent": (Agent, "pk"),
    "campaign": (Campaign, "pk"),
    "label": (Label, "pk"),
    "stage": (Label, "pk"),
    "category": (Category, "code"),
    "channel": (Channel, "key"),
    "team": (Team, "pk"),
    "channel_label": (ChannelLabel, "pk"),
}


def _seen(model: Any, viewer: Viewer) -> Any:
    return model.objects.all() if model is Category else _all_of(model).visible_to(viewer)


def _all_of(model: Any) -> Any:
    """The rows of a model, archived ones too where it has such."""
    return getattr(model, "all_objects", model.objects)


def _pair_in_words(row: str) -> str | None:
    """From which label to which; None where there is no such label."""
    parts = row.split(":")
    labels = Label.all_objects.in_bulk({int(part) for part in parts if part not in (NEW, NOTHING)})
    words: dict[str, Any] = {str(pk): label for pk, label in labels.items()}
    words |= {NEW: _("New contacts"), NOTHING: _("No stage")}
    return " → ".join(str(words[part]) for part in parts) if words.keys() >= {*parts} else None
