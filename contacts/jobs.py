"""The long work of campaigns, as jobs."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Campaign, CampaignRule
from contacts.selectors.recognizing import Rule, active_rules, default_campaigns
from contacts.services import replaying
from contacts.services.campaign_rules import create_rule, rules_with, update_rule
from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job

SUBJECT = "campaigns"  # one replay after the other: each writes what the rules were when it was asked for


def preview(draft: CampaignRule, *, actor: Any) -> Job:
    """Count what saving a rule and applying it to the history would change. The work begins after the commit."""
    parameters = {
        "draft": Rule.of(draft).as_json() | {"active": draft.active},
        "names": _names(draft.campaign, draft),
        **replaying.as_parameters(rules_with(draft), default_campaigns()),
    }
    return jobs.start(PREVIEW, owner=actor, parameters=parameters)


def draft_of(job: Job) -> CampaignRule:
    """The rule that a preview is about, as it would be saved; not saved."""
    values = dict(job.parameters["draft"])
    active, pk = values.pop("active"), values.pop("id") or None
    return CampaignRule(pk=pk, active=active, **(Rule.from_json(values | {"id": 0}).__dict__ | {"id": pk}))


def save_previewed(job: Job, *, actor: Any, origin: str, apply: bool) -> tuple[CampaignRule, Job | None]:
    """Save the rule of a preview, and have it applied to the history where `apply` says so.

    Returns the rule and the job that applies it. Raises ValidationError.
    """
    draft = draft_of(job)
    names = ("campaign_id", "kind", "pattern", "match", "channel_id", "priority", "since", "until", "active")
    values = {name.removesuffix("_id"): getattr(draft, name.removesuffix("_id")) for name in names}
    with transaction.atomic():
        if draft.pk is None:
            rule = create_rule(actor=actor, origin=origin, **values)
        else:
            rule = update_rule(CampaignRule.objects.get(pk=draft.pk), actor=actor, origin=origin, **values)
        return rule, replay(actor=actor, rule=rule) if apply else None


def replay(*, actor: Any, rule: CampaignRule | None = None) -> Job:
    """Look through the history by the rules of now; `rule` is the one it is about. Begins after the commit."""
    parameters = {
        "rule": rule.pk if rule else None,
        "names": _names(rule.campaign, rule) if rule else [],
        **replaying.as_parameters(active_rules(), default_campaigns()),
    }
    return jobs.start(REPLAY, owner=actor, parameters=parameters, subject=SUBJECT)


def _names(campaign: Campaign, rule: CampaignRule) -> list[str]:
    """As they are called now: a list of jobs reads no further rows."""
    return [campaign.name, rule.pattern or (rule.channel.name if rule.channel else "")]


def _preview_title(job: Job) -> str:
    campaign, rule = job.parameters["names"]
    return _("What the rule “%(rule)s” for %(campaign)s would change") % {"rule": rule, "campaign": campaign}


def _replay_title(job: Job) -> str:
    if not job.parameters["names"]:
        return _("Campaign rules applied to the history")
    campaign, rule = job.parameters["names"]
    return _("Campaign rules applied to the history, with “%(rule)s” for %(campaign)s") % {
        "rule": rule,
        "campaign": campaign,
    }


def _would_change(job: Job) -> str:
    return _counted(
        job, ngettext("It would change %(n)s contact", "It would change %(n)s contacts", job.result["contacts"])
    )


def _changed(job: Job) -> str:
    return _counted(
        job,
        ngettext("%(n)s contact has another campaign", "%(n)s contacts have another campaign", job.result["contacts"]),
    )


def _counted(job: Job, sentence: str) -> str:
    return sentence % {"n": number_format(job.result["contacts"], force_grouping=True)}


def _stopped(job: Job) -> str:
    return _("Stopped. Contacts it had come to keep what the rules say; apply the rules again for the others.")


PREVIEW = jobs.register(
    JobKind(
        name="campaigns.preview",
        step=replaying.count_step,
        title=_preview_title,
        outcome=_would_change,
        link=lambda job: reverse("admin:campaign-rule-preview", args=[job.pk]),
        link_rights=("contacts.change_campaignrule",),
    )
)

REPLAY = jobs.register(
    JobKind(
        name="campaigns.replay",
        step=replaying.replay_step,
        title=_replay_title,
        outcome=_changed,
        stopped=_stopped,
        link=lambda job: reverse("admin:contacts_campaignrule_changelist"),
        link_rights=("contacts.view_campaignrule",),
    )
)
