"""Files out and in, as jobs: what asks for them, and what the page of work says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.models import Campaign, Contact
from contacts.selectors.viewing import may_still, viewer_of
from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind, Step
from labelcrm.core.models import Job
from labelcrm.core.notices import NoticeAudience
from reports.models import Segment
from reports.query import ReportQuery
from transfer import (
    export_job,
    import_job,
    import_undo,
    label_records,
    people_export,
    record_export,
    report_export,
    schedules,
)
from transfer.conversions import conversion_jobs, conversion_labels
from transfer.job_files import MADE, PROBLEMS, link
from transfer.layouts import LAYOUTS, Layout
from transfer.models import EXPORT_RIGHTS, Export, ExportKind, ExportSchedule, ScheduledRun
from transfer.people_export import ExportOrder
from transfer.record_export import RecordOrder

__all__ = ["conversion_jobs"]  # its kinds of jobs are this app's, too

# -- Out --------------------------------------------------------------------------------------------------------------


def export_segment(segment: Segment, order: ExportOrder, *, owner: Any) -> Export:
    """Export whom a segment means, as `owner` sees them. The work begins after the commit."""
    return people_export.export_segment(EXPORT_SEGMENT, segment, order, owner=owner)


def export_contacts(
    contacts: QuerySet[Contact], order: ExportOrder, *, owner: Any, filters: Mapping[str, Any], sentence: str = ""
) -> Export:
    """Export these contacts by id; `filters` are how they were chosen, and `sentence` says so in words."""
    return people_export.export_list(EXPORT_CONTACTS, contacts, order, owner=owner, filters=filters, sentence=sentence)


def export_campaigns(campaigns: QuerySet[Campaign], *, owner: Any, file_format: str, filters: Mapping[str, Any]) -> Job:
    """Export these campaigns in their order. The work begins after the commit."""
    return export_job.start(EXPORT_CAMPAIGNS, campaigns, owner=owner, file_format=file_format, filters=filters)


def export_records(kind: ExportKind, rows: QuerySet[Any], order: RecordOrder, *, owner: Any) -> Export:
    """Export these label intervals or label events. The work begins after the commit."""
    source = label_records.SOURCES[kind]
    return record_export.start(EXPORT_RECORDS[kind], source, rows, order, owner=owner)


def export_report(query: ReportQuery, *, layout: Layout, owner: Any) -> Export:
    """Export the rows of a report. The work begins after the commit."""
    return report_export.start(EXPORT_REPORT, query, layout=layout, owner=owner)


def run_due_schedules(*, now: datetime) -> int:
    """Begin the scheduled exports that are due; how many."""
    return schedules.run_due(EXPORT_SEGMENT, now=now)


def run_schedule_now(schedule: ExportSchedule, *, actor: Any) -> ScheduledRun:
    """Begin a scheduled export by hand. Raises ValidationError."""
    return schedules.run_now(EXPORT_SEGMENT, schedule, actor=actor)


def last_format(kind: JobKind, *, owner: Any) -> str | None:
    """The format of the latest export of this kind that `owner` asked for; None before the first."""
    last = Job.objects.filter(kind=kind.name, owner=owner).order_by("-id").first()
    return last.parameters["format"] if last else None


def export_link(export: Export) -> str:
    """The signed address of an export's file; "" before it is done, and when its week is over."""
    return _export_link(export.job) if export.job is not None else ""


def _format(job: Job) -> dict[str, str]:
    return {"format": str(LAYOUTS[job.parameters["format"]].title)}


def _segment_title(job: Job) -> str:
    export = Export.objects.filter(job=job).first()
    return _("Export of “%(segment)s”, %(format)s") % {"segment": export or "", **_format(job)}


def _report_title(job: Job) -> str:
    export = Export.objects.filter(job=job).first()
    return _("Export of the report “%(report)s”, %(format)s") % {"report": export or "", **_format(job)}


def _export_outcome(job: Job) -> str:
    """What is in the file, and what is not."""
    rows, gone = (job.result.get(name, 0) for name in ("rows", "gone"))
    left_out = sum(job.result.get("excluded", {}).values())
    told = [ngettext("%(n)s row", "%(n)s rows", rows) % {"n": intcomma(rows)}]
    if left_out:
        told.append(ngettext("%(n)s left out", "%(n)s left out", left_out) % {"n": intcomma(left_out)})
    if gone:
        told.append(ngettext("%(n)s no longer there", "%(n)s no longer there", gone) % {"n": intcomma(gone)})
    if not _export_link(job):
        told.append(_("the file was deleted after 7 days"))
    return ", ".join(told)


