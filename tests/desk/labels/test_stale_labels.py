"""The stale list: whose label is over its limit, most urgent first, and what a row's buttons do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact
from labels.models import CleanSpell, Label, StaleFlag, StaleSnooze
from labels.services import staleness
from tests.desk.conftest import Shop
from tests.factories import UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
LIST = "/admin/labels/staleflag/"
FETCHED = {"X-Requested-With": "fetch"}
NOW = datetime(2026, 3, 20, 3, 0, tzinfo=UTC)  # a Friday, 10:00 in Jakarta
ClientOf = Callable[..., Client]


def stale(shop: Shop, name: str = "Grade A", *, days: float = 9, contact: Contact | None = None) -> Contact:
    """A contact whose label is so many days old, and flagged."""
    contact, label = contact or shop.contact(), Label.objects.get(name=name)
    since = NOW - timedelta(days=days)
    CleanSpell.objects.create(
        contact=contact, label=label, channel=shop.channel, started_at=since, found=False, method="channel_owner"
    )
    staleness.flag_stale(NOW)
    return contact


@pytest.fixture(autouse=True)
def _on_friday() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def listed(response: Any) -> list[Contact]:
    return [line.contact for line in response.context["lines"]]


def act(client: Client, contact: Contact, do: str, **fields: Any) -> str:
    return client.post(f"{LIST}contact/{contact.pk}/", {"do": do, **fields}, headers=FETCHED).content.decode()


# -- The order --------------------------------------------------------------------------------------------------------


def test_the_most_urgent_contact_comes_first(client_of: ClientOf, shop: Shop) -> None:
    cold = stale(shop, "Prospek dingin", days=40)  # 10 days over, value 1
    waiting = stale(shop, "Menunggu pembayaran", days=6)  # 3 days over, value 4
    grade = stale(shop, "Grade A", days=9.5)  # 2.5 days over, value 6
    both = stale(shop, "Menunggu pembayaran", days=5)  # 2 days over, value 4, and
    stale(shop, "Grade B", days=17, contact=both)  # 3 days over, value 3
    assert listed(client_of("cs_lead", shop).get(LIST)) == [both, grade, waiting, cold]


def test_pages_meet_whatever_time_passes_between_them(
    client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.labels.stale_contacts.SIZE", 2)
    everybody = [stale(shop, "Grade A", days=days) for days in (30, 20, 20, 12, 9)]
    # Of higher value and younger: a day later it has overtaken, but this list is of today.
    young = stale(shop, "Komplain", days=2.1)
    client = client_of("cs_lead", shop)
    first = client.get(LIST)
    assert (first.context["newer"], listed(first)) == ("", [everybody[0], everybody[2]])
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        second = client.get(LIST + first.context["older"])
        third = client.get(LIST + second.context["older"])
        assert listed(second) + listed(third) == [everybody[1], everybody[3], everybody[4], young]
        assert third.context["older"] == ""
        back = client.get(LIST + third.context["newer"])
        assert listed(back) == listed(second)
        assert listed(client.get(LIST + back.context["newer"])) == listed(first)
        assert client.get(LIST + second.context["first"]).context["newer"] == ""


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WzEsMl0", "W251bGwsIDFlNDAwLCAxXQ", "WyIyMDI2LTAzLTIwIiwgMSwgMF0"])
def test_a_damaged_place_is_refused(client_of: ClientOf, shop: Shop, cursor: str) -> None:
    assert client_of("cs_lead", shop).get(LIST, {"after": cursor}).status_code == 400


def test_the_list_is_sorted_by_age_and_by_silence_too(
    client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.labels.stale_contacts.SIZE", 1)
    now = timezone.now()
    urgent = stale(shop, "Grade A", days=20)
    old = stale(shop, "Pertanyaan baru", days=24)
    silent = stale(shop, "Pertanyaan baru", days=5)
    for contact, hours in ((urgent, 1), (old, 50), (silent, 90)):
        at = now - timedelta(hours=hours)
        Contact.objects.filter(pk=contact.pk).update(first_seen_at=now - timedelta(days=99), last_inbound_at=at)
    Contact.objects.filter(pk=silent.pk).update(last_outbound_at=now - timedelta(hours=80))
    client = client_of("cs_lead", shop)

    def walked(query: str) -> list[Contact]:
        found, url = [], f"{LIST}?{query}"
        while url:
            page = client.get(url)
            found += listed(page)
            url = f"{LIST}{page.context['older']}" if page.context["older"] else ""
        return found

    assert walked("") == walked("order=urgency") == walked("order=nonsense") == [urgent, old, silent]
    assert walked("order=age") == [old, urgent, silent]
    assert walked("order=silence") == [silent, old, urgent]


def test_the_page_asks_the_same_number_of_queries_for_any_number_of_rows(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(LIST)
        return len(captured)

    shop.say(stale(shop), "Halo")
    few = queries()
    for name in ("Grade B", "Komplain", "Mendesak", "Grade C"):
        shop.say(contact := stale(shop, name, days=60), "Halo")
        stale(shop, "Grade A", contact=contact)
    assert queries() == few <= 15, "and two less for who sees everything"


# -- What a line says -------------------------------------------------------------------------------------------------


def test_a_line_says_labels_ages_limits_whose_and_the_last_message(client_of: ClientOf, shop: Shop) -> None:
    contact = stale(shop)
    shop.say(contact, "Mau pesan", minute=1)
    shop.say(contact, "Siap kak " * 30, minute=2, from_me=True)
    page = client_of("cs_lead", shop).get(LIST)
    html = page.content.decode()
    [line] = page.context["lines"]
    assert (line.owners, line.last.from_me) == (["CS Rina"], True)
    assert "9 days, limit 7" in html
    assert "2 days over" in html
    assert "Siap kak" in html
    assert "Mau pesan" not in html
    assert page.context["counted"] == "1 contact"


def test_filters_narrow_by_cs_label_age_and_words(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    ani, budi = stale(shop, days=20), stale(other_shop, "Komplain", days=3)
    client = client_of("cs_lead", shop, other_shop)
    everybody = client.get(LIST)
    assert everybody.context["counted"] == "2 contacts"
    assert [text for choices in everybody.context["filters"][:2] for _value, text in choices.choices] == [
        "CS Budi (1)", "CS Rina (1)", "Complain (1)", "Grade A (1)",
    ]  # fmt: skip
    for narrowed, found in [
        ({"cs": shop.agent.pk}, ani),
        ({"label": Label.objects.get(name="Komplain").pk}, budi),
        ({"age": 14}, ani),
        ({"q": budi.phone}, budi),
    ]:
        assert listed(client.get(LIST, narrowed)) == [found], narrowed
    assert "Nothing is found by that." in client.get(LIST, {"age": 90}).content.decode()


def test_a_list_of_several_pages_is_counted_when_it_has_come(
    client_of: ClientOf, shop: Shop, other_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.labels.stale_contacts.SIZE", 1)
    ani = stale(shop, days=20)
    stale(shop, "Komplain", contact=ani)
    stale(other_shop, "Komplain", days=3)
    client = client_of("cs_lead", shop, other_shop)
    page = client.get(LIST)
    assert page.context["counted"] == ""
    assert f'data-count-url="{page.context["count_url"]}"' in page.content.decode()
    offered = {choices.name: [text for _value, text in choices.choices] for choices in page.context["filters"]}
    assert offered["cs"] == ["CS Budi", "CS Rina"]
    assert {"Complain", "Grade A"} <= {*offered["label"]}
    told = client.get(page.context["count_url"]).json()
    complaint = str(Label.objects.get(name="Komplain").pk)
    assert told["text"] == "2 contacts · 3 labels"
    assert dict(told["choices"]["label"])[complaint] == "Complain (2)"
    assert [text for _value, text in told["choices"]["cs"]] == ["CS Budi (1)", "CS Rina (1)"]
    narrowed = client.get(f"{LIST}count/", {"label": complaint, "cs": shop.agent.pk}).json()
    assert (narrowed["text"], narrowed["choices"]) == ("1 contact", told["choices"]), "choices say what each has alone"
    theirs = client_of("cs_lead", other_shop).get(f"{LIST}count/").json()
    assert (theirs["text"], len(theirs["choices"]["cs"]), len(theirs["choices"]["label"])) == ("1 contact", 1, 1)
    assert client_of("cs_lead").get(f"{LIST}count/").json()["text"] == "0 contacts"


def test_a_team_sees_only_its_contacts_numbers_and_people(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    ours, theirs = stale(shop), stale(other_shop, days=30)
    shared = shop.contact()
    stale(other_shop, contact=shared, days=20)
    other_shop.say(shared, "rahasia")
    page = client_of("cs_lead", shop).get(LIST)
    assert listed(page) == [shared, ours]
    assert theirs not in listed(page)
    html = page.content.decode()
    assert "rahasia" not in html
    assert "CS Budi" not in html
    assert listed(client_of("cs_lead").get(LIST)) == []
    assert client_of("cs_lead", shop).post(f"{LIST}contact/{theirs.pk}/", {"do": "follow"}).status_code == 404


def test_settled_ones_are_listed_where_they_are_asked_for(client_of: ClientOf, shop: Shop) -> None:
    contact = stale(shop, "Grade B", days=20)
    client = client_of("cs_lead", shop)
    act(client, contact, "still")
    assert listed(client.get(LIST)) == []
    settled = client.get(LIST, {"state": "closed"}).content.decode()
    assert str(contact) in settled
    assert "still right" in settled
    page = client.get(f"{LIST}{StaleFlag.objects.get().pk}/change/").content.decode()
    assert f"Grade B · {contact}" in page


# -- Its buttons ------------------------------------------------------------------------------------------------------


def test_still_right_asks_for_a_reason_only_where_the_rule_asks(client_of: ClientOf, shop: Shop) -> None:
    valued, other = stale(shop), stale(shop, "Grade B", days=20)
    client = client_of("cs", shop)
    assert "Say why the label is still right." in act(client, valued, "still")
    assert not StaleSnooze.objects.exists()
    said = act(client, valued, "still", reason="Menunggu gajian")
    assert "Grade A: still right. The clock starts again today." in said
    assert "Grade B: still right." in act(client, other, "still")
    assert [snooze.reason for snooze in StaleSnooze.objects.order_by("id")] == ["Menunggu gajian", ""]
    assert not StaleFlag.objects.filter(closed_at__isnull=True).exists()
    with time_machine.travel(later := NOW + timedelta(days=15), tick=False):
        staleness.flag_stale(later)
        assert "Say why" in act(client_of("cs", shop), other, "still"), "said before"


def test_of_several_labels_only_the_chosen_are_still_right(client_of: ClientOf, shop: Shop) -> None:
    contact = stale(shop, "Grade B", days=20)
    stale(shop, "Menunggu pembayaran", contact=contact)
    client = client_of("cs_lead", shop)
    assert client.get(LIST).content.decode().count('name="flag"') == 2
    assert "no label was chosen" in act(client, contact, "still", several="1")
    kept = StaleFlag.objects.get(label__name="Grade B")
    html = act(client, contact, "still", several="1", flag=kept.pk)
    assert 'name="flag"' not in html, "one is left, of which nothing is to be chosen"
    assert "Grade B: still right." in html
    assert "Waiting payment" in html, "the line stays as long as something is stale"
    assert StaleFlag.objects.get(closed_at__isnull=True).label.name == "Menunggu pembayaran"


def test_a_follow_up_is_tomorrow_at_nine_and_can_be_undone(client_of: ClientOf, shop: Shop) -> None:
    contact = stale(shop)
    before = datetime(2026, 5, 1, 2, 0, tzinfo=UTC)
    Contact.objects.filter(pk=contact.pk).update(follow_up_at=before)
    client = client_of("cs", shop)
    said = act(client, contact, "follow")
    assert "Follow-up set for tomorrow" in said
    contact.refresh_from_db()
    assert contact.follow_up_at == datetime(2026, 3, 21, 2, 0, tzinfo=UTC), "09:00 in Jakarta"
    assert f'name="former" value="{before.isoformat()}"' in said
    act(client, contact, "unfollow", former=before.isoformat())
    contact.refresh_from_db()
    assert contact.follow_up_at == before
    act(client, contact, "unfollow", former="")
    contact.refresh_from_db()
    assert contact.follow_up_at is None


def test_without_javascript_a_button_leads_back_with_a_message(client_of: ClientOf, shop: Shop) -> None:
    contact = stale(shop)
    back = client_of("cs_lead", shop).post(f"{LIST}contact/{contact.pk}/?age=7", {"do": "follow"}, follow=True)
    assert back.redirect_chain == [(f"{LIST}?age=7", 302)]
    assert f"{contact}: Follow-up set for tomorrow" in back.content.decode()


def test_who_may_only_look_gets_no_buttons_and_no_answer(client_of: ClientOf, shop: Shop) -> None:
    contact = stale(shop)
    client = client_of("auditor", shop)
    assert 'name="do"' not in client.get(LIST).content.decode()
    for do in ("still", "follow", "unfollow"):
        assert client.post(f"{LIST}contact/{contact.pk}/", {"do": do, "reason": "x"}).status_code == 403
    assert client.post(f"{LIST}contact/{contact.pk}/", {"do": "x"}).status_code == 400


@pytest.mark.usefixtures("_front_store")
def test_the_contact_filter_finds_the_same() -> None:
    with time_machine.travel(datetime.now(UTC), tick=True):
        bridge = Bridge(agent="rina", team="Sales")
        bridge.save("1", "Grade A", at=NOW - timedelta(days=30))
        bridge.label("added", "1", "6281200000001", at=NOW - timedelta(days=9))
        bridge.label("added", "1", "6281200000002", at=NOW - timedelta(days=2))
        bridge.drain()
    staleness.flag_stale(NOW)
    lead = Client()
    lead.force_login(UserFactory(role="cs_lead", teams=[bridge.channel.team]))
    assert [contact.phone for contact in listed(lead.get(LIST))] == ["+6281200000001"]
    found = lead.get("/admin/contacts/contact/?stale=1").content.decode()
    assert "0000-0001" in found
    assert "0000-0002" not in found
