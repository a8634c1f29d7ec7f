"""How the figures of a report are laid out: which columns, what stands beside a figure, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from itertools import chain
from types import SimpleNamespace
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from reports.selectors.campaigns import Basis
from reports.selectors.shares import Share, share

Text = Any  # a string, or one that is translated when it is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A smaller figure under the main one: field of the row, its words ("%(n)s so far"), the count behind it.

    Words that differ for one and for many choose by "count". `kind` is how it is written where its name does not say;
    `ends` are the fields of its interval.
    """

    field: str
    words: Text
    rows: str = ""
    kind: str = ""
    ends: tuple[str, ...] = ()
    brief: bool = False  # a share without its counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One figure of a row. `rows` is the count whose facts it opens; `bad` shares are better when low."""

    name: str
    kind: str = "count"  # count, share, seconds, money or mix
    rows: str = ""
    bad: bool = False
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that are read together, in one table; `keys` names the three that tell most, for where room is small."""

    title: Text
    columns: list[Column]
    keys: tuple[str, ...]


@dataclass(slots=True)
class SmallFigure:
    """A smaller figure as it is shown."""

    text: str
    rows: str = ""
    few: bool = False


@dataclass(slots=True)
class Cell:
    """A figure as it is shown: `rows` is the count it opens ("" for none)."""

    column: Column
    text: str
    title: str = ""
    rows: str = ""
    note: str = ""
    few: bool = False
    share: Share | None = None
    whisker: Any = None  # where the page draws the interval of a share
    lines: list[SmallFigure] = field(default_factory=list)
    mix: list[Any] = field(default_factory=list)


def _counted(name: str, *beside: Beside) -> Column:
    return Column(name=name, rows=name, beside=beside)


def _share(name: str, *beside: Beside, bad: bool = False) -> Column:
    return Column(name=name, kind="share", rows=f"{name}_k", bad=bad, beside=beside)


def _judged(name: str, *, bad: bool = False) -> Column:
    """A share, and beside it that of all others."""
    return _share(name, Beside(field=f"{name}_others", words=gettext_lazy("others: %(n)s"), brief=True), bad=bad)


CONTACTS = ngettext_lazy("%(n)s contact", "%(n)s contacts", "count")
AGENTS = [
    Group(
        gettext_lazy("Quality of labelling"),
        [
            _counted("received"),
            _share("labelled_1h"),
            _share("labelled_24h"),
            Column(
                name="first_label_median_s",
                kind="seconds",
                rows="first_labelled",
                beside=(Beside(field="first_label_p90_s", words=gettext_lazy("9 in 10 within %(n)s")),),
            ),
            _counted(
                "unlabelled",
                Beside(field="unlabelled_so_far", words=gettext_lazy("%(n)s so far"), rows="unlabelled_so_far"),
            ),
            _share("graded_high"),
            _judged("came_true"),
            _judged("cold_yet_bought", bad=True),
            _share("mistap_rate", bad=True),
            _counted("stale_open"),
        ],
        keys=("labelled_1h", "unlabelled", "came_true"),
    ),
    Group(
        gettext_lazy("Label activity"),
        [
            _counted(
                "added",
                Beside(
                    field="mistaps",
                    words=ngettext_lazy("%(n)s quick undo", "%(n)s quick undos", "count"),
                    rows="mistaps",
                ),
                Beside(field="added_contacts", words=CONTACTS),
            ),
            _counted("found"),
            _counted("removed"),
            _counted("lost"),
            Column(name="net"),
            _counted("removed_by"),
            _counted("active_from"),
            _counted("active_to", Beside(field="active_to_contacts", words=CONTACTS)),
        ],
        keys=("added", "removed", "active_to"),
    ),
    Group(
        gettext_lazy("Answers and habits"),
        [
            Column(
                name="first_reply_median_s",
                kind="seconds",
                rows="first_replied",
                beside=(Beside(field="first_reply_p90_s", words=gettext_lazy("9 in 10 within %(n)s")),),
            ),
            _counted("unreplied"),
            _counted(
                "batches",
                Beside(
                    field="batch_labels",
                    words=ngettext_lazy("%(n)s label", "%(n)s labels", "count"),
                    rows="batch_labels",
                ),
            ),
            _counted("flip_flops"),
            _counted("contradictions"),
            _share(
                "agreement",
                Beside(
                    field="kappa", words=gettext_lazy("kappa %(n)s"), kind="kappa", ends=("kappa_low", "kappa_high")
                ),
                Beside(
                    field="agreement_unsure", words=gettext_lazy("%(n)s could not be told"), rows="agreement_unsure"
                ),
                Beside(
                    field="agreement_changed", words=gettext_lazy("%(n)s changed afterwards"), rows="agreement_changed"
                ),
            ),
        ],
        keys=("first_reply_median_s", "unreplied", "flip_flops"),
    ),
]
COHORT = [
    Group(
        gettext_lazy("What became of the contacts"),
        [
            _counted("contacts"),
            _share("labelled"),
            _share("high"),
            Column(name="high_of_all", kind="share", rows="high_count"),
            _share("waiting"),
            _share("won"),
            _share("complaint", bad=True),
        ],
        keys=("contacts", "high", "won"),
    ),
    Group(
        gettext_lazy("Cost and labels"),
        [
            Column(name="cost", kind="money"),
            Column(name="cost_per_high", kind="money"),
            Column(name="cost_per_won", kind="money"),
            Column(name="label_mix", kind="mix"),
        ],
        keys=("cost", "cost_per_high", "cost_per_won"),
    ),
]
EVENT = [
    Group(
        gettext_lazy("Labels of the period"),
        [
            *(
                Column(name=name, kind="count_of", rows=f"{name}_count")
                for name in ("labelled", "high", "waiting", "won", "complaint")
            ),
            Column(name="high_of_all", kind="share", rows="high_count"),
        ],
        keys=("labelled", "high", "won"),
    ),
    COHORT[1],
]


def groups_of(report: str, basis: Basis) -> list[Group]:
    """The tables of a page."""
    if report == "agents":
        return AGENTS
    return COHORT if basis is Basis.COHORT else EVENT


# -- Cells ------------------------------------------------------------------------------------------------------------


def cell(row: Any, column: Column, *, title: str = "") -> Cell:
    """One figure of a row as it is shown, under a title."""
    value = getattr(row, f"{column.name}_count" if column.kind == "count_of" else column.name)
    shown = Cell(column, written(value, column.kind), title, lines=list(_lines(row, column)))
    if isinstance(value, Share):
        shown.note, shown.few, shown.share = interval(value), value.few, value
        shown.rows = column.rows if value.k else ""
    elif column.kind == "mix":
        shown.mix = value[:MOST_LABELS]
        shown.lines = (
            [SmallFigure(_("and %(n)d more") % {"n": len(value) - MOST_LABELS})] if len(value) > MOST_LABELS else []
        )
    elif column.kind == "money" and column.name != "cost" and row.so_far and value is not None:
        shown.lines = [SmallFigure(_("so far"))]
    else:
        shown.rows = column.rows if value else ""
    return shown


MOST_LABELS = 6


def _lines(row: Any, column: Column) -> Iterator[SmallFigure]:
    for beside in column.beside:
        value = getattr(row, beside.field)
        if isinstance(value, Share):
            if value.n:
                said = _percent(value.value) if beside.brief else written(value, "share")
                yield SmallFigure(str(beside.words) % {"n": said}, beside.rows if value.k else "", value.few)
        elif value or (beside.kind and value is not None):
            kind = beside.kind or ("seconds" if beside.field.endswith("_s") else "count")
            text = written(value, kind) + _ends(row, beside, kind)
            yield SmallFigure(str(beside.words % {"n": text, "count": value}), beside.rows)


def _ends(row: Any, beside: Beside, kind: str) -> str:
    """The interval of a smaller figure, in brackets; "" for one that has none."""
    ends = [written(getattr(row, end), kind) for end in beside.ends]
    return f" ({'–'.join(ends)})" if ends else ""


# What holds for a campaign's whole row, and so is said once and not in every cell.
ROW_LINE = (
    Beside(
        field="immature",
        words=ngettext_lazy("%(n)s contact too young", "%(n)s contacts too young", "count"),
        rows="immature",
    ),
    Beside(field="high_so_far", words=gettext_lazy("high quality so far %(n)s"), rows="high_count"),
    Beside(field="won_so_far", words=gettext_lazy("Done so far %(n)s"), rows="won_count"),
    Beside(field="unknown", words=gettext_lazy("%(n)s unknown because of a gap"), rows="unknown"),
    Beside(field="high_already", words=gettext_lazy("%(n)s high quality before"), rows="high_already"),
    Beside(field="won_already", words=gettext_lazy("%(n)s Done before"), rows="won_already"),
)


def line_of(row: Any) -> list[SmallFigure]:
    """Who of a campaign's contacts is not judged yet, cannot be, or had it before; and how it is so far with them."""
    said = [beside for beside in ROW_LINE if row.immature or not beside.field.endswith("_so_far")]
    return list(_lines(row, Column(name="", beside=tuple(said))))


