"""Who waits for an answer: the chats of the best labels first, with what was written last and what it may be."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from contacts.selectors.viewing import viewer_of
from desk.contacts.list_filters import agents_of, numbers_of
from labelcrm.core.dates import moment_of
from labelcrm.lib.numbers import row_id, whole_number
from labels.models import Label
from labels.selectors.stale_contacts import value_of
from labels.selectors.suggestions import knowledge_now
from reports.selectors import unanswered_chats
from reports.selectors.unanswered_chats import UNLABELLED, UnansweredChat, UnansweredFilters, UnansweredPlace

SIZE = 50
FILTERS = ("cs", "label")
NO_LABEL = "none"
MAY_READ = "contacts.view_contact"


@dataclass(frozen=True, slots=True)
class UnansweredChoice:
    """A choice above the list: its parameter, what it is called, and what may be chosen."""

    name: str
    title: str
    choices: list[tuple[str, str]]
    chosen: str


@dataclass(frozen=True, slots=True)
class UnansweredLine:
    """A chat on the page, and who answers it."""

    chat: UnansweredChat
    owners: list[str]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """`/admin/unanswered/`; `?cs=` and `?label=` (an id, or "none") narrow it, `?after=` and `?before=` turn pages."""
    if not request.user.has_perm(MAY_READ):
        raise PermissionDenied
    given = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    before = request.GET.get("before")
    cursor = before or request.GET.get("after")
    known = knowledge_now()
    chats, more = unanswered_chats.page(
        viewer_of(request.user), now=timezone.now(), size=SIZE, filters=_narrowed(request, given),
        place=_place(cursor) if cursor else None, forward=not before, known=known,
    )  # fmt: skip
    newer = _turned(given, "before", chats[:1]) if (more if before else cursor) else ""
    older = _turned(given, "after", chats[-1:]) if (before or more) else ""
    context = {
        **admin.site.each_context(request),
        "title": _("Unanswered"),
        "lines": _lines(request, chats),
        "counted": "" if newer or older else _counted(len(chats)),
        "count_url": reverse("unanswered-count") + "?" + urlencode(given),
        "filters": _choices(request, given, known[0].values()),
        "is_narrowed": bool(given),
        "newer": newer,
        "older": older,
        "first": "?" + urlencode(given) if cursor else "",
    }
    return TemplateResponse(request, "unanswered/page.html", context)


@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """How many wait, in words; a page that does not show all of them asks once it has come."""
    if not request.user.has_perm(MAY_READ):
        raise PermissionDenied
    given = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    viewer, filters = viewer_of(request.user), _narrowed(request, given)
    return JsonResponse({"text": _counted(unanswered_chats.count(viewer, now=timezone.now(), filters=filters))})


def _narrowed(request: HttpRequest, given: dict[str, str]) -> UnansweredFilters:
    """What is no filter value narrows nothing."""
    label = UNLABELLED if given.get("label") == NO_LABEL else row_id(given.get("label"))
    agent = row_id(given.get("cs"))
    agent = agent if str(agent) in dict(agents_of(request)) else None
    numbers = [pk for pk, number in numbers_of(request).items() if number.owner == agent] if agent else []
    return UnansweredFilters(label=label, agent=agent, numbers=numbers)


def _lines(request: HttpRequest, chats: list[UnansweredChat]) -> list[UnansweredLine]:
    """Whom a contact is assigned to answers it, else whose number it is that they wait on."""
    numbers, agents = numbers_of(request), {int(pk): name for pk, name in agents_of(request)}
    lines = []
    for chat in chats:
        assigned = chat.contact.assigned_to
        known = (numbers[pk].owner for pk in chat.channels if pk in numbers)
        owners = [str(assigned)] if assigned else [agents[owner] for owner in known if owner in agents]
        lines.append(UnansweredLine(chat, list(dict.fromkeys(owners))))
    return lines


def _choices(request: HttpRequest, given: dict[str, str], labels: Iterable[Label]) -> list[UnansweredChoice]:
    """Labels in the order of the list."""
    living = [label for label in labels if not label.is_archived and not label.is_unmapped]
    ordered = sorted(living, key=lambda label: (-value_of(label), str(label)))
    named = [(str(label.pk), str(label)) for label in ordered]
    return [
        UnansweredChoice("cs", _("CS"), agents_of(request), given.get("cs", "")),
        UnansweredChoice("label", _("Label"), [(NO_LABEL, _("No label")), *named], given.get("label", "")),
    ]


def _counted(waiting: int) -> str:
    said = ngettext("%(n)s contact waits for an answer", "%(n)s contacts wait for an answer", waiting)
    return said % {"n": number_format(waiting, force_grouping=True)}


def _turned(given: dict[str, str], way: str, edge: list[UnansweredChat]) -> str:
    if not edge:
        return ""
    [chat] = edge
    text = json.dumps([chat.value, chat.at.isoformat(), chat.contact.pk])
    return "?" + urlencode(given | {way: base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")})


def _place(cursor: str) -> UnansweredPlace:
    """Raises BadRequest for a broken cursor."""
    try:
        parts: Any = json.loads(base64.urlsafe_b64decode(f"{cursor}{'=' * (-len(cursor) % 4)}"))
        value, at, contact = parts
        known = whole_number(str(value)), moment_of(at), row_id(str(contact))
    except (binascii.Error, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequest("no such page") from error
    if known[0] is None or known[1] is None or known[2] is None:
        raise BadRequest("no such page")
    return UnansweredPlace(known[0], known[1], known[2])


urlpatterns = [
    path("unanswered/", admin.site.admin_view(page), name="unanswered"),
    path("unanswered/count/", admin.site.admin_view(count), name="unanswered-count"),
]
