"""Which campaign rules a viewer sees."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from contacts.models import CampaignRule, Channel
from labelcrm.core.viewer import Viewer


def visible_rules(viewer: Viewer) -> QuerySet[CampaignRule]:
    """A campaign is everybody's; a rule for one number is whose the number is."""
    seen = Channel.all_objects.visible_to(viewer)
    return CampaignRule.objects.filter(Q(channel__isnull=True) | Q(channel__in=seen))
