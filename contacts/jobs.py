"""The long work of campaigns, as jobs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import CampaignRule
from contacts.selectors.recognizing import Rule, active_rules, default_campaigns
from contacts.services import replaying
from contacts.services.campaign_rules import create_rule, rules_with, update_rule
from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job

SUBJECT = "campaigns"  # one replay after the other: each writes what the rules were when it was asked for


def preview(draft: CampaignRule | None, *, actor: Any) -> Job:
    """Count what saving a rule and applying it to the history would change; without a draft, what the rules would.

    The work begins after the commit.
    """
    rules = rules_with(draft) if draft else active_rules()
    parameters = {
        "draft": Rule.of(draft).as_json() | {"active": draft.active} if draft else None,
        "names": _names(draft),
        **replaying.as_parameters(rules, default_campaigns()),
    }
    return jobs.start(PREVIEW, owner=actor, parameters=parameters)


def draft_of(job: Job) -> CampaignRule | None:
    """The rule that a count is about, as it would be saved; None where it is about the rules as they are."""
    if job.parameters["draft"] is None:
        return None
    values = dict(job.parameters["draft"])
    active = values.pop("active")
    rule = Rule.from_json(values)
    return CampaignRule(active=active, **(asdict(rule) | {"id": rule.id or None}))


def save_previewed(job: Job, *, actor: Any, origin: str, apply: bool) -> Job | None:
    """Save the rule of a count, and have the rules applied to the history where `apply` says so.

    Returns the job that applies them. Raises ValidationError.
    """
    draft = draft_of(job)
    with transaction.atomic():
        rule = _save(draft, actor=actor, origin=origin) if draft else None
        return replay(actor=actor, rule=rule) if apply else None


def _save(draft: CampaignRule, *, actor: Any, origin: str) -> CampaignRule:
    names = ("campaign", "kind", "pattern", "match", "channel", "since", "until", "priority", "active")
    values = {name: getattr(draft, name) for name in names}
    known = CampaignRule.objects.filter(pk=draft.pk).first() if draft.pk else None
    if known is None:
        return create_rule(actor=actor, origin=origin, **values)
    return update_rule(known, actor=actor, origin=origin, **values)


def replay(*, actor: Any, rule: CampaignRule | None = None) -> Job:
    """Look through the history by the rules of now; `rule` is the one it is about. Begins after the commit."""
    parameters = {
        "rule": rule.pk if rule else None,
        "names": _names(rule),
        **replaying.as_parameters(active_rules(), default_campaigns()),
    }
    return jobs.start(REPLAY, owner=actor, parameters=parameters, subject=SUBJECT)


def _names(rule: CampaignRule | None) -> list[str]:
    """As they are called now: a list of jobs reads no further rows."""
    return [rule.campaign.name, rule.pattern or str(rule.channel)] if rule else []


def _preview_title(job: Job) -> str:
    if not job.parameters["names"]:
        return _("What the campaign rules would change of the history")
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
