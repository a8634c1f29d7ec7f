"""Files out and in, as jobs: what asks for them, and what the page of work says of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Campaign, Contact
from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from transfer import export_job, exports, import_job
from transfer.job_files import MADE, PROBLEMS, link

FORMATS = {exports.CSV: "CSV", exports.PROGRAM_CSV: "CSV", exports.XLSX: "XLSX"}

# -- Out --------------------------------------------------------------------------------------------------------------


def export_contacts(
    contacts: QuerySet[Contact],
    *,
    owner: Any,
    file_format: str,
    filters: Mapping[str, Any],
    leave_out_opted_out: bool,
) -> Job:
    """Export these contacts by id; `filters` are how they were chosen. The work begins after the commit."""
    return export_job.start(
        EXPORT_CONTACTS, contacts.order_by("pk"), owner=owner, file_format=file_format, filters=filters,
        leave_out_opted_out=leave_out_opted_out,
    )  # fmt: skip


def export_campaigns(campaigns: QuerySet[Campaign], *, owner: Any, file_format: str, filters: Mapping[str, Any]) -> Job:
    """Export these campaigns in their order. The work begins after the commit."""
    return export_job.start(EXPORT_CAMPAIGNS, campaigns, owner=owner, file_format=file_format, filters=filters)


def last_format(kind: JobKind, *, owner: Any) -> str | None:
    """The format of the latest export of this kind that `owner` asked for; None before the first."""
    last = Job.objects.filter(kind=kind.name, owner=owner).order_by("-id").first()
    return last.parameters["format"] if last else None


def _format(job: Job) -> dict[str, str]:
    return {"format": FORMATS[job.parameters["format"]]}


def _export_outcome(job: Job) -> str:
    """What is in the file, and what is not."""
    rows, left_out, gone = (job.result.get(name, 0) for name in ("rows", "left_out", "gone"))
    told = [ngettext("%(n)s row", "%(n)s rows", rows) % {"n": intcomma(rows)}]
    if left_out:
        sentence = ngettext("%(n)s left out: opted out", "%(n)s left out: opted out", left_out)
        told.append(sentence % {"n": intcomma(left_out)})
    if gone:
        told.append(ngettext("%(n)s no longer there", "%(n)s no longer there", gone) % {"n": intcomma(gone)})
    if not _export_link(job):
        told.append(_("the file was deleted after 7 days"))
    return ", ".join(told)


def _export_link(job: Job) -> str:
    return link(job, MADE) if job.state == Job.State.DONE else ""


EXPORT_CONTACTS = jobs.register(
    JobKind(
        name="contacts.export",
        step=partial(export_job.step, source=export_job.CONTACTS),
        title=lambda job: _("Export of contacts, %(format)s") % _format(job),
        outcome=_export_outcome,
        link=_export_link,
        link_rights=export_job.CONTACTS.rights,
        lease=export_job.lease,
        winds_back=True,
    )
)
EXPORT_CAMPAIGNS = jobs.register(
    JobKind(
        name="campaigns.export",
        step=partial(export_job.step, source=export_job.CAMPAIGNS),
        title=lambda job: _("Export of campaigns, %(format)s") % _format(job),
        outcome=_export_outcome,
        link=_export_link,
        link_rights=export_job.CAMPAIGNS.rights,
        lease=export_job.lease,
        winds_back=True,
    )
)

# -- In ---------------------------------------------------------------------------------------------------------------


def import_contacts(upload: bytes, *, owner: Any, file_format: str) -> Job:
    """Write a file of contacts that was previewed. The work begins after the commit."""
    return import_job.start(IMPORT_CONTACTS, upload, owner=owner, file_format=file_format)


def import_campaigns(upload: bytes, *, owner: Any, file_format: str) -> Job:
    """Write a file of campaigns that was previewed. The work begins after the commit."""
    return import_job.start(IMPORT_CAMPAIGNS, upload, owner=owner, file_format=file_format)


def _import_outcome(job: Job) -> str:
    counts = {"new": job.result["created"], "changed": job.result["changed"], "same": job.result["unchanged"]}
    shown = {name: intcomma(count) for name, count in counts.items()}
    told = _("%(new)s new, %(changed)s changed, %(same)s unchanged.") % shown
    failed = job.result["failed"]
    if failed:
        sentence = ngettext(
            "%(n)s row was not written: the file says why.", "%(n)s rows were not written: the file says why.", failed
        )
        told += " " + sentence % {"n": intcomma(failed)}
    return told


def _import_stopped(job: Job) -> str:
    rows = {"done": intcomma(job.progress), "total": intcomma(job.total or 0)}
    return _("Stopped after %(done)s of %(total)s rows; what was written stays.") % rows + " " + _import_outcome(job)


def _import_link(job: Job, page: str) -> str:
    """The file of the rows that were not written, if there were any, else what was imported."""
    problems = link(job, PROBLEMS) if job.result.get("failed") else ""
    return problems or reverse(page)


IMPORT_CONTACTS = jobs.register(
    JobKind(
        name="contacts.import",
        step=partial(import_job.step, source=import_job.CONTACTS),
        title=lambda job: _("Import of contacts"),
        outcome=_import_outcome,
        stopped=_import_stopped,
        link=partial(_import_link, page="admin:contacts_contact_changelist"),
        link_rights=import_job.CONTACTS.rights,
        winds_back=True,
    )
)
IMPORT_CAMPAIGNS = jobs.register(
    JobKind(
        name="campaigns.import",
        step=partial(import_job.step, source=import_job.CAMPAIGNS),
        title=lambda job: _("Import of campaigns"),
        outcome=_import_outcome,
        stopped=_import_stopped,
        link=partial(_import_link, page="admin:contacts_campaign_changelist"),
        link_rights=import_job.CAMPAIGNS.rights,
        winds_back=True,
    )
)
