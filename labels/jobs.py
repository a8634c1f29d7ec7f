"""The long work of labels, as jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Agent, Channel
from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from labels.models import ChannelLabel, Handover, Label, LabelMerge
from labels.selectors.scopes import moved_channels
from labels.selectors.wording import subject_of
from labels.services import handovers
from labels.services.canonical import RESTAGE
from labels.services.handovers import HandoverPlan
from labels.services.label_merging import check_merge, check_undo, merge_step
from labels.services.rebuilding import count_if_new, rebuild_step, rescope_step
from labels.services.remapping import remap_step
from labels.services.restating import restage_step, restate_step
from labels.services.suggestion_training import FEW, FEWEST_CHATS, NO_LIBRARY, train_step
from labels.services.wording import RESTATE


def remap(
    *, channel_label: ChannelLabel, label: Label | None, since: datetime | None, actor: Any, batch: str = ""
) -> Job:
    """Say what a WhatsApp label means: always (`since` None), or from a time on; None: that it counts nowhere.

    The work begins after the commit. `batch` names decisions that were made, and may be undone, together.
    """
    parameters = {
        "channel_label": channel_label.pk,
        "label": label.pk if label else None,
        "since": since.isoformat() if since else None,
        "batch": batch,
        "names": _names(channel_label, label),
    }
    return jobs.start(REMAP, owner=actor, parameters=parameters, subject=subject_of(channel_label.pk))


def remapped_together(batch: str, *, actor: Any) -> list[Job]:
    """The decisions of one batch that `actor` made and has not taken back, oldest first."""
    made = Job.objects.filter(kind=REMAP.name, owner=actor, parameters__batch=batch, cancel_asked_at=None)
    return [job for job in made.order_by("id") if job.state in (*jobs.UNFINISHED, Job.State.DONE)] if batch else []


def take_back(job: Job, *, actor: Any) -> Job:
    """Undo a decision: one that is being carried out is stopped, one that was is followed by its opposite.

    Returns the job that does it.
    """
    if jobs.cancel(job, actor=actor):
        return job
    parameters = {name: job.parameters[name] for name in ("channel_label", "names")} | {"undoes": job.pk}
    return jobs.start(REMAP, owner=actor, parameters=parameters, subject=job.subject)


def _names(channel_label: ChannelLabel, label: Label | None) -> list[str]:
    """As they are called now: a list of jobs reads no further rows."""
    return [channel_label.name, channel_label.channel.name, label.name if label else "", label.name_en if label else ""]


def _remap_title(job: Job) -> str:
    name, channel, label, label_en = job.parameters["names"]
    words = {"name": name, "channel": channel, "label": Label(name=label, name_en=label_en)}
    if "undoes" in job.parameters:
        return _("“%(name)s” on %(channel)s means again what it meant before") % words
    if not label:
        return _("“%(name)s” on %(channel)s is not counted") % words
    return _("“%(name)s” on %(channel)s means “%(label)s”") % words


def _restated(job: Job) -> str:
    contacts = job.result.get("contacts", 0)
    sentence = ngettext("%(n)s contact restated", "%(n)s contacts restated", contacts)
    return sentence % {"n": number_format(contacts, force_grouping=True)}


def _channel_label_link(job: Job) -> str:
    return reverse("admin:labels_channellabel_change", args=[job.parameters["channel_label"]])


REMAP = jobs.register(
    JobKind(
        name="labels.remap",
        step=remap_step,
        title=_remap_title,
        outcome=_restated,
        stopped=lambda job: _("Taken back: it means what it meant before"),
        link=_channel_label_link,
        winds_back=True,
    )
)


def _restate_title(job: Job) -> str:
    name, channel = job.parameters["names"]
    return _("“%(name)s” on %(channel)s has another name or meaning") % {"name": name, "channel": channel}


RESTATED = jobs.register(
    JobKind(name=RESTATE, step=restate_step, title=_restate_title, outcome=_restated, link=_channel_label_link)
)


def _restage_title(job: Job) -> str:
    name, name_en = job.parameters["names"]
    return _("“%(label)s” has another step or exclusive group: stages and flip-flops follow") % {
        "label": Label(name=name, name_en=name_en)
    }


RESTAGED = jobs.register(
    JobKind(
        name=RESTAGE,
        step=restage_step,
        title=_restage_title,
        outcome=_restated,
        link=lambda job: reverse("admin:labels_label_change", args=[job.parameters["label"]]),
    )
)


# -- Merging ----------------------------------------------------------------------------------------------------------

MERGED_LABELS = "labels"  # merges are done one after the other, whatever labels they are of


def merge_labels(*, source: Label, target: Label, differs: bool, actor: Any) -> Job:
    """Make `source` part of `target`. Raises ValidationError where that cannot be meant, or the labels mean something
    else and `differs` does not say that this is known.
    """
    check_merge(source, target, differs=differs)
    names = [source.name, source.name_en, target.name, target.name_en]
    parameters = {"source": source.pk, "target": target.pk, "differs": differs, "names": names}
    return jobs.start(MERGE, owner=actor, parameters=parameters, subject=MERGED_LABELS)


def unmerge_labels(merge: LabelMerge, *, actor: Any) -> Job:
    """Undo a merge of labels. Raises ValidationError where a later one must be undone first."""
    check_undo(merge)
    names = [merge.source.name, merge.source.name_en, merge.target.name, merge.target.name_en]
    parameters = {"undoes": merge.pk, "target": merge.target_id, "source": merge.source_id, "names": names}
    return jobs.start(MERGE, owner=actor, parameters=parameters, subject=MERGED_LABELS)


def _merge_title(job: Job) -> str:
    name, name_en, into, into_en = job.parameters["names"]
    words = {"source": Label(name=name, name_en=name_en), "target": Label(name=into, name_en=into_en)}
    if "undoes" in job.parameters:
        return _("“%(source)s” is parted from “%(target)s” again") % words
    return _("“%(source)s” becomes part of “%(target)s”") % words


def _merge_stopped(job: Job) -> str:
    return _("Stopped: they stay one") if "undoes" in job.parameters else _("Stopped: they are two labels as before")


MERGE = jobs.register(
    JobKind(
        name="labels.merge",
        step=merge_step,
        title=_merge_title,
        outcome=_restated,
        stopped=_merge_stopped,
        link=lambda job: reverse("admin:labels_label_change", args=[job.parameters["target"]]),
        winds_back=True,
    )
)


# -- Rebuilding -------------------------------------------------------------------------------------------------------


def rebuild(*, actor: Any) -> Job:
    """Derive every interval and projection again from what was recorded, and mend what differs; nothing should."""
    return jobs.start(REBUILD, owner=actor, parameters={}, subject="rebuild")


def _rebuild_outcome(job: Job) -> str:
    differences = job.result.get("differences", 0)
    sentence = ngettext("%(n)s difference found and mended", "%(n)s differences found and mended", differences)
    return (
        sentence % {"n": number_format(differences, force_grouping=True)}
        if differences
        else _("No difference: every figure follows from the events")
    )


REBUILD = jobs.register(
    JobKind(
        name="labels.rebuild",
        step=rebuild_step,
        title=lambda job: _("Every interval and figure derived again from the events"),
        outcome=_rebuild_outcome,
        quiet=Q(result__differences=0),
    )
)


# -- Teams ------------------------------------------------------------------------------------------------------------


def follow_teams() -> int:
    """Start counting channels that are new or joined another team in their team; returns how many jobs that took."""
    known = set(Job.objects.filter(kind=RESCOPE.name, state__in=jobs.UNFINISHED).values_list("subject", flat=True))
    started = 0
    for channel in Channel.all_objects.filter(pk__in=moved_channels()).order_by("pk"):
        subject = f"channel_team:{channel.pk}"
        if subject not in known and not count_if_new(channel.pk):
            parameters = {"channel": channel.pk, "names": [channel.name]}
            jobs.start(RESCOPE, owner=None, parameters=parameters, subject=subject)
            started += 1
    return started


def _rescope_title(job: Job) -> str:
    if "channel" not in job.parameters:
        return _("What each team and number sees of contacts they share")
    [channel] = job.parameters["names"]
    return _("%(channel)s is counted in its team") % {"channel": channel}


RESCOPE = jobs.register(JobKind(name="labels.scopes", step=rescope_step, title=_rescope_title))


# -- Handovers --------------------------------------------------------------------------------------------------------


def hand_over(agent: Agent, plan: HandoverPlan, *, note: str, actor: Any) -> tuple[Handover, Job]:
    """Give what `agent` has open to others. The work begins after the commit. Raises ValidationError."""
    with transaction.atomic():
        handover = handovers.begin(agent, plan, note=note, actor=actor)
        parameters = {"handover": handover.pk, "names": [agent.name]}
        return handover, jobs.start(HAND_OVER, owner=actor, parameters=parameters, subject=_handover_subject(agent))


def undo_handover(handover: Handover, *, actor: Any) -> Job | None:
    """Take a handover back while nothing was done since; None where it is too late."""
    with transaction.atomic():
        held = Handover.objects.select_for_update(of=["self"]).select_related("agent").get(pk=handover.pk)
        if handovers.why_not_undone(held):
            return None
        parameters = {"handover": held.pk, "names": [held.agent.name]}
        return jobs.start(UNDO_HANDOVER, owner=actor, parameters=parameters, subject=_handover_subject(held.agent))


def _handover_subject(agent: Agent) -> str:
    return f"handover:{agent.pk}"


def _handover_title(job: Job) -> str:
    return _("What %(agent)s had is handed over") % {"agent": job.parameters["names"][0]}


def _undo_title(job: Job) -> str:
    return _("The handover of %(agent)s is undone") % {"agent": job.parameters["names"][0]}


def _given(job: Job) -> str:
    contacts = job.result.get("contacts", 0)
    sentence = ngettext("%(n)s contact has another CS", "%(n)s contacts have another CS", contacts)
    return sentence % {"n": number_format(contacts, force_grouping=True)}


def _handover_stopped(job: Job) -> str:
    return _("Stopped. Contacts it had come to have their new CS; the others have not.")


def _handover_page(job: Job) -> str:
    return reverse("handover", args=[job.parameters["handover"]])


HAND_OVER = jobs.register(
    JobKind(
        name="labels.hand_over",
        step=handovers.hand_over_step,
        title=_handover_title,
        outcome=_given,
        stopped=_handover_stopped,
        winds_back=True,
        link=_handover_page,
        link_rights=("contacts.change_agent",),
    )
)
UNDO_HANDOVER = jobs.register(
    JobKind(
        name="labels.undo_handover",
        step=handovers.undo_step,
        title=_undo_title,
        outcome=_given,
        winds_back=True,
        link=_handover_page,
        link_rights=("contacts.change_agent",),
    )
)


# -- Suggestions ------------------------------------------------------------------------------------------------------


def train_suggestions(*, actor: Any) -> Job:
    """Learn label suggestions from the business's own labelled chats."""
    return jobs.start(TRAIN, owner=actor, parameters={}, subject="suggestions", total=1)


