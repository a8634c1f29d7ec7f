"""Campaigns, and what they cost. Every change leaves its audit row.

What a campaign cost is said by rows of `CampaignCost`, each with its days; `Campaign.cost` is their sum, so that
lists, files and the API have one number. Whoever knows only that number says it with the campaign's own days, as a
file or the API does: then its one row follows. An amount without days has no row, and is spread over the days of the
campaign's touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from contacts.models import Campaign, CampaignCost, CampaignTouch, Contact
from contacts.selectors.recognizing import MANUAL
from contacts.services.attribution import forget_lost_campaigns, set_first_touch
from contacts.services.contact_rows import lock_contacts
from contacts.services.importing import set_campaigns
from contacts.services.taking_back import CHANGED, GONE, KNOWN, UNDO
from labelcrm.core import audit, edits


def create_campaign(*, actor: Any, origin: str, **values: Any) -> Campaign:
    """A new campaign; a cost that is told with both days becomes its first row. Raises ValidationError."""
    with transaction.atomic():
        campaign = edits.create(Campaign, actor=actor, origin=origin, **values)
        _write_row(campaign, None)
    return campaign


def update_campaign(campaign: Campaign, *, actor: Any, origin: str, **values: Any) -> Campaign:
    """Change a campaign. Raises ValidationError, also where a cost is told of one with several costs by period."""
    with transaction.atomic():
        before = edits.locked(campaign)
        check_cost(before, values.get("cost", before.cost))
        row = _own_row(before)
        changed = edits.change(campaign, actor=actor, origin=origin, **values)
        if row is not None or not changed.costs.exists():
            _write_row(changed, row)
    return changed


def archive_campaign(campaign: Campaign, *, actor: Any, origin: str) -> Campaign:
    """Hide a campaign, and let its rules sleep; touches and contacts keep it."""
    return edits.archive(campaign, actor=actor, origin=origin)


def restore_campaign(campaign: Campaign, *, actor: Any, origin: str) -> Campaign:
    """Show it again, and wake its rules. What came meanwhile is theirs when history is looked through again."""
    return edits.restore(campaign, actor=actor, origin=origin)


# -- By hand ----------------------------------------------------------------------------------------------------------


def set_by_hand(contact: Contact, campaign: Campaign | None, *, actor: Any, origin: str) -> None:
    """Say which campaign brought a contact, whatever its messages show; None takes that back, and they speak again."""
    with transaction.atomic():
        lock_contacts([contact.pk])
        current = Contact.all_objects.get(pk=contact.pk)
        said = CampaignTouch.objects.filter(contact=current, method=MANUAL)
        if campaign is not None:
            confirmed = [] if said.filter(campaign=campaign).exists() else [current.pk]
            set_campaigns([(current, campaign)], actor=actor, origin=origin, confirmed=confirmed)
            return
        if said.delete()[0]:
            set_first_touch([current.pk])
            forget_lost_campaigns([current.pk])
            now = Contact.all_objects.values_list("campaign", flat=True).get(pk=current.pk)
            details = {"campaign": now, "before": current.campaign_id, "origin": origin}
            audit.record(actor=actor, action="contact.campaign", obj=current, **details)


# -- Costs ------------------------------------------------------------------------------------------------------------


def check_cost(campaign: Campaign, cost: Decimal | int | None) -> None:
    """Raises ValidationError where another single cost would contradict what was entered by period."""
    if cost != campaign.cost and _own_row(campaign) is None and campaign.costs.exists():
        raise ValidationError(
            {"cost": _("This campaign has costs by period; change them on its page.")}, code="costs_by_period"
        )


def save_costs(
    campaign: Campaign, *, saved: Iterable[CampaignCost], removed: Iterable[CampaignCost], actor: Any, origin: str
) -> None:
    """Write rows of costs that a form brought, and their sum into the campaign. Raises ValidationError."""
    with transaction.atomic():
        fresh = edits.locked(campaign)
        CampaignCost.objects.filter(pk__in=[row.pk for row in removed], campaign=fresh).delete()
        for row in saved:
            row.campaign = fresh
            row.full_clean()
            row.save()
        rows = list(fresh.costs.all())
        fresh.cost = sum((row.amount for row in rows), Decimal(0)) if rows else None
        fresh.full_clean(validate_unique=False, validate_constraints=False)
        fresh.save(update_fields=["cost", "updated_at"])
        listed = [[row.first_day.isoformat(), row.last_day.isoformat(), str(row.amount)] for row in rows]
        audit.record(actor=actor, action="campaign.costs", obj=fresh, origin=origin, costs=listed)
    campaign.cost = fresh.cost


def _own_row(campaign: Campaign) -> CampaignCost | None:
    """The row that says no more than the campaign itself, if that is its only one."""
    rows = list(campaign.costs.all()[:2])
    own = (campaign.starts_on, campaign.ends_on, campaign.cost)
    return rows[0] if len(rows) == 1 and (rows[0].first_day, rows[0].last_day, rows[0].amount) == own else None


def _write_row(campaign: Campaign, row: CampaignCost | None) -> None:
    """Let the one row of a campaign say what the campaign says."""
    if campaign.cost is None or campaign.starts_on is None or campaign.ends_on is None:
        if row is not None:
            row.delete()
        return
    row = row or CampaignCost(campaign=campaign)
    row.first_day, row.last_day, row.amount = campaign.starts_on, campaign.ends_on, campaign.cost
    row.save()


# -- Taking an import back ---------------------------------------------------------------------------------------------


def take_back_campaign(pk: int, *, created: bool, columns: Mapping[str, list[str]], actor: Any) -> str:
    """Give a campaign back what an import changed and nobody changed since; one that it made is archived when unused.

    `columns` are [before, after] as text. Returns "" or why not everything was taken back.
    """
    campaign = Campaign.all_objects.filter(pk=pk).first()
    if campaign is None or campaign.is_archived:
        return GONE
    before = {name: old for name, (old, new) in columns.items() if _as_text(getattr(campaign, name)) == new}
    reason = "" if len(before) == len(columns) else CHANGED
    if not created:
        fields = {name: campaign._meta.get_field(name) for name in before}
        values = {
            name: fields[name].to_python(old) if old else fields[name].get_default() for name, old in before.items()
        }
        update_campaign(campaign, actor=actor, origin=UNDO, **values)
    elif not reason and (campaign.contacts.exists() or campaign.touches.exists() or campaign.rules.exists()):
        reason = KNOWN
    elif not reason:
        archive_campaign(campaign, actor=actor, origin=UNDO)
    return reason


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)
