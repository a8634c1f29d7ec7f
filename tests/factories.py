"""Rows for tests, each valid by itself. Labels and intervals are made through services, never here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory
from factory.django import DjangoModelFactory

from contacts.models import Agent, Campaign, Channel, ChannelSecret, Contact, ContactIdentity, IdentityKind, Team
from labelcrm.core.models import User

THEN = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # a Monday, 10:00 in Jakarta


class TeamFactory(DjangoModelFactory):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


class UserFactory(DjangoModelFactory):
    """A user; `role="cs_lead"` puts them in that group, `teams=[...]` lets them see those teams."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    is_staff = True
    language = "en"
    password = factory.PostGenerationMethodCall("set_password", "kata sandi panjang")

    @factory.post_generation
    def role(self, create: bool, extracted: str | None, **kwargs: Any) -> None:
        from django.contrib.auth.models import Group

        self.save()
        if extracted:
            self.groups.add(Group.objects.get(name=extracted))

    @factory.post_generation
    def teams(self, create: bool, extracted: list[Team] | None, **kwargs: Any) -> None:
        if extracted:
            self.teams.add(*extracted)


class AgentFactory(DjangoModelFactory):
    class Meta:
        model = Agent

    code = factory.Sequence(lambda n: f"agent{n}")
    name = factory.Sequence(lambda n: f"CS {n}")
    team = factory.SubFactory(TeamFactory)


class ChannelFactory(DjangoModelFactory):
    class Meta:
        model = Channel

    key = factory.Sequence(lambda n: f"cs{n}")
    gateway = "generic"
    name = factory.Sequence(lambda n: f"Number {n}")
    session = factory.SelfAttribute("key")
    team = factory.SubFactory(TeamFactory)


class ChannelSecretFactory(DjangoModelFactory):
    class Meta:
        model = ChannelSecret

    channel = factory.SubFactory(ChannelFactory)
    value = "rahasia-yang-cukup-panjang"


class ContactFactory(DjangoModelFactory):
    """A contact with an identity for each of phone, LID and user id that it has."""

    class Meta:
        model = Contact
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Pelanggan {n}")
    phone = factory.Sequence(lambda n: f"+62812{n:07d}")
    first_seen_at = THEN
    updated_at = THEN

    @factory.post_generation
    def identity(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if self.phone:
            ContactIdentity.objects.create(contact=self, kind=IdentityKind.PHONE, value=self.phone)
        if self.lid:
            ContactIdentity.objects.create(contact=self, kind=IdentityKind.LID, value=self.lid)
        if self.user_id:
            ContactIdentity.objects.create(contact=self, kind=IdentityKind.USER_ID, value=self.user_id)


class CampaignFactory(DjangoModelFactory):
    class Meta:
        model = Campaign

    code = factory.Sequence(lambda n: f"promo{n}")
    name = factory.Sequence(lambda n: f"Promo {n}")
