"""The pages of campaign rules: the list, the form whose rule is counted before it is saved, and who may do that."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Campaign, CampaignRule, CampaignTouch, Contact
from contacts.services.attribution import attribute
from desk.campaigns import rules as rules_page
from labelcrm.core.models import AuditEntry, Job
from tests.desk.conftest import Shop
from tests.factories import THEN, CampaignFactory
from tests.work import do_work

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
LIST = "/admin/contacts/campaignrule/"


@pytest.fixture
def kaos() -> Campaign:
    return CampaignFactory(name="Kaos")


def form_of(campaign: Campaign, **values: Any) -> dict[str, Any]:
    return {
        "campaign": campaign.pk, "kind": "keyword", "pattern": "kaos", "match": "words", "channel": "", "since": "",
        "until": "", "priority": 100, "active": "on",
    } | values  # fmt: skip


def first_message(shop: Shop, text: str, name: str) -> Contact:
    contact = shop.contact(name=name, first_inbound_at=THEN)
    attribute([shop.say(contact, text).pk])
    return contact


def text_of(response: HttpResponse) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def draft(client: Client, campaign: Campaign, page: str = f"{LIST}add/", **values: Any) -> str:
    """The address of what a form's rule would change."""
    response = client.post(page, form_of(campaign, **values))
    assert response.status_code == 302, text_of(response)
    return str(response["Location"])


class TestTheForm:
    def test_a_rule_is_counted_before_it_is_saved(self, client_of: ClientOf, shop: Shop, kaos: Campaign) -> None:
        first_message(shop, "mau kaos", "Budi")
        client = client_of("marketing", shop)
        page = draft(client, kaos)
        text = text_of(client.get(page))
        assert "1 contact would have another campaign" in text
        assert "no campaign Kaos 1 Budi" in text
        assert not CampaignRule.objects.exists()
        assert not CampaignTouch.objects.exists()

    def test_saved_and_applied_it_changes_what_was_counted(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign
    ) -> None:
        budi = first_message(shop, "mau kaos", "Budi")
        client = client_of("marketing", shop)
        page = draft(client, kaos)
        client.get(page)
        client.post(f"{page}save/", {"apply": "1"})
        do_work()
        budi.refresh_from_db()
        assert budi.campaign == kaos
        assert CampaignTouch.objects.get().rule == CampaignRule.objects.get()
        assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
            "campaignrule.created", "campaigns.replayed",
        }  # fmt: skip

    def test_saved_for_new_messages_it_leaves_the_history(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign
    ) -> None:
        budi = first_message(shop, "mau kaos", "Budi")
        client = client_of("marketing", shop)
        page = draft(client, kaos)
        client.post(f"{page}save/")
        do_work()
        budi.refresh_from_db()
        assert budi.campaign is None
        first_message(shop, "mau kaos", "Ani")
        assert Contact.objects.get(name="Ani").campaign == kaos

    def test_a_changed_rule_is_counted_too(self, client_of: ClientOf, shop: Shop, kaos: Campaign) -> None:
        rule = CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos")
        first_message(shop, "mau kaos", "Budi")
        client = client_of("marketing", shop)
        page = draft(client, kaos, f"{LIST}{rule.pk}/change/", active="")
        assert "Kaos no campaign 1 Budi" in text_of(client.get(page))
        rule.refresh_from_db()
        assert rule.active
        client.post(f"{page}save/")
        rule.refresh_from_db()
        assert not rule.active

    def test_who_goes_back_finds_the_form_as_it_was(self, client_of: ClientOf, shop: Shop, kaos: Campaign) -> None:
        rule = CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos")
        client = client_of("marketing", shop)
        for address, pattern in ((f"{LIST}add/", "baju"), (f"{LIST}{rule.pk}/change/", "celana")):
            page = draft(client, kaos, address, pattern=pattern, since="2 Mar 2026")
            back = re.search(rf'href="({address}\?draft=\d+)"', client.get(page).content.decode())
            assert back is not None
            html = client.get(back[1]).content.decode()
            assert f'value="{pattern}"' in html
            assert re.search(r'name="since" value="[^"]*2[^"]*2026"', html)
        rule.refresh_from_db()
        assert rule.pattern == "kaos"

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"kind": "regex", "pattern": "(a+)+b"}, "could take for ever"),
            ({"kind": "regex", "pattern": "a("}, "This is no pattern"),
            ({"pattern": ""}, "This field cannot be blank"),
            ({"kind": "channel", "pattern": ""}, "Choose the WhatsApp number"),
            ({"since": "2 Mar 2026", "until": "1 Mar 2026"}, "The last day is before the first"),
        ],
    )
    def test_what_cannot_be_a_rule_is_refused_in_words(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign, values: dict[str, Any], said: str
    ) -> None:
        response = client_of("marketing", shop).post(f"{LIST}add/", form_of(kaos, **values))
        assert said in text_of(response)
        assert not Job.objects.exists()

    def test_a_rule_that_is_there_already_is_refused(self, client_of: ClientOf, shop: Shop, kaos: Campaign) -> None:
        CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos")
        response = client_of("marketing", shop).post(f"{LIST}add/", form_of(kaos))
        assert "has this rule already" in text_of(response)

    def test_a_rule_that_somebody_else_saved_meanwhile_is_refused(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign
    ) -> None:
        client = client_of("marketing", shop)
        page = draft(client, kaos)
        CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos")
        assert "has this rule already" in text_of(client.post(f"{page}save/", follow=True))
        assert CampaignRule.objects.count() == 1

    def test_a_long_history_is_counted_while_the_page_waits(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules_page, "do_at_once", lambda _started, seconds: False)
        first_message(shop, "mau kaos", "Budi")
        client = client_of("marketing", shop)
        page = draft(client, kaos)
        html = client.get(page).content.decode()
        assert "The history is being looked through" in html
        assert f'data-refresh="{page}rows/"' in html
        do_work()
        assert "1 contact would have another campaign" in text_of(client.get(f"{page}rows/"))

    def test_all_rules_are_counted_and_applied_after_a_restored_campaign(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign
    ) -> None:
        budi = first_message(shop, "mau kaos", "Budi")
        CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos")
        client = client_of("marketing", shop)
        page = client.post(f"{LIST}count/")["Location"]
        assert "no campaign Kaos 1 Budi" in text_of(client.get(page))
        client.post(f"{page}save/", {"apply": "1"})
        do_work()
        budi.refresh_from_db()
        assert budi.campaign == kaos