def _export_link(job: Job) -> str:
    return link(job, MADE) if job.state == Job.State.DONE else ""


def _export_page(job: Job, user: Any) -> str:
    """The page of an export, for whose it is; others whom a schedule names get the file alone."""
    export = Export.objects.filter(job=job).first()
    return reverse("admin:exports-page", args=[export.pk]) if export and export.is_visible_to(viewer_of(user)) else ""


def _owner_with(rights: tuple[str, ...]) -> Callable[[Job, Any], bool]:
    """Who may know of a job that ended: its owner, and of a file only while they have the right to it."""

    def may_open(job: Job, user: Any) -> bool:
        return job.owner_id == user.pk and (job.state != Job.State.DONE or may_still(user, rights))

    return may_open


def tell_owner(job: Job) -> NoticeAudience:
    """Whoever asked for a file is told that it is done, or why it is not."""
    owner = [job.owner_id] if job.owner_id is not None else []
    return NoticeAudience(seen_by=owner, mailed=owner, mail_after=schedules.MAIL_AFTER)


EXPORT_SEGMENT = jobs.register(
    JobKind(
        name="segments.export",
        step=people_export.step,
        begins_anew=True,
        title=_segment_title,
        outcome=_export_outcome,
        link=_export_link,
        link_rights=people_export.RIGHTS,
        winds_back=True,
        on_failure=schedules.note_failure,
        tells=schedules.audience_of,
        may_open=schedules.may_know,
        page=_export_page,
    )
)
EXPORT_CONTACTS = jobs.register(
    JobKind(
        name="contacts.export",
        step=people_export.step,
        begins_anew=True,
        title=lambda job: _("Export of contacts, %(format)s") % _format(job),
        outcome=_export_outcome,
        link=_export_link,
        link_rights=people_export.RIGHTS,
        winds_back=True,
        tells=tell_owner,
        may_open=schedules.may_know,
        page=_export_page,
    )
)
EXPORT_CAMPAIGNS = jobs.register(
    JobKind(
        name="campaigns.export",
        step=export_job.step,
        title=lambda job: _("Export of campaigns, %(format)s") % _format(job),
        outcome=_export_outcome,
        link=_export_link,
        link_rights=export_job.RIGHTS,
        winds_back=True,
        tells=tell_owner,
        may_open=_owner_with(export_job.RIGHTS),
    )
)

EXPORT_RECORDS = {
    kind: jobs.register(
        JobKind(
            name=name,
            step=record_export.step,
            title=title,
            outcome=_export_outcome,
            link=_export_link,
            link_rights=EXPORT_RIGHTS[kind],
            winds_back=True,
            tells=tell_owner,
            may_open=_owner_with(EXPORT_RIGHTS[kind]),
            page=_export_page,
        )
    )
    for kind, name, title in (
        (
            ExportKind.INTERVALS,
            "label_intervals.export",
            lambda job: _("Export of labels on contacts, %(format)s") % _format(job),
        ),
        (ExportKind.EVENTS, "label_events.export", lambda job: _("Export of label events, %(format)s") % _format(job)),
    )
}
EXPORT_REPORT = jobs.register(
    JobKind(
        name="report.export",
        step=report_export.step,
        title=_report_title,
        outcome=_export_outcome,
        link=_export_link,
        link_rights=EXPORT_RIGHTS[ExportKind.REPORT],
        winds_back=True,
        tells=tell_owner,
        may_open=_owner_with(EXPORT_RIGHTS[ExportKind.REPORT]),
        page=_export_page,
    )
)

# -- In ---------------------------------------------------------------------------------------------------------------


def import_contacts(upload: bytes, *, owner: Any, **how: Any) -> Job:
    """Write a file of contacts, or look at it; `how` as `transfer.import_job.start` takes it."""
    return import_job.start(IMPORT_CONTACTS, upload, owner=owner, **how)


def import_campaigns(upload: bytes, *, owner: Any, **how: Any) -> Job:
    """Write a file of campaigns, or look at it."""
    return import_job.start(IMPORT_CAMPAIGNS, upload, owner=owner, **how)


def _import_title(job: Job, *, written: str | Promise, looked_at: str | Promise) -> str:
    title = str(looked_at if import_job.is_dry(job) else written)
    name = job.parameters.get("name")
    return f"{title}: {name}" if name else title


