"""Saying by hand which campaign brought a contact: it wins, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from contacts import jobs
from contacts.models import CampaignRule, CampaignTouch
from contacts.services.attribution import attribute
from labelcrm.core.models import AuditEntry
from tests.desk.conftest import Shop
from tests.factories import THEN, CampaignFactory
from tests.work import do_work

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]


def test_what_is_said_by_hand_wins_until_it_is_taken_back(client_of: ClientOf, shop: Shop) -> None:
    told, chosen = CampaignFactory(name="Kaos"), CampaignFactory(name="Bazar")
    CampaignRule.objects.create(campaign=told, kind="keyword", pattern="kaos")
    contact = shop.contact(first_inbound_at=THEN)
    attribute([shop.say(contact, "kaos").pk])
    client = client_of("cs", shop)
    address = f"/admin/contacts/campaignrule/by-hand/{contact.pk}/"

    client.post(address, {"campaign": chosen.pk})
    jobs.replay(actor=None)
    do_work()
    contact.refresh_from_db()
    assert contact.campaign == chosen
    page = f"/admin/contacts/contact/{contact.pk}/"
    assert 'href="?by_hand=1#campaigns"' in client.get(page).content.decode(), "campaigns are loaded by who wants them"
    html = client.get(f"{page}?by_hand=1").content.decode()
    assert f'<option value="{chosen.pk}" selected>Bazar</option>' in html
    assert "by hand" in html

    client.post(address, {"campaign": ""})
    contact.refresh_from_db()
    assert contact.campaign == told
    assert CampaignTouch.objects.get().method == "keyword"
    assert AuditEntry.objects.filter(action="contact.campaign").count() == 2


def test_whoever_confirms_what_words_showed_keeps_it_when_the_words_speak_no_more(
    client_of: ClientOf, shop: Shop
) -> None:
    told = CampaignFactory(name="Kaos")
    rule = CampaignRule.objects.create(campaign=told, kind="keyword", pattern="kaos")
    contact = shop.contact(first_inbound_at=THEN)
    attribute([shop.say(contact, "kaos").pk])
    for _twice in range(2):
        client_of("cs", shop).post(f"/admin/contacts/campaignrule/by-hand/{contact.pk}/", {"campaign": told.pk})
    assert CampaignTouch.objects.filter(method="manual").count() == 1
    assert AuditEntry.objects.filter(action="contact.campaign").count() == 1
    rule.delete()
    jobs.replay(actor=None)
    do_work()
    contact.refresh_from_db()
    assert contact.campaign == told


def test_taken_back_without_any_message_no_campaign_is_left(client_of: ClientOf, shop: Shop) -> None:
    contact, campaign = shop.contact(), CampaignFactory()
    client = client_of("cs", shop)
    address = f"/admin/contacts/campaignrule/by-hand/{contact.pk}/"
    for posted in ({"campaign": campaign.pk}, {"campaign": ""}, {"campaign": ""}):
        assert client.post(address, posted).status_code == 302
    contact.refresh_from_db()
    assert contact.campaign is None
    assert AuditEntry.objects.filter(action="contact.campaign").count() == 2


def test_only_who_may_change_a_contact_they_see_says_so(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    campaign = CampaignFactory()
    for role, contact, status in (
        ("cs", other_shop.contact(), 404), ("analyst", shop.contact(), 403), ("cs", shop.contact(), 302),
    ):  # fmt: skip
        address = f"/admin/contacts/campaignrule/by-hand/{contact.pk}/"
        assert client_of(role, shop).post(address, {"campaign": campaign.pk}).status_code == status
        contact.refresh_from_db()
        assert (contact.campaign is not None) == (status == 302)
    assert client_of("cs", shop).post(address, {"campaign": "x"}).status_code == 404
