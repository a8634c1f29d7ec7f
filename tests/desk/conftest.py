"""A team with a number, its labels and people, and clients for each role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from contacts.models import Agent, Channel, ChannelOwnership, Contact, ContactChannel, Message, Team
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAssignment
from tests.factories import THEN, AgentFactory, ChannelFactory, ContactFactory, TeamFactory, UserFactory


@dataclass
class Shop:
    """One team and what belongs to it; rows are made directly, as services would leave them."""

    team: Team
    agent: Agent
    channel: Channel

    def contact(self, **values: Any) -> Contact:
        contact = ContactFactory(**values)
        ContactChannel.objects.create(contact=contact, channel=self.channel, first_seen_at=THEN)
        return contact

    def whatsapp_label(self, name: str = "Grade A", *, label: str | None = None, **values: Any) -> ChannelLabel:
        meaning = Label.objects.get(name=label or name)
        number = ChannelLabel.objects.filter(channel=self.channel).count() + 1
        values = {"external_id": str(number), "color": number % 20, "first_seen_at": THEN} | values
        row = ChannelLabel.objects.create(channel=self.channel, name=name, label=meaning, **values)
        ChannelLabelMeaning.objects.create(channel_label=row, label=meaning, name=name)
        return row

    def put(self, contact: Contact, row: ChannelLabel, *, hours: float | None = None, **values: Any) -> LabelAssignment:
        """The label on the contact since THEN, still on or taken off after `hours`."""
        ended: dict[str, Any] = {}
        if hours is not None:
            ended = {
                "removed_at": THEN + timedelta(hours=hours),
                "removed_by": self.agent,
                "removed_by_method": "channel_owner",
                "removed_origin": "live",
                "removed_reason": "removed",
            }
        defaults = {
            "channel": row.channel,
            "label": row.label,
            "channel_label_name": row.name,
            "added_at": THEN,
            "added_at_source": "whatsapp",
            "added_by": self.agent,
            "added_by_method": "channel_owner",
            "origin": "live",
            "updated_at": THEN,
        }
        return LabelAssignment.objects.create(contact=contact, channel_label=row, **(defaults | ended | values))

    def say(self, contact: Contact, text: str, *, minute: int = 0, from_me: bool = False) -> Message:
        at = THEN + timedelta(minutes=minute)
        return Message.objects.create(
            contact=contact, channel=self.channel, external_id=f"M{contact.pk}-{minute}", from_me=from_me, text=text,
            at=at, at_source="whatsapp", received_at=at,
        )  # fmt: skip


def make_shop(name: str) -> Shop:
    team = TeamFactory(name=f"Team {name}")
    agent = AgentFactory(name=f"CS {name}", code=name.lower(), team=team)
    channel = ChannelFactory(name=f"Number {name}", key=name.lower(), team=team)
    ChannelOwnership.objects.create(channel=channel, agent=agent)
    return Shop(team, agent, channel)


@pytest.fixture
def shop(db: None) -> Shop:
    return make_shop("Rina")


@pytest.fixture
def other_shop(db: None) -> Shop:
    return make_shop("Budi")


@pytest.fixture
def client_of(db: None) -> Callable[..., Client]:
    """A logged-in client: `client_of("cs_lead", shop)`; "root" is a superuser."""

    def login(role: str, *shops: Shop, language: str = "en") -> Client:
        teams = [shop.team for shop in shops]
        superuser = role == "root"
        user = UserFactory(role=None if superuser else role, teams=teams, language=language, is_superuser=superuser)
        client = Client()
        client.force_login(user, backend="contacts.access.StaffBackend")
        client.user = user  # type: ignore[attr-defined]
        return client

    return login
