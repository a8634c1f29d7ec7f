"""The inbox: states, replay, and nothing that should stay secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.desk.conftest import Shop
from webhooks.models import InboundEvent

LIST = "/admin/webhooks/inboundevent/"
ClientOf = Callable[..., Client]


def event(shop: Shop, state: str = "applied", body: bytes = b'{"id": "1"}', reason: str = "") -> InboundEvent:
    return InboundEvent.objects.create(channel=shop.channel, state=state, body=body, reason=reason, headers={})


def test_a_lead_sees_the_events_of_the_own_numbers(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    mine, parked, foreign = event(shop), event(shop, "parked"), event(other_shop)
    client = client_of("cs_lead", shop)
    assert client.get(LIST).context["cl"].result_list == [parked, mine]
    assert client.get(LIST, {"state__exact": "parked"}).context["cl"].result_list == [parked]
    assert client.get(LIST, {"q": f"#{mine.pk}"}).context["cl"].result_list == [mine]
    assert client.get(f"{LIST}{foreign.pk}/change/").status_code == 302


def test_the_list_reads_no_bodies_and_counts_nothing(client_of: ClientOf, shop: Shop) -> None:
    event(shop)
    client = client_of("cs_lead", shop)
    with CaptureQueriesContext(connection) as queries:
        client.get(LIST)
    assert len(queries) <= 12
    statements = " ".join(query["sql"] for query in queries)
    assert '"webhooks_inboundevent"."body"' not in statements
    assert "COUNT(*)" not in statements


def test_the_content_is_shown_in_order_and_without_secrets(client_of: ClientOf, shop: Shop) -> None:
    row = event(
        shop, body=b'{"event": "label.added", "apikey": "RAHASIA", "payload": {"token": "RAHASIA", "x": "<b>"}}'
    )
    html = client_of("cs_lead", shop).get(f"{LIST}{row.pk}/change/").content.decode()
    assert "label.added" in html
    assert "RAHASIA" not in html
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize("body", [b"", b"\xff\xfe not json", b"[1, 2]"])
def test_any_content_can_be_shown(client_of: ClientOf, shop: Shop, body: bytes) -> None:
    assert client_of("owner").get(f"{LIST}{event(shop, body=body).pk}/change/").status_code == 200


def test_replay_says_how_many(client_of: ClientOf, shop: Shop) -> None:
    parked, emptied = event(shop, "parked"), event(shop, "ignored", body=b"")
    chosen = {"action": "replay_rows", "_selected_action": [parked.pk, emptied.pk]}
    html = client_of("cs_lead", shop).post(LIST, chosen, follow=True).content.decode()
    assert "1 event will be processed again." in html
    assert "no content any more" in html
    parked.refresh_from_db()
    assert parked.state in {"pending", "applied", "parked"}
    assert parked.reason == ""


def test_a_code_is_shown_as_its_sentence_and_found_by_it(client_of: ClientOf, shop: Shop) -> None:
    shop.channel.session = "cs1"
    shop.channel.save(update_fields=["session"])
    other, known = event(shop, "parked", reason="session:cs2"), event(shop, "duplicate", reason="known")
    client = client_of("cs_lead", shop)
    html = client.get(LIST).content.decode()
    assert "names the session “cs2”, this number&#x27;s is “cs1”" in html
    assert "known already" in html
    assert "names the session “cs2”" in client.get(f"{LIST}{other.pk}/change/").content.decode()
    found = {words: client.get(LIST, {"q": words}).context["cl"].result_list for words in ("already", "names", "cs2")}
    assert found == {"already": [known], "names": [other], "cs2": [other]}


def test_replay_is_not_for_everybody_and_not_for_other_teams(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    row = event(shop, "parked", reason="why")
    for client in (client_of("analyst"), client_of("cs_lead", other_shop)):
        client.post(LIST, {"action": "replay_rows", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert (row.state, row.reason) == ("parked", "why")


def test_nobody_adds_edits_or_deletes_what_came_in(client_of: ClientOf, shop: Shop) -> None:
    row = event(shop)
    client = client_of("root")
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{row.pk}/change/", {"state": "parked"}).status_code == 403
    assert (
        client.post(reverse("admin:webhooks_inboundevent_delete", args=(row.pk,)), {"post": "yes"}).status_code == 403
    )
