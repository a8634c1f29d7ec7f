"""A person says what a WhatsApp label means, and everybody who ever had it is restated, some hundred at a time.

The decision is one short transaction; from then on whatever comes in is read with the new meaning, and who is restated
already counts by it. Until the last one is, figures hold both: the page of work says how far it is. Stopping takes the
decision back and restates again whoever was. A decision that was carried out is taken back by a job of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.services import connections
from labelcrm.core import audit
from labelcrm.core.bulk import fetch
from labelcrm.core.jobs import JobRefused, Step
from labelcrm.core.models import Job, User
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAlias
from labels.rules.naming import normalize
from labels.selectors.label_merges import survivors
from labels.services import meanings, wording
from labels.services.channel_labels import counts_nowhere
from labels.services.restating import CHUNK, contacts_with

_HOW_MANY = "SELECT count(DISTINCT contact_id) FROM labels_labelassignment WHERE channel_label_id = %s"
_FORMER = ("id", "label_id", "name", "since", "decided_by_id", "decided_at", "created_at")


def remap_step(job: Job) -> Step:
    """One step of a job with the parameters `channel_label`, `label` (ids; None = not counted) and `since` (ISO 8601,
    None = always), or `undoes`, the id of a job that was done.
    """
    cursor = job.cursor
    if not cursor:  # a step of its own: whoever asked sees it decided at once, however many contacts follow
        if job.cancel_asked_at is not None:
            return Step(progress=0, result={})
        cursor, total = _decide(job)
        return Step(cursor=cursor, progress=0, total=total)
    if job.cancel_asked_at is not None and "back_to" not in cursor:
        cursor = _take_back(job)
    return _restate(job, cursor)


def _decide(job: Job) -> tuple[dict[str, Any], int]:
    wanted = job.parameters
    row = _held(wanted["channel_label"])
    cursor = {"after": 0} | _as_it_is(row)
    if "undoes" in wanted:
        _put_back(row, _undone(job), actor=job.owner)
    else:
        label = Label.all_objects.get(pk=wanted["label"]) if wanted["label"] else None
        since = datetime.fromisoformat(wanted["since"]) if wanted["since"] else None
        decide(row, label=label, since=since, actor=job.owner)
    return cursor, fetch(_HOW_MANY, [row.pk])[0][0]


def decide(row: ChannelLabel, *, label: Label | None, since: datetime | None, actor: User | None) -> None:
    """From `since` on (None: always) `row` means `label`, and its name is a spelling of it; None: it counts nowhere.

    The caller holds the channel; whoever has the label is restated afterwards.
    """
    if label is None or row.ignored:
        since = None  # what is not counted is so from the beginning, and has no meaning before
    row.ignored = label is None
    means = meanings.system_lists() if label is None else label
    (row.meanings.all() if since is None else row.meanings.filter(since__gte=since)).delete()
    ChannelLabelMeaning.objects.create(
        channel_label=row, label=means, name=row.name, since=since, decided_by=actor, decided_at=timezone.now()
    )
    _save(row, means.pk)
    if label is not None:
        _claim_spelling(row.name, label)
    audit.record(
        actor=actor, action="label.remapped", obj=row, label=means.pk, since=since.isoformat() if since else None
    )


def _save(row: ChannelLabel, label: int) -> None:
    row.label_id, row.hidden = label, counts_nowhere(row)
    row.save(update_fields=["label", "hidden", "ignored"])


def _claim_spelling(name: str, label: Label) -> None:
    """Make a name a spelling of `label`, where it is none yet or only of the label that the name itself made.

    So the next number with a label of this name finds its meaning by itself.
    """
    known, made = LabelAlias.objects.get_or_create(normalized=normalize(name), defaults={"label": label, "text": name})
    if not made and not known.label.reviewed:
        known.label = label
        known.save(update_fields=["label"])


# -- Taking it back ---------------------------------------------------------------------------------------------------


def _as_it_is(row: ChannelLabel) -> dict[str, Any]:
    """What a decision replaces, as JSON."""
    spelling = LabelAlias.objects.filter(normalized=normalize(row.name)).values_list("label", flat=True).first()
    former = [_as_json(meaning) for meaning in row.meanings.order_by("id").values(*_FORMER)]
    return {"former": former, "ignored": row.ignored, "spelling": spelling}


def _undone(job: Job) -> dict[str, Any]:
    """What the job replaced that this one undoes. Raises JobRefused where that is gone, or was decided again since."""
    undone = Job.objects.filter(pk=job.parameters["undoes"], kind=job.kind, subject=job.subject).first()
    if undone is None or "former" not in undone.cursor:
        raise JobRefused("gone")
    decided_since = Job.objects.filter(kind=job.kind, subject=job.subject, pk__gt=undone.pk, pk__lt=job.pk)
    if undone.state != Job.State.DONE or decided_since.filter(state=Job.State.DONE).exists():
        raise JobRefused("decided_since", str(_("Somebody has decided again since, so nothing was taken back.")))
    return undone.cursor


def _take_back(job: Job) -> dict[str, Any]:
    """The meanings as they were before the decision, and whom to restate again: up to where the job had come."""
    _put_back(_held(job.parameters["channel_label"]), job.cursor, actor=job.owner)
    return {"after": 0, "back_to": job.cursor["after"]}


def _put_back(row: ChannelLabel, was: Mapping[str, Any], *, actor: User | None) -> None:
    """Give `row` the meanings that it had; labels that were archived because nothing used them are living again."""
    known = survivors()  # what it meant may have become part of another label since
    values = [_from_json(each | {"label_id": known.get(each["label_id"], each["label_id"])}) for each in was["former"]]
    former = [ChannelLabelMeaning(channel_label=row, **each) for each in values]
    row.meanings.all().delete()
    ChannelLabelMeaning.objects.bulk_create(former)
    for each in values:  # bulk_create dates them today, on the objects too
        ChannelLabelMeaning.objects.filter(pk=each["id"]).update(created_at=each["created_at"])
    row.ignored = was.get("ignored", False)
    _save(row, max(former, key=lambda meaning: (meaning.since is not None, meaning.since)).label_id)
    unused = Label.all_objects.filter(pk__in={meaning.label_id for meaning in former}, reviewed=False)
    names = Label.objects.values("name")
    unused.filter(deleted_at__isnull=False).exclude(name__in=names).update(deleted_at=None)
    if spelling := was.get("spelling"):
        LabelAlias.objects.filter(normalized=normalize(row.name)).update(label=known.get(spelling, spelling))
    audit.record(actor=actor, action="label.remap_taken_back", obj=row, label=row.label_id)


def _restate(job: Job, cursor: dict[str, Any]) -> Step:
    channel_label, last = job.parameters["channel_label"], cursor.get("back_to")
    contacts = contacts_with(channel_label, after=cursor["after"], last=last)
    wording.restate([channel_label], contacts)
    progress = job.progress + (len(contacts) if last is None else -len(contacts))
    if len(contacts) < CHUNK:
        wording.archive_unused()
        return Step(cursor=cursor, progress=progress, total=job.total, result={"contacts": progress})
    return Step(cursor=cursor | {"after": contacts[-1]}, progress=progress, total=job.total)


def _held(channel_label: int) -> ChannelLabel:
    row = ChannelLabel.objects.filter(pk=channel_label).first()
    if row is None:
        raise JobRefused("gone")
    connections.hold(row.channel_id)
    return ChannelLabel.objects.get(pk=channel_label)


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    times = ("since", "decided_at", "created_at")
    return {name: datetime.fromisoformat(value) if name in times and value else value for name, value in values.items()}
