"""Contacts from a file: who is meant, what is said of them, and nothing else touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Campaign, CampaignTouch, Contact, ContactIdentity, IdentityKind
from labelcrm.core import audit
from webhooks.gateways.events import Chat, ChatKind

from .attribution import MANUAL, set_first_touch
from .directory import resolve
from .people import edit_contact

ORIGIN = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a file says of a contact; None is not said. A file can opt people out, never in again."""

    name: str | None = None
    assigned_to: Agent | None = None
    campaign: Campaign | None = None
    follow_up_at: datetime | None = None
    opted_out: bool = False

    @property
    def values(self) -> dict[str, Any]:
        """The columns of the contact itself."""
        told = {"name": self.name, "assigned_to": self.assigned_to, "follow_up_at": self.follow_up_at}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(slots=True)
class Owners:
    """Whose the identifiers of a file are: contact ids by E.164 phone and by digits of a LID."""

    phones: dict[str, int] = field(default_factory=dict)
    lids: dict[str, int] = field(default_factory=dict)


def owners_of(*, phones: Iterable[str], lids: Iterable[str]) -> Owners:
    """The contacts that have these identifiers, found with two queries."""
    found = Owners()
    for kind, values, known in (
        (IdentityKind.PHONE, phones, found.phones),
        (IdentityKind.LID, lids, found.lids),
    ):
        identities = ContactIdentity.objects.filter(kind=kind, value__in=sorted(set(values)))
        known.update(identities.values_list("value", "contact_id"))
    return found


def create_or_update_contact(*, contact_id: int | None, phone: str, said: Said, actor: Any) -> Contact:
    """Bring a contact in step with what a file says; without `contact_id` a new one with this E.164 phone.

    A phone that somebody else brought in meanwhile is updated, not doubled. Raises ValidationError.
    """
    with transaction.atomic():
        created = False
        if contact_id is None:
            contact_id, created = _create(phone)
        contact = Contact.all_objects.get(pk=contact_id)
        if contact.is_archived:
            raise ValidationError(_("This contact is in the archive; restore it first."), code="archived")
        if created:
            audit.record(actor=actor, action="contact.created", obj=contact, origin=ORIGIN)
        contact = edit_contact(contact, actor=actor, origin=ORIGIN, opted_out=said.opted_out or None, **said.values)
        if said.campaign is not None and contact.campaign_id != said.campaign.pk:
            set_campaign(contact, said.campaign, actor=actor, origin=ORIGIN)
    return contact


def set_campaign(contact: Contact, campaign: Campaign, *, actor: Any, origin: str) -> None:
    """Say by hand which campaign brought a contact; that goes before what messages show, and before what was said."""
    with transaction.atomic():
        Contact.all_objects.select_for_update(of=("self",), no_key=True).get(pk=contact.pk)
        CampaignTouch.objects.filter(contact=contact, method=MANUAL).delete()
        CampaignTouch.objects.create(contact=contact, campaign=campaign, at=timezone.now(), method=MANUAL)
        set_first_touch([contact.pk])
        audit.record(
            actor=actor, action="contact.campaign", obj=contact, origin=origin, campaign=campaign.pk,
            before=contact.campaign_id,
        )  # fmt: skip


def _create(phone: str) -> tuple[int, bool]:
    """The id of the contact with this phone, and whether it is new."""
    chat = Chat(raw=phone, kind=ChatKind.PERSONAL, phone=phone)
    directory = resolve({chat: timezone.now()})
    known = directory.find(chat)
    assert known is not None, "resolve creates whom nobody knows"
    return known.contact_id, known.contact_id in directory.created
