"""What stands in the builder: conditions as they are being written, complete or not.

A draft is a definition (`reports.segments.definition`) that need not mean anything yet. It travels in the address as
JSON, and comes back from the page as the fields of a form. `when` beside a condition's arguments says which of the ways
to name a time was chosen, for one that is still empty; a definition has no such key.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from desk.base.filters import day_of
from labelcrm.core.dates import moment_of
from labelcrm.lib import strict_json
from labelcrm.lib.numbers import row_id, whole_number
from reports.segments.behind import FIELD
from reports.segments.definition import (
    GRAMMAR,
    MAX_CONDITIONS,
    MAX_DAYS,
    MAX_GROUPS,
    MAX_TEXT,
    MAX_VALUES,
    Condition,
    InvalidDefinition,
    SegmentDefinition,
    parse_definition,
)

Raw = dict[str, Any]  # a condition as it stands in a definition, or part of one
THINGS = ("labels", "categories", "campaigns", "agents", "teams", "channels")
BY_ID = frozenset({"labels", "campaigns", "agents", "teams"})
NONE = "none"  # how a form says null
WHEN = "when"
ANY_TIME, LAST, BEFORE, RANGE, DATES, KEPT = "any", "last", "before", "range", "dates", "kept"
WAYS = (LAST, BEFORE, RANGE, DATES)
LONGEST = 20_000  # characters of an address
UNFINISHED = frozenset({"missing", "empty", "blank"})  # codes of what is not wrong, only not said yet
OPTIONAL_TIME = frozenset({"label", "campaign"})  # fields whose time may be left away
GIVEN_DAYS: Mapping[str, tuple[int | None, int | None]] = {
    LAST: (30, None),
    BEFORE: (None, 30),
    RANGE: (60, 30),
}  # what stands in a way to name a time at first


@dataclass
class Draft:
    """Groups of conditions; `typed` holds by "group.place.argument" what was typed and names nothing."""

    groups: list[list[Raw]]
    typed: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """Compact, as addresses carry it."""
        content = {"any": [{"all": group} for group in self.groups]}
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False)

    def definition(self) -> Any:
        """What would be saved, whether it means something or not."""
        return {"any": [{"all": [_bare(raw) for raw in group]} for group in self.groups]}

    @property
    def rows(self) -> Iterator[tuple[int, int, Raw]]:
        for g, group in enumerate(self.groups):
            yield from ((g, c, raw) for c, raw in enumerate(group))


def empty_draft() -> Draft:
    """One group with one condition that says nothing yet."""
    return Draft([[{}]])


def read_draft(text: str) -> Draft:
    """The draft in an address. Raises BadRequest for what this page never wrote there."""
    try:
        content = strict_json.loads(text[: LONGEST + 1].encode(errors="replace")) if len(text) <= LONGEST else None
    except strict_json.JSONRefused:
        content = None
    draft = draft_of(content)
    if draft is None:
        raise BadRequest("This page address is damaged.")
    return draft


def draft_of(definition: Any) -> Draft | None:
    """A definition to be written on, whatever its conditions say; None where it has none, as of an older grammar."""
    groups = [each.get("all") if isinstance(each, dict) else None for each in _list(_get(definition, "any"))]
    if not groups or len(groups) > MAX_GROUPS or not all(isinstance(group, list) for group in groups):
        return None
    draft = Draft([[raw if isinstance(raw, dict) else {} for raw in _list(group)] for group in groups])
    return draft if sum(map(len, draft.groups)) <= MAX_CONDITIONS else None


def is_too_large(draft: Draft) -> bool:
    """Whether it is more than a segment may hold, or `read_draft` reads from an address."""
    conditions = sum(map(len, draft.groups))
    return len(draft.groups) > MAX_GROUPS or conditions > MAX_CONDITIONS or len(draft.as_json()) > LONGEST


def _get(content: Any, name: str) -> Any:
    return content.get(name) if isinstance(content, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _bare(raw: Raw) -> Raw:
    return {name: value for name, value in raw.items() if name != WHEN}


# -- What it means so far ---------------------------------------------------------------------------------------------


@dataclass
class Checked:
    """A draft with what is to be said of its conditions, by (group, place)."""

    conditions: dict[tuple[int, int], Condition] = field(default_factory=dict)
    problems: dict[tuple[int, int], InvalidDefinition] = field(default_factory=dict)
    groups: list[tuple[Condition, ...]] = field(default_factory=list)

    @property
    def definition(self) -> SegmentDefinition | None:
        """Of what is complete; None while there is nothing."""
        return SegmentDefinition(tuple(self.groups)) if self.groups else None

    @property
    def is_whole(self) -> bool:
        return bool(self.groups) and not self.problems


def check_draft(draft: Draft) -> Checked:
    """Each condition by itself, so that a mistake in one leaves the others counted.

    A group in which nothing is complete yet is left out: without conditions it would mean everybody.
    """
    checked = Checked()
    for g, group in enumerate(draft.groups):
        found = [each for c, raw in enumerate(group) if (each := _checked(checked, g, c, raw)) is not None]
        if found or not group:
            checked.groups.append(tuple(found))
    return checked


def _checked(checked: Checked, g: int, c: int, raw: Raw) -> Condition | None:
    place = f"any[{g}].all[{c}]"
    if raw.get(WHEN) in WAYS and _lacks_time(raw):
        checked.problems[g, c] = InvalidDefinition(f"{place}.from", _("Is missing."), "missing")
        return None
    try:
        [condition] = parse_definition({"any": [{"all": [_bare(raw)]}]}).conditions
    except InvalidDefinition as wrong:
        where = wrong.place.replace("any[0].all[0]", place, 1)
        checked.problems[g, c] = InvalidDefinition(where, wrong.message, wrong.code)
        return None
    checked.conditions[g, c] = dataclasses.replace(condition, place=place)
    return checked.conditions[g, c]


def _lacks_time(raw: Raw) -> bool:
    ends = ("from", "to") if raw[WHEN] in (RANGE, DATES) else ("from",) if raw[WHEN] == LAST else ("to",)
    missing = [end not in raw for end in ends]
    return all(missing) if raw[WHEN] == DATES else any(missing)


# -- From the fields of the page --------------------------------------------------------------------------------------


Resolve = Callable[[str, str], tuple[str, Any] | None]


def field_of(post: QueryDict, name: str) -> str:
    """What stands in a field, without what PostgreSQL could not keep."""
    text = post.get(name, "").strip()
    return text if strict_json.is_storable(text) else ""


def draft_of_form(post: QueryDict, resolve: Resolve) -> Draft:
    """The draft that the fields of the page say.

    `resolve` gives for a picker and a typed name the argument and the value that the name means, None for nothing.
    """
    numbers = dict.fromkeys(post.getlist("group")[:MAX_GROUPS])
    draft = Draft([[] for _number in numbers])
    places = {number: g for g, number in enumerate(numbers)}
    for row in dict.fromkeys(post.getlist("row")[:MAX_CONDITIONS]):
        g = places.get(row.partition(".")[0])
        if g is not None:
            raw, typed = _raw(post, row, resolve)
            place = f"{g}.{len(draft.groups[g])}"
            draft.typed |= {f"{place}.{argument}": text for argument, text in typed.items()}
            draft.groups[g].append(raw)
    return draft if draft.groups else empty_draft()


def kind_of(raw: Raw) -> tuple[str, str] | None:
    """Field and operator of a condition; None while there is no such kind."""
    name, op = raw.get("field"), raw.get("op")
    known = isinstance(name, str) and isinstance(op, str) and op in GRAMMAR.get(name, {})
    return (name, op) if known else None  # type: ignore[return-value]


def _raw(post: QueryDict, row: str, resolve: Resolve) -> tuple[Raw, dict[str, str]]:
    """One condition, and by argument what was typed in it and names nothing."""
    name, _dot, op = field_of(post, f"{row}.kind").partition(".")
    raw: Raw = {"field": name, "op": op}
    if kind_of(raw) is None:
        return {}, {}
    known = GRAMMAR[name][op].all
    pickers = [argument for argument in THINGS if argument in known]
    for argument in pickers:
        _read_things(post, row, argument, raw, null=name != "label")
    unknown = [each for argument in pickers if (each := _read_typed(post, row, argument, raw, resolve))]
    if "days" in known and (days := field_of(post, f"{row}.days")):
        raw["days"] = _number(days)
    if "text" in known and (text := field_of(post, f"{row}.text")[: MAX_TEXT + 1]):
        raw["text"] = text
    if "times" in known and (times := field_of(post, f"{row}.times")) not in ("", "1"):
        raw["times"] = _number(times)
    if name == FIELD:
        raw |= _kept(post.get(f"{row}.reported", ""), names=known.keys() - {"from", "to"})
    if "from" in known:
        raw |= _time(post, row, optional=name in OPTIONAL_TIME)
    return raw | _negation(post.get(f"{row}.not") == "1", value="value" in known), dict(unknown)


def _negation(negated: bool, *, value: bool) -> Raw:
    if value:
        return {"value": not negated}
    return {"not": True} if negated else {}


def _read_things(post: QueryDict, row: str, argument: str, raw: Raw, *, null: bool) -> None:
    values: list[Any] = []
    for text in post.getlist(f"{row}.{argument}")[:MAX_VALUES]:
        if text == NONE:
            values += [None] if null else []
        elif argument not in BY_ID:
            values += [text[:MAX_TEXT]] if strict_json.is_storable(text) else []
        elif pk := row_id(text):
            values.append(pk)
    if values:
        raw[argument] = list(dict.fromkeys(values))


def _read_typed(post: QueryDict, row: str, argument: str, raw: Raw, resolve: Resolve) -> tuple[str, str] | None:
    """A name that was typed or chosen becomes one value more; what names nothing is returned."""
    text = field_of(post, f"{row}.{argument}.typed")[:MAX_TEXT]
    if not text:
        return None
    meant = resolve("stages" if raw["field"] == "stage" else argument, text)
    if meant is None:
        return argument, text
    target, value = meant
    raw[target] = list(dict.fromkeys([*raw.get(target, ()), value]))
    return None


def _number(text: str) -> Any:
    """A whole number; anything else as it was typed, for the definition to refuse."""
    number = whole_number(text)
    return text[:20] if number is None else min(number, MAX_DAYS + 1)


def _time(post: QueryDict, row: str, *, optional: bool) -> Raw:
    way = post.get(f"{row}.when", "")
    was = post.get(f"{row}.was", "")
    if way == KEPT:
        return _kept(post.get(f"{row}.kept", ""), names={"from", "to"})
    if way in GIVEN_DAYS:
        first, last = _days_given(post, row, way, fresh=way != was)
        ends = {"from": first, "to": last}
        return {WHEN: way, **{end: {"days_ago": days} for end, days in ends.items() if days is not None}}
    if way == DATES:
        return {WHEN: DATES, **_dates(post, row)}
    return {WHEN: ANY_TIME} if optional else {WHEN: LAST, "from": {"days_ago": GIVEN_DAYS[LAST][0]}}


def _days_given(post: QueryDict, row: str, way: str, *, fresh: bool) -> tuple[Any, Any]:
    """How many days ago a time begins and ends, as the chosen way has fields for them."""
    if fresh:
        return GIVEN_DAYS[way]
    first, last = (field_of(post, f"{row}.{name}") for name in ("days_from", "days_to"))
    begins = _number(first) if first and way in (LAST, RANGE) else None
    ends = _number(last) if last and way in (BEFORE, RANGE) else None
    return begins, ends


def _dates(post: QueryDict, row: str) -> Raw:
    """From a day to a day, both included; what is no day stays as it was typed."""
    found: Raw = {}
    for end, name, days in (("from", "from", 0), ("to", "until", 1)):
        if text := field_of(post, f"{row}.{name}")[:60]:
            day = day_of(text)
            found[end] = midnight(day + timedelta(days=days)).isoformat() if day else text
    return found


def _kept(text: str, *, names: Collection[str]) -> Raw:
    """Arguments that the page does not let anybody change, as it wrote them."""
    try:
        given = strict_json.loads(text[:1000].encode(errors="replace"))
    except strict_json.JSONRefused:
        return {}
    return {name: given[name] for name in names if isinstance(given, dict) and name in given}


def midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def way_of(raw: Raw) -> str:
    """Which way to name a time a condition uses."""
    if raw.get(WHEN) in (ANY_TIME, *WAYS):
        return str(raw[WHEN])
    start, end = (_end_of(raw.get(name)) for name in ("from", "to"))
    if start == end == "":
        return ANY_TIME
    if "kept" in (start, end) or {"days", "day"} <= {start, end}:
        return KEPT
    if "day" in (start, end):
        return DATES
    return RANGE if start and end else LAST if start else BEFORE


def _end_of(value: Any) -> str:
    """What an end of a time is: nothing, days ago, a whole day, or what only a link says."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "days"
    moment = moment_of(value, offset=True) if isinstance(value, str) else None
    local = timezone.localtime(moment) if moment else None
    return "day" if local and local.time() == time.min else "kept"


