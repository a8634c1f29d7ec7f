"""Handing over what a CS has open, before or after she leaves, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from contacts.models import Agent, Contact
from contacts.selectors.viewing import viewer_of
from desk.base.days import DayField
from labelcrm.core import jobs, notices
from labelcrm.core.viewer import Viewer
from labels.jobs import hand_over, undo_handover
from labels.models import Handover, Label
from labels.selectors.handovers import MatterCounts, OpenMatter, counted, listed, matters, ownerships_of
from labels.services.handovers import RECEIVED, HandoverPlan, why_not_undone
from reports.selectors import handovers
from reports.selectors.handovers import (
    ANSWERED,
    FORWARD,
    RELABELLED,
    UNTOUCHED,
    WON,
    HandedOverRow,
    HandoverOutcome,
)

MAY = ("contacts.change_contact", "contacts.change_agent")
NUMBERS_RIGHT = "contacts.add_channelownership"
AT_ONCE = 3.0  # seconds that a page waits for the work
SHOWN = 50
STATE_NAMES = {
    UNTOUCHED: gettext_lazy("still untouched"),
    RELABELLED: gettext_lazy("label changed"),
    ANSWERED: gettext_lazy("answered"),
    FORWARD: gettext_lazy("moved forward"),
    WON: gettext_lazy("won"),
}
WHY_NOT = {
    "undone": gettext_lazy("It was undone."),
    "working": gettext_lazy("It is still at work; “Work” in the menu says how far."),
    "touched": gettext_lazy("It cannot be undone any more: something was done with these contacts since."),
    "numbers": gettext_lazy("It cannot be undone any more: one of the numbers has another owner by now."),
}


@dataclass(frozen=True, slots=True)
class MatterLine:
    """A contact of whom something is open, and why."""

    contact: Contact
    label: Label | None
    matter: OpenMatter


@dataclass(frozen=True, slots=True)
class HandedOverLine:
    """A contact that was handed over: to whom, how it stood, and what became of it; None for who may not be seen."""

    contact: Contact | None
    label: Label | None
    row: HandedOverRow
    agent: str
    state: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class HandoverOutcomeLine:
    """What became of the contacts of a receiver, or of all."""

    name: str
    outcome: HandoverOutcome


class HandoverForm(forms.Form):
    """Who takes over what: contacts evenly or by their label, each number, from which day, and a message."""

    receivers: Any = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Who takes over"), queryset=Agent.objects.none(), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one CS who takes over.")},
    )  # fmt: skip
    note = forms.CharField(
        label=gettext_lazy("Message to them"), required=False, max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )  # fmt: skip
    since = DayField(label=gettext_lazy("Numbers from"), required=False)

    def __init__(
        self, *args: Any, agents: Any, labels: Sequence[tuple[Label, int]], held: Sequence[Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        receivers: Any = self.fields["receivers"]
        receivers.queryset = agents
        self.of_labels = {f"label_{label.pk}": label for label, _count in labels}
        self.of_numbers = {f"number_{each.pk}": each for each in held}
        for name, label in self.of_labels.items():
            self.fields[name] = _agent_field(agents, str(label), empty=_("shared out evenly"))
        for name, each in self.of_numbers.items():
            self.fields[name] = _agent_field(agents, each.channel.name, empty=_("stays as it is"))

    def label_rows(self) -> list[tuple[Label, Any]]:
        return [(label, self[name]) for name, label in self.of_labels.items()]

    def number_rows(self) -> list[tuple[Any, Any]]:
        return [(each, self[name]) for name, each in self.of_numbers.items()]

    def clean_since(self) -> Any:
        day = self.cleaned_data["since"]
        if day is not None and day < timezone.localdate():
            raise ValidationError(_("Choose today or a later day: what was before stays as it is."))
        return day

    def plan(self) -> HandoverPlan:
        given = self.cleaned_data
        day = given.get("since")
        return HandoverPlan(
            receivers=[agent.pk for agent in given["receivers"]],
            by_label={label.pk: given[name].pk for name, label in self.of_labels.items() if given.get(name)},
            numbers={each.pk: given[name].pk for name, each in self.of_numbers.items() if given.get(name)},
            since=_midnight(day) if day is not None and day > timezone.localdate() else None,
        )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _agent_field(agents: Any, label: str, *, empty: str) -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        label=label, queryset=agents, required=False, empty_label=empty, widget=UnfoldAdminSelectWidget
    )


# -- Handing over -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def hand_over_page(request: HttpRequest, pk: int) -> HttpResponse:
    """`/admin/handovers/of/<agent id>/`: what the CS has open, and a form that gives it to others."""
    viewer = _leading(request)
    agent = get_object_or_404(Agent.all_objects.visible_to(viewer), pk=pk)
    found = listed(matters(agent, viewer=viewer, now=timezone.now()))
    form = _form(request, agent, viewer, found)
    if request.method == "POST" and form.is_valid():
        try:
            return _begin(request, agent, form)
        except ValidationError as refused:
            form.add_error(None, refused)
    context = {
        **admin.site.each_context(request),
        "title": _("Hand over: %(name)s") % {"name": agent.name},
        "agent": agent,
        "form": form,
        "counts": counted(found),
        "sentence": _sentence(agent, counted(found)),
        "lines": _matter_lines([one for one in found if one.is_open][:SHOWN]),
        "left_off": max(0, sum(one.is_open for one in found) - SHOWN),
        "earlier": Handover.objects.visible_to(viewer).filter(agent=agent)[:5],
    }
    return TemplateResponse(request, "people/hand_over.html", context)


def _leading(request: HttpRequest) -> Viewer:
    """Raises PermissionDenied for who gives nobody's contacts away."""
    if not request.user.has_perms(MAY):
        raise PermissionDenied
    return viewer_of(request.user)


