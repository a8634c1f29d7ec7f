"""An export of contacts as a job: who is in it is frozen first, then written, then sealed.

1. The first step writes down, in one statement, everybody whom the segment or the list means, with the reason why
   somebody is not in the file (`transfer.funnel`): the snapshot. A list is chosen by filters in the request that asks,
   and was taken down there as ids.
2. Each further step reads the next people of the file, looks again at what the owner may do and see and at who opted
   out in the meantime, corrects the snapshot, and keeps their rows as a piece of the file.
3. The last one looks once more at who opted out since their piece was written, and at whom another export that was
   done meanwhile has, where those are to be left out. Pieces with somebody like that are written again; else the
   counts, the SHA-256 and the audit row are written together with "done". From that look to "done" nobody is opted out
   (`contacts.services.opt_out.hold_opt_outs`). Before "done" there is no link, and afterwards nothing of the export
   changes any more.

Whom the owner sees is kept with the cursor: when that has changed, or after a failure, all begins anew.

A step counts together with its cursor, or was never there: a worker that is killed leaves nothing half-written.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from contacts.models import Contact, Team
from contacts.selectors.viewing import viewer_of
from labelcrm.core import audit, jobs
from labelcrm.core.bulk import execute, fetch
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from reports.models import Segment
from reports.segments.definition import parse_definition
from reports.segments.in_words import names_of, segment_in_words
from reports.segments.members import Members
from transfer import exports, pieces, snapshots
from transfer.exports import ChosenPeople
from transfer.funnel import Exclusions, Funnel, FunnelCounts, earlier_files, whom_ids_mean, whom_list_means
from transfer.job_files import IDS, MADE, all_kept_ids, in_language_of, keep_ids, owner_with
from transfer.layouts import LAYOUTS, Layout
from transfer.models import Export, ExportedPerson, Reason, ScheduledRun

RIGHTS = ("contacts.view_contact", "contacts.export_contact")
LONGEST_NAME = 60  # letters of a segment's name in that of its file
_COMMITS_WITHIN = timedelta(minutes=10)  # of the time that an export says it was done at
_AGAIN = 10  # pieces that are written again in one step


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """What somebody asks for: how the file looks, which columns, and whom to leave out."""

    layout: Layout
    columns: Sequence[str] = ()
    exclusions: Exclusions = field(default_factory=Exclusions)

    def values(self) -> dict[str, Any]:
        """The columns of an `Export` that say so."""
        return {
            "layout": self.layout.code,
            "columns": list(self.layout.columns or exports.columns_in_order(self.columns)),
            "exclude_complaint": self.exclusions.complaint,
            "exclude_no_phone": self.exclusions.no_phone or self.layout.needs_phone,
            "exported_days": self.exclusions.exported_days,
            "only_new": self.exclusions.only_new,
            "hold_out": self.exclusions.hold_out,
        }


# -- Asking for one ---------------------------------------------------------------------------------------------------


def export_segment(kind: JobKind, segment: Segment, order: ExportOrder, *, owner: Any) -> Export:
    """Queue the export of whom a segment means, as its owner sees them. The work begins after the commit.

    Those of one segment are made one after the other: "only new" must know who is in the file before.
    """
    viewer = viewer_of(owner)
    definition = parse_definition(segment.definition)
    sentence = segment_in_words(definition, names_of([definition], viewer=viewer))
    whom = {"segment": segment, "name": segment.name, "definition": segment.definition, "sentence": sentence}
    return _start(kind, order, owner=owner, viewer=viewer, whom=whom, subject=f"export-segment:{segment.pk}")


def export_list(
    kind: JobKind, contacts: QuerySet[Any], order: ExportOrder, *, owner: Any, filters: Mapping[str, Any], sentence: str
) -> Export:
    """Queue the export of these contacts, which the caller has limited to what `owner` may see.

    Of what the list was searched for, the job's row keeps no more than the audit trail does.
    """
    with transaction.atomic():
        whom = {"sentence": sentence}
        export = _start(kind, order, owner=owner, viewer=viewer_of(owner), whom=whom, filters=filters)
        assert export.job is not None
        keep_ids(export.job, contacts.order_by("pk"), size=exports.CHUNK)
    return export


def _start(
    kind: JobKind, order: ExportOrder, *, owner: Any, viewer: Viewer, whom: Mapping[str, Any],
    filters: Mapping[str, Any] | None = None, subject: str = "",
) -> Export:  # fmt: skip
    kept = {"filters": audit.kept_filters(filters)} if filters is not None else {"segment": whom["segment"].pk}
    called = slugify(whom.get("name", ""))[:LONGEST_NAME]
    parameters = {"format": order.layout.code, "language": get_language(), "called": called, **kept}
    with transaction.atomic():
        job = jobs.start(kind, owner=owner, parameters=parameters, subject=subject)
        return Export.objects.create(job=job, owner=owner, scope=scope_in_words(viewer), **whom, **order.values())


def scope_in_words(viewer: Viewer) -> str:
    """Whose contacts somebody sees, in words."""
    if viewer.everything:
        return _("everybody's contacts")
    teams = Team.objects.visible_to(viewer).order_by("name").values_list("name", flat=True)
    return _("contacts of %(teams)s") % {"teams": ", ".join(teams)} if teams else _("their own contacts")


# -- Doing it ---------------------------------------------------------------------------------------------------------


def step(job: Job) -> Step:
    """One step of an export."""
    export = Export.objects.select_related("segment").filter(job=job).first()
    if export is None:  # asked for by an older version, which kept other files
        raise JobRefused("files_gone", _("What was begun was deleted in the meantime: begin anew."))
    if job.cancel_asked_at is not None:
        return _put_away(job, export)
    with in_language_of(job):
        sentence = _("The right to export these rows was taken away in the meantime: no file was made.")
        viewer = viewer_of(owner_with(job, RIGHTS, code="export_right_required", sentence=sentence))
        if job.cursor.get("sight") != _sight(viewer):
            return _freeze(job, export, viewer)
        return _write_next(job, export, viewer) if job.progress < (job.total or 0) else _seal(job, export, viewer)


def _put_away(job: Job, export: Export) -> Step:
    """What was begun of a cancelled export leaves no trace but that it was asked for."""
    jobs.forget_files(job)
    ExportedPerson.objects.filter(export=export).delete()
    Export.objects.note_cancelled(job)
    return Step(cursor=job.cursor, progress=job.progress, result={"rows": 0})


def _sight(viewer: Viewer) -> str:
    """Whom a viewer sees, in some letters that change with it."""
    seen = [sorted(value) if isinstance(value, frozenset) else value for value in astuple(viewer.sight)]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def funnel_of(export: Export, *, viewer: Viewer, now: datetime) -> Funnel:
    """The funnel of an export that begins now."""
    if export.segment_id is not None:
        meant = Members(parse_definition(export.definition), viewer, now).query
    else:
        assert export.job is not None
        meant = whom_ids_mean(all_kept_ids(export.job), viewer=viewer)
    return Funnel(meant, Exclusions.of(export), viewer, now, segment=export.segment_id, schedule=_schedule_of(export))


def _schedule_of(export: Export) -> int | None:
    """The id of the schedule that asked for it."""
    return ScheduledRun.objects.filter(export=export).values_list("schedule_id", flat=True).first()


def _freeze(job: Job, export: Export, viewer: Viewer) -> Step:
    now = timezone.now()
    jobs.forget_files(job, MADE)
    execute("DELETE FROM transfer_exportedperson WHERE export_id = %s", [export.pk])
    funnel_of(export, viewer=viewer, now=now).freeze(export)
    found = snapshots.counts(export)
    layout = LAYOUTS[export.layout]
    if layout.is_workbook and found.rows > exports.XLSX_ROWS:
        sentence = _("An XLSX file holds at most 1,048,575 rows: choose CSV, or filter the list.")
        raise JobRefused("too_many_rows", sentence)
    export.computed_at, export.matched, export.excluded, export.rows = now, found.matched, found.excluded, found.rows
    export.save()
    pieces.write_head(job, layout.head(export.columns))
    return Step(cursor={"ends": [], "sight": _sight(viewer)}, progress=0, total=found.rows)


def _write_next(job: Job, export: Export, viewer: Viewer) -> Step:
    ends = job.cursor["ends"]
    people, count = snapshots.next_in_file(export, after=ends[-1] if ends else 0, limit=exports.CHUNK)
    if people is None:  # the snapshot of an export that failed is deleted after a while, as its pieces are
        raise JobRefused("files_gone", _("What was begun was deleted in the meantime: begin anew."))
    _write(job, export, viewer, piece=len(ends), people=people)
    return Step(cursor=job.cursor | {"ends": [*ends, people.last]}, progress=job.progress + count)


def _write(job: Job, export: Export, viewer: Viewer, *, piece: int, people: ChosenPeople) -> None:
    """Correct the snapshot by who of `people` is no longer there or has opted out, and keep the rows of the others."""
    if gone := set(_not_there(export, viewer, people)):
        opted_out = set(_there(export, viewer).filter(pk__in=gone).values_list("pk", flat=True))
        _leave_out(export, gone & opted_out, Reason.OPTED_OUT)
        _leave_out(export, gone - opted_out, Reason.GONE)
    layout = LAYOUTS[export.layout]
    pieces.write_people(job, layout, piece, people, viewer=viewer, columns=export.columns)


def _there(export: Export, viewer: Viewer) -> QuerySet[Any]:
    """The contacts whom the export may name; who was listed by hand may be in the archive."""
    rows = Contact.all_objects if export.segment_id is None else Contact.objects
    return rows.visible_to(viewer).filter(merged_into=None)


def _not_there(export: Export, viewer: Viewer, people: ChosenPeople) -> list[int]:
    """Which of these contacts the file must not have. Nearly always nobody."""
    there = _there(export, viewer).filter(opted_out_at=None, pk__range=(people.first, people.last))
    query = whom_list_means(there)
    statement = f"""
        SELECT id FROM {people.source}
        WHERE NOT EXISTS (SELECT FROM ({query.query}) AS there WHERE there.contact_id = chosen.id)
    """  # noqa: S608 - Django's own
    values = {**query.parameters, **people.parameters, "first": people.first, "last": people.last}
    return [pk for (pk,) in fetch(statement, values)]


def _leave_out(export: Export, ids: Collection[int], reason: Reason) -> None:
    if ids:
        execute(
            "UPDATE transfer_exportedperson SET reason = %s WHERE export_id = %s AND contact_id = ANY(%s)",
            [reason.value, export.pk, list(ids)],
        )


def _seal(job: Job, export: Export, viewer: Viewer) -> Step:
    digest = pieces.close(job, len(job.cursor["ends"]), workbook=LAYOUTS[export.layout].is_workbook)
    found = snapshots.counts(export)
    if not pieces.nobody_opts_out_any_more():
        return Step(cursor=job.cursor, progress=job.progress)
    if late := _exported_meanwhile(export) | _opted_out_meanwhile(export):
        return _write_again(job, export, viewer, late)
    return _done(job, export, found, digest)


def _opted_out_meanwhile(export: Export) -> dict[int, Reason]:
    """Who is in the file and has opted out by now, themselves or as the contact they were merged into."""
    return {pk: Reason.OPTED_OUT for (pk,) in fetch(_LATE, {"export": export.pk})}


def _exported_meanwhile(export: Export) -> dict[int, Reason]:
    """Who is in the file, and in one that was done since this one began and whose people are to be left out of it.

    No two exports are sealed at once, so one of two that ran together finds the other here.
    """
    assert export.computed_at is not None, "it was frozen"
    known = earlier_files(
        Exclusions.of(export), now=timezone.now(), segment=export.segment_id, schedule=_schedule_of(export),
        since=export.computed_at - _COMMITS_WITHIN,
    )  # fmt: skip
    found: dict[int, Reason] = {}
    for earlier in reversed(known):
        rows = fetch(earlier.query("earlier"), {"earlier": earlier.exports, "export": export.pk})
        found |= {pk: earlier.reason for (pk,) in rows}
    return found


# From the few who opted out to the file, and not the other way round: opt-outs wait for the answer.
_LATE = """
    SELECT contact_id FROM transfer_exportedperson
    WHERE export_id = %(export)s AND reason = 0 AND contact_id = ANY(ARRAY(
        SELECT id FROM contacts_contact WHERE opted_out_at IS NOT NULL
        UNION
        SELECT c.id FROM contacts_contact c JOIN contacts_contact heir ON heir.id = c.merged_into_id
        WHERE c.deleted_at IS NOT NULL AND heir.opted_out_at IS NOT NULL
    ))
    ORDER BY 1
