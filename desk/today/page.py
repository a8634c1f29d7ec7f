"""The Today page: the queue left, the contact that is looked at right, and what keeps both in step."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.contrib import admin
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contacts.selectors.viewing import viewer_of
from desk.base.days import DayTimeInput
from desk.today import waiting_list
from desk.today.acting import act, act_on_backlog
from desk.today.waiting_list import TodayPage
from labelcrm.lib.numbers import row_id
from labels.models import TodayAction
from labels.services.today import MORNING, last_batch, midnight
from reports.definitions import definition
from reports.selectors import today
from reports.selectors.today import TodayLine

FETCHED = "X-Requested-With"
BADGE = "today-badge"  # the name of its cache
BADGE_MOST, BADGE_SECONDS = 99, 45


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """`/admin/today/`; `?kind=` and `?cs=` narrow it, `?contact=` is who is looked at."""
    shown = waiting_list.read_page(request)
    asked = row_id(request.GET.get("contact"))
    line = next((line for line in shown.lines if line.contact_id == asked), None)
    line = line or next(iter(shown.lines), None)
    context = {
        **admin.site.each_context(request),
        "title": _("Today"),
        "page": shown,
        "chosen": line.contact_id if line else 0,
        "was_chosen": bool(line and line.contact_id == asked),
        "shown": waiting_list.in_full(line, shown.viewer) if line else None,
        "can_undo": last_batch(request.user, since=midnight(shown.now)) is not None,
        **head_context(request, shown),
        **acting_context(request, shown),
    }
    return TemplateResponse(request, "today/page.html", context)


def head_context(request: HttpRequest, shown: TodayPage) -> dict[str, Any]:
    """What stands above the queue, and in its place when it is empty."""
    done = today.done_today(request.user, now=shown.now)
    return {"page": shown, "done": done_words(done), "meaning": definition("waits_today", get_language())}


def acting_context(request: HttpRequest, shown: TodayPage) -> dict[str, Any]:
    """What the buttons need."""
    return {
        "page": shown,
        "query": shown.asked.query(),
        "agents": list(shown.agents.values()),
        "day": DayTimeInput(time(MORNING)).render("day", "", {"id": "today-day", "aria-label": _("Another day")}),
        "follow_day": DayTimeInput(time(MORNING)).render(
            "day", "", {"id": "follow-day", "aria-label": _("Another day")}
        ),
        "may_change": shown.viewer.may("contacts.change_contact"),
        "may_settle": shown.viewer.may("labels.change_staleflag"),
    }


def done_words(done: dict[str, int]) -> list[str]:
    """What was done today, in words, the most first."""
    return [
        _DONE[TodayAction.Action(action)](count) for action, count in sorted(done.items(), key=lambda pair: -pair[1])
    ]


_DONE = {
    TodayAction.Action.SNOOZE: lambda n: ngettext("%(n)d put off", "%(n)d put off", n) % {"n": n},
    TodayAction.Action.ASSIGN: lambda n: ngettext("%(n)d assigned", "%(n)d assigned", n) % {"n": n},
    TodayAction.Action.FOLLOW: lambda n: ngettext("%(n)d follow-up set", "%(n)d follow-ups set", n) % {"n": n},
    TodayAction.Action.SETTLE: lambda n: ngettext("%(n)d settled", "%(n)d settled", n) % {"n": n},
    TodayAction.Action.FIX: lambda n: ngettext("%(n)d fixed in WhatsApp", "%(n)d fixed in WhatsApp", n) % {"n": n},
}


@never_cache
@require_safe
def contact(request: HttpRequest, pk: int) -> HttpResponse:
    """One contact in full, as the right half of the page; alone, the page with them chosen."""
    scope, viewer = waiting_list.scope_of(request), viewer_of(request.user)
    line = next(iter(waiting_list.lines_of(scope, [pk])), None)
    if line is None:
        raise Http404
    if not request.headers.get(FETCHED):
        return HttpResponseRedirect(f"{reverse('today')}?contact={pk}")
    shown = _of_lines(request, [line])
    context = {"shown": waiting_list.in_full(line, viewer), **acting_context(request, shown)}
    return TemplateResponse(request, "today/contact.html", context)


def _of_lines(request: HttpRequest, lines: list[TodayLine]) -> TodayPage:
    """What the templates of single lines ask of a page."""
    viewer, scope = viewer_of(request.user), waiting_list.scope_of(request)
    queue = today.TodayQueue(lines, frozenset(), scope)
    is_lead = waiting_list.leads(viewer, request.user)
    asked = waiting_list.TodayAsked.of(request.GET, leads=is_lead)
    return TodayPage(viewer, asked, queue, queue, today.agents_of(viewer), is_lead, lines)


@never_cache
@require_safe
def news(request: HttpRequest) -> JsonResponse:
    """The queue as it is now, for a page that is open: which contacts, their lines, and what stands above them."""
    shown = waiting_list.read_page(request)
    context = {**head_context(request, shown), **acting_context(request, shown)}
    rows = {
        str(line.contact_id): render_to_string("today/row.html", {**context, "line": line}, request)
        for line in shown.lines
    }
    return JsonResponse(
        {
            "ids": [line.contact_id for line in shown.lines],
            "rows": rows,
            "count": _badge(len(shown.whole.lines)),
            "head": render_to_string("today/head.html", context, request),
            "foot": render_to_string("today/foot.html", context, request),
        }
    )


@never_cache
@require_safe
def badge(request: HttpRequest) -> JsonResponse:
    """How many contacts wait, for the menu: "99+" for more."""
    key = f"{BADGE}:{request.user.pk}"
    if not waiting_list.may_open(viewer_of(request.user)):
        raise PermissionDenied
    count = cache.get(key)
    if count is None:
        count = today.count_waiting(waiting_list.scope_of(request), most=BADGE_MOST + 1)
        cache.set(key, count, BADGE_SECONDS)
    return JsonResponse({"count": _badge(count)})


def _badge(count: int) -> str:
    return f"{BADGE_MOST}+" if count > BADGE_MOST else str(count or "")


urlpatterns = [
    path("today/", admin.site.admin_view(page), name="today"),
    path("today/act/", admin.site.admin_view(act), name="today-act"),
    path("today/backlog/", admin.site.admin_view(act_on_backlog), name="today-backlog"),
    path("today/news/", admin.site.admin_view(news), name="today-news"),
    path("today/badge/", admin.site.admin_view(badge), name="today-badge"),
    path("today/<int:pk>/", admin.site.admin_view(contact), name="today-contact"),
]
