"""A person says what a WhatsApp label means, and everybody who ever had it is restated, some hundred at a time.

The decision is one short transaction; from then on whatever comes in is read with the new meaning, and who is restated
already counts by it. Until the last one is, figures hold both: the page of work says how far it is. Stopping takes the
decision back and restates again whoever was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from contacts.services import connections
from labelcrm.core import audit
from labelcrm.core.bulk import fetch
from labelcrm.core.jobs import JobRefused, Step
from labelcrm.core.models import Job, User
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAlias
from labels.rules.naming import normalize
from labels.services import wording
from labels.services.restating import CHUNK, contacts_with

_HOW_MANY = "SELECT count(DISTINCT contact_id) FROM labels_labelassignment WHERE channel_label_id = %s"
_FORMER = ("id", "label_id", "name", "since", "decided_by_id", "decided_at", "created_at")


def remap_step(job: Job) -> Step:
    """One step of a job with the parameters `channel_label`, `label` (ids) and `since` (ISO 8601, None = always)."""
    cursor, total = job.cursor, job.total
    if not cursor:
        if job.cancel_asked_at is not None:
            return Step(progress=0, result={})
        cursor, total = _decide(job)
    elif job.cancel_asked_at is not None and "back_to" not in cursor:
        cursor = _take_back(job)
    return _restate(job, cursor, total)


def _decide(job: Job) -> tuple[dict[str, Any], int]:
    wanted = job.parameters
    row = _held(wanted["channel_label"])
    label = Label.all_objects.get(pk=wanted["label"])
    since = datetime.fromisoformat(wanted["since"]) if wanted["since"] else None
    cursor = {"after": 0, "former": [_as_json(meaning) for meaning in row.meanings.order_by("id").values(*_FORMER)]}
    decide(row, label=label, since=since, actor=job.owner)
    return cursor, fetch(_HOW_MANY, [row.pk])[0][0]


def decide(row: ChannelLabel, *, label: Label, since: datetime | None, actor: User | None) -> None:
    """From `since` on (None: always) `row` means `label`; its name becomes a spelling of it where it is none yet.

    The caller holds the channel; whoever has the label is restated afterwards.
    """
    (row.meanings.all() if since is None else row.meanings.filter(since__gte=since)).delete()
    ChannelLabelMeaning.objects.create(
        channel_label=row, label=label, name=row.name, since=since, decided_by=actor, decided_at=timezone.now()
    )
    row.label = label
    row.save(update_fields=["label"])
    LabelAlias.objects.get_or_create(normalized=normalize(row.name), defaults={"label": label, "text": row.name})
    audit.record(
        actor=actor, action="label.remapped", obj=row, label=label.pk, since=since.isoformat() if since else None
    )


def _take_back(job: Job) -> dict[str, Any]:
    """The meanings as they were before the decision, and whom to restate again: up to where the job had come."""
    row = _held(job.parameters["channel_label"])
    former = [ChannelLabelMeaning(channel_label=row, **_from_json(values)) for values in job.cursor["former"]]
    row.meanings.all().delete()
    ChannelLabelMeaning.objects.bulk_create(former)
    for meaning in former:  # bulk_create dates them today
        ChannelLabelMeaning.objects.filter(pk=meaning.pk).update(created_at=meaning.created_at)
    row.label_id = max(former, key=lambda meaning: (meaning.since is not None, meaning.since)).label_id
    row.save(update_fields=["label"])
    audit.record(actor=job.owner, action="label.remap_taken_back", obj=row, label=row.label_id)
    return {"after": 0, "back_to": job.cursor["after"]}


def _restate(job: Job, cursor: dict[str, Any], total: int | None) -> Step:
    channel_label, last = job.parameters["channel_label"], cursor.get("back_to")
    contacts = contacts_with(channel_label, after=cursor["after"], last=last)
    wording.restate([channel_label], contacts)
    progress = job.progress + (len(contacts) if last is None else -len(contacts))
    if len(contacts) < CHUNK:
        wording.archive_unused()
        return Step(cursor=cursor, progress=progress, total=total, result={"contacts": progress})
    return Step(cursor=cursor | {"after": contacts[-1]}, progress=progress, total=total)


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