# -- What the buttons do ----------------------------------------------------------------------------------------------


def press(draft: Draft, button: str) -> Draft:
    """The draft after a button: `add:0`, `group`, `remove:0.1`, `drop:0.1.labels.5`; any other changes nothing."""
    name, _colon, rest = button.partition(":")
    action = _BUTTONS.get(name)
    if action is not None:
        action(draft, rest.split("."))
    return draft


def _add(draft: Draft, rest: Sequence[str]) -> None:
    g = whole_number(rest[0])
    if g is not None and g < len(draft.groups) and sum(map(len, draft.groups)) < MAX_CONDITIONS:
        draft.groups[g].append({})


def _add_group(draft: Draft, rest: Sequence[str]) -> None:
    if len(draft.groups) < MAX_GROUPS and sum(map(len, draft.groups)) < MAX_CONDITIONS:
        draft.groups.append([{}])


def _find(draft: Draft, rest: Sequence[str]) -> tuple[int, int] | None:
    places = [whole_number(text) for text in rest[:2]]
    if len(places) < 2 or places[0] is None or places[1] is None:
        return None
    g, c = places[0], places[1]
    return (g, c) if g < len(draft.groups) and c < len(draft.groups[g]) else None


def _remove(draft: Draft, rest: Sequence[str]) -> None:
    place = _find(draft, rest)
    if place is None:
        return
    g, c = place
    del draft.groups[g][c]
    draft.typed.clear()
    if not draft.groups[g]:
        del draft.groups[g]
    if not draft.groups:
        draft.groups.append([{}])


def _drop(draft: Draft, rest: Sequence[str]) -> None:
    """One value less."""
    place = _find(draft, rest)
    if place is None or len(rest) < 4 or rest[2] not in THINGS:
        return
    raw, argument, text = draft.groups[place[0]][place[1]], rest[2], ".".join(rest[3:])
    kept = [value for value in _list(raw.get(argument)) if shown_value(value) != text]
    raw.pop(argument, None)
    if kept:
        raw[argument] = kept


def shown_value(value: Any) -> str:
    """A value as a form carries it."""
    return NONE if value is None else str(value)


_BUTTONS: Mapping[str, Callable[[Draft, Sequence[str]], None]] = {
    "add": _add,
    "group": _add_group,
    "remove": _remove,
    "drop": _drop,
}
