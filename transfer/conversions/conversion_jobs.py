"""Long work on conversions: files, and looking at everybody again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind, Step
from labelcrm.core.models import Job, JobRun
from labelcrm.core.scheduled import daily_period, once_per_period
from transfer.conversions import collecting, conversion_files, meta_outbox
from transfer.conversions.models import ConversionFile, Target
from transfer.job_files import MADE, link

COLLECT = "collect-conversions"  # the run of a day, for everybody
_COLLECT_LEASE = timedelta(minutes=10)  # one statement for everybody


def make_file(target: Target, *, owner: Any, again: bool = False) -> ConversionFile:
    """Make a file for a target. The work begins after the commit."""
    return conversion_files.start(KINDS[target], target, owner=owner, again=again)


def file_link(file: ConversionFile) -> str:
    """The signed address of a file; "" before it is done, and when its week is over."""
    return _link(file.job) if file.job is not None else ""


def look_again(*, actor: Any) -> Job:
    """Look at everybody again: what becomes a conversion was changed."""
    return jobs.start(LOOK_AGAIN, owner=actor, parameters={}, subject="conversions.collect")


def collect_now(now: datetime) -> None:
    """What the clock does: everybody once per business day, and between that whose labels changed."""
    if once_per_period(COLLECT, daily_period(now), lambda: asdict(collecting.collect(now))) is not None:
        return
    collecting.collect(now, changed_since=_last_look(now))


def _last_look(now: datetime) -> datetime:
    """Far enough back: a label that was too young an hour ago is none now."""
    young = now - collecting.settled_before(now)
    run = JobRun.objects.filter(job=COLLECT, ok=True).order_by("-started_at").first()
    return max(now - timedelta(days=1), run.started_at if run is not None else now) - young


def send_now(now: datetime) -> None:
    """What the clock does every minute while the connection to Meta is on."""
    meta_outbox.send_waiting(now)


# -- Jobs -------------------------------------------------------------------------------------------------------------


def _link(job: Job) -> str:
    return link(job, MADE) if job.state == Job.State.DONE else ""


def _title(job: Job) -> str:
    return _("Conversions for %(target)s") % {"target": Target(job.parameters["target"]).label}


def _outcome(job: Job) -> str:
    rows = job.result.get("rows", 0)
    told = ngettext("%(n)s row", "%(n)s rows", rows) % {"n": intcomma(rows)}
    return told if _link(job) else f"{told}, {_('the file was deleted after 7 days')}"


def _file_kind(target: Target) -> JobKind:
    return jobs.register(
        JobKind(
            name=f"conversions-{target.value.replace('_', '-')}.file",
            step=conversion_files.step,
            title=_title,
            outcome=_outcome,
            link=_link,
            link_rights=conversion_files.RIGHTS,
            winds_back=True,
            can_retry=False,  # what failed gave its conversions back
            on_failure=conversion_files.give_back,
        )
    )


def _look_step(job: Job) -> Step:
    found = collecting.collect(timezone.now())
    return Step(progress=1, total=1, result=asdict(found))


def _looked(job: Job) -> str:
    written, dropped = (job.result.get(name, 0) for name in ("written", "dropped"))
    if not written and not dropped:
        return _("Nothing differs.")
    return _("%(written)s are new or differ, %(dropped)s are none any more.") % {
        "written": intcomma(written), "dropped": intcomma(dropped),
    }  # fmt: skip


KINDS = {target: _file_kind(target) for target in (Target.META, Target.GOOGLE, Target.GOOGLE_LEADS)}
LOOK_AGAIN = jobs.register(
    JobKind(
        name="conversions.collect",
        step=_look_step,
        title=lambda job: _("Conversions are found again"),
        outcome=_looked,
        lease=lambda job: _COLLECT_LEASE,
        quiet=Q(result__written=0, result__dropped=0),
    )
)
