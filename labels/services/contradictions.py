"""Labels that contradict each other on a contact: the flags, and what people do about them.

A report computes contradictions from spells; a flag says since when somebody could know, whose it is to look and how
it ended. The daily job sets flags, closes those that no longer hold and brings the others up to date; where labels
come off, `close_settled` need not wait for it (docs/metrics.md, "Stale and contradictions").
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from contacts.services.contact_rows import lock_contacts
from labelcrm.core import edits
from labelcrm.core.audit import record
from labelcrm.core.bulk import execute
from labels.models import ContradictionFlag, ContradictionRule, Label
from labels.selectors.contradictions import findings, to_take_off, values
from labels.services import crm_labels
from labels.services.staleness import OWNER_NOW

Closed = ContradictionFlag.Closed
JOB = "flag-contradictions"


@dataclass(frozen=True, slots=True)
class ContradictionResult:
    """Flags set and closed by this look, and how many are open after it."""

    flagged: int
    closed: int
    open: int


# -- The rules --------------------------------------------------------------------------------------------------------


def create_rule(*, actor: Any, origin: str, **given: Any) -> ContradictionRule:
    """A new pair of labels that do not go together. Raises ValidationError where that is said already."""
    with transaction.atomic():
        _check_pair(given["label"], given["other"], besides=None)
        return edits.create(ContradictionRule, actor=actor, origin=origin, **given)


def update_rule(rule: ContradictionRule, *, actor: Any, origin: str, **given: Any) -> ContradictionRule:
    """Change a rule; its flags follow at the next look. Raises ValidationError."""
    with transaction.atomic():
        label, other = given.get("label", rule.label), given.get("other", rule.other)
        if rule.kind == ContradictionRule.Kind.PAIR and {"label", "other"} & given.keys():
            _check_pair(label, other, besides=rule.pk)
        return edits.change(rule, actor=actor, origin=origin, **given)


def _check_pair(label: Label | None, other: Label | None, *, besides: int | None) -> None:
    if label is None or other is None or label == other:
        raise ValidationError(_("Choose two different labels."), code="no_pair")
    pairs = ContradictionRule.objects.filter(kind=ContradictionRule.Kind.PAIR).exclude(pk=besides)
    if pairs.filter(label__in=(label, other), other__in=(label, other)).exists():
        raise ValidationError(_("There is a rule for these two labels already."), code="pair_taken")
    if label.exclusive_group and label.exclusive_group == other.exclusive_group:
        raise ValidationError(
            _("These labels exclude each other already: they are of one exclusive group."), code="same_group"
        )


# -- Flags ------------------------------------------------------------------------------------------------------------


def flag_contradictions(now: datetime) -> ContradictionResult:
    """Close the flags that no longer hold at `now`, bring the others up to date, and flag what is new.

    Set-wise and repeatable: a second look at the same time, or two at once, change nothing more.
    """
    with transaction.atomic():
        execute("SET LOCAL work_mem = '64MB'", [])
        closed = close_settled(now)
        flagged = _run(_FLAG, now, None)
    return ContradictionResult(flagged, closed, ContradictionFlag.objects.filter(closed_at__isnull=True).count())


def close_settled(now: datetime, *, contact_ids: Collection[int] | None = None) -> int:
    """Close the open flags, of these contacts or all, whose labels do not contradict any more; the number closed.

    Cheap for a few contacts: services call it where a label came off.
    """
    with transaction.atomic():
        if not _run(_LOCK_FLAGS, now, contact_ids):
            return 0
        closed = _run(_CLOSE, now, contact_ids)
        _run(_UPDATE, now, contact_ids)
    return closed


def flag_contacts(now: datetime, contact_ids: Collection[int]) -> int:
    """Flag what contradicts on these contacts now, without waiting for the job; the number flagged."""
    with transaction.atomic():
        close_settled(now, contact_ids=contact_ids)
        return _run(_FLAG, now, contact_ids)


def _run(statement: str, now: datetime, contact_ids: Collection[int] | None) -> int:
    """Run one of the statements below; returns how many rows it touched."""
    spells = "labels_cleanspell" if contact_ids is None else _SPELLS_OF
    chosen = {"now": now, "contacts": None if contact_ids is None else sorted(contact_ids)}
    asked = {**chosen, **values()} if "{found}" in statement else chosen
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("{found}", findings(spells)), asked)
        return cursor.rowcount


# -- What people do ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindingKey:
    """What names an open finding, whether it has a flag yet or not."""

    contact: int
    rule: int
    group: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """What came of a fix: `label` came off, or is awaited to come off in WhatsApp."""

    flag: ContradictionFlag
    label: Label
    awaited: bool


def fix(key: FindingKey, *, label: Label | None, actor: Any, through: str) -> Fix:
    """Take a label off whom it contradicts another on; which one is proposed where `label` is None.

    One that lives here alone comes off. One of a WhatsApp number can only be taken off there: the flag waits for it,
    and closes by itself when it comes off. `through` is a code for the page. Raises ValidationError where nothing
    contradicts any more, or the label is none of it.
    """
    with transaction.atomic():
        channel = crm_labels.hold()
        flag = _held(key)
        chosen = label or proposed(flag)
        if chosen.pk not in flag.labels:
            raise ValidationError(_("This label is not part of the contradiction."), code="no_such_label")
        pair = (flag.contact_id, chosen.pk)
        here = pair in crm_labels.living_here([pair])
        _close(flag, Closed.FIXED, actor=actor, through=through, label=chosen) if here else _await(flag, chosen, actor)
        crm_labels.remove([pair], channel=channel, key=f"fix:{flag.pk}", actor=actor)
        if here:
            flag_contacts(timezone.now(), [flag.contact_id])
        record(
            actor=actor, action="contradiction.fixed" if here else "contradiction.awaited", obj=flag.contact,
            flag=flag.pk, label=chosen.pk, rule=flag.rule_id,
        )  # fmt: skip
    return Fix(flag, chosen, awaited=not here)


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


def proposed(flag: ContradictionFlag) -> Label:
    """The label that should come off (`labels.selectors.contradictions.to_take_off`)."""
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


# -- SQL --------------------------------------------------------------------------------------------------------------

_SPELLS_OF = "(SELECT * FROM labels_cleanspell WHERE contact_id = ANY(%(contacts)s::bigint[]))"
_CHOSEN = "f.closed_at IS NULL AND (%(contacts)s::bigint[] IS NULL OR f.contact_id = ANY(%(contacts)s::bigint[]))"
_SAME = "(found.contact_id, found.rule_id, found.group_name) = (f.contact_id, f.rule_id, f.\"group\")"

# In one order, so that two looks at once wait for each other instead of for each other's rows.
_LOCK_FLAGS = f"SELECT 1 FROM labels_contradictionflag f WHERE {_CHOSEN} ORDER BY f.id FOR UPDATE"  # noqa: S608

# What is found now, of living contacts.
_FOUND = f"""
    SELECT s.*, {OWNER_NOW} AS owner_id
    FROM ({{found}}) AS s JOIN contacts_contact c ON c.id = s.contact_id AND c.deleted_at IS NULL