def training_outcome(job: Job, *, counted: bool = True) -> str:
    """What came of a training, in a sentence; of how many chats of all teams only where `counted`."""
    state, chats = job.result.get("state"), job.result.get("chats", 0)
    if state == NO_LIBRARY:
        return _("scikit-learn is not installed here: labels are suggested by words alone.")
    if state == FEW and not counted:
        return _("Too few labelled chats to learn from: it takes %(least)d.") % {"least": FEWEST_CHATS}
    if state == FEW:
        words = _("Too few labelled chats to learn from: %(n)s, and it takes %(least)d.")
        return words % {"n": number_format(chats, force_grouping=True), "least": FEWEST_CHATS}
    used = job.result.get("used", 0)
    sentence = ngettext(
        "Learned from labelled chats; better than the words for %(n)d label",
        "Learned from labelled chats; better than the words for %(n)d labels",
        used,
    )
    return sentence % {"n": used}


TRAIN = jobs.register(
    JobKind(
        name="labels.train_suggestions",
        step=train_step,
        title=lambda job: _("Label suggestions learned from labelled chats"),
        outcome=training_outcome,
        link=lambda job: reverse("label-suggestions"),
        lease=lambda job: timedelta(minutes=5),
        quiet=Q(result__has_key="state"),
    )
)
