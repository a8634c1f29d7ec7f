"""The rows behind "added today" and its neighbours: one line per spell that started or ended in a period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from contacts.models import Agent, Channel, Contact
from contacts.selectors.viewing import viewer_of
from desk.base.filters import day_of
from labelcrm.core.dates import moment_of
from labelcrm.core.models import User
from labelcrm.lib.numbers import whole_number
from labels.models import Label, Method
from labels.rules.spells import SpellRow
from reports.selectors.home import today_until
from reports.selectors.periods import Period, is_provisional, of_days
from reports.selectors.spell_counts import ADDED, FOUND, LOST, REMOVED, count_spells, rows

A_PAGE = 50
MOST_PAGES = 100_000
DAY = timedelta(days=1)
TITLES = {
    ADDED: gettext_lazy("Labels added"),
    FOUND: gettext_lazy("Labels that were already there"),
    REMOVED: gettext_lazy("Labels removed"),
    LOST: gettext_lazy("Labels gone by repair"),
}
MEANINGS = {
    ADDED: gettext_lazy("Put on by somebody in this time, even if it came off later. Quick undos are included."),
    FOUND: gettext_lazy("Seen for the first time in this time, but on the chat before; nobody is credited."),
    REMOVED: gettext_lazy("Taken off by somebody in this time, whoever put it on."),
    LOST: gettext_lazy("Ended without anybody's doing: found missing by a repair, or the label itself was deleted."),
}


def label_activity(request: HttpRequest) -> HttpResponse:
    """`?what=added|found|removed|lost&day=…` or `&from=…&to=…`; without either today so far."""
    if not request.user.has_perm("labels.view_labelevent"):
        raise PermissionDenied
    what = request.GET.get("what", ADDED)
    what = what if what in TITLES else ADDED
    period = _period(request)
    viewer = viewer_of(request.user)
    page = whole_number(request.GET.get("page"), largest=MOST_PAGES) or 1
    before = (page - 1) * A_PAGE
    found = rows(viewer, what, period, most=A_PAGE, after=before)
    total = getattr(count_spells(viewer, [period])[0], what)
    context = {
        **admin.site.each_context(request),
        "title": TITLES[what],
        "meaning": MEANINGS[what],
        "what": what,
        "period": period,
        "provisional": is_provisional(period.end, now=timezone.now()),
        "total": total,
        "lines": _lines(found, what),
        "newer": page - 1,
        "older": page + 1 if before + A_PAGE < total else 0,
        "neighbours": [(name, title, _query(name, period)) for name, title in TITLES.items()],
    }
    return TemplateResponse(request, "home/label_activity.html", context)


def _query(what: str, period: Period) -> dict[str, str | None]:
    return {"what": what, "from": period.start.isoformat(), "to": period.end.isoformat(), "day": None}


def _period(request: HttpRequest) -> Period:
    day = day_of(request.GET.get("day"))
    if day is not None:
        return of_days(day, day + DAY)
    since, until = moment_of(request.GET.get("from")), moment_of(request.GET.get("to"))
    if since is None or until is None or until <= since:
        return today_until(timezone.now())
    return Period(since, until)


def _lines(found: list[SpellRow], what: str) -> list[dict[str, Any]]:
    """What the table shows, with every row looked up once per table and not once per line."""
    contacts = Contact.all_objects.in_bulk({spell.contact for spell in found})
    labels = Label.all_objects.in_bulk({spell.label for spell in found})
    channels = Channel.all_objects.in_bulk({spell.channel for spell in found})
    people = {spell.agent for spell in found} | {spell.removed_by for spell in found}
    agents = Agent.all_objects.in_bulk({pk for pk in people if pk})
    users = User.objects.in_bulk({spell.user for spell in found if spell.user})
    starts = what in (ADDED, FOUND)
    methods = dict(Method.choices)
    return [
        {
            "contact": contacts[spell.contact],
            "label": labels[spell.label],
            "channel": channels[spell.channel],
            "at": spell.started_at if starts else spell.ended_at,
            "ended": spell.ended_at is not None,
            "mistap": spell.mistap,
            "agent": agents.get((spell.agent if starts else spell.removed_by) or 0),
            "user": users.get(spell.user or 0) if starts else None,
            "method": spell.method,
            "how": methods[spell.method] if starts else "",
        }
        for spell in found
        if spell.contact in contacts
    ]
