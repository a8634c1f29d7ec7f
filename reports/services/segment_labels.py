"""Segments that name a label follow it through merges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from labelcrm.core.viewer import Viewer
from labels.models import LabelMerge
from labels.services.label_mentions import LabelMention, LabelUse, write_down, written_down
from reports.models import Segment
from reports.registry import REPORTS
from reports.segments.behind import FIELD, PAIRED, ROWS
from reports.selectors.row_keys import FLAGS, FLAGS_BETWEEN, PAIRS

PLACE = "reports_segment"
LABELS = "labels"


def renamed(definition: Any, source: int, target: int) -> Any:
    """A definition that names `target` wherever it named `source` (ids); what cannot be read stays as it is."""
    if not isinstance(definition, dict) or not isinstance(definition.get("any"), list):
        return definition
    return definition | {"any": [_group(group, source, target) for group in definition["any"]]}


def _group(group: Any, source: int, target: int) -> Any:
    if not isinstance(group, dict) or not isinstance(group.get("all"), list):
        return group
    return group | {"all": [_condition(condition, source, target) for condition in group["all"]]}


def _condition(given: Any, source: int, target: int) -> Any:
    if not isinstance(given, dict):
        return given
    changed = dict(given)
    if isinstance(given.get("labels"), list):
        changed["labels"] = list(dict.fromkeys(target if each == source else each for each in given["labels"]))
    if given.get("field") == FIELD:
        if given.get("label") == source:
            changed["label"] = target
        if "row" in given:
            changed["row"] = _row(given, source, target)
    return changed


def _row(given: Mapping[str, Any], source: int, target: int) -> Any:
    """The row of a report that a condition names: a label, a pair of labels, or whose flags of which label."""
    report, row = REPORTS.get(str(given.get("op"))), given["row"]
    if report is None:
        return row
    keys = {key.name: key for key in (report.key, *report.keys)}
    by = keys.get(str(given.get("by")), report.key)
    if isinstance(row, str):
        types = {key.type for key in keys.values()}
        between = PAIRED if PAIRS in types and PAIRED in row else FLAGS_BETWEEN if FLAGS in types else ""
        parts = row.split(between) if between else [row]
        labels = parts if between == PAIRED else parts[:1] if len(parts) == 2 else []
        return between.join([*(str(target) if each == str(source) else each for each in labels), *parts[len(labels) :]])
    return target if row == source and ROWS.get(by.name) == LABELS else row


def _naming(label: int) -> Iterator[Segment]:
    """The segments, archived ones too, that name a label."""
    for segment in Segment.all_objects.order_by("pk"):
        if renamed(segment.definition, label, 0) != segment.definition:
            yield segment


def _uses(label: int, viewer: Viewer) -> LabelUse:
    living = [segment for segment in _naming(label) if segment.deleted_at is None]
    seen = Segment.objects.visible_to(viewer).filter(pk__in=[each.pk for each in living]).values_list("pk", "name")
    return LabelUse("segments", len(living), list(seen))


def _locked(pks: Iterable[int]) -> QuerySet[Segment]:
    """The segments as they are now, each held until the end of the transaction: whoever saves one waits, or is done."""
    rows = Segment.all_objects.select_for_update(of=("self",), no_key=True)
    return rows.filter(pk__in=list(pks)).order_by("pk")


def _move(merge: LabelMerge) -> None:
    changed = []
    for segment in _locked(each.pk for each in _naming(merge.source_id)):
        definition = renamed(segment.definition, merge.source_id, merge.target_id)
        if definition != segment.definition:
            _define(segment.pk, definition)
            changed.append((segment.pk, segment.definition, definition))
    write_down(merge, PLACE, changed)


def _move_back(merge: LabelMerge) -> None:
    """What somebody saved anew since keeps what they said."""
    kept = written_down(merge, PLACE)
    for segment in _locked(kept):
        if segment.definition == kept[segment.pk].after:
            _define(segment.pk, kept[segment.pk].before)


def _define(pk: int, definition: Any) -> None:
    Segment.all_objects.filter(pk=pk).update(definition=definition, updated_at=timezone.now())


MENTION = LabelMention(kind="segments", uses=_uses, move=_move, move_back=_move_back)
