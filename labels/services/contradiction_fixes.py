"""What people do about labels that contradict each other: take one off, wait for WhatsApp, or call both right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.services.contact_rows import lock_contacts
from labelcrm.core.audit import record
from labels.models import ContradictionFlag, Label
from labels.selectors.contradictions import to_take_off
from labels.services import crm_labels
from labels.services.contradictions import close_settled, flag_contacts

Closed = ContradictionFlag.Closed


@dataclass(frozen=True, slots=True)
class FindingKey:
    """What names an open finding, whether it has a flag yet or not."""

    contact: int
    rule: int
    group: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """What came of a fix: `labels` came off, or the first of them is awaited to come off in WhatsApp."""

    flag: ContradictionFlag
    labels: list[Label]
    awaited: bool


def fix(key: FindingKey, *, label: Label | None, actor: Any, through: str) -> Fix:
    """Take a label off whom it contradicts another on; where `label` is None all that are proposed.

    Those that live here alone come off. What is on a WhatsApp number can only be taken off there: the flag waits for
    one after the other, and closes by itself when the last comes off. `through` is a code for the page. Raises
    ValidationError where nothing contradicts any more, or the label is none of it.
    """
    with transaction.atomic():
        channel = crm_labels.hold()
        flag = _held(key)
        chosen = proposed(flag) if label is None else [label]
        if not {each.pk for each in chosen} <= set(flag.labels):
            raise ValidationError(_("This label is not part of the contradiction."), code="no_such_label")
        pairs = {(flag.contact_id, each.pk) for each in chosen}
        here = crm_labels.living_here(pairs)
        elsewhere = [each for each in chosen if (flag.contact_id, each.pk) not in here]
        if elsewhere:
            _await(flag, elsewhere[0], actor)
        else:
            _close(flag, Closed.FIXED, actor=actor, through=through, label=chosen[0])
        crm_labels.remove(pairs, channel=channel, key=f"fix:{flag.pk}", actor=actor)
        flag_contacts(timezone.now(), [flag.contact_id])
        record(
            actor=actor, action="contradiction.awaited" if elsewhere else "contradiction.fixed", obj=flag.contact,
            flag=flag.pk, labels=[each.pk for each in chosen], rule=flag.rule_id,
        )  # fmt: skip
    return Fix(flag, elsewhere or chosen, awaited=bool(elsewhere))


def keep_both(key: FindingKey, *, actor: Any, reason: str, through: str) -> ContradictionFlag:
    """ "Both are right": close it for as long as these labels last. Raises ValidationError without a reason."""
    reason = reason.strip()
    if not reason:
        raise ValidationError(_("Say why both labels are right."), code="reason_missing")
    with transaction.atomic():
        flag = _held(key)
        flag.remark = reason[:200]
        _close(flag, Closed.RIGHT, actor=actor, through=through)
        record(
            actor=actor, action="contradiction.right", obj=flag.contact,
            flag=flag.pk, labels=flag.labels, rule=flag.rule_id,
        )  # fmt: skip
    return flag


def take_back(flag: ContradictionFlag, *, actor: Any) -> ContradictionFlag:
    """Undo "both are right", and waiting for a label to come off. Raises ValidationError where there is none of it."""
    with transaction.atomic():
        lock_contacts([flag.contact_id])
        flag = ContradictionFlag.objects.select_for_update(of=["self"]).select_related("contact").get(pk=flag.pk)
        waiting = flag.closed_at is None and flag.awaited_id is not None
        if flag.closed_reason != Closed.RIGHT and not waiting:
            raise ValidationError(_("There is nothing to take back."), code="nothing_to_take_back")
        key = {"contact": flag.contact_id, "rule": flag.rule_id, "group": flag.group, "closed_at": None}
        if not waiting and ContradictionFlag.objects.filter(**key).exists():
            raise ValidationError(_("There is nothing to take back."), code="nothing_to_take_back")
        flag.closed_at = flag.closed_by = flag.awaited = flag.awaited_at = flag.awaited_by = None
        flag.closed_reason = flag.closed_through = flag.remark = ""
        flag.save()
        close_settled(timezone.now(), contact_ids=[flag.contact_id])
        record(actor=actor, action="contradiction.taken_back", obj=flag.contact, flag=flag.pk)
    return flag


def proposed(flag: ContradictionFlag) -> list[Label]:
    """The labels that should come off (`labels.selectors.contradictions.to_take_off`)."""
    known = Label.all_objects.in_bulk(flag.labels)
    return to_take_off(flag.rule.kind, [known[pk] for pk in flag.labels])


def _held(key: FindingKey) -> ContradictionFlag:
    """The open flag of a finding, set now if the job has not come by yet. Raises ValidationError when there is none."""
    lock_contacts([key.contact])
    flag_contacts(timezone.now(), [key.contact])
    flags = ContradictionFlag.objects.select_for_update(of=["self"]).select_related("contact", "rule")
    flag = flags.filter(contact=key.contact, rule=key.rule, group=key.group, closed_at__isnull=True).first()
    if flag is None:
        raise ValidationError(_("These labels do not contradict each other any more."), code="settled")
    return flag


def _close(
    flag: ContradictionFlag, reason: str, *, actor: Any, through: str, label: Label | None = None
) -> ContradictionFlag:
    flag.closed_at, flag.closed_reason, flag.closed_by = timezone.now(), reason, actor
    flag.closed_through, flag.taken_off = through[:20], label
    flag.save()
    return flag


def _await(flag: ContradictionFlag, label: Label, actor: Any) -> ContradictionFlag:
    flag.awaited, flag.awaited_at, flag.awaited_by = label, timezone.now(), actor
    flag.save()
    return flag
