"""The list of unanswered chats: who waits, in which order, what each line says, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, ContactChannel, Message
from labelcrm.core.viewer import Viewer
from reports.selectors import unanswered_chats
from tests.desk.conftest import Shop
from tests.factories import THEN

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
