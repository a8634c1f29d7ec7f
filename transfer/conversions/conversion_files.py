"""A file of conversions as a job: which are in it is written down first, then they are written, then it is sealed.

1. The first step writes down, in one statement, every conversion that its owner sees and the target can have. That a
   conversion is in a file of a target once is a unique constraint, so two jobs at once share none.
2. Each further step looks again at what the owner may do and see, and at who opted out, was archived or merged since;
   they are taken out and their conversions are free again. What remains is kept as a piece of the file.
3. The last one looks once more. Pieces that somebody left are written again; else the count, the SHA-256 and the audit
   row are written together with "done". Before that there is no link.

A file that was cancelled or failed gives everything back.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from contacts.selectors.viewing import viewer_of
from labelcrm.core import audit, jobs
from labelcrm.core.bulk import execute
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from transfer import pieces
from transfer.conversions.collecting import hold
from transfer.conversions.conversion_lines import LAYOUTS
from transfer.conversions.models import Conversion, ConversionDelivery, ConversionFile, DeliveryState, Target
from transfer.conversions.targets import READY, conversions_of, judged, sendable, within_reach
from transfer.job_files import in_language_of, owner_with

RIGHTS = ("contacts.view_contact", "contacts.export_contact", "reports.view_report")
CHUNK = 5000  # conversions of a piece
_AGAIN = 10  # pieces that are written again in one step


def start(kind: JobKind, target: Target, *, owner: Any, again: bool = False) -> ConversionFile:
    """Queue a file for `target`, of what its owner sees; `again` takes in what was in earlier ones.

    The work begins after the commit.
    """
    with transaction.atomic():
        parameters = {"format": "csv", "target": target.value, "language": get_language()}
        job = jobs.start(kind, owner=owner, parameters=parameters)
        return ConversionFile.objects.create(job=job, owner=owner, target=target, again=again)


def step(job: Job) -> Step:
    """One step of a file."""
    file = ConversionFile.objects.filter(job=job).first()
    if file is None:
        raise JobRefused("files_gone", _("What was begun was deleted in the meantime: begin anew."))
    if job.cancel_asked_at is not None:
        give_back(job)
        return Step(cursor=job.cursor, progress=job.progress, result={"rows": 0})
    with in_language_of(job):
        sentence = _("The right to export these rows was taken away in the meantime: no file was made.")
        viewer = viewer_of(owner_with(job, RIGHTS, code="export_right_required", sentence=sentence))
        if not job.cursor:
            return _choose(job, file, viewer)
        return _write_next(job, file, viewer) if job.progress < (job.total or 0) else _seal(job, file, viewer)


def give_back(job: Job) -> None:
    """What was begun of a file that will not be leaves no trace: its conversions are free for the next one."""
    jobs.forget_files(job)
    ConversionDelivery.objects.filter(file__job=job, state=DeliveryState.WAITING).delete()


# -- Which ------------------------------------------------------------------------------------------------------------


def _choose(job: Job, file: ConversionFile, viewer: Viewer) -> Step:
    hold()
    now = timezone.now()
    rows = judged(within_reach(conversions_of(viewer), file.target, now=now), file.target, now=now, again=file.again)
    execute(*_insert(rows.filter(verdict=READY), file))
    count = ConversionDelivery.objects.filter(file=file).count()
    pieces.write_head(job, LAYOUTS[file.target].head())
    return Step(cursor={"ends": []}, progress=0, total=count)


def _insert(rows: QuerySet[Any], file: ConversionFile) -> tuple[str, list[Any]]:
    """The statement that writes down that these go into a file, each in its next round."""
    statement, values = rows.order_by("pk").values_list("pk", flat=True).query.sql_with_params()
    insert = f"""
        INSERT INTO transfer_conversiondelivery
            (conversion_id, target, round, file_id, state, tries, error, told, created_at)
        SELECT chosen.id, %s, coalesce((
            SELECT max(d.round) + 1 FROM transfer_conversiondelivery d
            WHERE d.conversion_id = chosen.id AND d.target = %s
        ), 0), %s, 'waiting', 0, '', '', now()
        FROM ({statement}) AS chosen (id)
        ON CONFLICT DO NOTHING
    """  # noqa: S608 - Django's own
    return insert, [file.target, file.target, file.pk, *values]


# -- The pieces -------------------------------------------------------------------------------------------------------


def _write_next(job: Job, file: ConversionFile, viewer: Viewer) -> Step:
    ends = job.cursor["ends"]
    ids = _ids(file, after=ends[-1] if ends else 0, limit=CHUNK)
    if not ids:  # they were taken back meanwhile, with a contact that was erased
        return Step(cursor=job.cursor, progress=job.total or 0)
    _write(job, file, viewer, piece=len(ends), ids=ids)
    return Step(cursor={"ends": [*ends, ids[-1]]}, progress=min(job.total or 0, job.progress + len(ids)))


def _ids(file: ConversionFile, *, after: int, limit: int | None = None, until: int | None = None) -> list[int]:
    rows = ConversionDelivery.objects.filter(file=file, conversion_id__gt=after).order_by("conversion_id")
    rows = rows if until is None else rows.filter(conversion_id__lte=until)
    return list(rows.values_list("conversion_id", flat=True)[:limit])


def _write(job: Job, file: ConversionFile, viewer: Viewer, *, piece: int, ids: Sequence[int]) -> None:
    """Keep the rows of those of `ids` who may still be in a file, and give the others back."""
    rows = sendable(conversions_of(viewer)).filter(pk__in=ids).select_related("contact", "event").order_by("pk")
    kept = list(rows)
    _take_out(file, set(ids) - {conversion.pk for conversion in kept})
    pieces.write_piece(job, piece, LAYOUTS[file.target].piece(kept))


def _take_out(file: ConversionFile, ids: Collection[int]) -> None:
    ConversionDelivery.objects.filter(file=file, conversion__in=ids).delete()


def _seal(job: Job, file: ConversionFile, viewer: Viewer) -> Step:
    digest = pieces.close(job, len(job.cursor["ends"]))
    if not pieces.nobody_opts_out_any_more():
        return Step(cursor=job.cursor, progress=job.progress)
    if late := _late(file):  # the last look, as close to the end as can be
        return _write_again(job, file, viewer, late)
    return _done(job, file, digest)


def _late(file: ConversionFile) -> list[int]:
    """The conversions of a file whose contact opted out, was archived or merged since they were written."""
    held = Conversion.objects.filter(deliveries__file=file).exclude(
        pk__in=sendable(Conversion.objects.all()).values("pk")
    )
    return list(held.order_by("pk").values_list("pk", flat=True))


def _write_again(job: Job, file: ConversionFile, viewer: Viewer, late: Sequence[int]) -> Step:
    """Write the pieces anew in which these stand; of many pieces some, the next step finds the others."""
    ends = job.cursor["ends"]
    for place in sorted({bisect_left(ends, pk) for pk in late})[:_AGAIN]:
        ids = _ids(file, after=ends[place - 1] if place else 0, until=ends[place])
        _write(job, file, viewer, piece=place, ids=ids)
    return Step(cursor=job.cursor, progress=job.progress)


def _done(job: Job, file: ConversionFile, sha256: str) -> Step:
    rows = ConversionDelivery.objects.filter(file=file).update(state=DeliveryState.DONE, done_at=Now())
    execute(_TOUCH, [file.pk])
    file.rows, file.sha256, file.finished_at = rows, sha256, timezone.now()
    file.save()
    audit.record(
        actor=job.owner, action="conversions.exported", file=file.pk, target=file.target, again=file.again,
        sha256=sha256, rows=rows,
    )  # fmt: skip
    return Step(cursor=job.cursor, progress=job.progress, result={"rows": rows, "sha256": sha256})


# Whoever asks the API for changes hears of it.
_TOUCH = """
    UPDATE transfer_conversion c SET updated_at = now()
    FROM transfer_conversiondelivery d WHERE d.conversion_id = c.id AND d.file_id = %s
"""
