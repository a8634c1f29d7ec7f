"""Stale labels as a report: how many of which label on whose numbers, and how many came and went in a period.

The list that one works through is `desk.labels.stale_contacts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from desk.reports import report_downloads
from desk.reports.page_frame import address_with, asked_query, check_may_read, defined, frame, rows_address
from labels.models import Label
from reports.query import ReportQuery
from reports.registry import REPORTS
from reports.selectors.stale import StaleRow
from transfer.layouts import RECORD_LAYOUTS

FIGURES = ("open", "flagged", "closed")
SHADES = 5
FINDINGS = "findings"  # the file of single labels, beside that of the table


@dataclass(frozen=True, slots=True)
class StaleCell:
    """The open flags of a label on somebody's numbers; `shade` is 1 to SHADES of the largest, 0 for none."""

    label: str
    count: int
    shade: int
    url: str


@dataclass(frozen=True, slots=True)
class StaleAgentLine:
    """One CS: a cell per label, all of them together, and the oldest; `url` is the list to work through."""

    name: str
    cells: list[StaleCell]
    total: int
    oldest: str
    url: str


@dataclass(frozen=True, slots=True)
class StaleLabelLine:
    """One label: what is open, what came and went in the period, and its limit in days (None: none any more)."""

    label: Label
    counts: dict[str, tuple[int, str]]  # by figure: how many, and where they are
    oldest: str
    limit: int | None


@require_safe
def stale_page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/stale/`; `?format=` makes a file of the table, with `?table=findings` of every stale label."""
    check_may_read(request)
    query, problem = asked_query(request, REPORTS["stale-summary"])
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not problem:
        single = request.GET.get("table") == FINDINGS
        asked = replace(query, report=REPORTS["stale"]) if single else query
        return report_downloads.download(request, asked, code=code)
    rows = query.rows
    labels = _labels(query, rows)
    shown = [label for label in labels if any(row.label == label.pk and row.open for row in rows)]
    context = {
        **frame(request, query, problem, title=_("Stale labels by CS")),
        **defined(FIGURES),
        "sentence": _sentence(rows),
        "columns": shown,
        "agents": _agent_lines(query, rows, shown),
        "labels": [_label_line(query, label, [row for row in rows if row.label == label.pk]) for label in labels],
        "findings": report_downloads.links(
            request.user, lambda code: address_with(request, format=code, table=FINDINGS)
        ),
    }
    return TemplateResponse(request, "reports/stale.html", context)


def _labels(query: ReportQuery, rows: Iterable[StaleRow]) -> list[Label]:
    """The labels that had a flag in the period, in the order of their categories."""
    named = {row.label for row in rows}
    return [label for label in query.question.labels if label.pk in named]


def _sentence(rows: Sequence[StaleRow]) -> str:
    """How much is open, and which part of it is the largest."""
    total = sum(row.open for row in rows)
    if not total:
        return _("No label is over its limit.")
    said = ngettext("%(n)s label is over its limit.", "%(n)s labels are over their limit.", total)
    most = max(rows, key=lambda row: row.open)
    part = _("Most of one kind: %(n)s × “%(label)s” of %(agent)s.")
    words = {"n": _count(most.open), "label": most.name, "agent": most.agent_name or _("nobody")}
    return f"{said % {'n': _count(total)}} {part % words}"


def _agent_lines(query: ReportQuery, rows: Iterable[StaleRow], labels: Sequence[Label]) -> list[StaleAgentLine]:
    """Who has most comes first; nobody's come last."""
    open_rows = [row for row in rows if row.open]
    most = max((row.open for row in open_rows), default=0)
    by_agent: dict[int | None, dict[int, StaleRow]] = {}
    for row in open_rows:
        by_agent.setdefault(row.agent, {})[row.label] = row
    lines = [_agent_line(query, agent, of_label, labels, most) for agent, of_label in by_agent.items()]
    return sorted(lines, key=lambda line: (not line.name, -line.total, line.name.casefold()))


def _agent_line(
    query: ReportQuery, agent: int | None, rows: dict[int, StaleRow], labels: Sequence[Label], most: int
) -> StaleAgentLine:
    listed = reverse("admin:labels_staleflag_changelist")
    return StaleAgentLine(
        name=next(iter(rows.values())).agent_name,
        cells=[_cell(query, rows.get(label.pk), label, most) for label in labels],
        total=sum(row.open for row in rows.values()),
        oldest=_oldest(rows.values()),
        url=f"{listed}?{urlencode({'cs': agent})}" if agent is not None and _lasts(query) else "",
    )


def _cell(query: ReportQuery, row: StaleRow | None, label: Label, most: int) -> StaleCell:
    if row is None:
        return StaleCell(str(label), 0, 0, "")
    shade = -(-row.open * SHADES // most)
    return StaleCell(str(label), row.open, shade, f"{rows_address(query)}&{urlencode(_named('open', row.key))}")


def _named(figure: str, row: str) -> dict[str, str]:
    return {"figure": figure, "who": row}


def _label_line(query: ReportQuery, label: Label, rows: Sequence[StaleRow]) -> StaleLabelLine:
    counts = {figure: sum(getattr(row, figure) for row in rows) for figure in FIGURES}
    of_label = replace(query, shown={**query.shown, "label": label.pk})
    return StaleLabelLine(
        label=label,
        counts={
            figure: (count, f"{rows_address(of_label)}&{urlencode({'figure': figure})}" if count else "")
            for figure, count in counts.items()
        },
        oldest=_oldest(rows),
        limit=label.stale_after_days,
    )


def _oldest(rows: Iterable[StaleRow]) -> str:
    """The age of the oldest that is open; "–" where none is."""
    aged = [(row.oldest_days, row.oldest_at_least) for row in rows if row.oldest_days is not None]
    if not aged:
        return "–"
    days, at_least = max(aged)
    said = ngettext("%(n)s day", "%(n)s days", round(days)) % {"n": _count(round(days))}
    return _("at least %(age)s") % {"age": said} if at_least else said


def _lasts(query: ReportQuery) -> bool:
    """Whether the period lasts still, so that what is open at its end is what the list shows."""
    return query.period.end > query.now


def _count(number: int) -> str:
    return str(number_format(number, force_grouping=True))
