"""The list of segments: one's own, the team's and everybody's, what each says in words, and starting points.

How many each means is asked for after the page has come, one after the other, so that the list never waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from desk.base.chips import counted
from desk.base.model_admin import ORIGIN
from desk.exports.schedules import UseOfSegment, uses_of_segments
from desk.segments.builder import MAY_SEE, visible_segment
from desk.segments.starting_points import starting_points
from desk.segments.uses import uses_of
from labelcrm.core.viewer import Viewer
from reports.models import Segment
from reports.segments.definition import InvalidDefinition, SegmentDefinition, parse_definition
from reports.segments.in_words import names_of, segment_in_words
from reports.segments.members import Members
from reports.services import segments

MOST = 500  # segments of one page


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """One segment of the list."""

    segment: Any
    in_words: str
    may_change: bool
    is_own: bool
    uses: list[UseOfSegment]


@require_safe
def list_view(request: HttpRequest) -> HttpResponse:
    """`/admin/segments/`; `?state=archived` those that were put away."""
    viewer = _viewer(request)
    archived = request.GET.get("state") == "archived"
    visible = Segment.all_objects.visible_to(viewer)
    rows = visible.archived() if archived else visible.living()
    context = {
        **admin.site.each_context(request),
        "title": _("Archived segments") if archived else _("Segments"),
        "archived": archived,
        "lines": _lines(list(rows.select_related("owner").order_by("name", "id")[:MOST]), viewer),
        "has_archived": not archived and visible.archived().exists(),
        "starting_points": [] if archived else starting_points(viewer),
        "may_add": viewer.may("reports.add_segment"),
        "may_archive": viewer.may("reports.delete_segment"),
    }
    return TemplateResponse(request, "segments/list.html", context)


def _viewer(request: HttpRequest, *more: str) -> Viewer:
    viewer = viewer_of(request.user)
    if not viewer.may(*MAY_SEE, *more):
        raise PermissionDenied
    return viewer


def _lines(rows: list[Any], viewer: Viewer) -> list[SegmentLine]:
    """In words with one query per kind of thing, however many there are."""
    definitions = {row.pk: _definition(row) for row in rows}
    names = names_of(filter(None, definitions.values()), viewer=viewer)
    uses = uses_of_segments(rows, viewer)
    return [
        SegmentLine(
            row,
            capfirst(segment_in_words(definition, names)) if (definition := definitions[row.pk]) else "",
            segments.may_change(row, viewer),
            row.owner_id == viewer.user,
            uses.get(row.pk, []),
        )
        for row in rows
    ]


def _definition(segment: Any) -> SegmentDefinition | None:
    """None for one of an older grammar, which cannot be read any more."""
    try:
        return parse_definition(segment.definition)
    except InvalidDefinition:
        return None


@require_safe
def count_view(request: HttpRequest, pk: int) -> HttpResponse:
    """How many contacts a segment means now, of those that the reader sees."""
    viewer = _viewer(request)
    definition = _definition(visible_segment(request, pk))
    count = Members(definition, viewer, timezone.now()).count() if definition else None
    text = counted(count, Contact._meta) if count is not None else "–"
    return JsonResponse({"count": count, "text": text})


@require_POST
def duplicate_view(request: HttpRequest, pk: int) -> HttpResponse:
    """A copy that is the reader's own, which nobody else sees yet."""
    _viewer(request, "reports.add_segment")
    segment = visible_segment(request, pk)
    name = _("%(name)s (copy)") % {"name": segment.name[:100]}
    user: Any = request.user
    copy = segments.create_segment(actor=user, origin=ORIGIN, name=name, definition=segment.definition)
    messages.success(request, _("“%(name)s” is saved.") % {"name": copy.name})
    return HttpResponseRedirect(reverse("admin:segments-edit", args=(copy.pk,)))


@require_POST
def archive_view(request: HttpRequest, pk: int) -> HttpResponse:
    """One that is used is put away once its reader has seen by what."""
    viewer, segment = _viewer(request), visible_segment(request, pk)
    uses = [] if "confirmed" in request.POST else uses_of(segment, viewer)
    if uses and segments.may_change(segment, viewer):
        title = _("Archive “%(name)s”?") % {"name": segment.name}
        context = {**admin.site.each_context(request), "title": title, "segment": segment, "uses": uses}
        return TemplateResponse(request, "segments/archive.html", context)
    return _put(request, pk, segments.archive_segment, _("“%(name)s” is archived; it can be restored."), "")


@require_POST
def restore_view(request: HttpRequest, pk: int) -> HttpResponse:
    return _put(request, pk, segments.restore_segment, _("“%(name)s” is back."), "?state=archived")


def _put(request: HttpRequest, pk: int, put: Callable[..., Any], said: str, back: str) -> HttpResponse:
    viewer = _viewer(request, "reports.delete_segment")
    segment = visible_segment(request, pk)
    if not segments.may_change(segment, viewer):
        raise PermissionDenied
    try:
        put(segment, actor=request.user, origin=ORIGIN)
        messages.success(request, said % {"name": segment.name})
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return HttpResponseRedirect(reverse("admin:segments") + back)
