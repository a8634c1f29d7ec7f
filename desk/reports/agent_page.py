"""One CS over time: the figures of CS quality week by week or month by month, hers beside the team's.

Who reads reports sees every CS of their teams; a CS sees herself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import date as format_date
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from contacts.models import Agent, ChannelOwnership
from contacts.selectors.viewing import viewer_of
from desk.people import handover
from desk.reports import agent_pictures, report_downloads
from desk.reports.agent_pictures import Timeline
from desk.reports.page_frame import MAY_READ, GapLine, address_with, defined, gap_lines, rows_address
from desk.reports.whiskers import draw_whiskers
from labelcrm.core.dates import moment_of
from labelcrm.core.viewer import Viewer
from reports import columns
from reports.definitions import definition
from reports.limits import in_words
from reports.query import ReportQuery, parse_query
from reports.registry import REPORTS
from reports.selectors import agent_history, agents, owners, periods
from reports.selectors.agent_history import AgentPeriod
from reports.selectors.filtered_spells import hidden_contacts
from reports.selectors.periods import Period
from transfer import report_files
from transfer.layouts import RECORD_LAYOUTS

COUNT = 12  # periods of a page


@dataclass(frozen=True, slots=True)
class PeriodLength:
    """How long the periods of the page are."""

    title: str | Promise
    periods: Callable[..., list[Period]]


LENGTHS = {
    "week": PeriodLength(gettext_lazy("Week by week"), periods.weeks),
    "month": PeriodLength(gettext_lazy("Month by month"), periods.months),
}
TABLE = [
    columns.Column(name="added", rows="added"),
    columns.Column(name="removed", rows="removed"),
    columns.Column(name="labelled_1h", kind="share", rows="labelled_1h_k"),
    columns.Column(
        name="came_true",
        kind="share",
        rows="came_true_k",
        beside=(columns.Beside(field="came_true_others", words=gettext_lazy("others: %(n)s"), brief=True),),
    ),
    columns.Column(name="mistap_rate", kind="share", rows="mistaps", bad=True),
    columns.Column(name="batches", rows="batches"),
]
KEYS = ("added", "labelled_1h", "came_true")


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One period in the table: its name, what stands beside it, and what opens its cells."""

    name: str
    notes: list[str]
    cells: list[columns.Cell]
    line: list[columns.SmallFigure]
    rows_url: str
    who: str


@require_GET
def agent_page(request: HttpRequest, pk: int) -> HttpResponse:
    """`/admin/reports/agents/<id>/`; `?by=` one of LENGTHS, `?to=` the last day (default today).

    `?format=` one of the RECORD_LAYOUTS is the same as a file.
    """
    viewer = viewer_of(request.user)
    agent = _seen_agent(viewer, pk)
    by = request.GET.get("by", "")
    by = by if by in LENGTHS else "week"
    today = timezone.localdate()
    asked = moment_of(request.GET.get("to"))
    last = min(timezone.localtime(asked).date(), today) if asked else today
    spans = LENGTHS[by].periods(last, count=COUNT)
    query = _query(viewer, agent, Period(spans[0].start, spans[-1].end))
    found = agent_history.history(query.question, spans, agent=agent.pk)
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS:
        return report_downloads.send(
            request, query, report_files.AGENT_PERIODS, found, code=code, name=f"agent-{agent.code}-by-{by}"
        )
    names, addresses = [_name(by, span) for span in spans], [rows_address(_over(query, span)) for span in spans]
    gaps = gap_lines(query, before=min(query.period.end, query.now), channels=_own_channels(query, agent))
    context = {
        **admin.site.each_context(request),
        "title": agent.name,
        "agent": agent,
        "query": query,
        "by": by,
        "lengths": [(key, each.title, address_with(request, by=key)) for key, each in LENGTHS.items()],
        "earlier": address_with(request, to=(spans[0].days or (last,))[0].isoformat()),
        "later": _later(request, by, last, today),
        "downloads": report_downloads.links(request.user, lambda code: address_with(request, format=code)),
        "sentence": agent_pictures.sentence(agent.name, found),
        "pictures": agent_pictures.pictures(Timeline(found, names, addresses, agent.pk, gaps)),
        "heads": [(column, definition(column.name, get_language())) for column in TABLE],
        "table": {"keys": KEYS},
        "rows": _rows(found, names, addresses, agent, query, gaps),
        "waiting": agent_history.waiting(query.question, agent=agent.pk) if last == today else None,
        "waiting_url": f"{addresses[-1]}&{urlencode({'figure': 'unanswered', 'who': agent.pk})}",
        "gaps": gaps,
        "judged_after": in_words(agents.PROVEN_AFTER, english=get_language() == "en"),
        "hidden": hidden_contacts(viewer),
        "reads_all": viewer.may(MAY_READ),
        "may_hand_over": viewer.may(*handover.MAY) and Agent.all_objects.visible_to(viewer).filter(pk=pk).exists(),
        "draws": True,
        **defined([*(column.name for column in TABLE), "unanswered"]),
    }
    return TemplateResponse(request, "reports/agent.html", context)


