"""The pages after an export: how far it is, the file, who was in it, what changed since another, what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.models import Channel
from contacts.selectors.viewing import viewer_of
from desk.exports.asking import SHOWN, people_page
from desk.exports.choice import AFTER, COLUMN_TITLES
from desk.exports.funnel_picture import TITLES, FunnelStep, in_use, reason_of, steps
from labelcrm.core import jobs as core_jobs
from labelcrm.core import notices
from labelcrm.core.models import Job
from labelcrm.lib.numbers import row_id
from reports.definitions import FigureDefinition, definition
from reports.selectors.shares import Share, ShareDifference
from transfer import jobs, snapshots
from transfer.broadcast_results import BroadcastResult, broadcast_result
from transfer.funnel import Exclusions, FunnelCounts
from transfer.job_files import MADE, Download
from transfer.layouts import LAYOUTS
from transfer.models import EXCLUSIONS, Export, export_kinds

LISTED = 50
ADDED, GONE = "added", "gone"


def _exports(request: HttpRequest) -> Any:
    viewer = viewer_of(request.user)
    if not export_kinds(viewer):
        raise PermissionDenied
    seen = Export.objects.visible_to(viewer)
    return seen.select_related("job", "owner", "segment")


def _export(request: HttpRequest, pk: int) -> Export:
    found: Export | None = _exports(request).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _of_people(request: HttpRequest, pk: int) -> Export:
    """An export that has a snapshot."""
    found = _export(request, pk)
    if not found.is_of_people:
        raise Http404
    return found


# -- All of them ------------------------------------------------------------------------------------------------------


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    """Exports, newest first; `?segment=` those of one segment, `?before=` the older ones."""
    rows = _exports(request).order_by("-id")
    segment, before = row_id(request.GET.get("segment", "")), row_id(request.GET.get("before", ""))
    rows = rows.filter(segment=segment) if segment else rows
    found = list((rows.filter(pk__lt=before) if before else rows)[: LISTED + 1])
    context = {
        **admin.site.each_context(request),
        "title": _("Exports"),
        "history": found[:LISTED],
        "older": _address(segment, found[LISTED - 1].pk) if len(found) > LISTED else "",
        "newest": _address(segment, None) if before else "",
    }
    return TemplateResponse(request, "exports/list.html", context)


def _address(segment: int | None, before: int | None) -> str:
    given = {"segment": segment, "before": before}
    return "?" + "&".join(f"{name}={value}" for name, value in given.items() if value)


# -- One --------------------------------------------------------------------------------------------------------------


@require_safe
def export_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One export: its progress, and once it is done everything about it."""
    export = _export(request, pk)
    _see(request, export)
    context = {
        **admin.site.each_context(request),
        **_context(request, export),
        "title": _("Export of %(whom)s") % {"whom": export},
    }
    if export.finished_at is not None and export.is_of_people:
        context["result"] = broadcast_result(export, viewer=viewer_of(request.user), now=timezone.now())
        context["outcomes"] = list(outcome_lines(context["result"]))
        context["difference"] = definition("broadcast_difference", get_language())
        context["definitions"] = [*(line.figure for line in context["outcomes"]), context["difference"]]
        context["gaps"] = _gap_lines(context["result"])
        context["others"] = _others(request, export)
    return TemplateResponse(request, "exports/page.html", context)


@require_safe
def export_state(request: HttpRequest, pk: int) -> HttpResponse:
    """What changes while an open page waits."""
    export = _export(request, pk)
    _see(request, export)
    return TemplateResponse(request, "exports/state.html", _context(request, export))


def _see(request: HttpRequest, export: Export) -> None:
    """Whoever looks at an export that has ended need not be told of it."""
    if getattr(request.user, "unseen_notices", 0) and export.job_id is not None:
        notices.see(request.user, topic=core_jobs.ENDED, subjects=[export.job_id])


def _context(request: HttpRequest, export: Export) -> dict[str, Any]:
    link = jobs.export_link(export)
    job = export.job
    return {
        "export": export,
        "layout": LAYOUTS[export.layout],
        "columns": [COLUMN_TITLES.get(name, name) if export.is_of_people else name for name in export.columns],
        "job": job,
        "waiting": job is not None and not job.is_finished,
        "percent": job.progress * 100 // job.total if job is not None and job.total else None,
        "failure": (job.result.get("sentence") or job.error)
        if job is not None and export.state == Job.State.FAILED
        else "",
        "state_title": Job.State(export.state).label,
        "link": link,
        "download": Download(job, MADE) if link and job is not None else None,
        "steps": _steps(export),
        "mine": job is not None and (job.owner_id == request.user.pk or request.user.has_perm("core.change_job")),
    }


