"""Handing over what a CS has open: contacts assigned to others, numbers passed on from a day, and all of it undone.

Who did what before stays as it is: actors are decided when an event is recorded, and owners change from a moment on.
The work is a job, because a busy number has tens of thousands of contacts; each step is a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import cycle
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Agent, ChannelOwnership, Contact, ContactChannel
from contacts.selectors.viewing import viewer_of
from contacts.services import channels
from contacts.services.contacts import ContactEdit, edit_contacts
from labelcrm.core import audit, notices
from labelcrm.core.jobs import Step
from labelcrm.core.models import Job
from labelcrm.core.notices import NoticeAudience, NoticeText, NoticeTopic
from labels.models import HandedOverContact, Handover, LabelEvent
from labels.selectors.handovers import OpenMatter, counted, listed, matters, ownerships_of

ORIGIN = "handover"
CHUNK = 500
EVEN, BY_LABEL = "even", "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverPlan:
    """Who gets what, by ids: contacts evenly, or by their label where `by_label` names one; `numbers` by ownership.

    `since` is when the numbers change hands, None is at once.
    """

    receivers: Sequence[int]
    by_label: Mapping[int, int] = field(default_factory=dict)
    numbers: Mapping[int, int] = field(default_factory=dict)
    since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "receivers": list(self.receivers),
            "by_label": {str(label): agent for label, agent in self.by_label.items()},
            "numbers": {str(ownership): agent for ownership, agent in self.numbers.items()},
            "since": self.since.isoformat() if self.since else None,
        }

    @classmethod
    def from_json(cls, plan: Mapping[str, Any]) -> HandoverPlan:
        return cls(
            receivers=plan["receivers"],
            by_label={int(label): agent for label, agent in plan["by_label"].items()},
            numbers={int(ownership): agent for ownership, agent in plan["numbers"].items()},
            since=datetime.fromisoformat(plan["since"]) if plan["since"] else None,
        )

    @property
    def everybody(self) -> set[int]:
        return {*self.receivers, *self.by_label.values(), *self.numbers.values()}


@transaction.atomic
def begin(agent: Agent, plan: HandoverPlan, *, note: str, actor: Any) -> Handover:
    """Write down who gets what; `hand_over_step` does it. Raises ValidationError for a plan that cannot be meant."""
    if not plan.receivers:
        raise ValidationError(_("Choose at least one CS who takes over."))
    living = set(Agent.objects.visible_to(viewer_of(actor)).filter(pk__in=plan.everybody).values_list("pk", flat=True))
    if agent.pk in plan.everybody or living != plan.everybody:
        raise ValidationError(_("Choose CS who are still here, and others than the one who leaves."))
    handover = Handover.objects.create(agent=agent, plan=plan.as_json(), note=note, actor=actor, at=timezone.now())
    handover.receivers.set(living)
    return handover


def hand_over_step(job: Job) -> Step:
    """One step of a job with the parameter `handover`: first who and which numbers, then some hundred contacts each."""
    handover = (
        Handover.objects.select_for_update(of=["self"]).select_related("agent").get(pk=job.parameters["handover"])
    )
    if job.cancel_asked_at is not None:  # what is done stays, and may be undone
        return Step(progress=job.progress, result=_finish(handover, actor=job.owner))
    if not job.cursor:
        total = _choose(handover, actor=job.owner)
        return Step(cursor={"after": 0}, progress=0, total=total)
    rows = list(handover.contacts.filter(pk__gt=job.cursor["after"]).order_by("pk")[:CHUNK])
    if rows:
        _assign(rows, actor=job.owner)
        return Step(cursor={"after": rows[-1].pk}, progress=job.progress + len(rows))
    return Step(progress=job.progress, result=_finish(handover, actor=job.owner))


def _choose(handover: Handover, *, actor: Any) -> int:
    """Fix whom the handover is about and pass the numbers on; returns how many contacts there are."""
    plan, viewer = HandoverPlan.from_json(handover.plan), viewer_of(actor)
    found = listed(matters(handover.agent, viewer=viewer, now=handover.at))
    HandedOverContact.objects.bulk_create(_rows(handover, found, plan), batch_size=1000)
    handover.numbers = list(_pass_on(handover, plan, actor=actor))
    handover.counts = asdict(counted(found))
    handover.save(update_fields=["numbers", "counts"])
    return len(found)


def _rows(handover: Handover, found: Iterable[OpenMatter], plan: HandoverPlan) -> Iterator[HandedOverContact]:
    """Dealt out like cards in the order of urgency, so that everybody gets as much of what is stale."""
    hands: dict[bool, Iterator[int]] = {is_open: cycle(plan.receivers) for is_open in (True, False)}
    for one in found:
        receiver = plan.by_label.get(one.label or 0) or next(hands[one.is_open])
        yield HandedOverContact(
            handover=handover, contact_id=one.contact, to_agent_id=receiver, from_agent_id=one.assigned,
            label_id=one.label, step=one.step, is_open=one.is_open, is_stale=one.is_stale,
            is_unanswered=one.is_unanswered, is_due=one.is_due,
        )  # fmt: skip


def _pass_on(handover: Handover, plan: HandoverPlan, *, actor: Any) -> Iterator[dict[str, int]]:
    """The ownerships that end, and those that begin by it."""
    held = ownerships_of(handover.agent, viewer=viewer_of(actor), now=handover.at).filter(pk__in=plan.numbers)
    agents = Agent.objects.in_bulk(set(plan.numbers.values()))
    for former in held:
        new = channels.pass_on(former, agents[plan.numbers[former.pk]], since=plan.since or handover.at, actor=actor)
        yield {"channel": former.channel_id, "former": former.pk, "new": new.pk, "agent": new.agent_id}


def _assign(rows: Sequence[HandedOverContact], *, actor: Any) -> None:
    """Give contacts to whom they were meant for, but for those that somebody gave to another meanwhile."""
    held = _held(rows)
    meant = [row for row in rows if row.contact_id in held and held[row.contact_id].assigned_to_id == row.from_agent_id]
    agents = Agent.all_objects.in_bulk({row.to_agent_id for row in meant})
    _edit(held, {row.contact_id: agents[row.to_agent_id] for row in meant}, actor=actor)
    HandedOverContact.objects.filter(pk__in=[row.pk for row in meant]).update(is_applied=True)


def _held(rows: Iterable[HandedOverContact]) -> dict[int, Contact]:
    """The contacts of rows, locked in the order of their ids."""
    wanted = Contact.objects.filter(pk__in=[row.contact_id for row in rows])
    return {contact.pk: contact for contact in wanted.select_for_update(of=["self"]).order_by("pk")}


def _edit(held: Mapping[int, Contact], agents: Mapping[int, Agent | None], *, actor: Any) -> None:
    edits = [ContactEdit(held[pk], {"assigned_to": agent}) for pk, agent in agents.items()]
    edit_contacts(edits, actor=actor, origin=ORIGIN)


def _finish(handover: Handover, *, actor: Any) -> dict[str, Any]:
    handover.done_at = timezone.now()
    applied = handover.contacts.filter(is_applied=True)
    handover.counts |= {"moved": applied.count(), "followed": applied.filter(is_open=True).count()}
    handover.save(update_fields=["done_at", "counts"])
    receivers = list(handover.receivers.values_list("pk", flat=True))
    audit.record(
        actor=actor, action="agent.handed_over", obj=handover.agent, handover=handover.pk, receivers=receivers,
        contacts=handover.counts["moved"], numbers=len(handover.numbers),
    )  # fmt: skip
    users = handover.receivers.filter(user__isnull=False).values_list("user", flat=True)
    told = [user for user in users if user is not None and (handover.counts["moved"] or handover.numbers)]
    notices.tell(RECEIVED, handover.pk, NoticeAudience(seen_by=told, mailed=told))
    return {"contacts": handover.counts["moved"]}


def _words_of_handover(pk: int, user: Any) -> NoticeText | None:
    """What a receiver is told; None once it was undone."""
    found = Handover.objects.select_related("agent").filter(pk=pk, undone_at__isnull=True, receivers__user=user).first()
    if found is None:
        return None
    given = found.contacts.filter(is_applied=True, to_agent__user=user).count()
    words = ngettext(
        "%(n)s contact of %(agent)s is yours now.", "%(n)s contacts of %(agent)s are yours now.", given
    ) % {"n": number_format(given, force_grouping=True), "agent": found.agent.name}
    title = _("%(agent)s hands over to you") % {"agent": found.agent.name}
    return NoticeText(title=title, text=f"{words} {found.note}".strip(), page=reverse("handover", args=[pk]))


RECEIVED = notices.register(NoticeTopic("handover", _words_of_handover))


# -- Undoing ----------------------------------------------------------------------------------------------------------


def why_not_undone(handover: Handover) -> str:
    """Why a handover cannot be undone any more, as a code: "" where it can, else undone, working, touched, numbers."""
    if handover.undone_at is not None:
        return "undone"
    if handover.done_at is None:
        return "working"
    if _touched(handover).exists():
        return "touched"
    return "" if _ownerships_stand(handover) else "numbers"


def _touched(handover: Handover) -> Any:
    """The contacts of a handover with whom something was done since: an answer, a label, another CS."""
    answered = ContactChannel.objects.filter(contact=OuterRef("contact"), last_outbound_at__gt=handover.at)
    labelled = LabelEvent.objects.filter(contact=OuterRef("contact"), occurred_at__gt=handover.at)
    given_on = ~Q(contact__assigned_to=F("to_agent")) | Q(contact__assigned_to=None)
    return handover.contacts.filter(Q(Exists(answered)) | Q(Exists(labelled)) | given_on, is_applied=True)


def _ownerships_stand(handover: Handover) -> bool:
    new = {each["new"]: each["agent"] for each in handover.numbers}
    rows = ChannelOwnership.objects.filter(pk__in=new, until__isnull=True)
    return {row.pk: row.agent_id for row in rows} == new


def undo_step(job: Job) -> Step:
    """One step of a job with the parameter `handover`: the numbers back first, then some hundred contacts each."""
    handover = Handover.objects.select_for_update(of=["self"]).get(pk=job.parameters["handover"])
    if handover.undone_at is not None:
        return Step(progress=0, result={"contacts": 0})
    if not job.cursor:
        for each in handover.numbers:
            channels.take_back(each["new"], former=each["former"], actor=job.owner)
        return Step(cursor={"after": 0}, progress=0, total=handover.contacts.filter(is_applied=True).count())
    rows = list(handover.contacts.filter(pk__gt=job.cursor["after"], is_applied=True).order_by("pk")[:CHUNK])
    if rows:
        _give_back(rows, actor=job.owner)
        return Step(cursor={"after": rows[-1].pk}, progress=job.progress + len(rows))
    handover.undone_at = timezone.now()
    handover.save(update_fields=["undone_at"])
    audit.record(actor=job.owner, action="agent.handover_undone", obj=handover.agent, handover=handover.pk)
    return Step(progress=job.progress, result={"contacts": job.progress})


def _give_back(rows: Sequence[HandedOverContact], *, actor: Any) -> None:
    held = _held(rows)
    former = Agent.all_objects.in_bulk({row.from_agent_id for row in rows if row.from_agent_id})
    back: dict[int, Agent | None] = {
        row.contact_id: former.get(row.from_agent_id or 0)
        for row in rows
        if row.contact_id in held and held[row.contact_id].assigned_to_id == row.to_agent_id
    }
    _edit(held, back, actor=actor)