"""


def _write_again(job: Job, export: Export, viewer: Viewer, late: Mapping[int, Reason]) -> Step:
    """Write the pieces anew in which these people stand; of many pieces some, the next step finds the others."""
    ends = job.cursor["ends"]
    for place in sorted({bisect_left(ends, pk) for pk in late})[:_AGAIN]:
        start = ends[place - 1] if place else 0
        within = [pk for pk in late if start < pk <= ends[place]]
        for reason in {late[pk] for pk in within}:
            _leave_out(export, [pk for pk in within if late[pk] is reason], reason)
        people = snapshots.in_file(export, first=start + 1, last=ends[place])
        _write(job, export, viewer, piece=place, people=people)
    return Step(cursor=job.cursor, progress=job.progress)


def _done(job: Job, export: Export, found: FunnelCounts, sha256: str) -> Step:
    meant = export.matched or 0
    export.matched, export.excluded, export.rows = found.matched, found.excluded, found.rows
    export.sha256, export.finished_at = sha256, timezone.now()
    export.save()
    audit.record(
        actor=job.owner, action="segments.exported" if export.segment_id else "contacts.exported", export=export.pk,
        segment=export.segment_id, filters=job.parameters.get("filters", {}), format=export.layout, sha256=sha256,
        matched=found.matched, rows=found.rows, excluded=found.excluded,
    )  # fmt: skip
    jobs.forget_files(job, IDS)
    result = {"matched": found.matched, "rows": found.rows, "excluded": found.excluded, "sha256": sha256}
    result["gone"] = meant - found.matched
    return Step(cursor=job.cursor, progress=job.progress, result=result)
