"""The stale list by contact, most urgent first: what is over its limit, who wrote last, and what to do about it.

A row's buttons answer in the row (`static/labelcrm/rows.js`); without JavaScript the same form leads back to the list
with a message. What was settled is listed by `stale_labels`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.defaultfilters import date as format_date
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from contacts.models import Agent, Contact, Team
from contacts.selectors.viewing import viewer_of
from contacts.services.contacts import edit_contact
from desk.base.model_admin import ORIGIN
from desk.contacts.search import find
from desk.labels import learned_limits, limit_words
from labelcrm.core.dates import moment_of
from labelcrm.lib.numbers import row_id
from labels.models import Label, StaleFlag
from labels.selectors import stale_contacts
from labels.selectors.stale_contacts import AGE, SILENCE, URGENCY, Part, Place, StaleContact, StaleCounts
from labels.services import staleness
from reports.selectors.home import open_stale

SIZE = 50
AGES = (7, 14, 30, 60, 90)  # days
MOST_DAYS = 36_500
FILTERS = ("cs", "label", "team", "age", "escalated", "q")
ORDER = "order"
ORDERS = (URGENCY, AGE, SILENCE)
KEPT = (*FILTERS, ORDER, "after", "before")  # what a button's answer leads back with
FETCHED = "X-Requested-With"
STILL, FOLLOW, UNFOLLOW = "still", "follow", "unfollow"
FOLLOW_UP_HOUR = 9


# -- The list ---------------------------------------------------------------------------------------------------------


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The list; `?cs=`, `?label=`, `?age=` (days) and `?q=` narrow it, `?after=` and `?before=` turn its pages."""
    if not request.user.has_perm("labels.view_staleflag"):
        raise PermissionDenied
    viewer = viewer_of(request.user)
    given = {name: request.GET[name] for name in (*FILTERS, ORDER) if request.GET.get(name)}
    before = request.GET.get("before")
    cursor = before or request.GET.get("after")
    place = _place(cursor) if cursor else Place(timezone.now())
    order = request.GET.get(ORDER, "")
    agents = Agent.all_objects.visible_to(viewer).in_bulk()
    labels = list(learned_limits.with_limits(Label.objects.all()))
    lines, more = stale_contacts.page(
        _narrowed(open_stale(viewer), request, moment=place.moment), viewer=viewer, place=place, size=SIZE,
        forward=not before, order=order if order in ORDERS else URGENCY, part=_part(given), agents=agents,
    )  # fmt: skip
    newer = _turned(given, "before", place, lines[:1]) if (more if before else place.contact) else ""
    older = _turned(given, "after", place, lines[-1:]) if (before or more) else ""
    is_whole = not (newer or older or given.keys() - {ORDER})
    counts = stale_contacts.count(open_stale(viewer)) if is_whole else None
    context = {
        **admin.site.each_context(request),
        "title": _("Stale labels"),
        "lines": lines,
        "counted": _counted(counts) if counts else "",
        "count_url": reverse("admin:labels_staleflag_count") + "?" + urlencode(given),
        "filters": _filters(request, _counted_choices(agents, counts) if counts else _choices(agents, labels)),
        "clock": limit_words.clock(),
        "q": given.get("q", ""),
        "is_narrowed": bool(given.keys() - {ORDER}),
        "newer": newer,
        "older": older,
        "first": "?" + urlencode(given) if place.contact else "",
        "learned": learned_limits.beside(labels, counted=viewer.everything),
        "may_change_limits": request.user.has_perm(learned_limits.MAY_CHANGE),
        "may_read": request.user.has_perm("reports.view_report"),
        **_row_context(request),
    }
    return TemplateResponse(request, "stale/page.html", context)


@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """How much the list has with these filters, in words as `text`, and what each of its `choices` would have alone.

    A page that does not show all there is asks for it once it has come.
    """
    if not request.user.has_perm("labels.view_staleflag"):
        raise PermissionDenied
    viewer = viewer_of(request.user)
    all_flags = open_stale(viewer)
    counts = stale_contacts.count(all_flags)
    flags = _narrowed(all_flags, request, moment=timezone.now())
    text = _counted(counts if flags is all_flags else stale_contacts.count(flags))
    agents = Agent.all_objects.visible_to(viewer).in_bulk(counts.per_owner)
    choices = {name: list(named.items()) for name, named in _counted_choices(agents, counts).items()}
    return JsonResponse({"text": text, "choices": choices})


def _part(given: dict[str, str]) -> Part:
    """A label or a CS has few of all stale labels, and few wait for the lead."""
    if not given.keys() - {ORDER}:
        return Part.ALL
    return Part.FEW if {"label", "cs", "escalated"} & given.keys() else Part.MANY


def _row_context(request: HttpRequest) -> dict[str, Any]:
    return {
        "may_settle": request.user.has_perm("labels.change_staleflag"),
        "may_follow": request.user.has_perm("contacts.change_contact"),
        "query": urlencode({name: request.GET[name] for name in KEPT if name in request.GET}),
        "now": timezone.now(),
    }


