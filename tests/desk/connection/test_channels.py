"""Channels: owners are added and never rewritten, credentials go in and never come out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import ChannelOwnership
from labelcrm.core.models import AuditEntry
from tests.desk.conftest import Shop
from tests.factories import AgentFactory, ChannelSecretFactory
from webhooks.models import UnknownChannel

ClientOf = Callable[..., Client]
INLINE = {"ownerships-TOTAL_FORMS": "1", "ownerships-INITIAL_FORMS": "0"}


def change(shop: Shop) -> str:
    return reverse("admin:contacts_channel_change", args=(shop.channel.pk,))


def test_no_page_shows_a_secret_or_a_key(client_of: ClientOf, shop: Shop) -> None:
    ChannelSecretFactory(channel=shop.channel, value="sangat-rahasia-sekali")
    shop.channel.api_key = "kunci-api-rahasia"
    shop.channel.save()
    client = client_of("owner")
    for url in (reverse("admin:contacts_channel_changelist"), change(shop)):
        html = client.get(url).content.decode()
        assert "sangat-rahasia-sekali" not in html
        assert "kunci-api-rahasia" not in html


def test_an_empty_key_keeps_the_stored_one_and_a_new_one_leaves_no_trace_of_itself(
    client_of: ClientOf, shop: Shop
) -> None:
    shop.channel.api_key = "kunci-lama"
    shop.channel.save()
    client = client_of("owner")
    form = {"name": "CS Rina 2", "key": shop.channel.key, "session": "s1", "api_key": ""} | INLINE
    client.post(change(shop), form | {"ownerships-TOTAL_FORMS": "0"})
    shop.channel.refresh_from_db()
    assert (shop.channel.name, shop.channel.api_key) == ("CS Rina 2", "kunci-lama")
    client.post(change(shop), form | {"ownerships-TOTAL_FORMS": "0", "api_key": "kunci-baru"})
    shop.channel.refresh_from_db()
    assert shop.channel.api_key == "kunci-baru"
    trail = json.dumps(list(AuditEntry.objects.values_list("details", flat=True)))
    assert "kunci" not in trail
    assert "api_key" in trail


def test_a_new_owner_takes_over_and_the_past_stays(client_of: ClientOf, shop: Shop) -> None:
    heir = AgentFactory(name="Budi", team=shop.team)
    form = {"ownerships-0-agent": heir.pk, "ownerships-0-channel": shop.channel.pk} | INLINE
    response = client_of("cs_lead", shop).post(change(shop), form)
    assert response.status_code == 302
    first, second = ChannelOwnership.objects.filter(channel=shop.channel).order_by("id")
    assert (first.agent, first.since) == (shop.agent, None)
    assert first.until == second.since is not None
    assert (second.agent, second.until) == (heir, None)


def test_owners_of_the_past_cannot_be_edited(client_of: ClientOf, shop: Shop) -> None:
    row = shop.channel.ownerships.get()
    heir = AgentFactory(team=shop.team)
    form = {
        "ownerships-TOTAL_FORMS": "1", "ownerships-INITIAL_FORMS": "1", "ownerships-0-id": row.pk,
        "ownerships-0-channel": shop.channel.pk, "ownerships-0-agent": heir.pk, "ownerships-0-DELETE": "on",
    }  # fmt: skip
    client_of("cs_lead", shop).post(change(shop), form)
    row.refresh_from_db()
    assert row.agent == shop.agent


def test_a_shift_is_added_beside_the_owner(client_of: ClientOf, shop: Shop) -> None:
    night = AgentFactory(team=shop.team)
    form = {
        "ownerships-0-agent": night.pk, "ownerships-0-channel": shop.channel.pk, "ownerships-0-days": ["0", "6"],
        "ownerships-0-hour_from": "20:00", "ownerships-0-hour_to": "04:00",
    } | INLINE  # fmt: skip
    client_of("cs_lead", shop).post(change(shop), form)
    owner, shift = shop.channel.ownerships.order_by("id")
    assert owner.until is None
    assert (shift.agent, shift.weekdays, shift.has_hours) == (night, [0, 6], True)


def test_a_time_that_nobody_can_mean_is_refused(client_of: ClientOf, shop: Shop) -> None:
    heir = AgentFactory(team=shop.team)
    form = {
        "ownerships-0-agent": heir.pk, "ownerships-0-channel": shop.channel.pk,
        "ownerships-0-since": "0001-01-01",
    } | INLINE  # fmt: skip
    response = client_of("cs_lead", shop).post(change(shop), form)
    assert response.status_code == 200
    assert shop.channel.ownerships.get().agent == shop.agent


def test_a_lead_changes_nothing_but_owners(client_of: ClientOf, shop: Shop) -> None:
    form = {"name": "Dibajak", "key": "dibajak", "api_key": "x"} | INLINE | {"ownerships-TOTAL_FORMS": "0"}
    client_of("cs_lead", shop).post(change(shop), form)
    shop.channel.refresh_from_db()
    assert (shop.channel.name, shop.channel.api_key) == ("Number Rina", "")


def test_an_unknown_channel_is_adopted_through_the_wizard(client_of: ClientOf, shop: Shop) -> None:
    UnknownChannel.objects.create(gateway="waha", key="cs-baru", count=3, last_at="2026-03-02T03:00Z")
    client = client_of("owner")
    html = client.get(reverse("admin:webhooks_unknownchannel_changelist")).content.decode()
    assert f"{reverse('connect')}?gateway=waha&amp;key=cs-baru" in html
    response = client.get(reverse("admin:contacts_channel_add") + "?gateway=waha&key=cs-baru")
    assert response["Location"] == f"{reverse('connect')}?gateway=waha&key=cs-baru"


def test_unknown_channels_belong_to_no_team_and_are_shown_to_none(client_of: ClientOf, shop: Shop) -> None:
    assert client_of("cs_lead", shop).get(reverse("admin:webhooks_unknownchannel_changelist")).status_code == 403


@pytest.mark.parametrize(("days", "said"), [([], "every day"), ([0, 6], "Monday, Sunday")])
def test_the_days_of_a_shift_are_words(client_of: ClientOf, shop: Shop, days: list[int], said: str) -> None:
    ownership = shop.channel.ownerships.get()
    ownership.weekdays = days
    ownership.save()
    text = client_of("root").get(change(shop)).text
    assert said in text
    assert "[ ]" not in text