# The same of an agent's row, where each share has its own.
AGENT_LINE = tuple(
    Beside(field=field, words=words, rows=field)
    for field, words in (
        ("already_labelled", gettext_lazy("%(n)s labelled before they wrote")),
        ("labelled_1h_unknown", gettext_lazy("within 1 hour: %(n)s unknown because of a gap")),
        ("labelled_24h_unknown", gettext_lazy("within 24 hours: %(n)s unknown because of a gap")),
        ("came_true_immature", gettext_lazy("graded high: %(n)s too young")),
        ("came_true_already", gettext_lazy("graded high: %(n)s Done before")),
        ("came_true_unknown", gettext_lazy("graded high: %(n)s unknown because of a gap")),
        ("cold_yet_bought_immature", gettext_lazy("graded cold: %(n)s too young")),
        ("cold_yet_bought_already", gettext_lazy("graded cold: %(n)s Done before")),
        ("cold_yet_bought_unknown", gettext_lazy("graded cold: %(n)s unknown because of a gap")),
    )
)


def line_of_agent(row: Any, *, shares: tuple[str, ...] = ("",)) -> list[SmallFigure]:
    """Who is in no share of an agent's row, and why; `shares` says of which of the row's shares, by default of all."""
    said = tuple(beside for beside in AGENT_LINE if beside.field.startswith(shares))
    return list(_lines(row, Column(name="", beside=said)))


