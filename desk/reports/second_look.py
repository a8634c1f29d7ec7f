"""The blind second look: what waits to be looked at, how far looks and grades agree, and what to train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from contacts.models import Agent, Message
from contacts.selectors.viewing import viewer_of
from desk.base.keyset import Keyset
from desk.reports import report_downloads
from desk.reports.page_frame import address_with, asked_query, asks_for_time, check_may_read, defined, frame, same_again
from desk.reports.pictures import Picture
from desk.reports.proven_picture import LINE_HEIGHT, MARGIN, MOST_LINES
from labelcrm.core.viewer import Viewer
from labels.models import Label, LookSample, SampledGrade
from labels.selectors import second_looks as waiting
from labels.services import second_looks
from reports.columns import interval, written
from reports.query import ReportQuery
from reports.registry import REPORTS
from reports.selectors import agreement
from reports.selectors.agreement import AgentAgreement, Agreement, LabelAgreement
from reports.selectors.kappas import Kappa

MAY_LOOK, MAY_DRAW = "labels.add_secondlook", "labels.add_looksample"
MOST_QUEUES = 30
TRAINING = Keyset("graded_at", "id")
TRAINING_SIZE = 15
WORDS = 3  # of the contact's last messages before the grade
FIGURES = ("agreement", "kappa", "agreement_unsure", "agreement_changed")
GRADES = {
    "none": gettext_lazy("no better than chance"),
    "slight": gettext_lazy("slight"),
    "fair": gettext_lazy("fair"),
    "moderate": gettext_lazy("moderate"),
    "substantial": gettext_lazy("substantial"),
    "almost": gettext_lazy("almost perfect"),
}


@dataclass(frozen=True, slots=True)
class ShownKappa:
    """A kappa in words: its value, its interval, and what such a kappa is called."""

    text: str
    ends: str
    grade: str
    few: bool


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """A line of one of the two tables; `who` is the CS (id) or None, `instead` what was chosen in place of a label."""

    name: str
    who: int | None
    label: Label | None
    agreement: str
    ends: str
    few: bool
    kappa: ShownKappa
    unsure: int = 0
    changed: int = 0
    second: int = 0
    instead: Sequence[tuple[Label, int]] = ()


@require_GET
def second_look_page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/second-look/`: the newest 90 days, or what the bar of filters asks for."""
    check_may_read(request)
    report = REPORTS["agents"]
    asks = asks_for_time(request)
    query, problem = asked_query(request, report) if asks else asked_query(request, report, period="last_90")
    agent = query.only.get("agent")
    found = agreement.report(query.question, agent=agent)
    agents, labels = [*map(_agent_line, found.agents)], [*map(_label_line, found.labels)]
    context = {
        **frame(request, query, problem, title=_("Second look")),
        "downloads": _downloads(request, query),
        **_waiting(request),
        **defined(FIGURES),
        "found": found,
        "sentence": _sentence(found),
        "picture": _picture(found),
        "draws": len(found.agents) > 0,
        "agents": agents,
        "labels": labels,
        "few": any(line.few for line in (*agents, *labels)),
        **_training(request, query, agent),
    }
    return TemplateResponse(request, "reports/second_look/page.html", context)


@require_POST
def draw_sample(request: HttpRequest) -> HttpResponse:
    """The sample of last week, of the CS that the reader sees; who has one keeps it."""
    check_may_read(request)
    if not request.user.has_perm(MAY_DRAW):
        raise PermissionDenied
    agents = Agent.objects.visible_to(viewer_of(request.user)).values_list("id", flat=True)
    week = second_looks.last_week(timezone.now())
    drawn = second_looks.draw(week, actor=request.user, agents=list(agents))
    if drawn.samples:
        said = ngettext("%(n)d chat was drawn.", "%(n)d chats were drawn.", drawn.grades) % {"n": drawn.grades}
        messages.success(request, said)
    else:
        messages.info(request, _("Nothing new to draw: every CS who graded somebody last week has a sample."))
    return HttpResponseRedirect(reverse("report-second-look"))


def _downloads(request: HttpRequest, query: ReportQuery) -> list[report_downloads.DownloadLink]:
    """The same figures of each CS, as the file of CS quality."""
    asked = {name: value for name, value in same_again(query).items() if name != "report"}
    address = reverse("report-agents")
    return report_downloads.links(request.user, lambda code: f"{address}?{urlencode({**asked, 'format': code})}")


# -- What waits -------------------------------------------------------------------------------------------------------


def _waiting(request: HttpRequest) -> dict[str, Any]:
    """The samples to look at; for whom none is there, why not."""
    viewer, may_look = viewer_of(request.user), request.user.has_perm(MAY_LOOK)
    queues = waiting.queues(viewer, most=MOST_QUEUES + 1) if may_look else []
    agents = Agent.all_objects.visible_to(viewer)
    return {
        "may_look": may_look,
        "may_draw": request.user.has_perm(MAY_DRAW),
        "queues": queues[:MOST_QUEUES],
        "more_queues": len(queues) > MOST_QUEUES,
        "own_waits": may_look and not queues and waiting.waits_for_others(viewer),
        "was_drawn": LookSample.objects.filter(agent__in=agents).exists(),
    }


