"""The builder: whom one means, put together from sentences, with the exact number beside it while one does.

What stands in it is in the address (`?d=`, see `drafts`), so going back, loading anew and a link that is passed on all
show the same, each reader's own people. `static/labelcrm/segments.js` posts the form after every change and draws what
it is answered; without JavaScript the form is posted by its buttons and answered with the whole page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from desk.base.model_admin import ORIGIN
from desk.contacts.list_filters import active_labels
from desk.segments import from_filters
from desk.segments.condition_rows import KINDS, groups_of, pickers_in_use
from desk.segments.drafts import (
    Checked,
    Draft,
    check_draft,
    draft_of,
    draft_of_form,
    empty_draft,
    field_of,
    press,
    read_draft,
)
from desk.segments.options import SegmentOptions, chosen_of
from desk.segments.uses import uses_of
from labelcrm.core.viewer import Viewer
from reports.models import Segment
from reports.segments.behind import FIELD
from reports.segments.definition import InvalidDefinition, SegmentDefinition, parse_definition
from reports.segments.in_words import condition_in_words, names_of, segment_in_words
from reports.segments.known import check_known
from reports.segments.members import SAMPLE, Members
from reports.segments.narrowing import narrowed
from reports.services import segments

FETCHED = "X-Requested-With"  # what our script sends
MAY_SEE = ("reports.view_segment", "contacts.view_contact")
SAVE, SAVE_AS_NEW = "save", "save-new"


@dataclass
class SegmentPage:
    """What one showing of the builder is about: a saved segment or none, the draft in it, and the fields beside it."""

    request: HttpRequest
    segment: Any
    draft: Draft
    name: str = ""
    shared: str = Segment.Sharing.PRIVATE
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def viewer(self) -> Viewer:
        return viewer_of(self.request.user)

    @property
    def may_change(self) -> bool:
        segment = self.segment
        return bool(segment) and self.viewer.may("reports.change_segment") and segments.may_change(segment, self.viewer)

    @property
    def may_add(self) -> bool:
        return self.viewer.may("reports.add_segment")

    @property
    def is_changed(self) -> bool:
        """Whether what stands here is not what is saved."""
        return self.segment is None or self.draft.definition() != self.segment.definition


@require_http_methods(["GET", "HEAD", "POST"])
def new_view(request: HttpRequest) -> HttpResponse:
    """`/admin/segments/new/`, for who may save one."""
    if not request.user.has_perm("reports.add_segment"):
        raise PermissionDenied
    return _answer(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`/admin/segments/<id>/`: one that is saved; whoever may not change it sees it, and saves a copy."""
    _may_see(request)
    return _answer(request, visible_segment(request, pk))


def visible_segment(request: HttpRequest, pk: int) -> Any:
    """A segment that the reader sees, archived or not. Raises Http404."""
    segment = Segment.all_objects.visible_to(viewer_of(request.user)).filter(pk=pk).select_related("owner").first()
    if segment is None:
        raise Http404
    return segment


def _may_see(request: HttpRequest) -> None:
    if not viewer_of(request.user).may(*MAY_SEE):
        raise PermissionDenied


def _answer(request: HttpRequest, segment: Any) -> HttpResponse:
    _may_see(request)
    if request.method == "POST":
        return _posted(request, segment)
    text = request.GET.get("d", "")
    draft = read_draft(text) if text else _saved_draft(segment)
    name, shared = (segment.name, segment.shared) if segment else ("", Segment.Sharing.PRIVATE)
    return _page(SegmentPage(request, segment, draft, name or request.GET.get("name", "")[:120], shared))


def _saved_draft(segment: Any) -> Draft:
    """What is saved; of a form that cannot be read any more the page begins anew, and keeps it until it is saved."""
    return (draft_of(segment.definition) if segment else None) or empty_draft()


def _posted(request: HttpRequest, segment: Any) -> HttpResponse:
    """A button, or a change: the page with it. Saving leads to what was saved."""
    options = SegmentOptions(viewer_of(request.user))
    button = request.POST.get("do", "")
    draft = press(draft_of_form(request.POST, options.resolve), button)
    shared = request.POST.get("shared", Segment.Sharing.PRIVATE)
    page = SegmentPage(request, segment, draft, field_of(request.POST, "name")[:200], shared)
    if button in (SAVE, SAVE_AS_NEW) and (saved := _save(page, as_new=button == SAVE_AS_NEW)):
        messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
        return HttpResponseRedirect(reverse("admin:segments-edit", args=(saved.pk,)))
    return _fragments(page, options) if request.headers.get(FETCHED) else _page(page, options)


# -- Saving -----------------------------------------------------------------------------------------------------------


def _save(page: SegmentPage, *, as_new: bool) -> Any:
    """The saved segment; None where something is wrong, which the page then says."""
    if not (page.may_add if as_new or page.segment is None else page.may_change):
        raise PermissionDenied
    definition = page.draft.definition()
    if not _is_complete(page, check_draft(page.draft)) or not _is_known(definition, page.viewer):
        page.errors["definition"] = [_("Not saved: a condition is not complete, or names what is not there.")]
        return None
    values = {"name": page.name, "shared": page.shared, "definition": definition}
    user: Any = page.request.user
    try:
        if as_new or page.segment is None:
            return segments.create_segment(actor=user, origin=ORIGIN, **values)
        return segments.update_segment(page.segment, actor=user, origin=ORIGIN, **values)
    except ValidationError as error:
        page.errors |= error.message_dict if hasattr(error, "error_dict") else {"definition": error.messages}
        return None


def _is_complete(page: SegmentPage, checked: Checked) -> bool:
    """Whether the definition says all that the page does: an empty box, or a name of nothing, is not in it."""
    return not checked.problems and not page.draft.typed