"""  # noqa: S608

# Labels that went and came back are another contradiction, which began when they came back.
_CLOSE = f"""
    WITH found AS MATERIALIZED ({_FOUND}), over AS MATERIALIZED (
        SELECT f.id, c.deleted_at IS NOT NULL AS archived, r.active, gone.label
        FROM labels_contradictionflag f
        JOIN contacts_contact c ON c.id = f.contact_id
        JOIN labels_contradictionrule r ON r.id = f.rule_id
        LEFT JOIN LATERAL (
            SELECT u.label FROM unnest(f.labels) WITH ORDINALITY AS u (label, place)
            WHERE NOT EXISTS (
                SELECT FROM labels_cleanspell s WHERE s.contact_id = f.contact_id AND s.label_id = u.label
                                                AND s.ended_at IS NULL AND s.started_at <= f.flagged_at
            ) ORDER BY u.label IS DISTINCT FROM f.awaited_id, u.place LIMIT 1
        ) AS gone ON true
        WHERE {_CHOSEN} AND NOT EXISTS (SELECT FROM found WHERE {_SAME} AND found.since <= f.flagged_at)
    )
    UPDATE labels_contradictionflag f SET closed_at = %(now)s, taken_off_id = over.label, closed_reason = CASE
        WHEN over.archived THEN 'other' WHEN over.label IS NOT NULL THEN 'removed'
        WHEN NOT over.active THEN 'rule' ELSE 'other' END
    FROM over WHERE over.id = f.id
"""  # noqa: S608

_UPDATE = f"""
    WITH found AS MATERIALIZED ({_FOUND})
    UPDATE labels_contradictionflag f
    SET labels = found.labels, since = found.since, owner_id = found.owner_id,
        awaited_id = CASE WHEN f.awaited_id = ANY(found.labels) THEN f.awaited_id END
    FROM found
    WHERE {_CHOSEN} AND {_SAME}
      AND (f.labels, f.since, f.owner_id) IS DISTINCT FROM (found.labels, found.since, found.owner_id)
"""  # noqa: S608

_FLAG = f"""
    INSERT INTO labels_contradictionflag
        (contact_id, rule_id, "group", labels, owner_id, since, flagged_at, closed_reason, closed_through, remark)
    SELECT contact_id, rule_id, group_name, labels, owner_id, since, %(now)s, '', '', ''
    FROM ({_FOUND}) AS found ORDER BY contact_id, rule_id, group_name
    ON CONFLICT (rule_id, contact_id, "group") WHERE closed_at IS NULL DO NOTHING
"""  # noqa: S608