def written(value: Any, kind: str) -> str:
    """A figure in words and digits of the active language; "–" for one that there is not."""
    if value is None:
        return "–"
    return _WRITERS.get(kind, _count)(value)


def _count(value: int) -> str:
    """With the minus that is as long as a plus; files and the API write a hyphen."""
    return str(number_format(value, decimal_pos=0, force_grouping=True)).replace("-", "\u2212")


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{_hundredths(fraction)}%"


def _hundredths(fraction: float) -> str:
    digits = 1 if 0 < fraction < 0.1 or 0.9 < fraction < 1 else 0
    return str(number_format(round(fraction * 100, digits), decimal_pos=digits))


def _share_text(value: Share) -> str:
    return f"{_percent(value.value)} · {_count(value.k)}/{_count(value.n)}" if value.n else "–"


def interval(value: Share) -> str:
    """The ends of a share's interval; "" when there is none."""
    if value.low is None or value.high is None:
        return ""
    return f"{_hundredths(value.low)}–{_hundredths(value.high)}%"


def _duration(seconds: float) -> str:
    """Two units at most: "3 h 20 min"."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return ngettext("%(n)d second", "%(n)d seconds", round(seconds)) % {"n": round(seconds)}
    if minutes < 60:
        return _("%(minutes)d min") % {"minutes": minutes}
    if minutes < 48 * 60:
        return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}
    return _("%(days)d d %(hours)d h") % {"days": minutes // 1440, "hours": minutes % 1440 // 60}


def _brief(seconds: float) -> str:
    """One unit, as an axis has it: "20 min", "4 h"."""
    if seconds < 3600:
        return _("%(minutes)d min") % {"minutes": round(seconds / 60)}
    if seconds < 86400:
        return _("%(hours)d h") % {"hours": round(seconds / 3600)}
    return _("%(days)d d") % {"days": round(seconds / 86400)}


def _money(value: Decimal) -> str:
    return f"Rp {_count(round(value))}"


def _kappa(value: float) -> str:
    return str(number_format(round(value, 2), decimal_pos=2)).replace("-", "\u2212")


_WRITERS: dict[str, Callable[[Any], str]] = {
    "kappa": _kappa,
    "share": _share_text,
    "seconds": _duration,
    "brief": _brief,
    "money": _money,
    "mix": lambda value: "" if value else "–",
}


# -- All rows together ------------------------------------------------------------------------------------------------

# What rows cannot be added up to: names, middle values, contacts that several rows have, and a row beside the others.
_APART = frozenset(
    {
        "agent", "campaign", "team", "name", "code", "archived", "young_channel", "first_label_median_s",
        "first_label_p90_s", "first_reply_median_s", "first_reply_p90_s", "added_contacts", "active_to_contacts",
        "came_true_others", "cold_yet_bought_others", "kappa", "kappa_low", "kappa_high", "high_of_all",
        "cost_per_high", "cost_per_won",
    }
)  # fmt: skip


def total(rows: Sequence[Any]) -> Any:
    """The rows of a report as one: counts added, shares pooled, None for what cannot be added.

    What a contact costs is the cost of the rows that have one, divided by their contacts alone.
    """
    names = [each.name for each in fields(rows[0])]
    pooled = {name: None if name in _APART else _pooled([getattr(row, name) for row in rows]) for name in names}
    for name in ("high", "won"):
        if f"cost_per_{name}" in pooled:
            pooled[f"cost_per_{name}"] = _cost_per(rows, f"{name}_count")
    return SimpleNamespace(**pooled)


def _pooled(values: Sequence[Any]) -> Any:
    values = [value for value in values if value is not None]
    if not values:
        return None
    if isinstance(values[0], Share):
        return share(sum(each.k for each in values), sum(each.n for each in values))
    return _mixed(values) if isinstance(values[0], list) else sum(values)


def _mixed(mixes: Sequence[list[Any]]) -> list[Any]:
    """The label mixes as one, the most frequent first."""
    found: dict[Any, Any] = {}
    for one in chain.from_iterable(mixes):
        known = found.get(one.label)
        found[one.label] = replace(one, contacts=one.contacts + (known.contacts if known else 0))
    return sorted(found.values(), key=lambda one: (-one.contacts, one.name))


def _cost_per(rows: Sequence[Any], count: str) -> Decimal | None:
    paid = [row for row in rows if row.cost]
    contacts = sum(getattr(row, count) for row in paid)
    return sum((row.cost for row in paid), Decimal()) / contacts if contacts else None


# -- Order ------------------------------------------------------------------------------------------------------------


def ordered(rows: list[Any], columns: list[Column], name: str) -> list[Any]:
    """Rows by one column, most remarkable first: good shares by their lower end, bad ones by their upper."""
    column = next((column for column in columns if column.name == name), None)
    if column is None:
        return rows
    return sorted(rows, key=lambda row: _rank(row, column), reverse=True)


def _rank(row: Any, column: Column) -> tuple[bool, float]:
    value = getattr(row, f"{column.name}_count" if column.kind == "count_of" else column.name)
    if isinstance(value, Share):
        value = value.high if column.bad else value.low
    elif isinstance(value, list):
        value = len(value)
    return (value is not None, float(value or 0))
