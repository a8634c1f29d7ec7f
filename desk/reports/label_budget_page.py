"""Label budget: how many labels each number keeps, what can go, and what that costs.

Labels are dropped in WhatsApp, on the phone of the number; the page says what to do for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from desk.reports import report_downloads
from desk.reports.page_frame import address_with, asked_query, check_may_read, defined, frame
from labels.models import ChannelLabel
from reports.columns import written
from reports.query import ReportQuery
from reports.registry import REPORTS
from reports.selectors.label_budget import (
    DUPLICATE,
    LIMIT,
    NEVER,
    UNUSED,
    LabelBudgetRow,
    LabelPairRow,
    NumberBudgetRow,
)
from reports.selectors.shares import Share
from transfer.layouts import RECORD_LAYOUTS
from transfer.report_files import BESIDE

FIGURES = (
    "label_count", "used", "can_go", "coverage_lost", "active", "last_used", "together", "both", "lift", "choices",
)  # fmt: skip
REASONS = {
    NEVER: gettext_lazy("never put on anybody"),
    UNUSED: gettext_lazy("not put on in the period"),
    DUPLICATE: gettext_lazy("near-duplicate"),
}
TIGHT = LIMIT - 2  # so many labels are nearly all that WhatsApp allows
MOST_PAIRS = 15
MOST_IN_MATRIX = 20
SHADES = 5
CHANGES_LABELS = "labels.change_label"


@dataclass(frozen=True, slots=True)
class NumberBudgetLine:
    """A number in the table: how full WhatsApp's limit is, and its figures."""

    row: NumberBudgetRow
    url: str
    look: str  # "", tight or full


@dataclass(frozen=True, slots=True)
class BudgetLabel:
    """A WhatsApp label on the page: as it looks there, its figures, and what opens them."""

    row: LabelBudgetRow
    label: ChannelLabel
    reason: str
    todo: str
    url: str  # where one does it; "" for who may not
    cost_so_far: str


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """How many of the contacts with the label of the line have that of the column too; `pair` is what opens them."""

    name: str
    text: str
    shade: int
    pair: str
    both: int


@dataclass(frozen=True, slots=True)
class LabelMatrix:
    """The labels of one number against each other."""

    number: str
    labels: list[ChannelLabel]
    lines: list[tuple[ChannelLabel, int, list[MatrixCell]]]