def _is_known(definition: Any, viewer: Viewer) -> bool:
    try:
        check_known(parse_definition(definition), viewer=viewer)
    except InvalidDefinition:
        return False
    return True


# -- Drawing ----------------------------------------------------------------------------------------------------------


@dataclass
class SegmentCount:
    """How many, as of when, how long it took to count, and the first of them."""

    count: int
    at: datetime
    seconds: float
    sample: list[Any]


def _counted(request: HttpRequest, definition: SegmentDefinition) -> SegmentCount:
    viewer, begun = viewer_of(request.user), perf_counter()
    members = Members(definition, viewer, timezone.now())
    count = members.count()
    seconds = perf_counter() - begun
    now = active_labels(request).select_related("label").order_by("added_at", "id")
    people = Contact.objects.filter(pk__in=members.page(limit=SAMPLE)).order_by("id")
    sample = people.prefetch_related(Prefetch("assignments", queryset=now, to_attr="labels_now"))
    return SegmentCount(count, members.now, seconds, list(sample))


def _rows_context(page: SegmentPage, checked: Checked, options: SegmentOptions) -> dict[str, Any]:
    of_reports = [each for each in checked.conditions.values() if each.field == FIELD]
    names = names_of([SegmentDefinition((tuple(of_reports),))], viewer=page.viewer)
    groups = groups_of(page.draft, checked, chosen_of(page.draft, page.viewer), names)
    return {
        "groups": groups,
        "kinds": KINDS,
        "lists": [(picker, options.of(picker)) for picker in pickers_in_use(groups)],
    }


def _rail_context(page: SegmentPage, checked: Checked) -> dict[str, Any]:
    definition, left_out = checked.definition, len(checked.problems)
    counted = _counted(page.request, definition) if definition else None
    return {
        "counted": counted,
        "said": _said(counted),
        "left_out": left_out,
        "in_words": capfirst(_in_words(definition, page.viewer)) if definition else "",
        "narrowing_url": f"{reverse('admin:segments-narrowing')}?{urlencode({'d': page.draft.as_json()})}",
        "narrowing": _narrowing(checked, page.viewer) if "narrowing" in page.request.GET else None,
        "list_url": _list_url(page, checked),
        "page": page,
    }


def _in_words(definition: SegmentDefinition, viewer: Viewer) -> str:
    return segment_in_words(definition, names_of([definition], viewer=viewer))


def _list_url(page: SegmentPage, checked: Checked) -> str:
    """Where the people who are counted stand, which are those of the segment only as it is saved."""
    if page.segment is None or page.is_changed or not _is_complete(page, checked):
        return ""
    return f"{reverse('admin:contacts_contact_changelist')}?segment={page.segment.pk}"


def _page(page: SegmentPage, options: SegmentOptions | None = None) -> HttpResponse:
    checked = check_draft(page.draft)
    segment = page.segment
    context = {
        **admin.site.each_context(page.request),
        "title": segment.name if segment else _("New segment"),
        "sharing": Segment.Sharing.choices,
        "notices": from_filters.notices(page.request.GET.getlist("left")),
        "differences": from_filters.differences(page.request.GET.getlist("otherwise")),
        "is_unreadable": bool(segment) and draft_of(segment.definition) is None,
        "uses": uses_of(segment, page.viewer) if segment else [],
        "may_archive": segment and page.may_change and page.viewer.may("reports.delete_segment"),
        **_rows_context(page, checked, options or SegmentOptions(page.viewer)),
        **_rail_context(page, checked),
    }
    return TemplateResponse(page.request, "segments/builder.html", context)


def _fragments(page: SegmentPage, options: SegmentOptions) -> HttpResponse:
    """What our script draws anew: the conditions, what they mean, and the address that says so."""
    checked = check_draft(page.draft)
    rail = _rail_context(page, checked)
    return JsonResponse(
        {
            "d": page.draft.as_json(),
            "changed": page.is_changed,
            "rows": render_to_string("segments/rows.html", _rows_context(page, checked, options), page.request),
            "rail": render_to_string("segments/rail.html", rail, page.request),
            "sample": render_to_string("segments/sample.html", rail, page.request),
            "said": rail["said"],
        }
    )


def _said(counted: SegmentCount | None) -> str:
    """The number in words, as it is read out after a change."""
    if counted is None:
        return _("Nothing to count yet.")
    shown = number_format(counted.count, force_grouping=True)
    return ngettext("%(n)s contact", "%(n)s contacts", counted.count) % {"n": shown}


# -- What each condition takes away -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NarrowingLine:
    """One condition in words, with how many it takes away and how many are left."""

    text: str
    taken: int
    left: int
    met_by_nobody: bool


@dataclass(frozen=True, slots=True)
class NarrowingGroup:
    everybody: int
    lines: list[NarrowingLine]


@require_safe
def narrowing_view(request: HttpRequest) -> HttpResponse:
    """`?d=`: what each condition takes away, for the rail. Asked for after the count, which must not wait for it."""
    _may_see(request)
    checked = check_draft(read_draft(request.GET.get("d", "")))
    groups = _narrowing(checked, viewer_of(request.user))
    return JsonResponse({"html": render_to_string("segments/narrowing.html", {"narrowing": groups}, request)})


def _narrowing(checked: Checked, viewer: Viewer) -> list[NarrowingGroup]:
    definition = checked.definition
    if definition is None:
        return []
    names, now = names_of([definition], viewer=viewer), timezone.now()
    found = []
    for group in definition.groups:
        steps = narrowed(group, viewer=viewer, now=now)
        lines = [
            NarrowingLine(capfirst(condition_in_words(s.condition, names)), s.taken, s.left, s.met_by_nobody)
            for s in steps
        ]
        found.append(NarrowingGroup(steps[0].before if steps else 0, lines))
    return found