class TestTheList:
    def test_it_says_what_each_rule_recognised_in_30_days(
        self, client_of: ClientOf, shop: Shop, other_shop: Shop, kaos: Campaign
    ) -> None:
        rule = CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos")
        for owner, days in ((shop, 1), (shop, 29), (shop, 31), (other_shop, 1)):
            CampaignTouch.objects.create(
                contact=owner.contact(), campaign=kaos, channel=owner.channel, rule=rule, method="keyword",
                at=timezone.now() - timedelta(days=days),
            )  # fmt: skip
        shown = {
            role: re.search(r"field-recognised_shown[^>]*>\s*(\d+)", client_of(role, shop).get(LIST).content.decode())
            for role in ("marketing", "cs_lead")
        }
        assert {role: found and found[1] for role, found in shown.items()} == {"marketing": "3", "cs_lead": "2"}

    def test_a_rule_for_another_teams_number_is_not_shown(
        self, client_of: ClientOf, shop: Shop, other_shop: Shop, kaos: Campaign
    ) -> None:
        for number, owner in (("punyaku", shop), ("punyamereka", other_shop)):
            CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern=number, channel=owner.channel)
        client = client_of("cs_lead", shop)
        assert "punyaku" in text_of(client.get(LIST))
        for page in (LIST, f"/admin/contacts/campaign/{kaos.pk}/change/"):
            assert "punyamereka" not in text_of(client.get(page))

    def test_more_rules_cost_no_more_queries(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign, django_assert_max_num_queries: Any
    ) -> None:
        client = client_of("marketing", shop)
        for number in range(30):
            CampaignRule.objects.create(
                campaign=CampaignFactory(), kind="keyword", pattern=f"kata{number}", channel=shop.channel
            )
        client.get(LIST)
        with django_assert_max_num_queries(16):
            client.get(LIST)


class TestWhoMay:
    @pytest.mark.parametrize(
        ("role", "may"),
        [
            ("owner", True),
            ("marketing", True),
            ("cs_lead", False),
            ("cs", False),
            ("analyst", False),
            ("auditor", False),
        ],
    )
    def test_only_who_may_change_rules_saves_one(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign, role: str, may: bool
    ) -> None:
        client = client_of(role, shop)
        response = client.post(f"{LIST}add/", form_of(kaos))
        assert response.status_code == (302 if may else 403)
        assert client.post(f"{LIST}count/").status_code == (302 if may else 403)
        assert client.get(LIST).status_code == 200
        assert ("Count what the rules would change" in text_of(client.get(LIST))) == may

    def test_nobody_reads_or_saves_the_draft_of_somebody_else(
        self, client_of: ClientOf, shop: Shop, kaos: Campaign
    ) -> None:
        page = draft(client_of("marketing", shop), kaos)
        other = client_of("marketing", shop)
        assert [other.get(page).status_code, other.post(f"{page}save/").status_code] == [404, 404]
        assert not CampaignRule.objects.exists()
        assert client_of("owner", shop).get(page).status_code == 200, "who sees everybody's work"

    def test_examples_are_named_only_to_who_sees_them(
        self, client_of: ClientOf, shop: Shop, other_shop: Shop, kaos: Campaign
    ) -> None:
        first_message(other_shop, "mau kaos", "Rahasia")
        client = client_of("cs_lead", shop)
        rights = Permission.objects.filter(codename__in=["add_campaignrule", "change_campaignrule"])
        client.user.user_permissions.add(*rights)  # type: ignore[attr-defined]
        text = text_of(client.get(draft(client, kaos)))
        assert "1 contact would have another campaign" in text
        assert "Rahasia" not in text

    def test_a_rule_is_never_deleted(self, client_of: ClientOf, shop: Shop, kaos: Campaign) -> None:
        rule = CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos")
        response = client_of("root", shop).post(f"{LIST}{rule.pk}/delete/", {"post": "yes"})
        assert response.status_code == 403
        assert CampaignRule.objects.exists()


