"""The page before an export: whom it means and who is left out, as a funnel; how the file looks; start.

A segment and a list of contacts have the same page. Its address holds every choice, so that going back shows what was
chosen, and each number of the funnel opens its people.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.selectors.viewing import viewer_of
from desk.exports import choice as choices
from desk.exports.choice import AFTER, PEOPLE, ExportChoice
from desk.exports.funnel_picture import TITLES, FunnelStep, in_use, reason_of, steps
from desk.exports.schedules import uses_of_segments
from labelcrm.lib.numbers import row_id
from reports.models import Segment
from reports.segments.compiler import MembersQuery
from reports.segments.definition import InvalidDefinition, parse_definition
from reports.segments.in_words import names_of, segment_in_words
from reports.segments.members import Members
from transfer import exports, jobs, snapshots
from transfer.funnel import MOST_DAYS, MOST_HELD_OUT, Funnel, FunnelCounts
from transfer.layouts import LAYOUTS
from transfer.models import Export, Reason
from transfer.people_export import RIGHTS

SHOWN = 50  # people on a page
FETCHED = "X-Requested-With"  # only the funnel is asked for
UNREADABLE = gettext_lazy(
    "This segment was saved in a form that cannot be read any more, so nobody is in it. Put it right and save it."
)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What a page exports: whom, in words and as a query; where it came from, and the part of its address to keep."""

    title: str
    sentence: str
    meant: MembersQuery
    now: datetime
    back: str
    segment: Segment | None = None
    kept: list[tuple[str, str]] = field(default_factory=list)
    columns_at_first: tuple[str, ...] = ()
    opts: Any = None  # of the list, which the tab then names
    start: Any = None  # takes an ExportOrder, gives the Export


# -- Of a segment -----------------------------------------------------------------------------------------------------


