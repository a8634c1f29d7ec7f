"""Which label another one was merged into, and what a merge would change."""

from __future__ import annotations

from dataclasses import dataclass

from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAssignment, LabelMerge


def survivors() -> dict[int, int]:
    """The label that each merged one (id) stands for now; one query, and few rows."""
    merged = dict(LabelMerge.objects.filter(undone_at=None).values_list("source", "target"))
    return {source: _last(source, merged) for source in merged}


def _last(label: int, merged: dict[int, int]) -> int:
    passed = set()
    while label in merged and label not in passed:  # a circle cannot be: a target is living when it is merged into
        passed.add(label)
        label = merged[label]
    return label


def surviving_label(label: int) -> int:
    """The id of the label that `label` has been merged into, else `label` itself."""
    return survivors().get(label, label)


@dataclass(frozen=True, slots=True)
class LabelMergePreview:
    """What a merge would change, before it does; counted over the whole business.

    contacts: ever had the source. active: have it now. both: have both now, and count once afterwards. joined: had both
    at some time. intervals: of the source. clashes: have the source now and a label that the target excludes.
    """

    contacts: int
    active: int
    both: int
    joined: int
    intervals: int
    clashes: int


_PREVIEW = """
WITH own AS (SELECT DISTINCT contact_id FROM labels_labelspell WHERE label_id = %(source)s),
     now AS (SELECT contact_id FROM labels_cleanspell WHERE label_id = %(source)s AND ended_at IS NULL)
SELECT (SELECT count(*) FROM own),
       (SELECT count(*) FROM now),
       (SELECT count(*) FROM now WHERE EXISTS (SELECT FROM labels_cleanspell s WHERE s.label_id = %(target)s
                AND s.contact_id = now.contact_id AND s.ended_at IS NULL)),
       (SELECT count(*) FROM own WHERE EXISTS (SELECT FROM labels_labelspell s WHERE s.label_id = %(target)s
                AND s.contact_id = own.contact_id)),
       (SELECT count(*) FROM labels_labelassignment WHERE label_id = %(source)s),
       (SELECT count(*) FROM now WHERE EXISTS (SELECT FROM labels_cleanspell s
                JOIN labels_label l ON l.id = s.label_id WHERE s.contact_id = now.contact_id AND s.ended_at IS NULL
                AND l.exclusive_group <> '' AND l.exclusive_group = %(group)s
                AND s.label_id NOT IN (%(source)s, %(target)s)))
"""


def preview(source: Label, target: Label) -> LabelMergePreview:
    """Counts in one query."""
    chosen = {"source": source.pk, "target": target.pk, "group": target.exclusive_group}
    return LabelMergePreview(*fetch(_PREVIEW, chosen)[0])


def whatsapp_labels(label: Label, viewer: Viewer) -> list[tuple[str, str]]:
    """The WhatsApp labels that mean a label at some time, of what the viewer sees: their names, and on which number."""
    meant = ChannelLabelMeaning.objects.filter(label=label).values("channel_label")
    rows = ChannelLabel.objects.visible_to(viewer).filter(pk__in=meant, hidden=False)
    return sorted(set(rows.order_by().values_list("name", "channel__name")))


def active(label: Label) -> int:
    """How many contacts have a label now, over the whole business."""
    return LabelAssignment.objects.active().filter(label=label).values("contact").distinct().count()


def standing_merge(label: Label) -> LabelMerge | None:
    """The merge by which `label` became part of another one."""
    return LabelMerge.objects.select_related("source", "target").filter(source=label, undone_at=None).first()


def merged_into(label: Label) -> list[LabelMerge]:
    """What became part of `label` and can be parted from it, newest first."""
    return list(LabelMerge.objects.select_related("source", "target", "merged_by").filter(target=label, undone_at=None))
