"""Looking a second time: one chat after the other as it was up to the grade, and what became of it afterwards.

Nothing on the page of a chat tells the grade: no label, no time line, no later message, no name and no link to the
contact. Both are shown once the reviewer has chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from contacts.models import Message
from contacts.selectors.viewing import viewer_of
from desk.contacts.page import CHAT_SIZE, ChatPage, chat_of
from desk.reports.page_frame import MAY_READ
from desk.reports.second_look import MAY_LOOK
from desk.templatetags.labelcrm import called
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels.models import Label, LookSample, SampledGrade, SecondLook
from labels.selectors import second_looks as waiting
from labels.selectors.second_looks import LookQueue
from labels.services import second_looks

UNSURE = "unsure"
KEYS = "123456789"


@dataclass(frozen=True, slots=True)
class LookChoice:
    """A label to choose, and the key that chooses it; "" where there are more labels than digits."""

    label: Label
    key: str


@require_GET
def look_page(request: HttpRequest, pk: int) -> HttpResponse:
    """`/admin/reports/second-look/<sample>/`: the next chat of a sample, and what came of the one before."""
    queue = _queue(request, pk)
    viewer = viewer_of(request.user)
    grade = waiting.next_grade(queue.sample, viewer)
    last = waiting.last_look(queue.sample, viewer)
    context = {
        **admin.site.each_context(request),
        "title": _("Second look: %(name)s") % {"name": queue.agent.name},
        "queue": queue,
        "grade": grade,
        "place": min(queue.looked + 1, queue.grades),
        "chat": _chat_before(grade, viewer, request) if grade is not None else None,
        "choices": _choices(grade) if grade is not None else [],
        "last": last,
        "last_day": queue.week + timedelta(days=6),
        "next_queue": _next_queue(queue, viewer) if grade is None else None,
        "agreed": _agreed(queue, viewer) if grade is None else None,
    }
    return TemplateResponse(request, "reports/second_look/look.html", context)


@require_POST
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """One choice; the page that it leads to shows the next chat."""
    queue = _queue(request, pk)
    asked = waiting.reviewable(viewer_of(request.user)).filter(
        sample=queue.sample, pk=row_id(request.POST.get("grade")) or 0
    )
    grade, chosen = asked.first(), request.POST.get("label", "")
    label = Label.all_objects.filter(pk=row_id(chosen) or 0).first()
    if grade is None:
        raise Http404
    if label is None and chosen != UNSURE:
        raise BadRequest("Nothing was chosen.")
    try:
        second_looks.choose(grade, label=label, reviewer=request.user)
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    return HttpResponseRedirect(reverse("second-look", args=[pk]))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back the reader's last choice of a sample."""
    queue = _queue(request, pk)
    look = SecondLook.objects.filter(grade__sample=queue.sample, pk=row_id(request.POST.get("look")) or 0).first()
    try:
        if look is not None:
            second_looks.take_back(look, reviewer=request.user)
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    return HttpResponseRedirect(reverse("second-look", args=[pk]))


@require_GET
def chat_page(request: HttpRequest, pk: int) -> HttpResponse:
    """`/admin/reports/second-look/chat/<grade>/`: a chat that was looked at, with what came after the grade.

    Only when somebody has chosen: before that it would give the grade away.
    """
    if not request.user.has_perms((MAY_READ, "contacts.view_contact")):
        raise PermissionDenied
    viewer = viewer_of(request.user)
    rows = SampledGrade.objects.visible_to(viewer).counted().filter(pk=pk, look__isnull=False)
    grade = rows.select_related("sample__agent", "label", "contact", "look__label", "look__reviewer").first()
    if grade is None:
        raise Http404
    context = {
        **admin.site.each_context(request),
        "title": called(grade.contact),
        "grade": grade,
        "before": _chat_before(grade, viewer, request),
        "after": _chat_after(grade, viewer),
    }
    return TemplateResponse(request, "reports/second_look/chat.html", context)


def _queue(request: HttpRequest, pk: int) -> LookQueue:
    """The sample as the reader may look at it. Raises PermissionDenied, and Http404 where nothing of it is hers."""
    if not request.user.has_perms((MAY_LOOK, MAY_READ, "contacts.view_contact")):
        raise PermissionDenied
    sample = LookSample.objects.select_related("agent").filter(pk=pk).first()
    queue = waiting.queue_of(sample, viewer_of(request.user)) if sample is not None else None
    if queue is None or not queue.grades:
        raise Http404
    return queue


def _chat_before(grade: SampledGrade, viewer: Viewer, request: HttpRequest) -> ChatPage:
    """What had been said when the grade was given."""
    said = Message.objects.visible_to(viewer).filter(contact=grade.contact_id, at__lt=grade.graded_at)
    return chat_of(said, older_than=request.GET.get("older"), newer_than=request.GET.get("newer"))


def _chat_after(grade: SampledGrade, viewer: Viewer) -> ChatPage:
    """The first messages since then; all of them are on the page of the contact."""
    said = Message.objects.visible_to(viewer).filter(contact=grade.contact_id, at__gte=grade.graded_at)
    found = list(said.select_related("channel").order_by("at", "id")[:CHAT_SIZE])
    return ChatPage(found, "", "", len({message.channel_id for message in found}) > 1)


def _choices(grade: SampledGrade) -> list[LookChoice]:
    labels = waiting.choices(grade)
    keys = [*KEYS[: len(labels)], *[""] * (len(labels) - len(KEYS))]
    return [LookChoice(label, key) for label, key in zip(labels, keys, strict=True)]


def _next_queue(done: LookQueue, viewer: Viewer) -> LookQueue | None:
    """Another sample to go on with."""
    return next((each for each in waiting.queues(viewer, most=2) if each.sample != done.sample), None)


def _agreed(queue: LookQueue, viewer: Viewer) -> dict[str, Any]:
    """What came of a finished sample: how many agree, of those that could be told."""
    looked = waiting.reviewable(viewer).filter(sample=queue.sample, look__blind=True, look__label__isnull=False)
    pairs = list(looked.order_by().values_list("label", "look__label"))
    return {"n": len(pairs), "k": sum(one == other for one, other in pairs)}
