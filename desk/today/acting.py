"""What the buttons of the Today page do: a script is told what became of each line, a plain form leads back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from contacts.models import Agent
from contacts.selectors.viewing import viewer_of
from desk.base.days import DayTimeField
from desk.base.model_admin import ORIGIN
from desk.today import waiting_list
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels.services import today as services
from labels.services.today import MORNING, TodayOutcome, TodayTask
from reports.jobs import clear_backlog
from reports.selectors.today import TodayLine
from reports.selectors.today_kinds import BY_CODE

FETCHED = "X-Requested-With"
MOST = 200  # contacts of one button; more are a job
REASON = 200  # characters
MAY_CHANGE = "contacts.change_contact"
UNDO = "undo"
TOMORROW, MONDAY, NEWER = "tomorrow", "monday", "newer"


@dataclass(slots=True)
class TodayAnswer:
    """What came of a button: a sentence, the contacts that were done, and why others were not.

    `left`: of those that were done, the ones that wait for another reason still.
    """

    sentence: str
    done: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def error(self) -> str:
        return " ".join(sorted(set(self.refused.values())))


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """One thing done to one contact or several; `kind` says to which of their reasons."""
    scope, viewer = waiting_list.scope_of(request), viewer_of(request.user)
    if not viewer.may(MAY_CHANGE):
        raise PermissionDenied
    do = request.POST.get("do", "")
    if do == UNDO:
        return _say(request, _undo(request))
    run = ACTIONS.get(do)
    if run is None:
        raise BadRequest("Nothing is to be done.")
    ids = [pk for text in request.POST.getlist("contact")[:MOST] if (pk := row_id(text))]
    lines = waiting_list.lines_of(scope, ids) if ids else []
    try:
        answer = run(request, list(_tasks(request, lines, viewer, every=do in WHOLE_LINE)))
    except ValidationError as error:
        answer = TodayAnswer("", refused={line.contact_id: " ".join(error.messages) for line in lines})
    if not lines:
        answer = TodayAnswer(_("Nothing waits there any more."))
    answer.done |= set(ids) - {line.contact_id for line in lines}
    if do not in WHOLE_LINE:
        answer.left = {line.contact_id for line in waiting_list.lines_of(scope, answer.done)} if answer.done else set()
    return _say(request, answer)


def _tasks(request: HttpRequest, lines: Iterable[TodayLine], viewer: Viewer, *, every: bool) -> Iterable[TodayTask]:
    """The reasons that something is done about: of one kind, else all of a line or the costliest."""
    kind = request.POST.get("kind", "")
    for line in lines:
        reasons = [reason for reason in line.reasons if not kind or reason.row.kind == kind]
        for reason in reasons if every else reasons[:1]:
            if every or viewer.may(reason.kind.right):
                row = reason.row
                yield TodayTask(row.contact, row.kind, row.label, row.ref)


# -- Actions ----------------------------------------------------------------------------------------------------------


def _snooze(request: HttpRequest, tasks: Sequence[TodayTask]) -> TodayAnswer:
    until = _until(request)
    outcome = services.put_off(tasks, actor=request.user, until=until, reason=_reason(request))
    if until is None:
        words = ngettext("Put off until they write or something else is new.",
                         "%(n)d contacts put off until something is new.", len(outcome.done))  # fmt: skip
    else:
        words = ngettext("Put off until %(day)s.", "%(n)d contacts put off until %(day)s.", len(outcome.done))
    return _answer(outcome, words, day=until)


def _assign(request: HttpRequest, tasks: Sequence[TodayTask]) -> TodayAnswer:
    agents = Agent.objects.visible_to(viewer_of(request.user))
    agent = agents.filter(pk=row_id(request.POST.get("agent")) or 0).first()
    if agent is None:
        raise ValidationError(_("Choose a CS."), code="agent_missing")
    outcome = services.assign(tasks, actor=request.user, agent=agent, origin=ORIGIN)
    words = ngettext("Assigned to %(name)s.", "%(n)d contacts assigned to %(name)s.", len(outcome.done))
    return _answer(outcome, words, name=agent.name)


def _follow(request: HttpRequest, tasks: Sequence[TodayTask]) -> TodayAnswer:
    at = _until(request)
    if at is None:
        raise ValidationError(_("Choose a day."), code="day_missing")
    outcome = services.follow_up(tasks, actor=request.user, at=at, origin=ORIGIN)
    words = ngettext("Follow-up set for %(day)s.", "%(n)d follow-ups set for %(day)s.", len(outcome.done))
    return _answer(outcome, words, day=at)


def _settle(request: HttpRequest, tasks: Sequence[TodayTask]) -> TodayAnswer:
    outcome = services.settle(tasks, actor=request.user, reason=_reason(request), origin=ORIGIN)
    kinds = {task.kind for task in tasks}
    said = str(BY_CODE[kinds.pop()].settle) if len(kinds) == 1 else _("Settled")
    words = ngettext("%(said)s.", "%(said)s: %(n)d contacts.", len(outcome.done))
    return _answer(outcome, words, said=said)


def _fix(request: HttpRequest, tasks: Sequence[TodayTask]) -> TodayAnswer:
    outcome = services.say_fixed(tasks, actor=request.user)
    words = ngettext(
        "Noted. What is not right in WhatsApp by tomorrow comes back.",
        "%(n)d noted. What is not right in WhatsApp by tomorrow comes back.",
        len(outcome.done),
    )
    return _answer(outcome, words)


def _undo(request: HttpRequest) -> TodayAnswer:
    batch = services.last_batch(request.user, since=services.midnight(timezone.now()))
    if batch is None:
        return TodayAnswer(_("Nothing of today is left to undo."))
    contacts = services.undo(batch, actor=request.user, origin=ORIGIN)
    return TodayAnswer(
        ngettext("Undone: the contact is back.", "Undone: %(n)d contacts are back.", len(contacts))
        % {"n": len(contacts)},
        done=contacts,
    )


ACTIONS: dict[str, Callable[[HttpRequest, Sequence[TodayTask]], TodayAnswer]] = {
    "snooze": _snooze,
    "assign": _assign,
    "follow": _follow,
    "settle": _settle,
    "fix": _fix,
}
WHOLE_LINE = frozenset({"snooze", "assign", "follow"})  # done about all reasons of a line, not about the costliest


def _answer(outcome: TodayOutcome, words: str, **values: Any) -> TodayAnswer:
    day = values.get("day")
    shown = {"day": format_date(timezone.localtime(day), "DATETIME_FORMAT")} if day else {}
    sentence = words % {"n": len(outcome.done), **values, **shown} if outcome.done else ""
    return TodayAnswer(sentence, outcome.done, refused=outcome.refused)


def _until(request: HttpRequest) -> Any:
    """The moment that was chosen; None for "until something is new". Raises ValidationError."""
    now, until = timezone.now(), request.POST.get("until", "")
    if until == TOMORROW:
        return services.morning(now, days=1)
    if until == MONDAY:
        return waiting_list.next_monday(now)
    if until == NEWER:
        return None
    moment = DayTimeField(clock=time(MORNING)).to_python(request.POST.get("day", ""))
    if moment is None:
        raise ValidationError(_("Choose a day."), code="day_missing")
    return moment


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").replace("\x00", "").strip()[:REASON]


def _say(request: HttpRequest, answer: TodayAnswer) -> HttpResponse:
    if not request.headers.get(FETCHED):
        if answer.sentence:
            messages.success(request, answer.sentence)
        if answer.error:
            messages.error(request, answer.error)
        kept = {name: request.GET[name] for name in ("kind", "cs") if request.GET.get(name)}
        return HttpResponseRedirect(f"{reverse('today')}?{waiting_list.as_query(kept)}")
    return JsonResponse(
        {
            "said": answer.sentence,
            "error": answer.error,
            "done": sorted(answer.done),
            "left": sorted(answer.left),
            "refused": sorted(answer.refused),
        }
    )


# -- The backlog ------------------------------------------------------------------------------------------------------


@require_POST
def act_on_backlog(request: HttpRequest) -> HttpResponse:
    """One thing done to everybody of a kind and a CS, as a job."""
    scope, viewer = waiting_list.scope_of(request), viewer_of(request.user)
    if not viewer.may(MAY_CHANGE):
        raise PermissionDenied
    asked = waiting_list.TodayAsked.of(request.POST, leads=waiting_list.leads(viewer, request.user))
    do = request.POST.get("do", "")
    if do not in ("snooze", "assign", "settle") or not asked.kind:
        messages.error(request, _("Choose what it is about and what is to be done."))
        return HttpResponseRedirect(reverse("today"))
    agent = scope.agent if scope.agent is not None else asked.agent
    try:
        parameters = _parameters(request, do)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(f"{reverse('today')}?{asked.query()}")
    clear_backlog(actor=request.user, kind=asked.kind, agent=agent, do=do, origin=ORIGIN, **parameters)
    messages.success(request, _("It is being done. The page “Work” says how far it is."))
    return HttpResponseRedirect(f"{reverse('today')}?{asked.query()}")


def _parameters(request: HttpRequest, do: str) -> dict[str, Any]:
    """What a job needs to know besides whom it is about. Raises ValidationError."""
    reason = _reason(request)
    if do == "snooze":
        until = _until(request)
        return {"until": until, "reason": reason}
    if do == "assign":
        agents = Agent.objects.visible_to(viewer_of(request.user))
        agent = agents.filter(pk=row_id(request.POST.get("agent")) or 0).first()
        if agent is None:
            raise ValidationError(_("Choose a CS."), code="agent_missing")
        return {"to": agent}
    return {"reason": reason}
