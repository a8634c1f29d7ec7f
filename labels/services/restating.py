"""Whoever has a label follows what it is called, means, or counts as: some hundred at a time, as jobs."""

from __future__ import annotations

from contacts.services.contact_rows import lock_contacts
from labelcrm.core.bulk import fetch
from labelcrm.core.jobs import Step
from labelcrm.core.models import Job
from labels.services import wording
from labels.services.figures import update_figures

CHUNK = 500  # contacts a step; the lanes of these wait for about a third of a second
_WITH_CHANNEL_LABEL = """
SELECT DISTINCT contact_id FROM labels_labelassignment
 WHERE channel_label_id = %s AND contact_id > %s AND (%s::bigint IS NULL OR contact_id <= %s)
 ORDER BY contact_id LIMIT %s
"""
_WITH_LABEL = """
SELECT DISTINCT contact_id FROM labels_labelspell WHERE label_id = %s AND contact_id > %s ORDER BY contact_id LIMIT %s
"""


def contacts_with(channel_label: int, *, after: int, last: int | None = None) -> list[int]:
    """The ids of the next contacts, beyond `after` and up to `last`, who ever had a WhatsApp label; at most CHUNK.

    Everybody who ever had it: a dated meaning can move a spell and leave its interval alone.
    """
    return [pk for (pk,) in fetch(_WITH_CHANNEL_LABEL, [channel_label, after, last, last, CHUNK])]


def restate_step(job: Job) -> Step:
    """One step of a job about `channel_label` (id): whoever ever had it follows what it is called and means now."""
    channel_label, after = job.parameters["channel_label"], job.cursor.get("after", 0)
    contacts = contacts_with(channel_label, after=after)
    wording.restate([channel_label], contacts)
    if len(contacts) < CHUNK:
        wording.archive_unused()
    return _next(job, contacts)


def restage_step(job: Job) -> Step:
    """One step of a job about `label` (id), whose step or group changed: whoever ever had it follows."""
    label, after = job.parameters["label"], job.cursor.get("after", 0)
    contacts = [pk for (pk,) in fetch(_WITH_LABEL, [label, after, CHUNK])]
    lock_contacts(contacts)
    update_figures(contacts)
    return _next(job, contacts)


def _next(job: Job, contacts: list[int]) -> Step:
    progress = job.progress + len(contacts)
    if len(contacts) < CHUNK:
        return Step(progress=progress, result={"contacts": progress})
    return Step(cursor={"after": contacts[-1]}, progress=progress)
