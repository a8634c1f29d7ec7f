"""What people do about the lines of the Today page, each with its audit row, and how the last of it is undone.

A batch is what somebody did at once, to one contact or to many, and is undone at once. Who could not be done is told
with the reason; the others are done all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Contact
from contacts.services.contacts import edit_contact
from labelcrm.core import audit
from labels.models import ContradictionFlag, Label, StaleFlag, StaleSnooze, TodayAction, TodayKind
from labels.selectors.stale_contacts import value_of
from labels.services import contradiction_fixes, crm_labels, staleness
from labels.services.contradiction_fixes import FindingKey

Action = TodayAction.Action
THROUGH = "today"  # what closed a contradiction
MORNING = 9  # o'clock, when a day's work begins


@dataclass(frozen=True, slots=True)
class TodayTask:
    """One reason of one contact that something is done about: its kind, label and the flag that says so (ids)."""

    contact: int
    kind: str
    label: int | None = None
    ref: int | None = None


@dataclass(slots=True)
class TodayOutcome:
    """Which contacts were done in a batch, and why others were not."""

    batch: UUID
    done: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)


Doing = Callable[[Contact, Sequence[TodayTask]], list[TodayAction]]


def morning(now: datetime, *, days: int) -> datetime:
    """Nine o'clock in so many days, as the business counts them."""
    local = timezone.localtime(now).replace(tzinfo=None) + timedelta(days=days)
    return timezone.make_aware(local.replace(hour=MORNING, minute=0, second=0, microsecond=0))


def midnight(now: datetime) -> datetime:
    """When the business's day of a moment began."""
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def put_off(
    tasks: Iterable[TodayTask], *, actor: Any, until: datetime | None, reason: str, batch: UUID | None = None
) -> TodayOutcome:
    """Hide these reasons until a moment, or without one until something newer happens.

    Refused without a reason where the kind asks for one, and for a moment that is over.
    """
    if until is not None and until <= timezone.now():
        raise ValidationError(_("Choose a time that is still to come."), code="past")

    def do(contact: Contact, mine: Sequence[TodayTask]) -> list[TodayAction]:
        _check_reason(mine, reason)
        return [_action(task, Action.SNOOZE, hides=True, until=until, reason=reason) for task in mine]

    return _do(tasks, do, actor=actor, batch=batch, audited="today.put_off", until=until)


def assign(
    tasks: Iterable[TodayTask], *, actor: Any, agent: Agent, origin: str, batch: UUID | None = None
) -> TodayOutcome:
    """Give contacts to a CS. They leave the list of whoever did it until the next morning, and no other."""
    until = morning(timezone.now(), days=1)

    def do(contact: Contact, mine: Sequence[TodayTask]) -> list[TodayAction]:
        before = {"assigned_to": contact.assigned_to_id, "agent": agent.pk}
        edit_contact(contact, actor=actor, origin=origin, assigned_to=agent)
        hidden = {"hides": True, "until": until, "for_user_only": True}
        return [_action(task, Action.ASSIGN, before=before, **hidden) for task in mine]

    return _do(tasks, do, actor=actor, batch=batch)


def follow_up(
    tasks: Iterable[TodayTask], *, actor: Any, at: datetime, origin: str, batch: UUID | None = None
) -> TodayOutcome:
    """Plan to come back to contacts at a moment; until then, or something newer, they are on nobody's list."""
    if at <= timezone.now():
        raise ValidationError(_("Choose a time that is still to come."), code="past")

    def do(contact: Contact, mine: Sequence[TodayTask]) -> list[TodayAction]:
        before = {"follow_up_at": _written(contact.follow_up_at), "set_to": _written(at)}
        edit_contact(contact, actor=actor, origin=origin, follow_up_at=at)
        return [_action(task, Action.FOLLOW, hides=True, until=at, before=before) for task in mine]

    return _do(tasks, do, actor=actor, batch=batch)


def settle(
    tasks: Iterable[TodayTask], *, actor: Any, reason: str, origin: str, batch: UUID | None = None
) -> TodayOutcome:
    """It is as it should be: a stale label is still right, a follow-up was done, a message needs no answer.

    Refused without a reason where one is needed, and for a label that is not on any more.
    """

    def do(contact: Contact, mine: Sequence[TodayTask]) -> list[TodayAction]:
        return [_settle(contact, task, actor=actor, reason=reason, origin=origin) for task in mine]

    return _do(tasks, do, actor=actor, batch=batch, audited="today.settled")


