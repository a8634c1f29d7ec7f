"""What becomes a conversion, what it is worth and what became one name labels, and follow them through merges."""

from __future__ import annotations

from django.utils import timezone

from labelcrm.core.bulk import execute, fetch
from labelcrm.core.viewer import Viewer
from labels.models import LabelMerge
from labels.services import label_mentions
from labels.services.label_mentions import LabelMention, LabelUse, write_down, written_down
from transfer.conversions.models import ConversionEvent, ConversionValue

CHOSEN = "transfer_conversionevent_labels"
VALUES = "transfer_conversionvalue"


def _events(label: int, viewer: Viewer) -> LabelUse:
    """Events that have the label among their chosen ones, or a value for it."""
    chosen = ConversionEvent.labels.through.objects.filter(label_id=label).values_list("conversionevent_id", flat=True)
    valued = ConversionValue.objects.filter(label_id=label).values_list("event_id", flat=True)
    events = ConversionEvent.objects.filter(pk__in={*chosen, *valued})
    return LabelUse("conversion_events", len(events), [(event.pk, str(event)) for event in events])


def _move_chosen(merge: LabelMerge) -> None:
    """An event counts the target in the source's place, once."""
    through = ConversionEvent.labels.through.objects
    had = set(through.filter(label_id=merge.target_id).values_list("conversionevent_id", flat=True))
    rows = list(through.filter(label_id=merge.source_id).values_list("conversionevent_id", flat=True))
    write_down(merge, CHOSEN, [(event, {"had_target": event in had}, None) for event in rows])
    through.filter(label_id=merge.source_id, conversionevent_id__in=had).delete()
    through.filter(label_id=merge.source_id).update(label_id=merge.target_id)


def _move_chosen_back(merge: LabelMerge) -> None:
    kept = written_down(merge, CHOSEN)
    for event in ConversionEvent.objects.filter(pk__in=kept):
        event.labels.add(merge.source_id)
        if not (kept[event.pk].before or {}).get("had_target"):
            event.labels.remove(merge.target_id)


def _move_values(merge: LabelMerge) -> None:
    """The target's own value stays where an event has one for it."""
    rows = ConversionValue.objects.filter(label_id=merge.source_id)
    kept = [(row.pk, {"event": row.event_id, "value": str(row.value)}, None) for row in rows]
    write_down(merge, VALUES, kept)
    valued = ConversionValue.objects.filter(label_id=merge.target_id).values("event_id")
    rows.filter(event_id__in=valued).delete()
    rows.update(label_id=merge.target_id)


def _move_values_back(merge: LabelMerge) -> None:
    """What somebody set since for the target stays the target's."""
    kept = written_down(merge, VALUES)
    moved = ConversionValue.objects.filter(pk__in=kept, label_id=merge.target_id)
    moved.update(label_id=merge.source_id)
    there = set(ConversionValue.objects.filter(label_id=merge.source_id).values_list("event_id", flat=True))
    for pk, row in kept.items():
        was = row.before or {}
        if was["event"] not in there and ConversionEvent.objects.filter(pk=was["event"]).exists():
            ConversionValue.objects.create(pk=pk, event_id=was["event"], label_id=merge.source_id, value=was["value"])


_MOVE_MADE = """
WITH moved AS (UPDATE transfer_conversion SET label_id = %(target)s, updated_at = %(now)s WHERE label_id = %(source)s
               RETURNING id)
INSERT INTO labels_labelmergerow (merge_id, place, row_id)
SELECT %(merge)s, 'transfer_conversion', id FROM moved ON CONFLICT DO NOTHING
"""
_MOVE_MADE_BACK = """
UPDATE transfer_conversion c SET label_id = %(source)s, updated_at = %(now)s FROM labels_labelmergerow was
 WHERE was.merge_id = %(merge)s AND was.place = 'transfer_conversion' AND c.id = was.row_id AND c.label_id = %(target)s
"""


def _made(label: int, viewer: Viewer) -> LabelUse:
    return LabelUse("conversions", fetch("SELECT count(*) FROM transfer_conversion WHERE label_id = %s", [label])[0][0])


def _run(statement: str, merge: LabelMerge) -> None:
    ids = {"merge": merge.pk, "source": merge.source_id, "target": merge.target_id}
    execute(statement, ids | {"now": timezone.now()})


def register_mentions() -> None:
    """Make known what of conversions names labels."""
    label_mentions.register(
        LabelMention(kind="conversion_events", uses=_events, move=_move_chosen, move_back=_move_chosen_back)
    )
    label_mentions.register(
        LabelMention(
            kind="conversion_values",
            uses=lambda label, viewer: LabelUse("conversion_values", 0),
            move=_move_values,
            move_back=_move_values_back,
            is_part=True,
        )
    )
    label_mentions.register(
        LabelMention(
            kind="conversions",
            uses=_made,
            move=lambda merge: _run(_MOVE_MADE, merge),
            move_back=lambda merge: _run(_MOVE_MADE_BACK, merge),
            is_part=True,
        )
    )
