"""Deleting what never left the house: the snapshots and files of exports that failed or were stopped."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from labelcrm.core import jobs
from labelcrm.core.models import Job, JobFile
from transfer.models import Export, ExportedPerson


def forget_unfinished() -> dict[str, int]:
    """Delete whom exports meant that came to nothing a day ago; until then a failed one can go on. How many rows.

    That an export was asked for, and how many it would have been, stays.
    """
    before = timezone.now() - jobs.FAILED_FILES_KEPT
    ended = Q(job__state__in=(Job.State.FAILED, Job.State.CANCELLED), job__finished_at__lt=before)
    people = ExportedPerson.objects.filter(export=OuterRef("pk"))
    dead = Export.objects.filter(ended | Q(job=None), finished_at=None)
    files = JobFile.objects.filter(job__in=dead.filter(job__isnull=False).values("job"))
    parts = files.delete()[0]
    rows = 0
    for pk in dead.filter(Exists(people)).values_list("pk", flat=True):
        rows += ExportedPerson.objects.filter(export=pk).delete()[0]
    return {"people": rows, "file_parts": parts}