def _settle(contact: Contact, task: TodayTask, *, actor: Any, reason: str, origin: str) -> TodayAction:
    if TodayKind(task.kind).is_flag:
        label = Label.all_objects.get(pk=task.label or 0)
        snooze = staleness.snooze(contact=contact, label=label, actor=actor, reason=reason)
        return _action(task, Action.SETTLE, before={"snooze": snooze.pk, "flag": task.ref})
    if task.kind == TodayKind.FOLLOW_UP:
        before = {"follow_up_at": _written(contact.follow_up_at), "set_to": None}
        edit_contact(contact, actor=actor, origin=origin, follow_up_at=None)
        return _action(task, Action.SETTLE, before=before)
    if task.kind == TodayKind.CONTRADICTION:
        flag = contradiction_fixes.keep_both(_finding(task), actor=actor, reason=reason, through=THROUGH)
        return _action(task, Action.SETTLE, reason=reason, before={"contradiction": flag.pk})
    _check_reason([task], reason)
    return _action(task, Action.SETTLE, hides=True, reason=reason)


def _finding(task: TodayTask) -> FindingKey:
    """What the contradiction of a task goes by. Raises ValidationError for one that is gone."""
    flag = ContradictionFlag.objects.filter(pk=task.ref or 0).first()
    if flag is None:
        raise ValidationError(_("These labels do not contradict each other any more."), code="settled")
    return FindingKey(flag.contact_id, flag.rule_id, flag.group)


def say_fixed(tasks: Iterable[TodayTask], *, actor: Any, batch: UUID | None = None) -> TodayOutcome:
    """Somebody has put it right in WhatsApp: whether they have is seen by the next morning, when it would be back.

    Of labels that contradict each other the one that should go comes off at once where it lives here alone.
    """
    tasks, until = list(tasks), morning(timezone.now(), days=1)

    def do(contact: Contact, mine: Sequence[TodayTask]) -> list[TodayAction]:
        return [_fix(task, actor=actor, until=until) for task in mine]

    with transaction.atomic():
        if any(task.kind == TodayKind.CONTRADICTION for task in tasks):
            crm_labels.hold()  # before any contact, as a lane holds its own
        return _do(tasks, do, actor=actor, batch=batch, audited="today.said_fixed", until=until)


def _fix(task: TodayTask, *, actor: Any, until: datetime) -> TodayAction:
    before = {}
    if task.kind == TodayKind.CONTRADICTION:
        fixed = contradiction_fixes.fix(_finding(task), label=None, actor=actor, through=THROUGH)
        before = {"contradiction": fixed.flag.pk} if fixed.awaited else {}
    return _action(task, Action.FIX, hides=True, until=until, before=before)


def _do(
    tasks: Iterable[TodayTask],
    do: Doing,
    *,
    actor: Any,
    batch: UUID | None,
    audited: str = "",
    until: datetime | None = None,
) -> TodayOutcome:
    """Contact by contact, in the order of their ids; what is refused leaves nothing behind."""
    outcome, now = TodayOutcome(batch or uuid4()), timezone.now()
    mine: dict[int, list[TodayTask]] = defaultdict(list)
    for task in tasks:
        mine[task.contact].append(task)
    with transaction.atomic():
        contacts = Contact.objects.select_for_update(of=("self",), no_key=True).order_by("pk").filter(pk__in=mine)
        for contact in contacts:
            try:
                with transaction.atomic():
                    actions = do(contact, mine[contact.pk])
            except ValidationError as error:
                outcome.refused[contact.pk] = " ".join(error.messages)
                continue
            _keep(actions, actor=actor, at=now, batch=outcome.batch)
            outcome.done.add(contact.pk)
        if audited:
            _audit(audited, outcome.done, mine, actor=actor, until=until)
    return outcome


def _keep(actions: Collection[TodayAction], *, actor: Any, at: datetime, batch: UUID) -> None:
    for action in actions:
        action.user, action.at, action.batch = actor, at, batch
    TodayAction.objects.bulk_create(actions)


