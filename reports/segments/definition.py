"""What a segment says: `{"any": [{"all": [condition, …]}, …]}`, read strictly into frozen rows.

A condition is `{"field", "op", …, "not": true?}`; GRAMMAR lists each field with its operators, and the arguments that
each of them takes. A definition that does not say exactly one thing is refused with the place of what is wrong, such
as `any[0].all[2].op`: whoever is messaged by mistake cannot be asked back.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from labelcrm.core.fields import CalendarDayField, IdField, MomentField, TrueFalseField
from labelcrm.lib.numbers import LARGEST_ID
from labelcrm.lib.strict_json import is_storable
from labelcrm.lib.text import is_blank
from reports.query import FIELDS, ReportKind
from reports.registry import REPORTS
from reports.selectors.row_keys import IDS, LONGEST_CODE

MAX_GROUPS = 20
MAX_CONDITIONS = 50
MAX_VALUES = 500  # of one list
MAX_DAYS = 36_500
MAX_TIMES = 50
MAX_TEXT = 200
_ACCENTS = re.compile("[\u0300-\u036f]")  # a name is looked for without them (`labelcrm.core.unaccented`)
_FIGURE = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)
_CODE = re.compile(r"[-a-zA-Z0-9_]+", re.ASCII)
_ROW = re.compile(r"[-:a-zA-Z0-9_]+", re.ASCII)
_PHONE_START = re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII)
_DAY = timedelta(hours=24)


class InvalidDefinition(ValueError):
    """A definition that cannot be meant: the place in it, a stable code, and a sentence."""

    def __init__(self, place: str, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.place, self.message, self.code = place, message, code


@dataclass(frozen=True, slots=True)
class DaysAgo:
    """The moment this many times 24 h before whoever is meant is asked for."""

    days: int


Moment = datetime | DaysAgo


def moment_at(moment: Moment, now: datetime) -> datetime:
    """The moment itself, seen from `now`."""
    return now - moment.days * _DAY if isinstance(moment, DaysAgo) else moment


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `values` holds the arguments that were given, as their readers left them."""

    place: str
    field: str
    op: str
    negated: bool
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SegmentDefinition:
    """Groups, of which one suffices; of a group every condition must hold, and an empty one holds for everybody."""

    groups: tuple[tuple[Condition, ...], ...]

    @property
    def conditions(self) -> Iterator[Condition]:
        return (condition for group in self.groups for condition in group)


# -- Values -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Argument:
    """How the value at a place is read (raises InvalidDefinition), and which JSON schema says the same."""

    read: Callable[[str, Any], Any]
    schema: Mapping[str, Any]


