"""The long work of labels, as jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from labels.models import ChannelLabel, Label
from labels.services.rebuilding import rebuild_step
from labels.services.remapping import remap_step


def remap(*, channel_label: ChannelLabel, label: Label, since: datetime | None, actor: Any) -> Job:
    """Say what a WhatsApp label means: always (`since` None), or from a time on. The work begins after the commit."""
    wanted = {"channel_label": channel_label.pk, "label": label.pk, "since": since.isoformat() if since else None}
    return jobs.start(REMAP, owner=actor, parameters=wanted, subject=remap_subject(channel_label.pk))


def remap_subject(channel_label: int | str) -> str:
    """Jobs about one WhatsApp label are done one after the other."""
    return f"channel_label:{channel_label}"


def _remap_title(job: Job) -> str:
    row = ChannelLabel.objects.select_related("channel").filter(pk=job.parameters["channel_label"]).first()
    label = Label.all_objects.filter(pk=job.parameters["label"]).first()
    words = {"name": row.name if row else "?", "channel": row.channel.name if row else "?", "label": label or "?"}
    return _("“%(name)s” on %(channel)s means “%(label)s”") % words


def _remap_outcome(job: Job) -> str:
    contacts = job.result.get("contacts", 0)
    return ngettext("%(n)d contact restated", "%(n)d contacts restated", contacts) % {"n": contacts}


def _remap_link(job: Job) -> str:
    return reverse("admin:labels_channellabel_change", args=[job.parameters["channel_label"]])


REMAP = jobs.register(
    JobKind(
        name="labels.remap",
        step=remap_step,
        title=_remap_title,
        outcome=_remap_outcome,
        link=_remap_link,
        winds_back=True,
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
