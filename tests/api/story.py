"""Small histories for tests: who had which label when, told to the services as a drained webhook tells it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from contacts.models import Channel, ChannelOwnership, Contact, ContactChannel, Message
from labels.models import Label, LabelAssignment
from labels.services import intake
from labels.services.channel_labels import Definition
from labels.services.figures import update_figures
from labels.services.recording import LabelFact
from tests.factories import THEN, AgentFactory, ChannelFactory, ContactFactory
from webhooks.models import InboundEvent


class Story:
    """A channel with an owner, and what happens on it. Every event comes an hour after the one before."""

    def __init__(self, *, team: Any, key: str = "cs1", agent: str = "CS Rina") -> None:
        self.agent = AgentFactory(name=agent, team=team)
        self.channel: Channel = ChannelFactory(key=key, team=team)
        ChannelOwnership.objects.create(channel=self.channel, agent=self.agent)
        self.ids = count(1)
        self.now = THEN

    def contact(self, **fields: Any) -> Contact:
        """Somebody who is known on the channel."""
        contact = ContactFactory(**fields)
        self.seen(contact)
        return contact

    def seen(self, contact: Contact) -> None:
        ContactChannel.objects.create(contact=contact, channel=self.channel, first_seen_at=THEN)

    def put_on(self, contact: Contact, name: str, *, list_type: str = "") -> None:
        """The WhatsApp label `name` (its own external id) is put on the contact."""
        self._tell(contact, name, on=True, list_type=list_type)

    def take_off(self, contact: Contact, name: str) -> None:
        self._tell(contact, name, on=False)

    def message(self, contact: Contact, text: str = "Halo", **fields: Any) -> Message:
        at = self._later()
        defaults = {"external_id": f"M{next(self.ids)}", "from_me": False, "at": at, "received_at": at}
        return Message.objects.create(
            contact=contact, channel=self.channel, text=text, at_source="whatsapp", **defaults | fields
        )

    def post(self, body: bytes = b'{"id": "1"}', **fields: Any) -> InboundEvent:
        return InboundEvent.objects.create(channel=self.channel, body=body, headers={}, **fields)

    def assignment(self, contact: Contact, name: str) -> LabelAssignment:
        return LabelAssignment.objects.get(contact=contact, channel_label__name=name, channel=self.channel)

    def label(self, name: str) -> Label:
        """The canonical label that the channel's label `name` means."""
        return self.channel.labels.get(name=name).label

    def _tell(self, contact: Contact, name: str, *, on: bool, list_type: str = "") -> None:
        at = self._later()
        external_id = name.lower().replace(" ", "-")
        times: dict[str, Any] = {"at": at, "at_source": "whatsapp", "received_at": at}
        saved = Definition(
            external_id=external_id, kind="saved", name=name, list_type=list_type, key=f"d{next(self.ids)}", **times
        )
        fact = LabelFact(
            contact_id=contact.pk,
            identity_id=contact.identities.order_by("id").values_list("id", flat=True)[0],
            external_id=external_id,
            on=on,
            capped=False,
            key=f"e{next(self.ids)}",
            inbox_id=next(self.ids),
            **times,
        )
        known = self.channel.labels.filter(external_id=external_id).exists()
        taken = intake.take(self.channel, facts=[fact], defined=[] if known else [saved])
        update_figures(taken.contacts)

    def _later(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now