def _list_of(item: Argument) -> Argument:
    def read_list(place: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise InvalidDefinition(place, _("Must be a list."), "wrong_type")
        if not value:
            raise InvalidDefinition(place, _("Names nothing; leave it away or name something."), "empty")
        if len(value) > MAX_VALUES:
            raise InvalidDefinition(place, _("Names more than %(n)d things.") % {"n": MAX_VALUES}, "too_many")
        return tuple(dict.fromkeys(item.read(f"{place}[{i}]", each) for i, each in enumerate(value)))

    return Argument(read_list, {"type": "array", "items": item.schema, "minItems": 1, "maxItems": MAX_VALUES})


def _id(place: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidDefinition(place, _("Must be an id, a whole number."), "wrong_type")
    if not 0 < value <= LARGEST_ID:
        raise unknown_value(place)
    return value


def _id_or_none(place: str, value: Any) -> int | None:
    return None if value is None else _id(place, value)


def _text(place: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidDefinition(place, _("Must be a text."), "wrong_type")
    if not is_storable(value) or len(value) > MAX_TEXT:
        raise InvalidDefinition(place, _("This cannot be a value."))
    return value


def _sought(place: str, value: Any) -> str:
    text = _text(place, value)
    if is_blank(text) or not _ACCENTS.sub("", unicodedata.normalize("NFKD", text)):
        raise InvalidDefinition(place, _("Must hold something to look for."), "blank")
    return text


def _phone_start(place: str, value: Any) -> str:
    text = re.sub(r"[ ().-]", "", _text(place, value))
    if not _PHONE_START.fullmatch(text):
        raise InvalidDefinition(place, _("Must be the beginning of a number with its country code, such as +62812."))
    return text


def _flag(place: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidDefinition(place, _("Must be true or false."), "wrong_type")
    return value


def _days(place: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidDefinition(place, _("Must be a whole number of days."), "wrong_type")
    if not 0 <= value <= MAX_DAYS:
        raise InvalidDefinition(place, _("Must lie between 0 and %(n)d days.") % {"n": MAX_DAYS})
    return value


def _times(place: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidDefinition(place, _("Must be a whole number."), "wrong_type")
    if not 1 <= value <= MAX_TIMES:
        raise InvalidDefinition(place, _("Must lie between 1 and %(n)d.") % {"n": MAX_TIMES})
    return value


def _moment(place: str, value: Any) -> Moment:
    if isinstance(value, dict):
        _only(place, value, {"days_ago"})
        if "days_ago" not in value:
            raise InvalidDefinition(f"{place}.days_ago", _("Is missing."), "missing")
        return DaysAgo(_days(f"{place}.days_ago", value["days_ago"]))
    sentence = _("Must be a time in ISO 8601, such as 2026-03-02T10:00:00+07:00, or a number of days ago.")
    if not isinstance(value, str):
        raise InvalidDefinition(place, sentence, "wrong_type")
    try:
        found = MomentField().clean(value.strip())
    except forms.ValidationError:
        found = None
    if not isinstance(found, datetime):
        raise InvalidDefinition(place, sentence)
    return found


def _figure(place: str, value: Any) -> str:
    text = _text(place, value)
    if not _FIGURE.fullmatch(text):
        raise unknown_value(place)
    return text


def _row(place: str, value: Any) -> int | str | None:
    """An id or a step, or the text of a day, a code or a pair; which of them it must be its report knows."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return _id_or_none(place, value)
    text = _text(place, value)
    if not _ROW.fullmatch(text) or len(text) > LONGEST_CODE:
        raise unknown_value(place)
    return text


def _by_field(name: str) -> Callable[[str, Any], str]:
    """How a filter of a report is read: by the field that reads it in an address, and no laxer than it is written."""

    def read(place: str, value: Any) -> str:
        text = _text(place, value)
        if not _CODE.fullmatch(text):
            raise unknown_value(place)
        try:
            FIELDS[name].clean(text)
        except forms.ValidationError as error:
            raise InvalidDefinition(place, error.messages[0], error.error_list[0].code or "invalid") from None
        return text

    return read


# -- Grammar ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What an operator takes: what it must have, of what at least one, and what it may have."""

    required: Mapping[str, Argument] = dataclasses.field(default_factory=dict)
    one_of: Mapping[str, Argument] = dataclasses.field(default_factory=dict)
    optional: Mapping[str, Argument] = dataclasses.field(default_factory=dict)

    @property
    def all(self) -> dict[str, Argument]:
        return {**self.required, **self.one_of, **self.optional}


_ID_SCHEMA = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
_DAYS_SCHEMA = {"type": "integer", "minimum": 0, "maximum": MAX_DAYS}
_AGO_SCHEMA = {
    "type": "object", "properties": {"days_ago": _DAYS_SCHEMA}, "required": ["days_ago"], "additionalProperties": False,
}  # fmt: skip
_TIME_SCHEMA = {"type": "string", "format": "date-time", "pattern": "^(19|[2-8][0-9])[0-9]{2}-"}
_CODE_SCHEMA = {"type": "string", "maxLength": MAX_TEXT, "pattern": f"^{_CODE.pattern}$"}
_LETTER = r"^[^\x00]*[^\s\x00-\x1f\x7f-\x9f\u0300-\u036f][^\x00]*$"
_IDS = _list_of(Argument(_id, _ID_SCHEMA))
_IDS_OR_NONE = _list_of(Argument(_id_or_none, _ID_SCHEMA | {"nullable": True}))
_CODES = _list_of(Argument(_text, _CODE_SCHEMA))
_MOMENT = Argument(_moment, {"oneOf": [_TIME_SCHEMA, _AGO_SCHEMA]})
_BETWEEN = {"from": _MOMENT, "to": _MOMENT}
_LABELS = {"labels": _IDS, "categories": _CODES}
_WHOSE = {"agents": _IDS, "channels": _CODES}
_DAYS = Argument(_days, _DAYS_SCHEMA)
_TIMES = {"times": Argument(_times, {"type": "integer", "minimum": 1, "maximum": MAX_TIMES})}
_FLAG = Argument(_flag, {"type": "boolean"})
_SOUGHT = Argument(_sought, {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": _LETTER})
_PHONE = Argument(_phone_start, {"type": "string", "pattern": r"^\+[1-9][0-9]{0,14}$", "example": "+62812"})

_ON = Arguments(one_of=_LABELS, optional=_WHOSE)
_CHANGED = Arguments(one_of=_LABELS, optional=_WHOSE | _BETWEEN)
_CAMPAIGNS = Arguments(required={"campaigns": _IDS_OR_NONE}, optional=_BETWEEN)
_YES_OR_NO = {"is": Arguments(required={"value": _FLAG})}
_TIME = {"between": Arguments(one_of=_BETWEEN), "empty": Arguments()}

# What a report takes that is no filter of its facts: its time, which is a moment here, and its row.
NOT_FILTERS = frozenset({"figure", "row", "from", "to", "period"})


def _filter(name: str) -> Argument:
    """A filter of a report. A label is named by its id alone, which stays when its name changes."""
    field = FIELDS[name]
    if name == "label" or isinstance(field, IdField):
        return Argument(_id, _ID_SCHEMA)
    if isinstance(field, TrueFalseField):
        return _FLAG
    schema: dict[str, Any] = _CODE_SCHEMA | {"maxLength": getattr(field, "max_length", None) or MAX_TEXT}
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        schema = {"type": "string", "enum": [str(code) for code, _words in choices]}
    elif isinstance(field, CalendarDayField):
        schema = {"type": "string", "format": "date", "pattern": "^(19|[2-8][0-9])[0-9]{2}-"}
    return Argument(_by_field(name), schema)


def _behind(report: ReportKind) -> Arguments:
    """A number of a report: which figure, in which row (null for nobody's, all of them where it is left away)."""
    named = {report.key.name} & {*report.only}  # what limits a report to one row; `row` says it here
    filters = {name: _filter(name) for name in sorted(report.parameters - NOT_FILTERS - named)}
    row = _ID_ROW if all(key.type is IDS for key in (report.key, *report.keys)) else _ANY_ROW
    return Arguments(
        required={"figure": _FIGURE_NAME, "from": _MOMENT}, optional={"row": row, "to": _MOMENT, **filters}
    )


_FIGURE_NAME = Argument(_figure, {"type": "string", "pattern": f"^{_FIGURE.pattern}$", "example": "came_true_k"})
_ID_ROW = Argument(_id_or_none, _ID_SCHEMA | {"nullable": True})
_TEXT_ROW_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_CODE, "pattern": f"^{_ROW.pattern}$"}
_ANY_ROW = Argument(_row, {"oneOf": [_ID_SCHEMA, _TEXT_ROW_SCHEMA], "nullable": True})

GRAMMAR: Mapping[str, Mapping[str, Arguments]] = {
    "label": {
        "active": _ON,
        "ever": Arguments(one_of=_LABELS, optional=_WHOSE | _TIMES),
        "added": Arguments(one_of=_LABELS, optional=_WHOSE | _BETWEEN | _TIMES),
        "removed": _CHANGED,
        "active_for": Arguments(required={"days": _DAYS}, one_of=_LABELS, optional=_WHOSE),
    },
    "labelled": {"now": Arguments(), "ever": Arguments()},
    "stage": {"is": Arguments(required={"labels": _IDS_OR_NONE})},
    "campaign": {"first": _CAMPAIGNS, "last": _CAMPAIGNS, "any": _CAMPAIGNS},
    "assigned": {"is": Arguments(required={"agents": _IDS_OR_NONE})},
    "team": {"is": Arguments(required={"teams": _IDS})},
    "channel": {"is": Arguments(required={"channels": _CODES})},
    "first_seen": _TIME,
    "last_inbound": _TIME,
    "last_outbound": _TIME,
    "follow_up": _TIME,
    "name": {"contains": Arguments(required={"text": _SOUGHT})},
    "phone": {"starts": Arguments(required={"text": _PHONE}), "empty": Arguments()},
    "opted_out": _YES_OR_NO,
    "stale": _YES_OR_NO,
    "contradictory": _YES_OR_NO,
    "report": {name: _behind(report) for name, report in REPORTS.items() if report.facts is not None},
}


# -- Reading ----------------------------------------------------------------------------------------------------------


def parse_definition(given: Any) -> SegmentDefinition:
    """The definition that `given`, JSON, says. Raises InvalidDefinition for the first thing that is wrong with it.

    Whether there is what it names is for `reports.segments.known` to say.
    """
    _is_object("", given)
    _only("", given, {"any"})
    groups = _list(given, "any", "any")
    if not groups:
        raise InvalidDefinition("any", _("Needs a group: without one nobody is meant."), "empty")
    if len(groups) > MAX_GROUPS:
        raise InvalidDefinition("any", _("At most %(n)d groups.") % {"n": MAX_GROUPS}, "too_many")
    definition = SegmentDefinition(tuple(_group(f"any[{i}]", group) for i, group in enumerate(groups)))
    for n, condition in enumerate(definition.conditions):
        if n == MAX_CONDITIONS:
            raise InvalidDefinition(condition.place, _("At most %(n)d conditions.") % {"n": n}, "too_many")
    return definition


def unknown_value(place: str) -> InvalidDefinition:
    """For what names nothing the viewer can see."""
    return InvalidDefinition(place, _("There is nothing of this name or id."), "unknown_value")


def _group(place: str, given: Any) -> tuple[Condition, ...]:
    _is_object(place, given)
    _only(place, given, {"all"})
    conditions = _list(given, "all", f"{place}.all")
    return tuple(_condition(f"{place}.all[{i}]", each) for i, each in enumerate(conditions))


def _condition(place: str, given: Any) -> Condition:
    _is_object(place, given)
    operators = _choice(place, given, "field", GRAMMAR)
    arguments = _choice(place, given, "op", operators)
    known = arguments.all
    _only(place, given, {"field", "op", "not", *known})
    negated = _flag(f"{place}.not", given.get("not", False))
    if missing := next((name for name in arguments.required if name not in given), None):
        raise InvalidDefinition(f"{place}.{missing}", _("Is missing."), "missing")
    if arguments.one_of and not arguments.one_of.keys() & given.keys():
        names = ", ".join(arguments.one_of)
        first = next(iter(arguments.one_of))
        raise InvalidDefinition(
            f"{place}.{first}", _("One of these is missing: %(names)s.") % {"names": names}, "missing"
        )
    values = {name: each.read(f"{place}.{name}", given[name]) for name, each in known.items() if name in given}
    return Condition(place, given["field"], given["op"], negated, values)


def _choice(place: str, given: Mapping[str, Any], name: str, known: Mapping[str, Any]) -> Any:
    value, where = given.get(name), f"{place}.{name}"
    if name not in given:
        raise InvalidDefinition(where, _("Is missing."), "missing")
    if not isinstance(value, str) or value not in known:
        raise InvalidDefinition(where, _("Must be one of: %(known)s.") % {"known": ", ".join(known)}, "unknown")
    return known[value]


def _is_object(place: str, given: Any) -> None:
    if not isinstance(given, dict):
        raise InvalidDefinition(place, _("Must be an object."), "wrong_type")


def _only(place: str, given: Mapping[str, Any], known: set[str]) -> None:
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        where = f"{place}.{unknown[:60]}" if place else unknown[:60]
        raise InvalidDefinition(where, _("There is no such field."), "unknown_field")


def _list(given: Mapping[str, Any], name: str, place: str) -> Sequence[Any]:
    if name not in given:
        raise InvalidDefinition(place, _("Is missing."), "missing")
    value = given[name]
    if not isinstance(value, list):
        raise InvalidDefinition(place, _("Must be a list."), "wrong_type")
    return value


# -- What the OpenAPI document says about it --------------------------------------------------------------------------


def definition_schema() -> dict[str, Any]:
    """The JSON schema of a definition."""
    conditions = [
        _condition_schema(name, op, arguments)
        for name, operators in GRAMMAR.items()
        for op, arguments in operators.items()
    ]
    group = _object_schema({"all": {"type": "array", "items": {"oneOf": conditions}, "maxItems": MAX_CONDITIONS}})
    return _object_schema({"any": {"type": "array", "items": group, "minItems": 1, "maxItems": MAX_GROUPS}})


def _condition_schema(name: str, op: str, arguments: Arguments) -> dict[str, Any]:
    fixed = {"field": {"type": "string", "enum": [name]}, "op": {"type": "string", "enum": [op]}}
    known = {name: dict(argument.schema) for name, argument in arguments.all.items()}
    schema = _object_schema({**fixed, **known, "not": {"type": "boolean"}})
    schema["required"] = ["field", "op", *arguments.required]
    if arguments.one_of:
        schema["anyOf"] = [{"required": [name]} for name in arguments.one_of]
    return schema


def _object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