def _narrowed(flags: QuerySet[StaleFlag], request: HttpRequest, *, moment: datetime) -> QuerySet[StaleFlag]:
    """The flags that the filters ask for; what is no filter value narrows nothing."""
    viewer = viewer_of(request.user)
    if label := row_id(request.GET.get("label")):
        flags = flags.filter(label=label)
    if agent := row_id(request.GET.get("cs")):
        flags = flags.filter(owner__in=Agent.all_objects.visible_to(viewer).filter(pk=agent))
    if team := row_id(request.GET.get("team")):
        flags = flags.filter(stale_contacts.on_numbers_of(Team.all_objects.visible_to(viewer).filter(pk=team)))
    if request.GET.get("escalated"):
        flags = flags.filter(escalated_at__isnull=False)
    if days := row_id(request.GET.get("age")):
        flags = flags.filter(clock_started_at__lt=moment - timedelta(days=min(days, MOST_DAYS)))
    if words := request.GET.get("q", "").replace("\x00", "").strip():
        flags = flags.filter(contact__in=find(Contact.objects.visible_to(viewer), words).values("pk"))
    return flags


def _counted(counts: StaleCounts) -> str:
    """How much there is, in words; a contact may have several stale labels."""
    contacts, labels = counts.contacts, counts.labels
    words = [
        ngettext("%(n)s contact", "%(n)s contacts", contacts) % {"n": number_format(contacts, force_grouping=True)},
        ngettext("%(n)s label", "%(n)s labels", labels) % {"n": number_format(labels, force_grouping=True)},
    ]
    return " · ".join(words if labels != contacts else words[:1])


@dataclass(frozen=True, slots=True)
class StaleChoice:
    """A choice above the list: its parameter, what it is called, and its choices, with how many contacts each has where
    that is known."""

    name: str
    title: str
    choices: list[tuple[str, str]]
    chosen: str


def _filters(request: HttpRequest, found: dict[str, dict[str, str]]) -> list[StaleChoice]:
    """Whose, which label, whose team, how old; only what is stale of somebody is offered, where that is counted."""
    over = [(str(days), _("over %(n)d days") % {"n": days}) for days in AGES]
    chosen = {name: request.GET.get(name, "") for name in (*FILTERS, ORDER)}
    orders = [(AGE, _("Oldest label first")), (SILENCE, _("Longest without a message"))]
    viewer = viewer_of(request.user)
    has_several = viewer.everything or len(viewer.teams) > 1
    teams = [(str(team.pk), team.name) for team in Team.objects.visible_to(viewer)] if has_several else []
    with_lead = [*found["escalated"].items()]
    return [
        StaleChoice("cs", _("CS"), [*found["cs"].items()], chosen["cs"]),
        StaleChoice("label", _("Label"), [*found["label"].items()], chosen["label"]),
        *([StaleChoice("team", _("Team"), teams, chosen["team"])] if len(teams) > 1 or chosen["team"] else []),
        StaleChoice("age", _("Age"), over, chosen["age"]),
        *([StaleChoice("escalated", _("With whom"), with_lead, chosen["escalated"])] if with_lead else []),
        StaleChoice(ORDER, _("Most urgent first"), orders, chosen[ORDER]),
    ]


def _choices(agents: Mapping[int, Agent], labels: Collection[Label]) -> dict[str, dict[str, str]]:
    """What can be stale, by filter: values and what they are called."""
    limited = [label for label in labels if label.has_limit]  # type: ignore[attr-defined]
    goes_on = any(label.escalate_after_days is not None for label in labels)
    return {
        "cs": _named({pk: str(agent) for pk, agent in agents.items() if not agent.is_archived}),
        "label": _named({label.pk: str(label) for label in limited}),
        "escalated": {"1": _("With the lead")} if goes_on else {},
    }


def _counted_choices(agents: Mapping[int, Agent], counts: StaleCounts) -> dict[str, dict[str, str]]:
    """What is stale, by filter: values and what they are called, with how many contacts each has.

    `agents` are those whom the viewer sees; what is of others is counted, and not offered.
    """
    labels = Label.all_objects.in_bulk(counts.per_label)
    with_lead = _("With the lead (%(n)s)") % {"n": number_format(counts.escalated, force_grouping=True)}
    return {
        "cs": _named({pk: _with_count(agents[pk], n) for pk, n in counts.per_owner.items() if pk in agents}),
        "label": _named({pk: _with_count(label, counts.per_label[pk]) for pk, label in labels.items()}),
        "escalated": {"1": with_lead} if counts.escalated else {},
    }


def _with_count(row: Any, number: int) -> str:
    return f"{row} ({number_format(number, force_grouping=True)})"