def _audit(
    name: str, done: Iterable[int], tasks: dict[int, list[TodayTask]], *, actor: Any, until: datetime | None
) -> None:
    audit.record_all(
        audit.entry(
            actor=actor,
            action=name,
            obj=Contact(pk=contact),
            kinds=sorted({task.kind for task in tasks[contact]}),
            until=_written(until),
        )
        for contact in sorted(done)
    )


def _action(task: TodayTask, action: str, **values: Any) -> TodayAction:
    return TodayAction(contact_id=task.contact, kind=task.kind, action=action, **values)


def _check_reason(tasks: Iterable[TodayTask], reason: str) -> None:
    if not reason and any(TodayKind(task.kind).asks_reason for task in tasks):
        raise ValidationError(_("Say why: this contact is worth it."), code="reason_missing")


def _written(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


# -- Undo -------------------------------------------------------------------------------------------------------------


def last_batch(user: Any, *, since: datetime) -> UUID | None:
    """The last thing a user did that is not undone."""
    done = TodayAction.objects.filter(user=user, at__gte=since, undone_at=None).order_by("-at", "-id")
    return done.values_list("batch", flat=True).first()


def undo(batch: UUID, *, actor: Any, origin: str, most: int | None = None) -> set[int]:
    """Take back what `actor` did in a batch, of at most so many contacts; whose lines are as before.

    What somebody else changed since stays as they left it.
    """
    with transaction.atomic():
        rows = TodayAction.objects.select_for_update(of=("self",)).filter(batch=batch, user=actor, undone_at=None)
        actions = list(rows.order_by("contact_id", "id"))
        contacts = sorted({action.contact_id for action in actions})[:most]
        chosen = [action for action in actions if action.contact_id in set(contacts)]
        living = Contact.objects.in_bulk(contacts)
        for action in chosen:
            if action.contact_id in living:
                _undo(living[action.contact_id], action, actor=actor, origin=origin)
        TodayAction.objects.filter(pk__in=[action.pk for action in chosen]).update(undone_at=timezone.now())
        audit.record_all(
            audit.entry(actor=actor, action="today.undone", obj=Contact(pk=contact)) for contact in contacts
        )
    return set(contacts)


def _undo(contact: Contact, action: TodayAction, *, actor: Any, origin: str) -> None:
    before = action.before
    contact.refresh_from_db(fields=("assigned_to", "follow_up_at"))
    if "assigned_to" in before and contact.assigned_to_id == before["agent"]:
        former = Agent.objects.filter(pk=before["assigned_to"]).first()
        edit_contact(contact, actor=actor, origin=origin, assigned_to=former)
    if "follow_up_at" in before and _written(contact.follow_up_at) == before["set_to"]:
        former_at = before["follow_up_at"]
        edit_contact(
            contact, actor=actor, origin=origin, follow_up_at=datetime.fromisoformat(former_at) if former_at else None
        )
    if "snooze" in before:
        _undo_still_right(before["snooze"], before["flag"])
    if "contradiction" in before:
        _undo_contradiction(before["contradiction"], actor=actor)


def _undo_still_right(snooze: int, flag: int | None) -> None:
    """The clock goes on as if nothing had been said. A flag of the label that came since stays."""
    StaleSnooze.objects.filter(pk=snooze).delete()
    flags = StaleFlag.objects.select_related("label")
    was = flags.filter(pk=flag or 0, closed_reason=StaleFlag.Closed.SNOOZED).first()
    if (
        was is not None
        and not StaleFlag.objects.filter(contact=was.contact_id, label=was.label_id, closed_at=None).exists()
    ):
        open_again = {"closed_at": None, "closed_reason": "", "closed_by": None, "worth": value_of(was.label)}
        StaleFlag.objects.filter(pk=was.pk).update(**open_again)


def _undo_contradiction(flag: int, *, actor: Any) -> None:
    """What was called right, or waited to come off in WhatsApp, is open again; unless it was settled since."""
    was = ContradictionFlag.objects.filter(pk=flag).first()
    if was is not None:
        with suppress(ValidationError):
            contradiction_fixes.take_back(was, actor=actor)