def _form(request: HttpRequest, agent: Agent, viewer: Viewer, found: Iterable[OpenMatter]) -> HandoverForm:
    held: Sequence[Any] = []
    if viewer.may(NUMBERS_RIGHT):
        held = list(ownerships_of(agent, viewer=viewer, now=timezone.now()))
    agents = Agent.objects.visible_to(viewer).exclude(pk=agent.pk).order_by("name")
    data = request.POST if request.method == "POST" else None
    return HandoverForm(data, agents=agents, labels=_labels_of(found), held=held)


def _labels_of(found: Iterable[OpenMatter]) -> list[tuple[Label, int]]:
    """The labels that open contacts are furthest along with, and how many of each."""
    counts = Counter(one.label for one in found if one.label is not None)
    labels = Label.all_objects.in_bulk(counts)
    return [(labels[pk], count) for pk, count in counts.most_common()]


def _begin(request: HttpRequest, agent: Agent, form: HandoverForm) -> HttpResponse:
    handover, job = hand_over(agent, form.plan(), note=form.cleaned_data["note"], actor=request.user)
    jobs.do_at_once([job], seconds=AT_ONCE)
    return HttpResponseRedirect(reverse("handover", args=[handover.pk]))


def _sentence(agent: Agent, counts: MatterCounts) -> str:
    if not counts.contacts:
        return _("%(name)s has nothing open.") % {"name": agent.name}
    words = ngettext(
        "%(name)s has %(n)s contact with something open", "%(name)s has %(n)s contacts with something open", counts.open
    )
    return words % {"name": agent.name, "n": _count(counts.open)}


def _matter_lines(found: Sequence[OpenMatter]) -> list[MatterLine]:
    contacts = Contact.objects.in_bulk([one.contact for one in found])
    labels = Label.all_objects.in_bulk({one.label for one in found if one.label})
    return [MatterLine(contacts[one.contact], labels.get(one.label or 0), one) for one in found]


# -- What became of it ------------------------------------------------------------------------------------------------


@require_safe
def handover_list(request: HttpRequest) -> HttpResponse:
    """`/admin/handovers/`: the handovers that the viewer sees, the newest first."""
    viewer = viewer_of(request.user)
    found = Handover.objects.visible_to(viewer).select_related("agent").prefetch_related("receivers")
    if not viewer.may(*MAY):
        found = found.filter(receivers__user=viewer.user)
    context = {**admin.site.each_context(request), "title": _("Handovers"), "handovers": found[:SHOWN]}
    return TemplateResponse(request, "people/handovers.html", context)