class TestTryingAMessage:
    def test_it_says_which_rule_fires_and_why(self, client_of: ClientOf, shop: Shop, kaos: Campaign) -> None:
        CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="KAOS2")
        CampaignRule.objects.create(campaign=CampaignFactory(name="Kalah"), kind="keyword", pattern="mau", priority=200)
        CampaignRule.objects.create(campaign=CampaignFactory(name="Nyaris"), kind="keyword", pattern="dong1")
        text = text_of(client_of("cs", shop).post(f"{LIST}try/", {"text": "mau kaos2 dong15"}))
        assert "because “kaos2” is in the message, and the rule looks for “KAOS2”" in text
        assert re.search("Kalah : .*would match too, but has priority 200", text)
        assert "Nyaris : “dong1” is in “dong15”, but only whole words match" in text

    def test_for_htmx_the_answer_comes_alone(self, client_of: ClientOf, shop: Shop) -> None:
        client = client_of("cs", shop)
        alone = client.post(f"{LIST}try/", {"text": "halo"}, headers={"HX-Request": "true"}).content.decode()
        assert "No rule recognises this message" in alone
        assert "<form" not in alone
        assert "<form" in client.post(f"{LIST}try/", {"text": "halo"}).content.decode()

    def test_an_ad_a_number_and_a_day_can_be_tried(
        self, client_of: ClientOf, shop: Shop, other_shop: Shop, kaos: Campaign
    ) -> None:
        CampaignRule.objects.create(campaign=kaos, kind="ad", pattern="120", until="2026-03-31")
        client = client_of("cs_lead", shop)
        told = {"ad_id": "120", "channel": shop.channel.pk, "day": "31 Mar 2026"}
        assert "whose ad id is “120”" in text_of(client.post(f"{LIST}try/", told))
        assert "but not on this day: it holds until" in text_of(
            client.post(f"{LIST}try/", told | {"day": "1 Apr 2026"})
        )
        theirs = client.post(f"{LIST}try/", told | {"channel": other_shop.channel.pk})
        assert "Select a valid choice" in text_of(theirs)

    def test_nothing_of_the_message_is_kept(self, client_of: ClientOf, shop: Shop) -> None:
        before = (Job.objects.count(), AuditEntry.objects.count())
        client_of("cs", shop).post(f"{LIST}try/", {"text": "rahasia"})
        assert (Job.objects.count(), AuditEntry.objects.count()) == before


class TestFirstMessages:
    def page(self, client: Client) -> str:
        return client.get(reverse("admin:first-messages")).content.decode()

    def test_each_is_a_click_away_from_its_rule(self, client_of: ClientOf, shop: Shop) -> None:
        now = timezone.now()
        contact = shop.contact(name="Budi", first_inbound_at=now)
        message = shop.say(contact, "Halo, kode LBR26 ya")
        type(message).objects.filter(pk=message.pk).update(at=now)
        html = self.page(client_of("marketing", shop))
        link = re.search(r'href="(/admin/contacts/campaignrule/add/[^"]+)"', html)
        assert link is not None
        assert "Budi" in html
        form = client_of("marketing", shop).get(unescape(link[1])).content.decode()
        assert 'value="LBR26"' in form
        assert re.search(r'<option value="keyword" selected', form)

    def test_who_may_make_no_rule_is_offered_none(self, client_of: ClientOf, shop: Shop) -> None:
        contact = shop.contact(first_inbound_at=timezone.now())
        message = shop.say(contact, "kode LBR26")
        type(message).objects.update(at=contact.first_inbound_at)
        html = self.page(client_of("cs_lead", shop))
        assert "LBR26" in html
        assert "Make rule" not in html

    def test_another_teams_contacts_are_not_shown(self, client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
        contact = other_shop.contact(name="Rahasia", first_inbound_at=timezone.now())
        message = other_shop.say(contact, "pesan rahasia")
        type(message).objects.update(at=contact.first_inbound_at)
        html = self.page(client_of("cs_lead", shop))
        assert "ahasia" not in html
        assert "Rahasia" in self.page(client_of("marketing", shop))
