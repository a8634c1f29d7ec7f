"""Two labels of ours become one, and can be parted again: whoever had them is restated, some hundred at a time.

One short transaction makes the target of all that named the source (`labels.services.label_mentions`), keeps what it
changed, and archives the source. Its spellings stay, as spellings of the target. From then on whatever comes in counts
as the target, and so does who is restated already; until the last one is, figures hold both. Undoing goes the same way
back. A job that is stopped turns round: a merge is undone, an undoing is done again.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.services import connections
from labelcrm.core import audit
from labelcrm.core.bulk import execute, fetch
from labelcrm.core.jobs import JobRefused, Step
from labelcrm.core.models import Job, User
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelMerge
from labels.services import label_mentions, merged_flags, wording
from labels.services.label_mentions import MENTIONS
from labels.services.restating import CHUNK

ORIGIN = "merge"
# What two labels of one meaning have in common; where they differ, a merge changes more than a name.
MEANT = ("meaning", "step", "exclusive_group", "high_quality", "low_quality")
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('labelcrm.canonical_labels'))"
_HOW_MANY = "SELECT count(DISTINCT contact_id) FROM labels_labelassignment WHERE channel_label_id = ANY(%s)"
_CONTACTS = """
SELECT DISTINCT contact_id FROM labels_labelassignment
 WHERE channel_label_id = ANY(%s) AND contact_id > %s AND (%s::bigint IS NULL OR contact_id <= %s)
 ORDER BY contact_id LIMIT %s
"""
# What a WhatsApp label means now is the latest of its meanings.
_MEANT_NOW = """
UPDATE labels_channellabel AS c SET label_id = m.label_id
  FROM (SELECT DISTINCT ON (channel_label_id) channel_label_id, label_id FROM labels_channellabelmeaning
         WHERE channel_label_id = ANY(%s) ORDER BY channel_label_id, since DESC NULLS LAST) AS m
 WHERE c.id = m.channel_label_id AND c.label_id <> m.label_id