def _import_outcome(job: Job) -> str:
    counts = import_job.counts_of(job)
    shown = {name: intcomma(counts[place]) for name, place in _SAID.items()}
    failed = counts["failed"]
    if import_job.is_dry(job):
        told = _("Nothing is written yet. It would be %(new)s new, %(changed)s changed, %(same)s unchanged.") % shown
        sentence = ngettext("%(n)s row would be refused.", "%(n)s rows would be refused.", failed)
    else:
        told = _("%(new)s new, %(changed)s changed, %(same)s unchanged.") % shown
        sentence = ngettext(
            "%(n)s row was not written: the file says why.", "%(n)s rows were not written: the file says why.", failed
        )
    if job.result.get("nothing"):
        told = _("Nothing was written, because not every row is right.")
    return f"{told} {sentence % {'n': intcomma(failed)}}" if failed else told


_SAID = {"new": "created", "changed": "changed", "same": "unchanged"}


def _import_stopped(job: Job) -> str:
    rows = {"done": intcomma(job.progress), "total": intcomma(job.total or 0)}
    return _("Stopped after %(done)s of %(total)s rows; what was written stays.") % rows + " " + _import_outcome(job)


def _import_link(job: Job) -> str:
    """The page of the import: the preview, or what came of it with the rows that were not written."""
    return reverse("import-page", args=[job.pk])


def _undo_link(job: Job) -> str:
    return reverse("import-undo", args=[job.pk]) if import_undo.can_undo(job) else ""


def _import_kind(
    name: str, source: import_job.ImportSource, *, written: str | Promise, looked_at: str | Promise
) -> JobKind:
    return JobKind(
        name=name,
        step=partial(import_job.step, source=source),
        title=partial(_import_title, written=written, looked_at=looked_at),
        outcome=_import_outcome,
        stopped=_import_stopped,
        link=_import_link,
        link_rights=source.rights,
        winds_back=True,
        undo=_undo_link,
        on_failure=partial(import_job.record_failure, source=source),
    )


IMPORT_CONTACTS = jobs.register(
    _import_kind(
        "contacts.import", import_job.CONTACTS, written=gettext_lazy("Import of contacts"),
        looked_at=gettext_lazy("Preview of contacts"),
    )
)  # fmt: skip
IMPORT_CAMPAIGNS = jobs.register(
    _import_kind(
        "campaigns.import", import_job.CAMPAIGNS, written=gettext_lazy("Import of campaigns"),
        looked_at=gettext_lazy("Preview of campaigns"),
    )
)  # fmt: skip
IMPORT_LABEL_MAPPING = jobs.register(
    _import_kind(
        "label_mapping.import", import_job.LABEL_MAPPING, written=gettext_lazy("Import of what WhatsApp labels mean"),
        looked_at=gettext_lazy("Preview of what WhatsApp labels mean"),
    )
)  # fmt: skip

# By the word that pages and the API have for what is imported.
IMPORTS: dict[str, tuple[JobKind, import_job.ImportSource]] = {
    import_job.CONTACTS.kind: (IMPORT_CONTACTS, import_job.CONTACTS),
    import_job.CAMPAIGNS.kind: (IMPORT_CAMPAIGNS, import_job.CAMPAIGNS),
    import_job.LABEL_MAPPING.kind: (IMPORT_LABEL_MAPPING, import_job.LABEL_MAPPING),
}
KIND_OF_IMPORT = {kind.name: word for word, (kind, _source) in IMPORTS.items()}


def source_of(job: Job) -> import_job.ImportSource:
    """What an import imports."""
    return IMPORTS[KIND_OF_IMPORT[job.kind]][1]


def undo_import(job: Job, *, actor: Any) -> Job | None:
    """Take an import back; None when it cannot be, or somebody does already. The work begins after the commit."""
    return import_undo.start(UNDO, job, actor=actor)


def _undone(job: Job) -> str:
    undone, kept = job.result.get("undone", 0), job.result.get("kept", 0)
    told = ngettext("%(n)s row taken back.", "%(n)s rows taken back.", undone) % {"n": intcomma(undone)}
    if kept:
        sentence = ngettext(
            "%(n)s could not be, or not wholly: the file says why.",
            "%(n)s could not be, or not wholly: the file says why.",
            kept,
        )
        told += " " + sentence % {"n": intcomma(kept)}
    return told


def _undo_file(job: Job) -> str:
    kept = link(job, PROBLEMS) if job.result.get("kept") else ""
    return kept or reverse("import-page", args=[job.parameters["undoes"]])


def _undo_step(job: Job) -> Step:
    return import_undo.step(job, source_of=source_of)


UNDO = jobs.register(
    JobKind(
        name="import.undo",
        step=_undo_step,
        title=lambda job: _("An import is taken back"),
        outcome=_undone,
        stopped=_undone,
        link=_undo_file,
        winds_back=True,
    )
)


conversion_labels.register_mentions()  # they follow a label through merges
