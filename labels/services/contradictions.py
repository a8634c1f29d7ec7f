"""Labels that contradict each other on a contact: the rules, and the flags of what they find.

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
from django.utils.translation import gettext_lazy as _

from labelcrm.core import edits
from labelcrm.core.bulk import execute
from labels.models import ContradictionFlag, ContradictionRule, Label
from labels.selectors.contradictions import findings, values
from labels.services.staleness import OWNERS_NOW

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
    pairs = ContradictionRule.objects.filter(kind=ContradictionRule.Kind.PAIR)
    pairs = pairs if besides is None else pairs.exclude(pk=besides)
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


# -- SQL --------------------------------------------------------------------------------------------------------------

_SPELLS_OF = "(SELECT * FROM labels_cleanspell WHERE contact_id = ANY(%(contacts)s::bigint[]))"
_CHOSEN = "f.closed_at IS NULL AND (%(contacts)s::bigint[] IS NULL OR f.contact_id = ANY(%(contacts)s::bigint[]))"
_SAME = '(found.contact_id, found.rule_id, found.group_name) = (f.contact_id, f.rule_id, f."group")'

# In one order, so that two looks at once wait for each other instead of for each other's rows.
_LOCK_FLAGS = f"SELECT 1 FROM labels_contradictionflag f WHERE {_CHOSEN} ORDER BY f.id FOR UPDATE"  # noqa: S608

# What is found now, of living contacts.
_FOUND = f"""
    SELECT s.*, coalesce(own.agent_id, c.assigned_to_id) AS owner_id
    FROM ({{found}}) AS s JOIN contacts_contact c ON c.id = s.contact_id AND c.deleted_at IS NULL
    LEFT JOIN {OWNERS_NOW} ON own.channel_id = s.channel_id
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

# Who waits for an older prospect to come off waits for the next one after it, too.
_UPDATE = f"""
    WITH found AS MATERIALIZED ({_FOUND})
    UPDATE labels_contradictionflag f
    SET labels = found.labels, since = found.since, owner_id = found.owner_id,
        awaited_id = CASE WHEN f.awaited_id = ANY(found.labels) THEN f.awaited_id
                          WHEN f.awaited_id IS NOT NULL AND found.rule = 'older' THEN found.labels[1] END
    FROM found
    WHERE {_CHOSEN} AND {_SAME}
      AND (f.labels, f.since, f.owner_id) IS DISTINCT FROM (found.labels, found.since, found.owner_id)
"""  # noqa: S608

# As in labels.services.staleness.
_FLAG = f"""
    INSERT INTO labels_contradictionflag
        (contact_id, rule_id, "group", labels, owner_id, since, flagged_at, closed_reason, closed_through, remark)
    SELECT contact_id, rule_id, group_name, labels, owner_id, since, %(now)s, '', '', ''
    FROM ({_FOUND}) AS found
    WHERE NOT EXISTS (SELECT FROM labels_contradictionflag f WHERE {_SAME} AND f.closed_at IS NULL)
    ORDER BY contact_id, rule_id, group_name
    ON CONFLICT (rule_id, contact_id, "group") WHERE closed_at IS NULL DO NOTHING
"""  # noqa: S608