"""


def differences(source: Label, target: Label) -> list[str]:
    """The names of the fields in which two labels mean something else."""
    return [name for name in MEANT if getattr(source, name) != getattr(target, name)]


def check_merge(source: Label, target: Label, *, differs: bool) -> None:
    """Raises ValidationError for a merge that cannot be meant; `differs` says that somebody knows the labels differ."""
    if source.pk == target.pk:
        raise ValidationError(_("A label cannot be merged into itself."), code="itself")
    if target.deleted_at is not None:
        raise ValidationError(_("“%(label)s” is archived: restore it first.") % {"label": target}, code="archived")
    if LabelMerge.objects.filter(source=source, undone_at=None).exists():
        raise ValidationError(_("“%(label)s” was merged already.") % {"label": source}, code="merged")
    if source.deleted_at is not None:
        raise ValidationError(_("“%(label)s” is archived: restore it first.") % {"label": source}, code="archived")
    if not target.reviewed:
        raise ValidationError(_("Nobody has decided yet what “%(label)s” means.") % {"label": target}, code="unmapped")
    if not differs and differences(source, target):
        raise ValidationError(_("The two labels mean something else: say that this is meant."), code="differs")


def check_undo(merge: LabelMerge) -> None:
    """Raises ValidationError for a merge that cannot be undone now."""
    if merge.undone_at is not None:
        raise ValidationError(_("This merge was undone already."), code="undone")
    both = (merge.source_id, merge.target_id)
    later = LabelMerge.objects.filter(Q(source__in=both) | Q(target__in=both), undone_at=None, pk__gt=merge.pk)
    if other := later.select_related("source", "target").first():
        words = {"source": other.source, "target": other.target}
        raise ValidationError(_("Undo the later merge of “%(source)s” into “%(target)s” first.") % words, code="later")
    if Label.objects.filter(name=merge.source.name).exclude(pk=merge.source_id).exists():
        raise ValidationError(_("Another label is called “%(label)s” by now.") % {"label": merge.source}, code="name")


# -- The job ----------------------------------------------------------------------------------------------------------


def merge_step(job: Job) -> Step:
    """One step of a job with the parameters `source`, `target` (ids) and `differs`, or `undoes`, the id of a merge."""
    cursor, total = job.cursor, job.total
    if not cursor:
        if job.cancel_asked_at is not None:
            return Step(progress=0, result={})
        cursor, total = _begin(job)
    elif job.cancel_asked_at is not None and "back_to" not in cursor:
        cursor = _turn_round(job)
    return _restate(job, cursor, total)


def _begin(job: Job) -> tuple[dict[str, Any], int]:
    undoes = job.parameters.get("undoes")
    try:
        merge = _undo(undoes, actor=job.owner) if undoes else _merge(job)
    except ValidationError as refused:
        raise JobRefused(str(refused.code or "refused"), " ".join(refused.messages)) from refused
    cursor = {"merge": merge.pk, "after": 0, "joins": not undoes}
    return cursor, fetch(_HOW_MANY, [merge.channel_labels])[0][0]


def _turn_round(job: Job) -> dict[str, Any]:
    """The other way: whoever was restated already is restated again, up to where the job had come."""
    merge, joins = LabelMerge.objects.get(pk=job.cursor["merge"]), not job.cursor["joins"]
    if joins:
        _hold(merge.channel_labels)
        merge.undone_at = None
        _move(merge, actor=job.owner)
    else:
        _move_back(merge, actor=job.owner)
    return {"merge": merge.pk, "after": 0, "joins": joins, "back_to": job.cursor["after"]}


def _restate(job: Job, cursor: dict[str, Any], total: int | None) -> Step:
    merge, last = LabelMerge.objects.get(pk=cursor["merge"]), cursor.get("back_to")
    contacts = [pk for (pk,) in fetch(_CONTACTS, [merge.channel_labels, cursor["after"], last, last, CHUNK])]
    is_last = len(contacts) < CHUNK
    if not cursor["joins"]:
        merged_flags.give_back(merge, None if is_last else contacts)
    wording.restate(merge.channel_labels, contacts)
    progress = job.progress + (len(contacts) if last is None else -len(contacts))
    if is_last:
        return Step(cursor=cursor, progress=progress, total=total, result={"contacts": progress})
    return Step(cursor=cursor | {"after": contacts[-1]}, progress=progress, total=total)


# -- There and back ---------------------------------------------------------------------------------------------------


def _merge(job: Job) -> LabelMerge:
    wanted = job.parameters
    channel_labels = _hold_those_that_meant(wanted["source"])
    labels = Label.all_objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = labels.in_bulk([wanted["source"], wanted["target"]])
    source, target = found[wanted["source"]], found[wanted["target"]]
    check_merge(source, target, differs=wanted.get("differs", False))
    merge = LabelMerge(source=source, target=target, merged_by=job.owner, channel_labels=channel_labels)
    _move(merge, actor=job.owner)
    return merge


def _undo(pk: int, *, actor: User | None) -> LabelMerge:
    merge = LabelMerge.objects.select_related("source", "target").filter(pk=pk).first()
    if merge is None:
        raise JobRefused("gone")
    _hold(merge.channel_labels)
    merge = LabelMerge.objects.select_for_update(of=("self",)).select_related("source", "target").get(pk=pk)
    check_undo(merge)
    _move_back(merge, actor=actor)
    return merge


def _move(merge: LabelMerge, *, actor: User | None) -> None:
    merge.merged_at = timezone.now()
    merge.save()
    for mention in MENTIONS.values():
        mention.move(merge)
    execute(_MEANT_NOW, [merge.channel_labels])
    Label.all_objects.filter(pk=merge.source_id).update(deleted_at=merge.merged_at, updated_at=merge.merged_at)
    audit.record(actor=actor, action="label.merged", obj=merge.source, target=merge.target_id, origin=ORIGIN)


def _move_back(merge: LabelMerge, *, actor: User | None) -> None:
    merge.undone_at = timezone.now()
    merge.save(update_fields=["undone_at"])
    Label.all_objects.filter(pk=merge.source_id).update(deleted_at=None, updated_at=merge.undone_at)
    for mention in MENTIONS.values():
        mention.move_back(merge)
    execute(_MEANT_NOW, [merge.channel_labels])
    audit.record(actor=actor, action="label.unmerged", obj=merge.source, target=merge.target_id, origin=ORIGIN)


def _that_meant(label: int) -> list[int]:
    """The ids of the WhatsApp labels that mean a label now, or did at some time."""
    meant = ChannelLabelMeaning.objects.filter(label=label).values("channel_label")
    return list(
        ChannelLabel.objects.filter(Q(pk__in=meant) | Q(label=label)).order_by("pk").values_list("pk", flat=True)
    )


def _hold_those_that_meant(label: int) -> list[int]:
    """Their ids, held; a lane may give the label to another one until all is held."""
    held: list[int] = []
    while (found := _that_meant(label)) != held:
        held = _hold(found)
    return held


def _hold(channel_labels: list[int]) -> list[int]:
    """Hold their channels, in one order, then the canonical labels: what lanes hold, in the order in which they do."""
    channels = ChannelLabel.objects.filter(pk__in=channel_labels).values_list("channel", flat=True)
    for channel in sorted(set(channels)):
        connections.hold(channel)
    fetch(_ONE_AT_A_TIME, [])
    return channel_labels


# What of ours names labels; what lies above registers its own. Flags come first: theirs are looked for by the label.
label_mentions.register(merged_flags.MENTION)
label_mentions.register(label_mentions.column("aliases", "labels_labelalias", is_part=True))
label_mentions.register(label_mentions.column("meanings", "labels_channellabelmeaning", is_part=True))
label_mentions.register(label_mentions.column("snoozes", "labels_stalesnooze", is_part=True))
label_mentions.register(label_mentions.column("sampled_grades", "labels_sampledgrade", is_part=True))
label_mentions.register(label_mentions.column("second_looks", "labels_secondlook", is_part=True))
label_mentions.register(
    label_mentions.columns("contradiction_rules", "labels_contradictionrule", ("label_id", "other_id"))
)
label_mentions.register(label_mentions.column("suggestion_words", "labels_labelword", is_part=True))
label_mentions.register(label_mentions.column("dismissals", "labels_suggestiondismissal", is_part=True))
label_mentions.register(label_mentions.column("handed_over", "labels_handedovercontact", is_part=True))
