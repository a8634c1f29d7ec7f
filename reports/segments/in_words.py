"""A definition in words, Indonesian and English: what the builder, the list, audit rows and snapshots say.

`segment_in_words` is pure: what things are called is looked up before, by `names_of`. Both languages stand side by side
here and not in gettext's catalogue, because a sentence is built differently in each, and is to be read as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language

from contacts.models import Agent
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from reports.figure_names import figure_of, part_of
from reports.segments.behind import BY_TEXT, FIELD, FILTERS, PAIRED, ROWS, row_name
from reports.segments.definition import GRAMMAR, Condition, DaysAgo, Moment, SegmentDefinition
from reports.segments.known import SOURCES, things_of
from reports.selectors.heatmap import weekday_and_hour
from reports.selectors.row_keys import DAYS, HOURS, NEW, NOTHING

Kind = tuple[str, str]  # a field and its operator
PLANNED = frozenset({"follow_up"})  # fields whose time may still come: from a day on is not "in the last … days"


@dataclass(frozen=True, slots=True)
class SegmentNames:
    """What the things that definitions name are called, by argument and value; the reader sees no others."""

    of: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)

    def name(self, argument: str, value: Any) -> str | None:
        return self.of.get(argument, {}).get(value)


def names_of(definitions: Iterable[SegmentDefinition], *, viewer: Viewer) -> SegmentNames:
    """What all that the definitions name is called, as far as the viewer sees it; one query per kind of thing."""
    wanted: dict[str, set[Any]] = {}
    for condition in (each for definition in definitions for each in definition.conditions):
        for argument, value in things_of(condition):
            wanted.setdefault(argument, set()).add(value)
    names = {argument: _named(argument, values, viewer) for argument, values in wanted.items()}
    if unseen := wanted.get("agents", set()) - names.get("agents", {}).keys():
        names["agents"] |= _colleagues(unseen, viewer)
    return SegmentNames(names)


def _colleagues(agents: set[int], viewer: Viewer) -> dict[Any, str]:
    """Those of other teams who held a number that the viewer sees: they are named in its reports as well."""
    held = Agent.all_objects.filter(pk__in=agents, ownerships__channel__in=viewer.channels)
    return {agent.pk: str(agent) for agent in held.distinct()}


def _named(argument: str, values: set[Any], viewer: Viewer) -> dict[Any, str]:
    rows, column = SOURCES[argument]
    found = rows(viewer).filter(**{f"{column}__in": values})
    return {getattr(row, column): str(row) for row in found}


# -- Sentences --------------------------------------------------------------------------------------------------------

_NUMBERS: tuple[Kind, ...] = tuple((FIELD, op) for op in GRAMMAR[FIELD])
# Of each kind of condition: what it says, and what it says negated. Words in braces are filled in.
SENTENCES: Mapping[str, Mapping[Kind, tuple[str, str]]] = {
    "id": {
        **dict.fromkeys(_NUMBERS, ("ada di balik angka {number}", "tidak ada di balik angka {number}")),
        ("label", "active"): ("memiliki {labels}", "tidak memiliki {labels}"),
        ("label", "ever"): ("pernah memiliki {labels}", "tidak pernah memiliki {labels}"),
        ("label", "added"): ("mendapat {labels} {when}", "tidak mendapat {labels} {when}"),
        ("label", "removed"): ("kehilangan {labels} {when}", "tidak kehilangan {labels} {when}"),
        ("label", "active_for"): (
            "memiliki {labels} selama setidaknya {days} hari", "tidak memiliki {labels} selama setidaknya {days} hari",
        ),
        ("labelled", "now"): ("memiliki label apa pun", "tidak memiliki label apa pun"),
        ("labelled", "ever"): ("pernah memiliki label apa pun", "tidak pernah memiliki label apa pun"),
        ("stage", "is"): ("berada di {stages}", "tidak berada di {stages}"),
        ("campaign", "first"): ("pertama datang {campaigns}", "pertama datang bukan {campaigns}"),
        ("campaign", "last"): ("terakhir datang {campaigns}", "terakhir datang bukan {campaigns}"),
        ("campaign", "any"): ("pernah datang {campaigns}", "tidak pernah datang {campaigns}"),
        ("assigned", "is"): ("dipegang oleh {agents}", "tidak dipegang oleh {agents}"),
        ("team", "is"): ("dikenal di nomor tim {teams}", "tidak dikenal di nomor tim {teams}"),
        ("channel", "is"): ("dikenal di nomor {channels}", "tidak dikenal di nomor {channels}"),
        ("first_seen", "between"): ("pertama kali terlihat {when}", "pertama kali terlihat bukan {when}"),
        ("first_seen", "empty"): ("belum pernah terlihat", "pernah terlihat"),
        ("last_inbound", "between"): ("pesan terakhir darinya {when}", "pesan terakhir darinya bukan {when}"),
        ("last_inbound", "empty"): ("belum pernah mengirim pesan", "pernah mengirim pesan"),
        ("last_outbound", "between"): ("pesan terakhir dari kita {when}", "pesan terakhir dari kita bukan {when}"),
        ("last_outbound", "empty"): ("belum pernah kita kirimi pesan", "pernah kita kirimi pesan"),
        ("follow_up", "between"): ("tindak lanjutnya {when}", "tindak lanjutnya bukan {when}"),
        ("follow_up", "empty"): ("tidak punya tanggal tindak lanjut", "punya tanggal tindak lanjut"),
        ("name", "contains"): ("namanya memuat {text}", "namanya tidak memuat {text}"),
        ("phone", "starts"): ("nomornya berawalan {text}", "nomornya tidak berawalan {text}"),
        ("phone", "empty"): ("tidak punya nomor telepon", "punya nomor telepon"),
        ("opted_out", "is"): ("menolak broadcast", "tidak menolak broadcast"),
        ("stale", "is"): ("punya label kedaluwarsa", "tidak punya label kedaluwarsa"),
        ("contradictory", "is"): ("punya label yang bertentangan", "tidak punya label yang bertentangan"),
    },
    "en": {
        **dict.fromkeys(_NUMBERS, ("is behind the number {number}", "is not behind the number {number}")),
        ("label", "active"): ("has {labels}", "does not have {labels}"),
        ("label", "ever"): ("has ever had {labels}", "has never had {labels}"),
        ("label", "added"): ("was given {labels} {when}", "was not given {labels} {when}"),
        ("label", "removed"): ("lost {labels} {when}", "did not lose {labels} {when}"),
        ("label", "active_for"): (
            "has had {labels} for at least {days} days", "has not had {labels} for at least {days} days",
        ),
        ("labelled", "now"): ("has any label", "has no label"),
        ("labelled", "ever"): ("has ever had a label", "has never had a label"),
        ("stage", "is"): ("is at {stages}", "is not at {stages}"),
        ("campaign", "first"): ("first came {campaigns}", "did not first come {campaigns}"),
        ("campaign", "last"): ("last came {campaigns}", "did not last come {campaigns}"),
        ("campaign", "any"): ("ever came {campaigns}", "never came {campaigns}"),
        ("assigned", "is"): ("is assigned to {agents}", "is not assigned to {agents}"),
        ("team", "is"): ("is known on a number of team {teams}", "is not known on a number of team {teams}"),
        ("channel", "is"): ("is known on number {channels}", "is not known on number {channels}"),
        ("first_seen", "between"): ("was first seen {when}", "was not first seen {when}"),
        ("first_seen", "empty"): ("was never seen", "was seen"),
        ("last_inbound", "between"): ("their last message came {when}", "their last message did not come {when}"),
        ("last_inbound", "empty"): ("never wrote", "has written"),
        ("last_outbound", "between"): ("our last message went out {when}", "our last message did not go out {when}"),
        ("last_outbound", "empty"): ("was never written to", "has been written to"),
        ("follow_up", "between"): ("is to be followed up {when}", "is not to be followed up {when}"),
        ("follow_up", "empty"): ("has no follow-up date", "has a follow-up date"),
        ("name", "contains"): ("has a name with {text} in it", "has a name without {text} in it"),
        ("phone", "starts"): ("has a number that begins with {text}", "has no number that begins with {text}"),
        ("phone", "empty"): ("has no phone number", "has a phone number"),
        ("opted_out", "is"): ("opted out of broadcasts", "did not opt out of broadcasts"),
        ("stale", "is"): ("has a stale label", "has no stale label"),
        ("contradictory", "is"): ("has contradicting labels", "has no contradicting labels"),
    },
}  # fmt: skip

# The same of what happened so many times, which "ever" and "never" do not say.
SENTENCES_OF_TIMES: Mapping[str, Mapping[Kind, tuple[str, str]]] = {
    "id": {
        ("label", "ever"): (
            "pernah memiliki {labels} setidaknya {times} kali", "belum sampai {times} kali memiliki {labels}",
        ),
        ("label", "added"): (
            "mendapat {labels} setidaknya {times} kali {when}", "tidak mendapat {labels} sampai {times} kali {when}",
        ),
    },
    "en": {
        ("label", "ever"): (
            "has had {labels} at least {times} times", "has not had {labels} as often as {times} times",
        ),
        ("label", "added"): (
            "was given {labels} at least {times} times {when}",
            "was not given {labels} as often as {times} times {when}",
        ),
    },
}  # fmt: skip

_WORDS: Mapping[str, Mapping[str, str]] = {
    "id": {
        "and": " dan ", "or": " atau ", "between groups": "; atau ", "everybody": "semua kontak",
        "unseen": "(tidak terlihat oleh Anda)",
        "labels": "label {}", "categories": "label apa pun dari kategori {}",
        "stages": "tahap {}", "no stages": "tanpa tahap",
        "campaigns": "dari kampanye {}", "no campaigns": "tanpa kampanye",
        "agents": "{}", "no agents": "belum siapa pun", "teams": "{}", "channels": "{}",
        "row labels": "untuk label {}", "row agents": "milik {}", "row campaigns": "dari kampanye {}",
        "no row labels": "untuk label yang belum diberi arti", "no row agents": "tanpa CS yang diketahui",
        "no row campaigns": "tanpa kampanye", "no row stage": "tanpa tahap", "row pair": "dari {} ke {}",
        NEW: "kontak baru", NOTHING: "tanpa tahap", "row": "pada satu baris", "no row": "pada baris yang kosong",
        "row categories": "dari kategori {}", "no row categories": "tanpa kategori", "row channels": "di nomor {}",
        "no row channels": "tanpa nomor", "row teams": "tim {}", "no row teams": "tanpa tim",
        "row day": "pada {}", "label": "untuk label {}", "category": "dari kategori {}", "team": "tim {}",
        "channel": "di nomor {}", "agent": "dipasang oleh {}", "campaign": "kontak dari kampanye {}",
        "certain": "hanya pemberi label yang pasti",
        "touch last": "menurut kedatangan terakhir", "basis event": "menurut tanggal label",
        "week": "minggu yang mulai {}", "step": "sampai tahap {}",
        "put on by": "dipasang oleh {}", "taken off by": "dilepas oleh {}", "on number": "di nomor {}",
        "any time": "kapan saja",
        "last": "dalam {0} hari terakhir", "more than": "lebih dari {0} hari lalu",
        "days": "antara {0} dan {1} hari lalu", "from now": "mulai sekarang", "before now": "sampai sekarang",
        "since": "sejak {0}", "until": "sampai dengan {0}", "before": "sebelum {0}", "on": "pada {0}",
        "dates": "dari {0} sampai dengan {1}", "ends": "{0} dan {1}", "at most": "sejak {0} hari lalu",
        "at least": "sampai {0} hari lalu",
    },
    "en": {
        "and": " and ", "or": " or ", "between groups": "; or ", "everybody": "all contacts",
        "unseen": "(not visible to you)",
        "labels": "the label {}", "categories": "any label of category {}",
        "stages": "stage {}", "no stages": "no stage",
        "campaigns": "by campaign {}", "no campaigns": "by no campaign",
        "agents": "{}", "no agents": "nobody", "teams": "{}", "channels": "{}",
        "row labels": "for the label {}", "row agents": "of {}", "row campaigns": "of campaign {}",
        "no row labels": "for labels that are not mapped yet", "no row agents": "of nobody known",
        "no row campaigns": "of no campaign", "no row stage": "of no stage",
        "row pair": "from {} to {}", NEW: "new contacts", NOTHING: "no stage",
        "row": "of one row", "no row": "of the row without a name",
        "row categories": "of category {}", "no row categories": "of no category", "row channels": "on number {}",
        "no row channels": "on no number", "row teams": "of team {}", "no row teams": "of no team",
        "row day": "on {}", "label": "for the label {}", "category": "of category {}", "team": "team {}",
        "channel": "on number {}", "agent": "put on by {}", "campaign": "contacts of campaign {}",
        "certain": "known labeller only",
        "touch last": "by the last touch", "basis event": "by date of label",
        "week": "week beginning {}", "step": "reaching step {}",
        "put on by": "put on by {}", "taken off by": "taken off by {}", "on number": "on number {}",
        "any time": "at any time",
        "last": "in the last {0} days", "more than": "more than {0} days ago",
        "days": "between {0} and {1} days ago", "from now": "from now on", "before now": "before now",
        "since": "since {0}", "until": "up to and including {0}", "before": "before {0}", "on": "on {0}",
        "dates": "from {0} up to and including {1}", "ends": "{0} and {1}", "at most": "from {0} days ago on",
        "at least": "until {0} days ago",
    },
}  # fmt: skip


def segment_in_words(definition: SegmentDefinition, names: SegmentNames) -> str:
    """Whom a definition means, in the language of the moment. What the reader does not see is not named."""
    words = _words()
    groups = [_group_in_words(group, names) for group in definition.groups]
    if len(groups) > 1:
        groups = [
            f"({text})" if len(group) > 1 else text for group, text in zip(definition.groups, groups, strict=True)
        ]
    return words["between groups"].join(groups)


def condition_in_words(condition: Condition, names: SegmentNames) -> str:
    """What one condition says, such as `memiliki label “Grade A”, dipasang oleh “Rina”`."""
    yes, no = _sentences(condition)
    # "Is true, not" and "is false" are one thing to a reader.
    sentence = no if condition.negated != (condition.values.get("value") is False) else yes
    filled = sentence.format_map(
        {name: fill(condition, names) for name, fill in _FILLS.items() if f"{{{name}}}" in sentence}
    )
    return ", ".join([filled, *_beside(condition, names)])


def _sentences(condition: Condition) -> tuple[str, str]:
    kind = (condition.field, condition.op)
    several = condition.values.get("times", 1) > 1
    return (SENTENCES_OF_TIMES if several else SENTENCES)[_language()][kind]


def verbs(kind: Kind) -> tuple[str, str]:
    """How the sentence of a kind begins, and how it begins negated: "memiliki", "tidak memiliki"."""
    yes, no = SENTENCES[_language()][kind]
    return yes.partition("{")[0].strip(), no.partition("{")[0].strip()


def words_before(wording: str) -> str:
    """What stands before the names of things: "label", "dari kampanye"."""
    return _words()[wording].partition("{")[0].strip()


def _group_in_words(conditions: tuple[Condition, ...], names: SegmentNames) -> str:
    words = _words()
    if not conditions:
        return words["everybody"]
    return words["and"].join(condition_in_words(condition, names) for condition in conditions)


def _language() -> str:
    return "en" if get_language() == "en" else "id"


def _words() -> Mapping[str, str]:
    return _WORDS[_language()]


# -- What is filled in ------------------------------------------------------------------------------------------------


def _things(argument: str, wording: str) -> Callable[[Condition, SegmentNames], str]:
    def fill(condition: Condition, names: SegmentNames) -> str:
        return _listed(argument, wording, condition.values[argument], names)

    return fill


def _listed(argument: str, wording: str, values: Iterable[Any], names: SegmentNames) -> str:
    """ "label “Grade A” atau “Hot”"; None is none of them."""
    words, chosen = _words(), list(values)
    shown = [_quoted(names.name(argument, value)) for value in chosen if value is not None]
    parts = [words[wording].format(words["or"].join(shown))] if shown else []
    return words["or"].join([*parts, *([words[f"no {wording}"]] if None in chosen else [])])


def _labels(condition: Condition, names: SegmentNames) -> str:
    given = [argument for argument in ("labels", "categories") if argument in condition.values]
    return _words()["or"].join(_listed(each, each, condition.values[each], names) for each in given)


def _quoted(name: str | None) -> str:
    return f"“{name}”" if name is not None else _words()["unseen"]


def _text(condition: Condition, names: SegmentNames) -> str:
    return f"“{condition.values['text']}”"


_FILLS: Mapping[str, Callable[[Condition, SegmentNames], str]] = {
    "labels": _labels,
    "stages": _things("labels", "stages"),
    "campaigns": _things("campaigns", "campaigns"),
    "agents": _things("agents", "agents"),
    "teams": _things("teams", "teams"),
    "channels": _things("channels", "channels"),
    "days": lambda condition, names: str(condition.values["days"]),
    "times": lambda condition, names: str(condition.values["times"]),
    "text": _text,
    "when": lambda condition, names: _when(condition),
    "number": lambda condition, names: ", ".join([number_in_words(condition, names), _when(condition)]),
}


def _when(condition: Condition) -> str:
    start, end = condition.values.get("from"), condition.values.get("to")
    if condition.field in PLANNED and start is not None and end is None:
        return _start(start, alone=False)
    return period_in_words(start, end)


# -- Numbers of reports -----------------------------------------------------------------------------------------------


def number_in_words(condition: Condition, names: SegmentNames) -> str:
    """Which number of a report a condition means, its time left out: `“Came true”: those counted, of “Rina”`."""
    count = condition.values["figure"]
    try:
        figure, part = _quoted(figure_of(count, report=condition.op).title), part_of(count)
    except KeyError:
        figure, part = _quoted(count), ""
    said = [f"{figure} ({part})" if part else figure, *_row(condition, names)]
    return ", ".join([" ".join(said), *_filters(condition, names)])


def _row(condition: Condition, names: SegmentNames) -> list[str]:
    if "row" not in condition.values:
        return []
    row, of = condition.values["row"], row_name(condition)
    if isinstance(row, str) and PAIRED in row:
        return [_words()["row pair"].format(*(_stage(part, names) for part in row.split(PAIRED)))]
    if moment := _moment_of_row(of, row):
        return [_words()["row day"].format(moment)]
    if row is None and of == "stage":
        return [_words()["no row stage"]]
    argument = ROWS.get(of, "")
    if isinstance(row, str) and argument not in BY_TEXT:
        argument = ""  # what it names has no name
    wording = ("row" if row is not None else "no row") + f" {argument}" * bool(argument)
    return [_words()[wording].format(_quoted(names.name(argument, row)))]


def _moment_of_row(of: str, row: Any) -> str:
    """Which day, or hour of the week, a row is of; "" where rows are of something else, or there is no such one."""
    try:
        if of == "day":
            return str(format_date(DAYS.parse(str(row)), "DATE_FORMAT"))
        if of == "hour_of_week":
            weekday, hour = weekday_and_hour(HOURS.parse(str(row)))
            return f"{WEEKDAYS[weekday]} {hour:02}.00"
    except ValueError:  # the compiler finds nobody in it
        pass
    return ""


def _stage(part: str, names: SegmentNames) -> str:
    """One side of a pair: a label, no stage, or who is new."""
    return _words()[part] if part in (NEW, NOTHING) else _quoted(names.name("labels", row_id(part)))


def _filters(condition: Condition, names: SegmentNames) -> list[str]:
    """What the report was narrowed to; first touch and date of touch are what it says by itself."""
    said, values = [], condition.values
    for name, argument in FILTERS.items():
        if name in values:
            said.append(_words()[name].format(_quoted(names.name(argument, values[name]))))
    for name, value in (("touch", "last"), ("basis", "event")):
        if values.get(name) == value:
            said.append(_words()[f"{name} {value}"])
    if values.get("certain"):
        said.append(_words()["certain"])
    if "step" in values:
        said.append(_words()["step"].format(values["step"]))
    if "week" in values:
        said.append(_words()["week"].format(format_date(date.fromisoformat(values["week"]), "DATE_FORMAT")))
    return said


def _beside(condition: Condition, names: SegmentNames) -> list[str]:
    """Of a label by whom, and on which numbers; of a campaign when."""
    if condition.field == "campaign" and condition.values.keys() & {"from", "to"}:
        return [_when(condition)]
    if condition.field != "label":
        return []
    words = _words()
    by = words["taken off by" if condition.op == "removed" else "put on by"]
    given = [(argument, text) for argument, text in (("agents", by), ("channels", words["on number"]))]
    return [
        text.format(_listed(argument, argument, condition.values[argument], names))
        for argument, text in given
        if argument in condition.values
    ]


# -- Times ------------------------------------------------------------------------------------------------------------


def period_in_words(start: Moment | None, end: Moment | None) -> str:
    """`[start, end)` in words. Days are named whole: one that ends at midnight includes the day before."""
    words = _words()
    if start is None and end is None:
        return words["any time"]
    if isinstance(start, DaysAgo) and isinstance(end, DaysAgo):
        return words["days"].format(end.days, start.days)
    if isinstance(start, datetime) and isinstance(end, datetime) and _is_midnight(start) and _is_midnight(end):
        first, last = _day(start), _day(end - timedelta(days=1))
        return words["on"].format(first) if first == last else words["dates"].format(first, last)
    if start is not None and end is not None:
        return words["ends"].format(_start(start, alone=False), _end(end, alone=False))
    return _start(start, alone=True) if start is not None else _end(end, alone=True)


def _start(start: Moment, *, alone: bool) -> str:
    words = _words()
    if isinstance(start, DaysAgo):
        return words["last" if alone else "at most"].format(start.days) if start.days else words["from now"]
    return words["since"].format(_day(start) if _is_midnight(start) else _minute(start))


def _end(end: Moment | None, *, alone: bool) -> str:
    words = _words()
    if isinstance(end, DaysAgo):
        return words["more than" if alone else "at least"].format(end.days) if end.days else words["before now"]
    assert end is not None
    if _is_midnight(end):
        return words["until"].format(_day(end - timedelta(days=1)))
    return words["before"].format(_minute(end))


def _is_midnight(moment: datetime) -> bool:
    local = timezone.localtime(moment)
    return (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)


def _day(moment: datetime) -> str:
    return str(format_date(timezone.localtime(moment), "DATE_FORMAT"))


def _minute(moment: datetime) -> str:
    return str(format_date(timezone.localtime(moment), "DATETIME_FORMAT"))
