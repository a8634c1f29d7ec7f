"""A draft as the page draws it: of each condition the sentence, with something to choose or to type in its gaps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from desk.base.days import DayField, DayInput
from desk.segments.drafts import (
    ANY_TIME,
    BEFORE,
    DATES,
    KEPT,
    LAST,
    OPTIONAL_TIME,
    RANGE,
    THINGS,
    UNFINISHED,
    WHEN,
    Checked,
    Draft,
    Raw,
    kind_of,
    shown_value,
    way_of,
)
from desk.segments.options import Chosen, SegmentChip
from labelcrm.core.dates import moment_of
from reports.segments.behind import FIELD, filters_of_report
from reports.segments.definition import GRAMMAR, Condition, moment_at
from reports.segments.in_words import (
    PLANNED,
    Kind,
    SegmentNames,
    number_in_words,
    period_in_words,
    verbs,
    words_before,
)

Text = str | Promise

# The kinds of condition in the groups that people think in, each with what the list of them calls it.
KINDS: tuple[tuple[Text, tuple[tuple[Kind, Text], ...]], ...] = (
    (
        gettext_lazy("Label"),
        (
            (("label", "active"), gettext_lazy("label now")),
            (("label", "added"), gettext_lazy("label put on")),
            (("label", "removed"), gettext_lazy("label taken off")),
            (("label", "active_for"), gettext_lazy("label on for some time")),
            (("label", "ever"), gettext_lazy("label now or before")),
            (("labelled", "now"), gettext_lazy("any label now")),
            (("labelled", "ever"), gettext_lazy("any label, now or before")),
            (("stale", "is"), gettext_lazy("stale label")),
            (("contradictory", "is"), gettext_lazy("contradicting labels")),
        ),
    ),
    (gettext_lazy("Stage"), ((("stage", "is"), gettext_lazy("stage now")),)),
    (
        gettext_lazy("Campaign"),
        (
            (("campaign", "first"), gettext_lazy("first campaign")),
            (("campaign", "last"), gettext_lazy("latest campaign")),
            (("campaign", "any"), gettext_lazy("any campaign so far")),
        ),
    ),
    (
        gettext_lazy("CS and number"),
        (
            (("assigned", "is"), gettext_lazy("CS the contact is assigned to")),
            (("team", "is"), gettext_lazy("team of the number")),
            (("channel", "is"), gettext_lazy("WhatsApp number")),
        ),
    ),
    (
        gettext_lazy("Time"),
        (
            (("first_seen", "between"), gettext_lazy("first seen")),
            (("last_inbound", "between"), gettext_lazy("last message in")),
            (("last_inbound", "empty"), gettext_lazy("no message in so far")),
            (("last_outbound", "between"), gettext_lazy("last message out")),
            (("last_outbound", "empty"), gettext_lazy("no message out so far")),
            (("follow_up", "between"), gettext_lazy("follow-up date")),
            (("follow_up", "empty"), gettext_lazy("no follow-up date")),
        ),
    ),
    (
        gettext_lazy("Person"),
        (
            (("name", "contains"), gettext_lazy("name")),
            (("phone", "starts"), gettext_lazy("beginning of the phone number")),
            (("phone", "empty"), gettext_lazy("no phone number")),
            (("opted_out", "is"), gettext_lazy("opted out")),
        ),
    ),
)
_LISTED = {kind for _title, kinds in KINDS for kind, _words in kinds}
# A number of a report is written by the page that shows it; its time alone is changed here.
_OF_REPORTS = {
    "labels": gettext_lazy("number of the label report"),
    "agents": gettext_lazy("number of the report “CS quality”"),
    "campaigns": gettext_lazy("number of the report “Campaign quality”"),
    "curves": gettext_lazy("number of a maturity curve"),
    "movement": gettext_lazy("number of the movement board"),
    "moves": gettext_lazy("number of the moves between stages"),
    "funnel": gettext_lazy("number of the funnel"),
    "time-in-stage": gettext_lazy("number of the time in stage"),
    "cohorts": gettext_lazy("number of a weekly cohort"),
    "label-budget": gettext_lazy("number of the label budget"),
    "unusual": gettext_lazy("number of the unusual activity"),
}
WAYS = {
    ANY_TIME: gettext_lazy("at any time"),
    LAST: gettext_lazy("in the last … days"),
    BEFORE: gettext_lazy("more than … days ago"),
    RANGE: gettext_lazy("between … and … days ago"),
    DATES: gettext_lazy("between two dates"),
}
AHEAD = gettext_lazy("from … days ago on")  # LAST of what is planned: what is still to come is in it
PICK = {
    "labels": gettext_lazy("Label or category"),
    "stages": gettext_lazy("Stage"),
    "campaigns": gettext_lazy("Campaign"),
    "agents": gettext_lazy("CS"),
    "openers": gettext_lazy("CS"),
    "teams": gettext_lazy("Team"),
    "channels": gettext_lazy("WhatsApp number"),
}
_GONE = gettext_lazy("Something in it is not there any more, or is not yours to see: it means nobody.")
_MISSING = {
    "field": gettext_lazy("Choose what the condition is about."),
    "labels": gettext_lazy("Choose a label, or several: one of them suffices."),
    "campaigns": gettext_lazy("Choose a campaign, or several: one of them suffices."),
    "agents": gettext_lazy("Choose a CS, or several: one of them suffices."),
    "teams": gettext_lazy("Choose a team, or several: one of them suffices."),
    "channels": gettext_lazy("Choose a number, or several: one of them suffices."),
    "days": gettext_lazy("Say how many days."),
    "from": gettext_lazy("Say how many days, or which days."),
    "text": gettext_lazy("Write what to look for."),
}


@dataclass(frozen=True, slots=True)
class Picker:
    """Things that were chosen, and a field for one more."""

    argument: str
    name: str  # whose choices are offered
    title: Text
    before: str
    chips: list[SegmentChip] = field(default_factory=list)
    more_chips: list[SegmentChip] = field(default_factory=list)  # whole categories
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Time:
    """A time in a condition: the ways to name it, and what stands in the chosen one."""

    way: str
    ways: Sequence[tuple[str, Text]]
    days_from: Any = ""
    days_to: Any = ""
    first: str = ""
    last: str = ""
    kept: str = ""
    kept_in_words: str = ""
    is_ahead: bool = False


@dataclass(slots=True)
class ConditionRow:
    """One condition on the page. `key` begins the names of its fields, `number` is what it is called."""

    key: str
    number: int
    kind: str = ""
    verbs: tuple[str, str] = ("", "")
    negated: bool = False
    pickers: list[Picker] = field(default_factory=list)
    beside: list[Picker] = field(default_factory=list)
    time: Time | None = None
    days: Any = None
    times: Any = None
    reported: str = ""
    reported_in_words: str = ""
    text: str | None = None
    error: str = ""
    is_unfinished: bool = False
    warning: str = ""

    @property
    def is_unlisted(self) -> bool:
        """Whether the kind is one that only the API writes."""
        return bool(self.kind) and tuple(self.kind.split(".")) not in _LISTED

    @property
    def kind_in_words(self) -> Text:
        name, _dot, op = self.kind.partition(".")
        return _OF_REPORTS.get(op, gettext_lazy("number of a report")) if name == FIELD else self.verbs[0]

    @property
    def has_beside(self) -> bool:
        return self.times not in (None, 1) or any(picker.chips or picker.typed for picker in self.beside)

    @property
    def id(self) -> str:
        return f"row-{self.key.replace('.', '-')}"


@dataclass(frozen=True, slots=True)
class GroupOfRows:
    number: int
    rows: list[ConditionRow]


def groups_of(draft: Draft, checked: Checked, chosen: Chosen, names: SegmentNames) -> list[GroupOfRows]:
    """All conditions of a draft, with what is wrong beside the one it belongs to; `names` are those of reports."""
    groups, numbers = [], iter(range(1, 1000))
    for g, group in enumerate(draft.groups):
        rows = [_row(draft, checked, chosen, g, c, raw, next(numbers)) for c, raw in enumerate(group)]
        groups.append(GroupOfRows(g, rows))
        for row, raw, c in zip(rows, group, range(len(group)), strict=True):
            if raw.get("field") == FIELD:
                _say_reported(row, raw, checked.conditions.get((g, c)), names)
    return groups


def _say_reported(row: ConditionRow, raw: Raw, condition: Condition | None, names: SegmentNames) -> None:
    """Which number of a report is meant: in words, and as the form carries it."""
    kept = {name: value for name, value in raw.items() if name not in ("field", "op", "not", "from", "to", WHEN)}
    row.reported = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
    row.reported_in_words = number_in_words(condition, names) if condition else ""
    # A row may be somebody's of another team, whom the reader sees in the report and not among their people.
    if condition and any(names.name(*each) is None for each in filters_of_report(condition)):
        row.warning = row.warning or str(_GONE)


def pickers_in_use(groups: list[GroupOfRows]) -> list[str]:
    """Whose choices the page needs."""
    rows = [row for group in groups for row in group.rows]
    return list(dict.fromkeys(picker.name for row in rows for picker in (*row.pickers, *row.beside)))


def _row(draft: Draft, checked: Checked, chosen: Chosen, g: int, c: int, raw: Raw, number: int) -> ConditionRow:
    row, kind = ConditionRow(f"{g}.{c}", number), kind_of(raw)
    _say_problem(row, draft, checked, g, c)
    if kind is None:
        return row
    arguments = GRAMMAR[kind[0]][kind[1]].all
    row.kind, row.verbs = ".".join(kind), verbs(kind)
    row.negated = (raw.get("not") is True) != (raw.get("value") is False)
    typed = {name: draft.typed.get(f"{row.key}.{name}", "") for name in THINGS}
    pickers = list(_pickers(kind, arguments, raw, chosen, typed))
    row.pickers = [each for each in pickers if not _is_beside(kind, each)]
    row.beside = [each for each in pickers if _is_beside(kind, each)]
    row.time = _time(row.key, raw, kind[0]) if "from" in arguments else None
    row.times = raw.get("times", 1) if "times" in arguments else None
    row.days = raw.get("days", "") if "days" in arguments else None
    row.text = str(raw.get("text", ""))[:200] if "text" in arguments else None
    if condition := checked.conditions.get((g, c)):
        row.warning = _warning(condition, pickers)
    return row


def _is_beside(kind: Kind, picker: Picker) -> bool:
    return kind[0] == "label" and picker.argument in ("agents", "channels")


def _pickers(
    kind: Kind, arguments: Mapping[str, Any], raw: Raw, chosen: Chosen, typed: Mapping[str, str]
) -> Iterator[Picker]:
    for argument in THINGS:
        if argument not in arguments or argument == "categories":
            continue
        name = argument
        if argument == "labels" and kind[0] == "stage":
            name = "stages"
        elif argument == "agents" and kind[0] == "label":
            name = "openers"
        before = _before(kind, argument, name)
        more = _chips("categories", raw, chosen) if "categories" in arguments and argument == "labels" else []
        yield Picker(argument, name, PICK[name], before, _chips(argument, raw, chosen), more, typed[argument])


def _before(kind: Kind, argument: str, name: str) -> str:
    if kind[0] != "label" or argument == "labels":
        return words_before(name)
    if argument == "channels":
        return words_before("on number")
    return words_before("taken off by" if kind[1] == "removed" else "put on by")


def _chips(argument: str, raw: Raw, chosen: Chosen) -> list[SegmentChip]:
    values = raw.get(argument)
    known = chosen.get(argument, {})
    nothing = {"labels": _("No stage"), "campaigns": _("No campaign"), "agents": _("Nobody")}
    chips = []
    for value in values if isinstance(values, list) else []:
        text, tone = known.get(value, ("", "")) if isinstance(value, int | str) else ("", "")
        chips.append(SegmentChip(shown_value(value), nothing.get(argument, "") if value is None else text, tone))
    return chips


# -- Times ------------------------------------------------------------------------------------------------------------


def _time(key: str, raw: Raw, field: str) -> Time:
    way = way_of(raw)
    left_away = {ANY_TIME} - ({ANY_TIME} if field in OPTIONAL_TIME else set()) | ({BEFORE} if field == FIELD else set())
    if way == ANY_TIME and way in left_away:
        way = LAST
    ahead = field in PLANNED
    ways = [(code, AHEAD if ahead and code == LAST else words) for code, words in WAYS.items() if code not in left_away]
    if way == KEPT:
        ends = {name: raw[name] for name in ("from", "to") if name in raw}
        kept = json.dumps(ends, separators=(",", ":"), ensure_ascii=False)
        words = _kept_in_words(raw)
        return Time(way, [*ways, (KEPT, words)], kept=kept, kept_in_words=words)
    if way == DATES:
        return Time(way, ways, first=_day_field(key, "from", raw), last=_day_field(key, "until", raw))
    return Time(way, ways, days_from=_days(raw.get("from")), days_to=_days(raw.get("to")), is_ahead=ahead)


def _days(value: Any) -> Any:
    days = value.get("days_ago", "") if isinstance(value, dict) else ""
    return days if isinstance(days, int | str) else ""


def _day_field(key: str, name: str, raw: Raw) -> SafeString:
    value = raw.get("from" if name == "from" else "to")
    moment = moment_of(value, offset=True) if isinstance(value, str) else None
    shown: Any = value if isinstance(value, str) else None
    if moment:
        shown = (timezone.localtime(moment) - timedelta(days=name == "until")).date()
    words = _("From") if name == "from" else _("Until and including")
    identity = f"row-{key.replace('.', '-')}-{name}"
    return DayInput({"id": identity, "aria-label": words}).render(f"{key}.{name}", shown)


def _kept_in_words(raw: Raw) -> str:
    """A time that only a link or the API says."""
    ends = [moment_of(value, offset=True) if isinstance(value := raw.get(n), str) else None for n in ("from", "to")]
    return period_in_words(*ends) if any(ends) else _("a time of its own")


# -- What is to be said of it -----------------------------------------------------------------------------------------


def _say_problem(row: ConditionRow, draft: Draft, checked: Checked, g: int, c: int) -> None:
    typed = next((text for place, text in draft.typed.items() if place.startswith(f"{row.key}.")), "")
    if typed:
        row.error = _("There is no “%(text)s” to choose here.") % {"text": typed}
        return
    problem = checked.problems.get((g, c))
    if problem is None:
        return
    argument = problem.place.partition(f"all[{c}].")[2].partition(".")[0].partition("[")[0]
    row.is_unfinished = problem.code in UNFINISHED
    if row.is_unfinished:
        row.error = str(_MISSING.get("from" if argument == "to" else argument, problem.message))
    elif argument in ("from", "to") and not problem.place.endswith("days_ago"):
        row.error = str(DayField.default_error_messages["invalid"])
    else:
        row.error = problem.message


def _warning(condition: Condition, pickers: list[Picker]) -> str:
    start, end = condition.values.get("from"), condition.values.get("to")
    now = timezone.now()
    if start is not None and end is not None and moment_at(start, now) >= moment_at(end, now):
        return _("It begins after it ends: nobody meets this.")
    if any(not chip.text for picker in pickers for chip in (*picker.chips, *picker.more_chips)):
        return str(_GONE)
    return ""
