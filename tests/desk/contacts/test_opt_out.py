"""Opting out as people see it: the contact page, the way back, home, the list, and the words that do it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import Consent, Contact, OptOutWord
from contacts.services.contacts import edit_contact
from contacts.services.opt_out import settle
from labelcrm.core.models import AuditEntry
from labelcrm.core.roles import ROLES
from tests.desk.conftest import Shop
from tests.factories import THEN, UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
WORDS = "/admin/contacts/optoutword/"
WHO_CHOOSES = ("owner", "marketing")


def page(contact: Contact) -> str:
    return f"/admin/contacts/contact/{contact.pk}/"


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode()))


@pytest.fixture
def out(shop: Shop) -> Contact:
    """Siti, who wrote STOP ten minutes after THEN."""
    contact = shop.contact(name="Siti")
    stop = shop.say(contact, "STOP", minute=10)
    Consent.objects.create(contact=contact, given=False, at=stop.at, source="message", message=stop)
    settle([contact.pk])
    contact.refresh_from_db()
    return contact


def test_the_page_says_since_when_and_by_which_words(client_of: ClientOf, shop: Shop, out: Contact) -> None:
    text = text_of(client_of("cs", shop).get(page(out)))
    assert "No broadcasts: opted out since 2 Mar 2026, 10:10" in text
    assert "Wrote STOP to Number Rina." in text


def test_words_to_a_number_of_another_team_are_not_told(
    client_of: ClientOf, shop: Shop, other_shop: Shop, out: Contact
) -> None:
    other_shop.contact(phone="")
    out.on_channels.create(channel=other_shop.channel, first_seen_at=THEN)
    text = text_of(client_of("cs", other_shop).get(page(out)))
    assert "opted out since" in text
    assert "Wrote so to a number that you do not see." in text
    assert "STOP" not in text


@pytest.mark.parametrize(
    ("origin", "words"),
    [("admin", "Noted by Rina."), ("import", "A file that Rina imported"), ("api", "Noted through the API by Rina.")],
)
def test_the_page_says_who_noted_it_and_how(client_of: ClientOf, shop: Shop, origin: str, words: str) -> None:
    contact = shop.contact(name="Siti")
    edit_contact(contact, actor=UserFactory(first_name="Rina"), origin=origin, opted_out=True)
    assert words in text_of(client_of("cs", shop).get(page(contact)))


def test_the_way_back_needs_a_reason_which_the_page_keeps(client_of: ClientOf, shop: Shop, out: Contact) -> None:
    client = client_of("cs", shop)
    answer = client.post(f"{page(out)}opt-in/", {"reason": "  "}, follow=True)
    assert "Say why" in text_of(answer)
    assert Contact.objects.get(pk=out.pk).opted_out_at is not None
    answer = client.post(f"{page(out)}opt-in/", {"reason": "minta katalog lagi"}, follow=True)
    text = text_of(answer)
    assert "may get broadcasts again" in text
    assert "No broadcasts" not in text
    assert "Opted in again: minta katalog lagi" in text
    consent = Consent.objects.get(given=True)
    assert (consent.source, consent.reason, consent.recorded_by) == ("person", "minta katalog lagi", client.user)  # type: ignore[attr-defined]
    entry = AuditEntry.objects.get(object_id=out.pk, action="contact.changed")
    assert "katalog" not in str(entry.details)


def test_the_switch_opts_out_and_is_no_way_back(client_of: ClientOf, shop: Shop, out: Contact) -> None:
    client = client_of("cs", shop)
    assert 'name="opted_out"' not in client.get(page(out)).content.decode()
    client.post(f"{page(out)}change/", {"name": "Siti B"})
    out.refresh_from_db()
    assert (out.name, out.opted_out_at) == ("Siti B", THEN + timedelta(minutes=10))
    assert 'name="opted_out"' in client.get(page(shop.contact())).content.decode()


def test_who_may_not_change_contacts_or_see_them_lets_nobody_in(
    client_of: ClientOf, shop: Shop, other_shop: Shop, out: Contact
) -> None:
    assert "hear from us again" not in text_of(client_of("auditor").get(page(out)))
    for client, status in ((client_of("auditor"), 403), (client_of("cs", other_shop), 404)):
        assert client.post(f"{page(out)}opt-in/", {"reason": "x"}).status_code == status
    assert not Consent.objects.filter(given=True).exists()


def test_the_history_says_that_the_contact_opted_out(client_of: ClientOf, shop: Shop, out: Contact) -> None:
    text = text_of(client_of("owner", shop).get(f"{page(out)}history/"))
    assert "Opted out. opted out: – → 2 Mar 2026, 10:10" in text


def test_home_and_list_tell_who_opted_out_within_a_week(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    now = timezone.now()
    for name, ago in (("Siti", 1), ("Ana", 6.9), ("Tono", 7.1)):
        shop.contact(name=name, opted_out_at=now - timedelta(days=ago))
    other_shop.contact(name="Rahasia", opted_out_at=now)
    shop.channel.last_label_event_at = now
    shop.channel.save()
    home = client_of("cs", shop).get("/admin/").content.decode()
    found = re.search(r'<a href="([^"]+)"[^>]*><b data-number="opted_out">(\d+)</b> <span>([^<]+)', home)
    assert found is not None
    assert (found[2], found[3].strip()) == ("2", "contacts opted out")
    listed = client_of("cs", shop).get(found[1])
    assert {contact.name for contact in listed.context["cl"].result_list} == {"Siti", "Ana"}
    marketing = client_of("marketing").get("/admin/").content.decode()
    assert 'data-number="opted_out"' not in marketing  # it is a notice for who writes to them


# -- The words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_owner_and_marketing_choose_the_words(client_of: ClientOf, shop: Shop, role: str) -> None:
    client = client_of(role, shop)
    answer = client.post(f"{WORDS}add/", {"text": "Cukup, ya!"})
    assert (answer.status_code == 302) is OptOutWord.objects.filter(key="cukup ya").exists() is (role in WHO_CHOOSES)


def test_a_word_that_is_there_already_is_refused_in_the_form(client_of: ClientOf) -> None:
    answer = client_of("marketing").post(f"{WORDS}add/", {"text": " stop!! "})
    assert "“STOP” is there already." in text_of(answer)


def test_words_are_changed_archived_and_each_leaves_its_audit_row(client_of: ClientOf) -> None:
    client, stop = client_of("marketing"), OptOutWord.objects.get(key="stop")
    client.post(f"{WORDS}{stop.pk}/change/", {"text": "Setop"})
    client.post(WORDS, {"action": "archive_rows", "_selected_action": [stop.pk]})
    stop.refresh_from_db()
    assert (stop.text, stop.key, stop.is_archived) == ("Setop", "setop", True)
    actions = AuditEntry.objects.filter(object_type="contacts.optoutword").order_by("id")
    assert list(actions.values_list("action", "object_name")) == [
        ("optoutword.changed", "Setop"), ("optoutword.archived", "Setop"),
    ]  # fmt: skip