def _named(names: dict[int, str]) -> dict[str, str]:
    return {str(pk): name for pk, name in sorted(names.items(), key=lambda named: named[1].casefold())}


# -- Places in it -----------------------------------------------------------------------------------------------------


def _turned(given: dict[str, str], way: str, place: Place, lines: Iterable[StaleContact]) -> str:
    """The address of the page beyond a line; "" where there is no line."""
    for line in lines:
        text = json.dumps([place.moment.isoformat(), line.score, line.contact.pk])
        return "?" + urlencode(given | {way: base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")})
    return ""


def _place(cursor: str) -> Place:
    """Raises BadRequest for what is no cursor of ours."""
    try:
        moment, score, contact = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        known = Place(moment_of(moment, offset=True) or timezone.now(), int(score), row_id(str(contact)) or 0)
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError):
        raise BadRequest("This page address is damaged.") from None
    is_to_come = known.moment > timezone.now() + timedelta(days=1)  # clocks of several servers may differ
    if not known.contact or abs(known.score) >= 2**62 or is_to_come:
        raise BadRequest("This page address is damaged.")
    return known


# -- What a row's buttons do ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class StaleAnswer:
    """What a button did, in a sentence, or why it did not; `former` is the follow-up that undoing brings back."""

    sentence: str = ""
    error: str = ""
    can_undo: bool = False
    former: str = ""


@require_POST
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """ "Still right" or a follow-up for one contact of the list."""
    viewer = viewer_of(request.user)
    contact = Contact.objects.visible_to(viewer).filter(pk=pk).first()
    if contact is None or not request.user.has_perm("labels.view_staleflag"):
        raise Http404
    run, permission = ACTIONS.get(request.POST.get("do", ""), (None, ""))
    if run is None:
        raise BadRequest("Nothing is to be done.")
    if not request.user.has_perm(permission):
        raise PermissionDenied
    try:
        answer = run(request, contact)
    except ValidationError as error:
        answer = StaleAnswer(error=" ".join(error.messages))
    return _say(request, contact, answer)


def _still_right(request: HttpRequest, contact: Contact) -> StaleAnswer:
    """The clocks of the chosen labels begin anew; of the only one where there is no choice. Raises ValidationError."""
    flags = open_stale(viewer_of(request.user)).filter(contact=contact).select_related("label")
    if "several" in request.POST:
        flags = flags.filter(pk__in=[pk for text in request.POST.getlist("flag") if (pk := row_id(text))])
    chosen = list(flags.order_by("pk"))
    if not chosen:
        return StaleAnswer(error=_("Nothing is stale any more, or no label was chosen."))
    staleness.snooze_all(
        [(contact, flag.label) for flag in chosen], actor=request.user, reason=request.POST.get("reason", "")[:200]
    )
    names = ", ".join(str(flag.label) for flag in chosen)
    return StaleAnswer(sentence=_("%(labels)s: still right. The clock starts again today.") % {"labels": names})


def _follow_up(request: HttpRequest, contact: Contact) -> StaleAnswer:
    """Tomorrow at nine. Raises ValidationError."""
    at = (timezone.localtime() + timedelta(days=1)).replace(hour=FOLLOW_UP_HOUR, minute=0, second=0, microsecond=0)
    former = contact.follow_up_at.isoformat() if contact.follow_up_at else ""
    edit_contact(contact, actor=request.user, origin=ORIGIN, follow_up_at=at)
    said = _("Follow-up set for tomorrow, %(day)s.") % {"day": format_date(at, "DATETIME_FORMAT")}
    return StaleAnswer(sentence=said, can_undo=True, former=former)


def _undo_follow_up(request: HttpRequest, contact: Contact) -> StaleAnswer:
    """Raises ValidationError."""
    edit_contact(contact, actor=request.user, origin=ORIGIN, follow_up_at=moment_of(request.POST.get("former")))
    return StaleAnswer(sentence=_("The follow-up is as it was."))


ACTIONS = {
    STILL: (_still_right, "labels.change_staleflag"),
    FOLLOW: (_follow_up, "contacts.change_contact"),
    UNFOLLOW: (_undo_follow_up, "contacts.change_contact"),
}


def _say(request: HttpRequest, contact: Contact, answer: StaleAnswer) -> HttpResponse:
    """The row anew for our script; for a plain form a message on the list that it leads back to."""
    if not request.headers.get(FETCHED):
        say = messages.error if answer.error else messages.success
        say(request, f"{contact}: {answer.error or answer.sentence}")
        kept = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
        return HttpResponseRedirect(f"{reverse('admin:labels_staleflag_changelist')}?{urlencode(kept)}")
    lines = stale_contacts.lines_of([contact.pk], viewer=viewer_of(request.user), moment=timezone.now())
    context = {
        "answer": answer,
        "contact": contact,
        "lines": [line for line in lines if line.labels],
        **_row_context(request),
    }
    return TemplateResponse(request, "stale/answer.html", context)