@require_safe
def handover_page(request: HttpRequest, pk: int) -> HttpResponse:
    """`/admin/handovers/<id>/`: what became of the contacts, by receiver and one by one; `?state=` narrows the list."""
    viewer = viewer_of(request.user)
    handover = _seen(viewer, pk)
    notices.see(request.user, topic=RECEIVED, subjects=[handover.pk])
    rows, leads = handovers.followed(handover), _leads(viewer, handover)
    if not leads:  # who received something sees her own
        own = set(Agent.objects.filter(user=viewer.user).values_list("pk", flat=True))
        rows = [row for row in rows if row.agent in own]
    state = request.GET.get("state", "")
    chosen = [row for row in rows if row.state == state] if state in STATE_NAMES else rows
    reason = why_not_undone(handover) if leads else ""
    context = {
        **admin.site.each_context(request),
        "title": _("Handover: %(name)s") % {"name": handover.agent.name},
        "handover": handover,
        "sentence": _followed_sentence(handover, rows),
        "outcomes": _outcome_lines(handover, rows),
        "lines": _lines(chosen[:SHOWN], viewer),
        "left_off": max(0, len(chosen) - SHOWN),
        "states": _states(rows, state),
        "days": (timezone.now() - handover.at).days,
        "leads": leads,
        "may_undo": leads and not reason,
        "why_not": WHY_NOT.get(reason, ""),
        "logs_in": leads and _logs_in(handover.agent),
    }
    return TemplateResponse(request, "people/handover.html", context)


def _seen(viewer: Viewer, pk: int) -> Handover:
    """Raises Http404 for one that is not the viewer's to see."""
    found = Handover.objects.visible_to(viewer).select_related("agent", "agent__user", "actor").filter(pk=pk).first()
    if found is None or not (_leads(viewer, found) or found.receivers.filter(user=viewer.user).exists()):
        raise Http404
    return found


def _leads(viewer: Viewer, handover: Handover) -> bool:
    """Whether the viewer gives away what the CS who left had: a lead of another team may have received something."""
    return viewer.may(*MAY) and Agent.all_objects.visible_to(viewer).filter(pk=handover.agent_id).exists()


def _logs_in(agent: Agent) -> bool:
    """Whether who left can still come in."""
    return agent.user is not None and agent.user.is_active and not agent.is_archived


def _followed_sentence(handover: Handover, rows: Sequence[HandedOverRow]) -> str:
    """ "What happened to Rina's 43": how many were answered, how many bought, how many still wait."""
    counts = Counter(row.state for row in rows)
    words = ngettext(
        "Of %(name)s’s %(n)s open contact: %(untouched)s still untouched, %(won)s won.",
        "Of %(name)s’s %(n)s open contacts: %(untouched)s still untouched, %(won)s won.",
        len(rows),
    )
    return words % {
        "name": handover.agent.name, "n": _count(len(rows)), "untouched": _count(counts[UNTOUCHED]),
        "won": _count(counts[WON]),
    }  # fmt: skip


def _outcome_lines(handover: Handover, rows: Sequence[HandedOverRow]) -> list[HandoverOutcomeLine]:
    if not rows:
        return []
    names = dict(Agent.all_objects.filter(pk__in={row.agent for row in rows}).values_list("pk", "name"))
    return [
        HandoverOutcomeLine(names[outcome.agent] if outcome.agent is not None else _("All"), outcome)
        for outcome in handovers.outcomes(handover, rows)
    ]


def _states(rows: Sequence[HandedOverRow], chosen: str) -> list[tuple[str, str, int, bool]]:
    counts = Counter(row.state for row in rows)
    return [(state, str(name), counts[state], state == chosen) for state, name in STATE_NAMES.items()]


def _lines(rows: Sequence[HandedOverRow], viewer: Viewer) -> list[HandedOverLine]:
    contacts = Contact.objects.visible_to(viewer).in_bulk({row.contact for row in rows})
    labels = Label.all_objects.in_bulk({row.label for row in rows if row.label})
    names = dict(Agent.all_objects.filter(pk__in={row.agent for row in rows}).values_list("pk", "name"))
    return [
        HandedOverLine(
            contacts.get(row.contact), labels.get(row.label or 0), row, names[row.agent], str(STATE_NAMES[row.state]),
            {WON: row.won_at, FORWARD: row.forward_at, ANSWERED: row.answered_at, RELABELLED: row.relabelled_at}.get(
                row.state
            ),
        )
        for row in rows
    ]  # fmt: skip


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a handover back; the page says why where it is too late."""
    viewer = _leading(request)
    handover = _seen(viewer, pk)
    if not _leads(viewer, handover):
        raise Http404
    job = undo_handover(handover, actor=request.user)
    if job is not None:
        jobs.do_at_once([job], seconds=AT_ONCE)
    return HttpResponseRedirect(reverse("handover", args=[pk]))


def _count(number: int) -> str:
    return str(number_format(number, force_grouping=True))