def segment_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The export of a segment; of one that cannot be read any more its page, where it is put right."""
    viewer = viewer_of(request.user)
    segment = Segment.objects.visible_to(viewer).filter(pk=pk).first()
    if segment is None:
        raise Http404
    try:
        definition, now = parse_definition(segment.definition), timezone.now()
    except InvalidDefinition:
        messages.error(request, UNREADABLE)
        return HttpResponseRedirect(reverse("admin:segments-edit", args=[pk]))
    exported = Exported(
        title=segment.name,
        sentence=segment_in_words(definition, names_of([definition], viewer=viewer)),
        meant=Members(definition, viewer, now).query,
        now=now,
        back=f"/admin/segments/{segment.pk}/",
        segment=segment,
        start=lambda order: jobs.export_segment(segment, order, owner=request.user),
    )
    return page(request, exported)


# -- The page ---------------------------------------------------------------------------------------------------------


def page(request: HttpRequest, exported: Exported) -> HttpResponse:
    """Look at what would be exported, open the people behind a number, or start."""
    if not request.user.has_perms(RIGHTS):
        raise PermissionDenied
    data = request.POST if request.method == "POST" else request.GET
    if choices.AGAIN in data:
        return HttpResponseRedirect(_choices_address(data))
    if choices.REPEAT in data and exported.segment is not None:
        return _repeat(exported.segment, data)
    choice = choices.choice_of(data, user=request.user, columns_at_first=exported.columns_at_first)
    if request.method == "POST":
        return _start(request, exported, choice) if data.get("layout") in LAYOUTS else _ask_for_layout(request, data)
    funnel = _funnel(request, exported, choice)
    if PEOPLE in request.GET:
        return _people(request, exported, funnel)
    return _ask(request, exported, choice, funnel.counts())


def _start(request: HttpRequest, exported: Exported, choice: ExportChoice) -> HttpResponse:
    export: Export = exported.start(choice.order)
    choices.remember(choice, user=request.user)
    return HttpResponseRedirect(reverse("admin:exports-page", args=[export.pk]))


def _repeat(segment: Segment, data: QueryDict) -> HttpResponse:
    """To the form of a schedule, with what was chosen."""
    address = f"{reverse('admin:schedules-new')}{_choices_address(data)}&{urlencode({'segment': segment.pk})}"
    return HttpResponseRedirect(address)


def _ask_for_layout(request: HttpRequest, data: QueryDict) -> HttpResponse:
    messages.error(request, _("Choose a format."))
    return HttpResponseRedirect(_choices_address(data))


def _funnel(request: HttpRequest, exported: Exported, choice: ExportChoice) -> Funnel:
    exclusions = choice.exclusions
    if choice.layout.needs_phone:
        exclusions = replace(exclusions, no_phone=True)
    segment = exported.segment.pk if exported.segment else None
    return Funnel(exported.meant, exclusions, viewer_of(request.user), exported.now, segment=segment)


def _ask(request: HttpRequest, exported: Exported, choice: ExportChoice, counts: FunnelCounts) -> HttpResponse:
    too_long = choice.layout.is_workbook and counts.rows > exports.XLSX_ROWS
    if too_long and choices.ASKED not in request.GET:
        choice, too_long = replace(choice, layout=LAYOUTS[exports.CSV]), False
    context = {
        **admin.site.each_context(request),
        "title": _("Export of %(whom)s") % {"whom": exported.title},
        "opts": exported.opts,
        "exported": exported,
        "choice": choice,
        "counts": counts,
        "steps": _steps(request, exported, choice, counts),
        "too_long": too_long,
        "most_days": MOST_DAYS,
        "most_held_out": MOST_HELD_OUT,
        "is_preview": True,
    }
    if request.headers.get(FETCHED):
        return TemplateResponse(request, "exports/funnel.html", context)
    if exported.segment is not None:
        context["history"] = history_of(request, exported.segment)
        context["uses"] = uses_of_segments([exported.segment], viewer_of(request.user)).get(exported.segment.pk, [])
    return TemplateResponse(request, "exports/ask.html", context)


def _steps(request: HttpRequest, exported: Exported, choice: ExportChoice, counts: FunnelCounts) -> list[FunnelStep]:
    given = request.GET.copy()

    def url(code: str) -> str:
        if code == Reason.HOLD_OUT.code or (code == Reason.FILE.code and choice.exclusions.hold_out):
            return ""  # chance has not drawn yet
        given[PEOPLE] = code
        return f"?{given.urlencode()}"

    shown = in_use(choice.exclusions) | ({Reason.NO_PHONE} if choice.layout.needs_phone else frozenset())
    return steps(counts, url, shown=shown)


def _people(request: HttpRequest, exported: Exported, funnel: Funnel) -> HttpResponse:
    """The people behind a number, a page at a time."""
    code = request.GET[PEOPLE]
    try:
        reason = reason_of(code)
    except KeyError:
        raise Http404 from None
    after = row_id(request.GET.get(AFTER, "")) or 0
    ids = funnel.people(reason, after=after, limit=SHOWN + 1)
    back = _choices_address(request.GET)
    return people_page(request, ids, title=f"{exported.title}: {TITLES[code]}", after=after, back=back)


def people_page(request: HttpRequest, ids: list[int], *, title: str, after: int, back: str) -> HttpResponse:
    """A page of the people with these ids, of which there is one more when there is a next page."""
    given = request.GET.copy()
    given.pop(AFTER, None)
    first = f"?{given.urlencode()}" if after else ""
    given[AFTER] = str(ids[SHOWN - 1]) if len(ids) > SHOWN else ""
    context = {
        **admin.site.each_context(request),
        "title": title,
        "people": snapshots.shown(ids[:SHOWN], viewer=viewer_of(request.user)),
        "hidden": len(ids[:SHOWN]),
        "next": f"?{given.urlencode()}" if len(ids) > SHOWN else "",
        "first": first,
        "back": back,
    }
    context["hidden"] -= len(context["people"])
    return TemplateResponse(request, "exports/people.html", context)


def _choices_address(given: QueryDict) -> str:
    """The page itself with every choice, without the people that are looked at."""
    passing = (choices.AGAIN, choices.REPEAT, choices.TOKEN, PEOPLE, AFTER)
    return "?" + urlencode([(name, value) for name, values in given.lists() for value in values if name not in passing])


def history_of(request: HttpRequest, segment: Segment, *, most: int = 10) -> list[Export]:
    """The latest exports of a segment that the reader may see."""
    seen = Export.objects.visible_to(viewer_of(request.user)).filter(segment=segment)
    return list(seen.select_related("job", "owner").order_by("-id")[:most])