@require_safe
def label_budget_page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/label-budget/`; `?format=` makes a file of the rows, `?table=` of what stands beside them."""
    check_may_read(request)
    query, problem = asked_query(request, REPORTS["label-budget"])
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not problem:
        table = request.GET.get("table", "")
        return report_downloads.download(request, query, code=code, beside=table if table in query.beside else "")
    budget = query.budget
    labels = ChannelLabel.objects.select_related("label").in_bulk([row.channel_label for row in budget.rows])
    lines = _label_lines(query, labels)
    context = {
        **frame(request, query, problem, title=_("Label budget")),
        **defined(FIGURES),
        "sentence": _sentence(budget.numbers),
        "numbers": [_number_line(request, row) for row in budget.numbers],
        "going": sorted(
            (line for line in lines if line.row.proposal), key=lambda line: (line.row.coverage_lost.k, line.row.active)
        ),
        "labels": lines,
        "teams": budget.teams if len(budget.teams) > 1 else [],
        "choices": budget.choices,
        "pairs": budget.pairs[:MOST_PAIRS],
        "more_pairs": max(0, len(budget.pairs) - MOST_PAIRS),
        "matrix": _matrix(budget.rows, budget.pairs, labels),
        "limit": LIMIT,
        "files": {name: _files(request, name) for name in query.beside},
    }
    return TemplateResponse(request, "reports/label_budget.html", context)


def _files(request: HttpRequest, table: str) -> list[Any]:
    assert table in BESIDE
    return report_downloads.links(request.user, lambda code: address_with(request, format=code, table=table))


def _sentence(numbers: Sequence[NumberBudgetRow]) -> str:
    """How many labels there are, how many can go, and who would be without a label then."""
    total, can_go = sum(row.label_count for row in numbers), sum(row.can_go for row in numbers)
    if not total:
        return _("There is no label on any number yet.")
    said = ngettext("%(n)s label", "%(n)s labels", total) % {"n": _count(total)}
    on = ngettext("on %(n)s number", "on %(n)s numbers", len(numbers)) % {"n": _count(len(numbers))}
    if not can_go:
        return _("%(labels)s %(numbers)s, and none that can go.") % {"labels": said, "numbers": on}
    lost = sum(row.coverage_lost.k for row in numbers)
    going = ngettext("%(n)s can go", "%(n)s can go", can_go) % {"n": _count(can_go)}
    if not lost:
        cost = _("and no contact would be without a label then")
    else:
        cost = ngettext(
            "and %(n)s contact would be without a label then", "and %(n)s contacts would be without a label then", lost
        ) % {"n": _count(lost)}
    return _("%(labels)s %(numbers)s: %(going)s, %(cost)s.") % {
        "labels": said, "numbers": on, "going": going, "cost": cost,
    }  # fmt: skip


def _number_line(request: HttpRequest, row: NumberBudgetRow) -> NumberBudgetLine:
    look = "full" if row.label_count >= row.allowed else "tight" if row.label_count >= TIGHT else ""
    return NumberBudgetLine(row, address_with(request, channel=row.channel), look)


# -- Labels -----------------------------------------------------------------------------------------------------------


def _label_lines(query: ReportQuery, labels: dict[int, ChannelLabel]) -> list[BudgetLabel]:
    rows = query.budget.rows
    elsewhere = _numbers_with(row.label for row in rows if row.proposal)
    may_change = query.viewer.may(CHANGES_LABELS)
    return [
        BudgetLabel(
            row=row,
            label=labels[row.channel_label],
            reason=_reason(row),
            todo=_todo(row, elsewhere.get(row.label, 1) - 1),
            url=reverse("admin:labels_label_change", args=[row.label]) if row.proposal and may_change else "",
            cost_so_far=_percent(row.coverage_lost_so_far),
        )
        for row in rows
    ]


def _numbers_with(labels: Iterable[int]) -> dict[int, int]:
    """On how many numbers each of these labels is in WhatsApp, whoever sees them: whether it can be archived."""
    living = ChannelLabel.objects.filter(label__in=set(labels), deleted_at__isnull=True, hidden=False)
    living = living.exclude(channel__gateway="crm")
    return dict(living.order_by().values_list("label").annotate(n=Count("channel", distinct=True)))


def _reason(row: LabelBudgetRow) -> str:
    if row.proposal != DUPLICATE:
        return str(REASONS.get(row.proposal, ""))
    words = _("“%(label)s” and “%(twin)s” are together in %(share)s of the contacts who have either")
    return words % {"label": row.name, "twin": row.twin_name, "share": _percent(row.together)}


def _todo(row: LabelBudgetRow, others: int) -> str:
    """What to do to drop a label; `others` are further numbers with the same label."""
    names = {"label": row.name, "number": row.channel_name, "twin": row.twin_name, "meaning": row.label_name}
    if not row.proposal:
        return ""
    if row.proposal == DUPLICATE:
        return (
            _(
                "Put only “%(twin)s” from now on: merge “%(meaning)s” into it here, and delete “%(label)s” in WhatsApp "
                "on %(number)s."
            )
            % names
        )
    if others > 0:
        words = ngettext(
            "Delete “%(label)s” in WhatsApp on %(number)s. “%(meaning)s” stays here: %(n)s other number has it.",
            "Delete “%(label)s” in WhatsApp on %(number)s. “%(meaning)s” stays here: %(n)s other numbers have it.",
            others,
        )
        return words % {**names, "n": _count(others)}
    return _("Delete “%(label)s” in WhatsApp on %(number)s, then archive “%(meaning)s” here.") % names


# -- Labels that go together ------------------------------------------------------------------------------------------


def _matrix(
    rows: Sequence[LabelBudgetRow], pairs: Sequence[LabelPairRow], labels: dict[int, ChannelLabel]
) -> LabelMatrix | None:
    """The labels of the number whose pairs are most together; of more than fit those that most contacts have."""
    if not pairs:
        return None
    number = max(pairs, key=lambda pair: (pair.near_duplicate, pair.together.low or 0)).channel
    mine = sorted((row for row in rows if row.channel == number and row.active), key=lambda row: -row.active)
    shown = mine[:MOST_IN_MATRIX]
    both = {(pair.first, pair.second): pair.both for pair in pairs if pair.channel == number}
    return LabelMatrix(
        number=shown[0].channel_name,
        labels=[labels[row.channel_label] for row in shown],
        lines=[(labels[row.channel_label], row.active, [_cell(row, each, both) for each in shown]) for row in shown],
    )


def _cell(row: LabelBudgetRow, other: LabelBudgetRow, both: dict[tuple[int, int], int]) -> MatrixCell:
    if row is other:
        return MatrixCell(other.name, "", 0, "", 0)
    first, second = sorted((row.channel_label, other.channel_label))
    together = both.get((first, second), 0)
    share = together / row.active
    text = written(Share(share, together, row.active, None, None), "share").partition(" ·")[0] if together else "0"
    return MatrixCell(other.name, text, -(-round(share * 100) * SHADES // 100), f"{first}:{second}", together)


def _percent(share: Share) -> str:
    return written(share, "share").partition(" ·")[0]


def _count(number: int) -> str:
    return str(number_format(number, force_grouping=True))
