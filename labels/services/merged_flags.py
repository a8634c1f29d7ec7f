"""Stale flags in a merge of labels: they go with the label, and come back as they were."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from labelcrm.core.bulk import execute
from labelcrm.core.viewer import Viewer
from labels.models import LabelMerge, StaleFlag
from labels.services.label_mentions import LabelMention, LabelUse

TABLE = "labels_staleflag"
# Those of the source, and the open ones of the target that restating may close or change.
_WRITE_DOWN = """
INSERT INTO labels_labelmergerow (merge_id, place, row_id, before)
SELECT %(merge)s, %(place)s, f.id, to_jsonb(f) FROM labels_staleflag f
 WHERE f.label_id = %(source)s OR (f.label_id = %(target)s AND f.closed_at IS NULL AND EXISTS (
       SELECT FROM labels_labelassignment i WHERE i.contact_id = f.contact_id AND i.channel_label_id = ANY(%(rows)s)))
    ON CONFLICT DO NOTHING
"""
# A contact has one open flag of a label: the target's own stays.
_CLOSE_DOUBLE = """
UPDATE labels_staleflag f SET closed_at = %(now)s, closed_reason = %(reason)s
 WHERE f.label_id = %(source)s AND f.closed_at IS NULL AND EXISTS (SELECT FROM labels_staleflag o
       WHERE o.contact_id = f.contact_id AND o.label_id = %(target)s AND o.closed_at IS NULL)
"""
_REPOINT = "UPDATE labels_staleflag SET label_id = %(target)s WHERE label_id = %(source)s"
# What a person closed since stays closed.
_GIVE_BACK = """
UPDATE labels_staleflag f SET label_id = was.label_id, closed_at = was.closed_at, closed_reason = was.closed_reason,
       owner_id = was.owner_id, spell_started_at = was.spell_started_at, clock_started_at = was.clock_started_at,
       limit_days = was.limit_days, age_at_least = was.age_at_least
  FROM labels_labelmergerow r, jsonb_populate_record(NULL::labels_staleflag, r.before) AS was
 WHERE r.merge_id = %(merge)s AND r.place = %(place)s AND f.id = r.row_id
   AND (%(contacts)s::bigint[] IS NULL OR f.contact_id = ANY(%(contacts)s::bigint[]))
   AND f.closed_by_id IS NOT DISTINCT FROM was.closed_by_id
   AND (was.closed_at IS NOT NULL OR NOT EXISTS (SELECT FROM labels_staleflag o WHERE o.contact_id = f.contact_id
        AND o.label_id = was.label_id AND o.closed_at IS NULL AND o.id <> f.id))
"""
_POINT_BACK = """
UPDATE labels_staleflag f SET label_id = %(source)s
  FROM labels_labelmergerow r
 WHERE r.merge_id = %(merge)s AND r.place = %(place)s AND f.id = r.row_id AND f.closed_at IS NOT NULL
   AND f.label_id = %(target)s AND (r.before ->> 'label_id')::bigint = %(source)s
   AND (%(contacts)s::bigint[] IS NULL OR f.contact_id = ANY(%(contacts)s::bigint[]))
"""


def give_back(merge: LabelMerge, contacts: Sequence[int] | None) -> None:
    """The flags of these contacts (ids; None: of all who are left) as they were, just before these are restated."""
    chosen = _ids(merge) | {"contacts": None if contacts is None else list(contacts)}
    execute(_GIVE_BACK, chosen)
    execute(_POINT_BACK, chosen)


def _ids(merge: LabelMerge) -> dict[str, object]:
    return {"merge": merge.pk, "place": TABLE, "source": merge.source_id, "target": merge.target_id}


def _move(merge: LabelMerge) -> None:
    chosen = _ids(merge) | {
        "rows": merge.channel_labels,
        "now": timezone.now(),
        "reason": StaleFlag.Closed.OTHER,
    }
    execute(_WRITE_DOWN, chosen)
    execute(_CLOSE_DOUBLE, chosen)
    execute(_REPOINT, chosen)


def _uses(label: int, viewer: Viewer) -> LabelUse:
    return LabelUse("stale_flags", StaleFlag.objects.filter(label=label, closed_at__isnull=True).count())


MENTION = LabelMention(
    kind="stale_flags",
    uses=_uses,
    move=_move,
    move_back=lambda merge: None,  # with each contact, when it is restated: spells and flags agree all the time
    is_part=True,
)
