"""The rules by which a message shows its campaign. Every change leaves its audit row.

Changing a rule changes what comes in from then on. Touches that were recorded stay, until somebody has the history
looked through again (`contacts.services.replaying`).
"""

from __future__ import annotations

from typing import Any

from contacts.models import CampaignRule
from contacts.selectors.recognizing import Rule, active_rules
from labelcrm.core import edits


def create_rule(*, actor: Any, origin: str, **values: Any) -> CampaignRule:
    """A new rule. Raises ValidationError."""
    return edits.create(CampaignRule, actor=actor, origin=origin, **values)


def update_rule(rule: CampaignRule, *, actor: Any, origin: str, **values: Any) -> CampaignRule:
    """Change a rule, or switch it off or on. Raises ValidationError."""
    return edits.change(rule, actor=actor, origin=origin, **values)


def rules_with(draft: CampaignRule) -> list[Rule]:
    """The rules that would be asked if this one were saved as it is."""
    others = [rule for rule in active_rules() if rule.id != draft.pk]
    return [*others, Rule.of(draft)] if draft.active and not draft.campaign.is_archived else others