# -- Figures ----------------------------------------------------------------------------------------------------------


def shown_kappa(kappa: Kappa) -> ShownKappa:
    """A kappa as pages write it."""
    ends = "" if kappa.low is None else f"{written(kappa.low, 'kappa')}–{written(kappa.high, 'kappa')}"
    return ShownKappa(written(kappa.value, "kappa"), ends, str(GRADES.get(kappa.grade, "")), kappa.few)


def _agent_line(row: AgentAgreement) -> AgreementLine:
    return AgreementLine(
        name=row.agent.name, who=row.agent.pk, label=None, unsure=row.unsure, changed=row.changed, **_figures(row)
    )


def _label_line(row: LabelAgreement) -> AgreementLine:
    return AgreementLine(
        name=str(row.label), who=None, label=row.label, second=row.second, instead=row.instead, **_figures(row)
    )


def _figures(row: AgentAgreement | LabelAgreement) -> dict[str, Any]:
    """What the lines of both tables say alike."""
    return {
        "agreement": written(row.agreement, "share"),
        "ends": interval(row.agreement),
        "few": row.agreement.few,
        "kappa": shown_kappa(row.kappa),
    }


def _sentence(found: Agreement) -> str:
    """What all looks together say."""
    together = _("Of %(n)s chats that could be judged, the second look agreed on %(share)s.") % {
        "n": written(found.together.n, "count"),
        "share": _percent(found),
    }
    kappa = shown_kappa(found.kappa)
    if found.kappa.value is None:
        return together
    return f"{together} {_('Kappa %(kappa)s: %(grade)s.') % {'kappa': kappa.text, 'grade': kappa.grade}}"


def _percent(found: Agreement) -> str:
    return written(found.together, "share").partition(" ·")[0]


def _picture(found: Agreement) -> Picture | None:
    """A dot and its interval for each CS of whom something can be said, the surest first."""
    judged = sorted(
        (row for row in found.agents if row.agreement.n),
        key=lambda row: (not row.agreement.few, row.agreement.low or 0.0),
        reverse=True,
    )[:MOST_LINES]
    if not judged:
        return None
    reference = {"name": _("all %(share)s") % {"share": _percent(found)}, "value": found.together.value}
    return Picture(
        name="agreement",
        kind="dots",
        title=_("How often the second look agrees"),
        sentence=_sentence(found),
        rows={
            "unit": "share",
            "height": MARGIN + LINE_HEIGHT * len(judged),
            "lines": [_dot(row) for row in judged],
            "reference": reference if len(judged) > 1 else None,
        },
    )


def _dot(row: AgentAgreement) -> dict[str, Any]:
    value, name = row.agreement, row.agent.name
    more = _("%(name)s: %(share)s, 95%% interval %(interval)s")
    return {
        "name": name,
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "few": value.few,
        "words": written(value, "share").partition(" ·")[0],
        "more": more % {"name": name, "share": written(value, "share"), "interval": interval(value)},
        "link": "",
    }


# -- What to train ----------------------------------------------------------------------------------------------------


def _training(request: HttpRequest, query: ReportQuery, agent: int | None) -> dict[str, Any]:
    """The chats of the period on which look and grade differ, newest first, with what the contact wrote before."""
    if not request.user.has_perm("contacts.view_contact"):
        return {"may_train": False}
    rows = _disagreements(query, agent)
    cursors = {name: request.GET.get(name) for name in ("after", "before")}
    found, newer, older = TRAINING.page(rows, size=TRAINING_SIZE, **cursors)
    return {
        "may_train": True,
        "training": found,
        "disagreements": rows.count(),
        "newer": address_with(request, after=None, before=TRAINING.cursor(found[0])) if newer and found else "",
        "older": address_with(request, before=None, after=TRAINING.cursor(found[-1])) if older and found else "",
    }


def _disagreements(query: ReportQuery, agent: int | None) -> QuerySet[SampledGrade]:
    filters, period = query.filters, query.period
    rows = SampledGrade.objects.visible_to(query.viewer).counted().filter(look__blind=True, look__label__isnull=False)
    rows = rows.exclude(look__label=F("label")).filter(graded_at__gte=period.start, graded_at__lt=period.end)
    if filters.channels is not None:
        rows = rows.filter(channel__in=filters.channels)
    if filters.campaigns is not None:
        rows = rows.filter(contact__campaign__in=filters.campaigns)
    if filters.labels is not None:
        rows = rows.filter(label__in=filters.labels)
    if agent is not None:
        rows = rows.filter(sample__agent=agent)
    people = ("sample__agent", "look__reviewer", "contact")
    labels = ("label", "label__category", "look__label", "look__label__category")
    return rows.select_related(*people, *labels).annotate(words=ArraySubquery(_words(query.viewer)))


def _words(viewer: Viewer) -> QuerySet[Any, Any]:
    """The last texts of the contact of a grade before it, newest first."""
    before = Message.objects.visible_to(viewer).filter(
        contact=OuterRef("contact"), at__lt=OuterRef("graded_at"), from_me=False
    )
    return before.exclude(text="").order_by("-at", "-id").values("text")[:WORDS]
