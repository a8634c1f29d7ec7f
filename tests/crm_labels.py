"""Labels that exist only here: on the built-in channel, for chats whose gateway has none."""

from __future__ import annotations

from datetime import datetime

from contacts.models import Channel, Contact, ContactIdentity
from contacts.models.channels import CRM_GATEWAY
from contacts.services.contact_rows import lock_contacts
from labels.services import intake
from labels.services.channel_labels import SAVED, Definition
from labels.services.figures import update_figures
from labels.services.recording import LabelFact
from tests.factories import ChannelFactory


def crm_channel() -> Channel:
    found: Channel | None = Channel.objects.filter(gateway=CRM_GATEWAY).first()
    return found or ChannelFactory(key=CRM_GATEWAY, gateway=CRM_GATEWAY, name="CRM", team=None)


def label_in_the_crm(contact: Contact, at: datetime, name: str = "Grade A") -> None:
    """Put a label on that no gateway knows of: nothing is written back."""
    label = Definition(
        external_id=f"crm-{name}", kind=SAVED, name=name, at=at, at_source="received", received_at=at,
        key=f"crm-definition-{name}", inbox_id=0,
    )  # fmt: skip
    identity = ContactIdentity.objects.filter(contact=contact).latest("id")
    fact = LabelFact(
        contact_id=contact.pk, identity_id=identity.pk, external_id=f"crm-{name}", on=True, at=at,
        at_source="received", capped=False, received_at=at, key=f"crm-{contact.pk}-{name}", inbox_id=0,
    )  # fmt: skip
    lock_contacts([contact.pk])
    update_figures(intake.take(crm_channel(), facts=[fact], defined=[label]).contacts)
