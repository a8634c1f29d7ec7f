"""What a condition may name: labels, campaigns, people and numbers, to choose from by typing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.models import Agent, Campaign, Channel, Team
from desk.segments.drafts import THINGS, Draft
from desk.templatetags.labelcrm import NO_TONE, tone
from labelcrm.core.viewer import Viewer
from labels.models import Category, Label
from reports.segments.known import SOURCES

MOST = 1000  # campaigns that are offered; older ones are found by their whole name


@dataclass(frozen=True, slots=True)
class SegmentOption:
    """A choice: how it is called, and the argument and value of a condition that it stands for."""

    text: str
    argument: str
    value: Any
    tone: str = ""
    group: str = ""
    also: str = ""  # the name in the other language, by which it is found too


@dataclass
class SegmentOptions:
    """The choices of each picker, as far as the viewer sees them; each is read when it is first asked for."""

    viewer: Viewer
    _read: dict[str, list[SegmentOption]] = field(default_factory=dict)

    def of(self, picker: str) -> list[SegmentOption]:
        if picker not in self._read:
            self._read[picker] = _told_apart(_PICKERS[picker](self.viewer))
        return self._read[picker]

    def resolve(self, picker: str, text: str) -> tuple[str, Any] | None:
        """The argument and value that a typed name means; None where there is nothing of this name."""
        sought = text.casefold()
        found = next((each for each in self.of(picker) if sought in (each.text.casefold(), each.also.casefold())), None)
        if found is None and picker == "campaigns":
            older = Campaign.objects.visible_to(self.viewer).filter(name__iexact=text).first()
            return ("campaigns", older.pk) if older else None
        return (found.argument, found.value) if found else None


def _told_apart(options: Iterable[SegmentOption]) -> list[SegmentOption]:
    """Two of one name are told apart by what stands for them."""
    found = list(options)
    names = Counter(option.text.casefold() for option in found)
    return [
        option if names[option.text.casefold()] == 1 else replace(option, text=f"{option.text} ({option.value})")
        for option in found
    ]


def _label_options(viewer: Viewer) -> list[SegmentOption]:
    rows = Label.objects.visible_to(viewer).select_related("category")
    ordered = list(rows.order_by("category__position", "category_id", "step", "name"))
    return [*map(_label_option, ordered), *_category_options()]


def _label_option(label: Label) -> SegmentOption:
    other = label.name if str(label) != label.name else label.name_en
    return SegmentOption(str(label), "labels", label.pk, tone(label), str(label.category or ""), also=other)


def _category_options() -> list[SegmentOption]:
    whole = _("Whole categories")
    return [
        SegmentOption(_("Category: %(name)s") % {"name": category}, "categories", category.code, "", whole)
        for category in Category.objects.all()
    ]


def _stage_options(viewer: Viewer) -> list[SegmentOption]:
    rows = Label.objects.visible_to(viewer).filter(step__isnull=False).order_by("step", "name")
    stages = [SegmentOption(str(each), "labels", each.pk, tone(each)) for each in rows]
    return [*stages, SegmentOption(_("No stage"), "labels", None)]


def _of_rows(model: Any, argument: str, nothing: Any = "", *, column: str = "pk", newest: bool = False) -> Any:
    def read(viewer: Viewer) -> list[SegmentOption]:
        rows = model.objects.visible_to(viewer)
        rows = rows.order_by("-id")[:MOST] if newest else rows.order_by("name", "id")
        found = [SegmentOption(str(row), argument, getattr(row, column)) for row in rows]
        return [*found, *([SegmentOption(str(nothing), argument, None)] if nothing else [])]

    return read


_PICKERS: Mapping[str, Callable[[Viewer], list[SegmentOption]]] = {
    "labels": _label_options,
    "stages": _stage_options,
    "campaigns": _of_rows(Campaign, "campaigns", gettext_lazy("No campaign"), newest=True),
    "agents": _of_rows(Agent, "agents", gettext_lazy("Nobody")),
    "openers": _of_rows(Agent, "agents"),
    "teams": _of_rows(Team, "teams"),
    "channels": _of_rows(Channel, "channels", column="key"),
}


# -- What was chosen --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SegmentChip:
    """A value that was chosen, in words; `text` is "" for what the reader does not see or is no longer there."""

    value: str
    text: str
    tone: str = NO_TONE


Chosen = Mapping[str, Mapping[Any, tuple[str, str]]]  # by argument and value: words and colour


def chosen_of(draft: Draft, viewer: Viewer) -> Chosen:
    """What the values of a draft are called, archived ones too; one query per kind of thing."""
    wanted: dict[str, set[Any]] = {}
    for _g, _c, raw in draft.rows:
        for argument in THINGS:
            values = raw.get(argument)
            if isinstance(values, list):
                sort = str if argument in ("categories", "channels") else int
                wanted.setdefault(argument, set()).update(v for v in values if type(v) is sort)
    return {argument: _chosen(argument, values, viewer) for argument, values in wanted.items()}


def _chosen(argument: str, values: set[Any], viewer: Viewer) -> dict[Any, tuple[str, str]]:
    rows, column = SOURCES[argument]
    in_reach = {value for value in values if not isinstance(value, int) or 0 < value < 2**63}
    found = rows(viewer).filter(**{f"{column}__in": in_reach}) if in_reach else ()
    return {getattr(row, column): (str(row), tone(row) if isinstance(row, Label) else NO_TONE) for row in found}
