"""An import is taken back, as a job: the last rows that were written first, a part of them at a time.

What nothing else changed since is as it was before; what could not be given back is counted, and a file says why. The
import says what it changed as long as the files of a job are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from contacts.services import taking_back
from labelcrm.core import audit, jobs
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import Job, JobFile
from transfer import exports
from transfer.import_job import CHANGES, ImportSource, changes_of, counts_of, is_dry
from transfer.imports.files import ImportBatch
from transfer.job_files import PROBLEMS, in_language_of, owner_with

REASONS = {
    taking_back.GONE: gettext_lazy("It does not exist any more."),
    taking_back.MERGED: gettext_lazy("This contact was merged with another one since."),
    taking_back.CHANGED: gettext_lazy("Somebody has changed it since; that stays."),
    taking_back.MESSAGES: gettext_lazy("This contact has messages, and stays."),
    taking_back.NOTES: gettext_lazy("Somebody has written a note on this contact, which stays."),
    taking_back.KNOWN: gettext_lazy("More is known of it by now, so it stays."),
    taking_back.LABELS: gettext_lazy("This contact has labels of others, and stays."),
}


def can_undo(job: Job) -> bool:
    """Whether an import wrote something that is still known, and nobody has taken it back."""
    counts = counts_of(job)
    if is_dry(job) or job.finished_at is None or "undo" in job.result or not counts["created"] + counts["changed"]:
        return False
    return job.finished_at + jobs.files_kept(job) > timezone.now()


def start(kind: JobKind, job: Job, *, actor: Any) -> Job | None:
    """Queue taking an import back, once; None where that cannot be done."""
    with transaction.atomic():
        held = Job.objects.select_for_update(of=("self",)).get(pk=job.pk)
        if not can_undo(held):
            return None
        counts = counts_of(held)
        undo = jobs.start(
            kind, owner=actor, parameters={"undoes": held.pk, "language": get_language()},
            total=counts["created"] + counts["changed"],
        )  # fmt: skip
        held.result = held.result | counts | {"undo": undo.pk}
        held.save(update_fields=["result"])
    return undo


def step(job: Job, *, source_of: Callable[[Job], ImportSource]) -> Step:
    """One step: the next part of what the import changed is given back."""
    with in_language_of(job):
        undone = Job.objects.filter(pk=job.parameters["undoes"]).first()
        if undone is None:
            raise JobRefused("gone")
        source = source_of(undone)
        cursor = job.cursor or {"part": _last_part(undone), "undone": 0, "kept": 0}
        if job.cancel_asked_at is not None or cursor["part"] < 0:
            return _end(job, undone, source, cursor)
        sentence = _("The right to import was taken away in the meantime: nothing more was taken back.")
        owner = owner_with(job, source.rights, code="import_right_required", sentence=sentence)
        changes = changes_of(undone, cursor["part"])
        kept = source.take_back(changes, ImportBatch(owner=owner, key=f"import{undone.pk}", writes=True, first_row={}))
        if kept:
            _write_kept(job, cursor, kept)
        cursor = {
            "part": cursor["part"] - 1,
            "undone": cursor["undone"] + len(changes) - len(kept),
            "kept": cursor["kept"] + len(kept),
        }
        return Step(cursor=cursor, progress=cursor["undone"] + cursor["kept"], total=job.total)


def _last_part(undone: Job) -> int:
    last = JobFile.objects.filter(job=undone, name=CHANGES).aggregate(last=Max("part"))["last"]
    return -1 if last is None else int(last)


def _write_kept(job: Job, cursor: dict[str, Any], kept: dict[int, str]) -> None:
    """The rows that could not be taken back, and why; parts are numbered as they are written."""
    head = exports.csv_head(exports.CSV, [_("Row in the file"), _("Problem")]) if not cursor["kept"] else b""
    lines = [[str(line), str(REASONS[reason])] for line, reason in sorted(kept.items())]
    part = JobFile.objects.filter(job=job, name=PROBLEMS).count()
    jobs.write_part(job, PROBLEMS, part, head + exports.csv_rows(lines))


def _end(job: Job, undone: Job, source: ImportSource, cursor: dict[str, Any]) -> Step:
    if job.cancel_asked_at is None:
        jobs.forget_files(undone, CHANGES)
    if cursor["undone"] or cursor["kept"]:
        counts = {"undone": cursor["undone"], "kept": cursor["kept"]}
        audit.record(actor=job.owner, action=f"{source.action}_undone", job=undone.pk, **counts)
    return Step(
        cursor=cursor, progress=job.progress, total=job.total, result={k: cursor[k] for k in ("undone", "kept")}
    )
