"""The long work of labels, as jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Channel
from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from labels.models import ChannelLabel, Label
from labels.selectors.scopes import moved_channels
from labels.services.canonical import RESTAGE
from labels.services.rebuilding import count_if_new, rebuild_step, rescope_step
from labels.services.remapping import remap_step
from labels.services.restating import restage_step, restate_step
from labels.services.wording import RESTATE, subject_of


def remap(*, channel_label: ChannelLabel, label: Label, since: datetime | None, actor: Any) -> Job:
    """Say what a WhatsApp label means: always (`since` None), or from a time on. The work begins after the commit."""
    wanted = {"channel_label": channel_label.pk, "label": label.pk, "since": since.isoformat() if since else None}
    return jobs.start(REMAP, owner=actor, parameters=wanted, subject=subject_of(channel_label.pk))


def _remap_title(job: Job) -> str:
    row = ChannelLabel.objects.select_related("channel").filter(pk=job.parameters["channel_label"]).first()
    label = Label.all_objects.filter(pk=job.parameters["label"]).first()
    words = {"name": row.name if row else "?", "channel": row.channel.name if row else "?", "label": label or "?"}
    return _("“%(name)s” on %(channel)s means “%(label)s”") % words


def _restated(job: Job) -> str:
    contacts = job.result.get("contacts", 0)
    return ngettext("%(n)d contact restated", "%(n)d contacts restated", contacts) % {"n": contacts}


def _channel_label_link(job: Job) -> str:
    return reverse("admin:labels_channellabel_change", args=[job.parameters["channel_label"]])


REMAP = jobs.register(
    JobKind(
        name="labels.remap",
        step=remap_step,
        title=_remap_title,
        outcome=_restated,
        link=_channel_label_link,
        winds_back=True,
    )
)


def _restate_title(job: Job) -> str:
    row = ChannelLabel.objects.select_related("channel").filter(pk=job.parameters["channel_label"]).first()
    words = {"name": row.name if row else "?", "channel": row.channel.name if row else "?"}
    return _("“%(name)s” on %(channel)s has another name or meaning") % words


RESTATED = jobs.register(
    JobKind(name=RESTATE, step=restate_step, title=_restate_title, outcome=_restated, link=_channel_label_link)
)


def _restage_title(job: Job) -> str:
    label = Label.all_objects.filter(pk=job.parameters["label"]).first()
    return _("“%(label)s” has another step: stages follow") % {"label": label or "?"}


RESTAGED = jobs.register(
    JobKind(
        name=RESTAGE,
        step=restage_step,
        title=_restage_title,
        outcome=_restated,
        link=lambda job: reverse("admin:labels_label_change", args=[job.parameters["label"]]),
    )
)


# -- Rebuilding -------------------------------------------------------------------------------------------------------


def rebuild(*, actor: Any) -> Job:
    """Derive every interval and projection again from what was recorded, and mend what differs; nothing should."""
    return jobs.start(REBUILD, owner=actor, parameters={}, subject="rebuild")


def _rebuild_outcome(job: Job) -> str:
    differences = job.result.get("differences", 0)
    sentence = ngettext("%(n)d difference found and mended", "%(n)d differences found and mended", differences)
    return sentence % {"n": differences} if differences else _("No difference: every figure follows from the events")


REBUILD = jobs.register(
    JobKind(
        name="labels.rebuild",
        step=rebuild_step,
        title=lambda job: _("Every interval and figure derived again from the events"),
        outcome=_rebuild_outcome,
    )
)


# -- Teams ------------------------------------------------------------------------------------------------------------


def follow_teams() -> int:
    """Start counting channels that are new or joined another team in their team; returns how many jobs that took."""
    known = set(Job.objects.filter(kind=RESCOPE.name, state__in=jobs.UNFINISHED).values_list("subject", flat=True))
    moved = {f"channel_team:{pk}": pk for pk in moved_channels()}
    started = [
        jobs.start(RESCOPE, owner=None, parameters={"channel": pk}, subject=subject)
        for subject, pk in moved.items()
        if subject not in known and not count_if_new(pk)
    ]
    return len(started)


def _rescope_title(job: Job) -> str:
    channel = Channel.all_objects.filter(pk=job.parameters.get("channel")).first()
    if channel is None:
        return _("What each team and number sees of contacts they share")
    return _("%(channel)s is counted in its team") % {"channel": channel.name}


RESCOPE = jobs.register(JobKind(name="labels.scopes", step=rescope_step, title=_rescope_title))
