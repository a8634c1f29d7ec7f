"""Campaigns. Every change leaves its audit row."""

from __future__ import annotations

from typing import Any

from contacts.models import Campaign
from labelcrm.core import edits


def create_campaign(*, actor: Any, origin: str, **values: Any) -> Campaign:
    return edits.create(Campaign, actor=actor, origin=origin, **values)


def update_campaign(campaign: Campaign, *, actor: Any, origin: str, **values: Any) -> Campaign:
    return edits.change(campaign, actor=actor, origin=origin, **values)


def archive_campaign(campaign: Campaign, *, actor: Any, origin: str) -> Campaign:
    """Hide a campaign; touches and contacts keep it."""
    return edits.archive(campaign, actor=actor, origin=origin)


def restore_campaign(campaign: Campaign, *, actor: Any, origin: str) -> Campaign:
    return edits.restore(campaign, actor=actor, origin=origin)
