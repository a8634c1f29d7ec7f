"""The long work that reads reports, as jobs; and what of reports the long work of labels must know of: segments name
labels, and follow them through merges.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Agent
from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from labels.models import TodayKind
from labels.services import label_mentions
from reports.services import segment_labels
from reports.services.today_backlog import backlog_step, undo_step


def clear_backlog(
    *,
    actor: Any,
    kind: str,
    agent: int | None,
    do: str,
    origin: str,
    until: datetime | None = None,
    reason: str = "",
    to: Agent | None = None,
) -> Job:
    """Do one thing about everybody who stands on the Today page for a kind, of one CS or of all whom `actor` sees.

    `do`: "snooze" (`until`, None: until something newer), "assign" (`to`) or "settle". Begins after the commit.
    """
    parameters = {
        "kind": kind,
        "agent": agent,
        "do": do,
        "origin": origin,
        "until": until.isoformat() if until else None,
        "reason": reason,
        "to": to.pk if to else None,
        "names": [to.name] if to else [],
        "batch": str(uuid4()),
    }
    return jobs.start(BACKLOG, owner=actor, parameters=parameters, subject=f"today:{actor.pk}")


def undo_backlog(job: Job, *, actor: Any) -> Job:
    """Take back what such a job did."""
    parameters = {name: job.parameters[name] for name in ("kind", "do", "names", "batch", "origin")}
    return jobs.start(BACKLOG_UNDO, owner=actor, parameters=parameters, subject=job.subject)


def _title(job: Job) -> str:
    kind = TodayKind(job.parameters["kind"]).label
    words = {
        "snooze": _("Today, all of “%(kind)s”: put off"),
        "assign": _("Today, all of “%(kind)s”: assigned to %(name)s"),
        "settle": _("Today, all of “%(kind)s”: still right, or settled"),
    }[job.parameters["do"]]
    return words % {"kind": kind, "name": "".join(job.parameters["names"])}


def _outcome(job: Job) -> str:
    done, refused = job.result.get("done", 0), job.result.get("refused", 0)
    words = ngettext("%(n)s contact", "%(n)s contacts", done) % {"n": number_format(done, force_grouping=True)}
    if not refused:
        return words
    left = ngettext("%(n)s left as it was: a reason is needed", "%(n)s left as they were: a reason is needed", refused)
    return f"{words}, {left % {'n': number_format(refused, force_grouping=True)}}"


BACKLOG = jobs.register(
    JobKind(
        name="reports.today_backlog",
        step=backlog_step,
        title=_title,
        outcome=_outcome,
        stopped=_outcome,
        link=lambda job: reverse("today"),
    )
)
BACKLOG_UNDO = jobs.register(
    JobKind(
        name="reports.today_undo",
        step=undo_step,
        title=lambda job: _("Taken back: %(what)s") % {"what": _title(job)},
        outcome=_outcome,
        link=lambda job: reverse("today"),
    )
)

label_mentions.register(segment_labels.MENTION)
