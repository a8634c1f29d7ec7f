"""The list of unanswered chats: who waits, in which order, what each line says, and what it costs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Channel, Contact, ContactChannel, Message
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from labelcrm.core.viewer import Viewer
from labels.models import Label
from labels.selectors.stale_contacts import value_of
from reports.selectors import unanswered_chats
from reports.selectors.unanswered_chats import UNLABELLED, UnansweredFilters, UnansweredPlace
from tests.desk.conftest import Shop, make_shop
from tests.factories import THEN, ContactFactory

ClientOf = Callable[..., Client]
URL = "/admin/unanswered/"
NOW = THEN + timedelta(days=1)


@pytest.fixture(autouse=True)
def _the_next_day() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def waiting(
    shop: Shop, name: str, *, label: Any = None, hours: float = 2, text: str = "halo kak", **values: Any
) -> Contact:
    """Somebody whose message is so many hours old."""
    contact = shop.contact(name=name, **values)
    at = NOW - timedelta(hours=hours)
    shop.say(contact, text, minute=int((at - THEN).total_seconds() // 60))
    ContactChannel.objects.filter(contact=contact).update(first_inbound_at=at, last_inbound_at=at)
    if label is not None:
        shop.put(contact, label)
    return contact


def names(response: Any) -> list[str]:
    return [line.chat.contact.name for line in response.context["lines"]]


def test_the_best_label_comes_first_then_who_has_waited_longest(client_of: ClientOf, shop: Shop) -> None:
    grade, cold, hot = (shop.whatsapp_label(name) for name in ("Grade A", "Prospek dingin", "Prospek panas"))
    waiting(shop, "Nobody's", hours=20)
    waiting(shop, "Cold", label=cold, hours=20)
    waiting(shop, "A, two hours", label=grade, hours=2)
    both = waiting(shop, "Hot and cold, three hours", label=hot, hours=3)
    shop.put(both, cold)
    response = client_of("cs_lead", shop).get(URL)
    assert names(response) == ["Hot and cold, three hours", "A, two hours", "Cold", "Nobody's"]
    assert response.context["counted"] == "4 contacts wait for an answer"


def test_who_was_answered_wrote_just_now_or_is_archived_does_not_wait(client_of: ClientOf, shop: Shop) -> None:
    answered = waiting(shop, "Answered")
    ContactChannel.objects.filter(contact=answered).update(last_outbound_at=NOW)
    waiting(shop, "Just now", hours=0.5)
    gone = waiting(shop, "Archived")
    Contact.objects.filter(pk=gone.pk).update(deleted_at=NOW)
    before = waiting(shop, "Wrote before the number was connected")
    ContactChannel.objects.filter(contact=before).update(has_history=True)
    before.messages.update(history=True)
    response = client_of("cs_lead", shop).get(URL)
    assert names(response) == []
    assert "Nobody waits for an answer." in response.content.decode()
    assert "0 contacts wait for an answer" in response.content.decode()


def test_a_line_says_what_was_written_and_what_it_may_be(client_of: ClientOf, shop: Shop) -> None:
    waiting(shop, "Siti", hours=3, text="kak minta norek dong <b>")
    html = client_of("cs_lead", shop).get(URL).content.decode()
    assert "kak minta norek dong &lt;b&gt;" in html
    assert "“norek” in the message of" in html
    assert "Waiting payment" in html
    assert "3 hours" in html
    assert "CS Rina" in html


def test_filters_narrow_it_by_cs_and_by_label(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    grade = shop.whatsapp_label("Grade A")
    waiting(shop, "Graded", label=grade)
    waiting(shop, "Plain")
    waiting(other_shop, "Budi's")
    waiting(other_shop, "Budi's number, assigned to Rina", assigned_to=shop.agent)
    client = client_of("root")
    assert set(names(client.get(URL, {"cs": shop.agent.pk}))) == {"Graded", "Plain", "Budi's number, assigned to Rina"}
    assert names(client.get(URL, {"label": grade.label_id})) == ["Graded"]
    assert "Graded" not in names(client.get(URL, {"label": "none"}))
    assert len(names(client.get(URL, {"cs": "²", "label": "-1"}))) == 4  # what is no value narrows nothing
    assert "Nothing is found by that." in client.get(URL, {"label": 99_999}).content.decode()


def test_another_team_sees_none_of_them(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    waiting(shop, "Rina's")
    assert names(client_of("cs_lead", other_shop).get(URL)) == []
    assert names(client_of("cs", shop).get(URL)) == ["Rina's"]
    assert names(client_of("cs_lead").get(URL)) == []


def test_pages_turn_both_ways_without_a_gap(client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.contacts.unanswered.SIZE", 2)
    grade = shop.whatsapp_label("Grade A")
    for place in range(5):
        waiting(shop, f"{place}", hours=10 if place in (1, 2, 3) else 12 - place, label=grade if place < 2 else None)
    client = client_of("cs_lead", shop)
    first = client.get(URL)
    second = client.get(URL + first.context["older"])
    third = client.get(URL + second.context["older"])
    assert [*names(first), *names(second), *names(third)] == ["0", "1", "2", "3", "4"]
    assert third.context["older"] == first.context["newer"] == ""
    assert names(client.get(URL + third.context["newer"])) == ["2", "3"]
    back = client.get(URL + second.context["newer"])
    assert (names(back), back.context["newer"]) == (["0", "1"], "")


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMiwzXQ", "WyJhIiwiYiIsImMiXQ", "bnVsbA", "²", "A" * 5000])
def test_a_damaged_cursor_is_a_bad_request(client_of: ClientOf, shop: Shop, cursor: str) -> None:
    assert client_of("cs_lead", shop).get(URL, {"after": cursor}).status_code == 400


def test_fifty_lines_take_twelve_queries_and_150_kilobytes(client_of: ClientOf, shop: Shop) -> None:
    grade = shop.whatsapp_label("Grade A")
    for place in range(60):
        waiting(shop, f"Pelanggan dengan nama panjang {place}", text="minta norek ya kak " * 20, label=grade)
    client = client_of("cs_lead", shop)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(URL)
    assert len(names(response)) == 50
    assert len(response.content) < 150_000
    assert len(queries) <= 12, [query["sql"][:120] for query in queries]


def test_home_counts_the_chats_that_the_list_shows(shop: Shop, other_shop: Shop) -> None:
    waiting(shop, "Rina's")
    waiting(other_shop, "Budi's")
    theirs = Viewer(teams=frozenset({shop.team.pk}), channels=frozenset({shop.channel.pk}))
    for viewer, number in ((Viewer(everything=True), 2), (theirs, 1), (Viewer(), 0)):
        listed = unanswered_chats.page(viewer, now=datetime.now(NOW.tzinfo), size=10)
        assert unanswered_chats.count(viewer, now=NOW) == len(listed[0]) == number


def test_who_has_no_name_is_called_by_the_number_as_people_write_it(client_of: ClientOf, shop: Shop) -> None:
    waiting(shop, "", phone="+6281234567890")
    html = client_of("cs_lead", shop).get(URL).content.decode()
    assert "+62 812-3456-7890" in html
    assert "+6281234567890" not in html


@pytest.mark.parametrize(("kind", "words"), [("image", "[a photo]"), ("sticker", "[a sticker]"), ("other", "[another")])
def test_a_message_without_text_is_named_in_words(client_of: ClientOf, shop: Shop, kind: str, words: str) -> None:
    contact = waiting(shop, "Siti", text="")
    Message.objects.filter(contact=contact).update(kind=kind)
    client = client_of("cs_lead", shop)
    for page in (URL, f"/admin/contacts/contact/{contact.pk}/"):
        assert words in client.get(page).content.decode()
        assert f"[{kind}]" not in client.get(page).content.decode()


# -- The order, against the definition --------------------------------------------------------------------------------


@pytest.fixture
def crowd(shop: Shop, other_shop: Shop) -> list[Contact]:
    """Contacts on one number or both, who wait on some, many since the same moment; with up to three labels each, some
    of them hidden, taken off, or only here."""
    dice = random.Random(1)
    here = make_shop("CRM")
    Channel.objects.filter(pk=here.channel.pk).update(gateway=CRM_GATEWAY, team=None)
    names = ("Grade A", "Prospek panas", "Prospek dingin", "Menunggu pembayaran", "Komplain")
    rows = [each.whatsapp_label(name) for each in (shop, other_shop, here) for name in names]
    hidden = [each.whatsapp_label("Pelanggan loyal", hidden=True) for each in (shop, other_shop)]
    crowd = []
    for _ in range(40):
        contact = ContactFactory(
            deleted_at=NOW if dice.random() < 0.05 else None, assigned_to=dice.choice((shop.agent, None, None))
        )
        for each in dice.choice(([shop], [other_shop], [shop, other_shop])):
            wrote = NOW - dice.choice((timedelta(hours=5), timedelta(minutes=dice.randrange(1, 3000))))
            ContactChannel.objects.create(
                contact=contact, channel=each.channel, first_seen_at=THEN,
                last_inbound_at=dice.choice((wrote, wrote, None)),
                last_outbound_at=dice.choice((None, None, wrote, wrote - timedelta(hours=1), NOW)),
                has_history=dice.random() < 0.2,
            )  # fmt: skip
            Message.objects.create(
                contact=contact, channel=each.channel, external_id=f"H{contact.pk}", from_me=False, at=wrote,
                at_source="whatsapp", received_at=wrote, history=dice.random() < 0.5,
            )  # fmt: skip
        for row in dice.sample([*rows, *hidden], dice.randrange(4)):
            shop.put(contact, row, hours=dice.choice((None, None, None, 1)))
        crowd.append(contact)
    return crowd


def slowly(viewer: Viewer, filters: UnansweredFilters) -> list[tuple[int, list[int]]]:
    """Who waits in which order, and on which numbers, from the definition."""
    found = []
    seen = set(Channel.objects.values_list("pk", flat=True)) if viewer.everything else viewer.channels
    for contact in Contact.objects.all():
        labels = {
            row.label
            for row in contact.assignments.select_related("label", "channel_label")
            if row.removed_at is None and not row.channel_label.hidden and row.channel_id in {*seen, viewer.crm}
        }
        links = [link for link in contact.on_channels.all() if link.channel_id in seen and waits(link)]
        if filters.agent is not None and contact.assigned_to_id != filters.agent:
            links = [link for link in links if contact.assigned_to_id is None and link.channel_id in filters.numbers]
        if filters.label is not None and not (
            filters.label in {each.pk for each in labels} if filters.label else not labels
        ):
            continue
        if links:
            at = min(link.last_inbound_at for link in links)
            value = max(map(value_of, labels), default=0)
            found.append((-value, at, contact.pk, sorted(link.channel_id for link in links)))
    return [(pk, channels) for _value, _at, pk, channels in sorted(found)]


def waits(link: ContactChannel) -> bool:
    at, answered = link.last_inbound_at, link.last_outbound_at
    if at is None or (answered is not None and answered >= at) or at > NOW - timedelta(hours=1):
        return False
    live = Message.objects.filter(contact=link.contact_id, channel=link.channel_id, at=at, from_me=False, history=False)
    return not link.has_history or live.exists()


def walked(viewer: Viewer, filters: UnansweredFilters) -> list[tuple[int, list[int]]]:
    """Everybody, page by page to the end and back again."""

    def turn(edge: list[Any], *, forward: bool) -> tuple[list[Any], bool]:
        place = [UnansweredPlace(chat.value, chat.at, chat.contact.pk) for chat in edge]
        return unanswered_chats.page(
            viewer, now=NOW, size=4, filters=filters, place=place[0] if place else None, forward=forward
        )

    chats, more = turn([], forward=True)
    pages = [chats]
    while more:
        chats, more = turn(chats[-1:], forward=True)
        pages.append(chats)
    for page in pages[-2::-1]:
        chats, more = turn(chats[:1], forward=False)
        assert [chat.contact for chat in chats] == [chat.contact for chat in page]
    assert len(pages) == 1 or not more
    return [(chat.contact.pk, chat.channels) for page in pages for chat in page]


@pytest.mark.usefixtures("crowd")
def test_the_list_equals_a_sort_of_all_who_wait(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    users = (
        client_of("owner"),
        client_of("cs_lead", shop),
        client_of("cs_lead", shop, other_shop),
        client_of("cs_lead"),
    )
    grade = Label.objects.get(name="Grade A").pk
    every = (
        UnansweredFilters(),
        UnansweredFilters(label=grade),
        UnansweredFilters(label=UNLABELLED),
        UnansweredFilters(agent=shop.agent.pk, numbers=[shop.channel.pk]),
        UnansweredFilters(agent=other_shop.agent.pk, numbers=[other_shop.channel.pk], label=grade),
    )
    for viewer, filters in product([viewer_of(client.user) for client in users], every):  # type: ignore[attr-defined]
        expected = slowly(viewer, filters)
        assert walked(viewer, filters) == expected
        assert unanswered_chats.count(viewer, now=NOW, filters=filters) == len(expected)
        assert expected or not viewer.everything, "each filter finds somebody"
        assert not expected or viewer.everything or viewer.teams


def test_a_list_of_several_pages_is_counted_when_it_has_come(
    client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.contacts.unanswered.SIZE", 2)
    for place in range(3):
        waiting(shop, f"{place}", label=shop.whatsapp_label("Grade A") if place == 0 else None)
    page = client_of("cs_lead", shop).get(URL, {"cs": shop.agent.pk})
    assert page.context["counted"] == ""
    count_url = page.context["count_url"]
    assert f'data-count-url="{count_url}"' in page.content.decode()
    assert client_of("cs_lead", shop).get(count_url).json() == {"text": "3 contacts wait for an answer"}
    assert client_of("cs_lead", shop).get(f"{URL}count/?label=none").json()["text"].startswith("2 ")
    assert client_of("cs_lead").get(count_url).json()["text"].startswith("0 ")