def _steps(export: Export) -> list[FunnelStep]:
    if export.matched is None or not export.is_of_people:
        return []
    counts = FunnelCounts(
        matched=export.matched,
        excluded={reason.code: export.excluded.get(reason.code, 0) for reason in EXCLUSIONS},
        rows=export.rows or 0,
    )

    def url(code: str) -> str:
        return reverse("admin:exports-people", args=[export.pk, code]) if export.finished_at else ""

    return steps(counts, url, shown=in_use(Exclusions.of(export)))


def _others(request: HttpRequest, export: Export) -> list[Export]:
    """The earlier exports that this one can be held against: of the same segment, or else lists of contacts."""
    same = _exports(request).filter(kind=export.kind, segment=export.segment_id, pk__lt=export.pk).done()
    return list(same.order_by("-id")[:10])


@require_safe
def people(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """The people behind a number of the snapshot."""
    export = _of_people(request, pk)
    try:
        reason = reason_of(code)
    except KeyError:
        raise Http404 from None
    after = row_id(request.GET.get(AFTER, "")) or 0
    ids = snapshots.people(export, reason, after=after, limit=SHOWN + 1)
    back = reverse("admin:exports-page", args=[export.pk])
    return people_page(request, ids, title=f"{export}: {TITLES[code]}", after=after, back=back)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop an export that is not done."""
    export = _export(request, pk)
    job = export.job
    if job is None or not (job.owner_id == request.user.pk or request.user.has_perm("core.change_job")):
        raise PermissionDenied
    if core_jobs.cancel(job, actor=request.user):
        messages.success(request, _("It is being stopped."))
    else:
        messages.warning(request, _("It has ended in the meantime."))
    return HttpResponseRedirect(reverse("admin:exports-page", args=[export.pk]))


# -- Two --------------------------------------------------------------------------------------------------------------


@require_safe
def difference_page(request: HttpRequest, pk: int, earlier: int, which: str = "") -> HttpResponse:
    """Who came and who went between the files of two exports; `which` opens the people of one of the numbers."""
    export, other = _of_people(request, pk), _of_people(request, earlier)
    if export.finished_at is None or other.finished_at is None or which not in ("", ADDED, GONE):
        raise Http404
    difference = snapshots.SnapshotDifference(other, export)
    here = reverse("admin:exports-difference", args=[export.pk, other.pk])
    if which:
        after = row_id(request.GET.get(AFTER, "")) or 0
        ids = difference.people(added=which == ADDED, after=after, limit=SHOWN + 1)
        title = _("Added since then") if which == ADDED else _("No longer in it")
        return people_page(request, ids, title=f"{export}: {title}", after=after, back=here)
    added, gone = difference.counts()
    context = {
        **admin.site.each_context(request),
        "title": _("What changed between two exports of %(whom)s") % {"whom": export},
        "export": export,
        "earlier": other,
        "added": added,
        "gone": gone,
        "stayed": (export.rows or 0) - added,
    }
    return TemplateResponse(request, "exports/difference.html", context)


# -- What came of it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShareInWords:
    """A share with its interval, in per cent; `few` is shown grey."""

    text: str
    interval: str
    few: bool


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """One outcome in words; `verdict` says whether the difference may well be chance."""

    figure: FigureDefinition
    sent: ShareInWords
    held_out: ShareInWords
    difference: str
    interval: str
    verdict: str


def outcome_lines(result: BroadcastResult) -> Iterator[OutcomeLine]:
    for outcome in result.outcomes:
        found = outcome.difference
        yield OutcomeLine(
            figure=definition(f"broadcast_{outcome.name}", get_language()),
            sent=_share_in_words(outcome.sent),
            held_out=_share_in_words(outcome.held_out),
            difference=_points(found.value) if found else "–",
            interval=_("%(low)s to %(high)s") % {"low": _points(found.low), "high": _points(found.high)}
            if found
            else "",
            verdict=_verdict(found),
        )


def _share_in_words(share: Share) -> ShareInWords:
    if share.value is None or share.low is None or share.high is None:
        return ShareInWords("–", "", few=False)
    k, n = (number_format(each, force_grouping=True) for each in (share.k, share.n))
    text = _("%(share)s%% (%(k)s of %(n)s)") % {"share": _percent(share.value), "k": k, "n": n}
    return ShareInWords(text, f"{_percent(share.low)}–{_percent(share.high)}%", few=share.few)


def _percent(fraction: float) -> str:
    return number_format(100 * fraction, decimal_pos=1)


def _points(fraction: float) -> str:
    sign = "+" if fraction > 0 else "−" if fraction < 0 else ""
    return sign + number_format(abs(100 * fraction), decimal_pos=1)


def _verdict(found: ShareDifference | None) -> str:
    if found is None:
        return ""
    if not found.is_clear:
        return _("may well be chance")
    return _("more than chance") if found.value > 0 else _("less than without the broadcast")


def _gap_lines(result: BroadcastResult) -> list[tuple[str, Any]]:
    names = dict(Channel.all_objects.values_list("pk", "name")) if result.gaps else {}
    return [(names.get(gap.channel, ""), gap) for gap in result.gaps]