def _seen_agent(viewer: Viewer, pk: int) -> Agent:
    """The agent, where the viewer reads reports and sees them, or is them. Raises Http404, PermissionDenied."""
    agent = Agent.all_objects.filter(pk=pk).first()
    if agent is not None and is_own(viewer, agent):
        return agent
    if not viewer.may(MAY_READ):
        raise PermissionDenied
    if agent is None or not _works_where_seen(viewer, agent):
        raise Http404
    return agent


def _works_where_seen(viewer: Viewer, agent: Agent) -> bool:
    """Whether an agent is of the viewer's teams, or held one of their numbers and so is in their reports."""
    held = ChannelOwnership.objects.filter(agent=agent, channel__in=viewer.channels)
    return Agent.all_objects.visible_to(viewer).filter(pk=agent.pk).exists() or held.exists()


def is_own(viewer: Viewer, agent: Agent) -> bool:
    """Whether somebody looks at their own agent, and still works here."""
    return agent.user_id == viewer.user and not agent.is_archived


def _query(viewer: Viewer, agent: Agent, period: Period) -> ReportQuery:
    """The query of the report of agents that has her row."""
    asked = {"from": period.start.isoformat(), "to": period.end.isoformat(), "agent": str(agent.pk)}
    return parse_query(REPORTS["agents"], asked, viewer=viewer)


def _own_channels(query: ReportQuery, agent: Agent) -> set[int]:
    """The channels that were the agent's at some time of the period; gaps of others change nothing here."""
    held = owners.stretches(query.period, channels=query.filters.channels)
    return {stretch.channel for stretch in held if stretch.agent == agent.pk}


def _over(query: ReportQuery, period: Period) -> ReportQuery:
    """The same of one period, for the addresses of its rows."""
    return replace(query, period=period)


def _name(by: str, span: Period) -> str:
    first = timezone.localtime(span.start).date()
    return str(format_date(first, "YEAR_MONTH_FORMAT" if by == "month" else "MONTH_DAY_FORMAT"))


def _later(request: HttpRequest, by: str, last: date, today: date) -> str:
    """The address of the periods after these, "" where these are the newest."""
    if last >= today:
        return ""
    ahead = min(today, last + timedelta(days=COUNT * (31 if by == "month" else 7)))
    return address_with(request, to=None if ahead == today else ahead.isoformat())


def _rows(
    found: Sequence[AgentPeriod],
    names: Sequence[str],
    addresses: Sequence[str],
    agent: Agent,
    query: ReportQuery,
    gaps: Sequence[GapLine],
) -> list[PeriodRow]:
    """The newest first."""
    titles = {column.name: definition(column.name, get_language()).title for column in TABLE}
    rows = [
        PeriodRow(
            name=name,
            notes=_notes(each.period, query, gaps),
            cells=[columns.cell(each, column, title=titles[column.name]) for column in TABLE],
            line=columns.line_of_agent(each, shares=("already", "labelled_1h", "came_true")),
            rows_url=address,
            who=str(agent.pk),
        )
        for each, name, address in zip(found, names, addresses, strict=True)
    ]
    draw_whiskers(cell for row in rows for cell in row.cells)
    return rows[::-1]


def _notes(period: Period, query: ReportQuery, gaps: Sequence[GapLine]) -> list[str]:
    notes = [_("so far")] if period.end > query.now else []
    return [*notes, _("gap")] if any(agent_pictures.touches(gap, period) for gap in gaps) else notes
