"""`contacts/<id>/suggestion/`: which label a chat asks for, with its reason, to who sees the chat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from labels.models import Label
from tests.api.conftest import client_of
from tests.desk.conftest import Shop
from tests.desk.conftest import other_shop as other_shop
from tests.desk.conftest import shop as shop
from tests.factories import THEN, UserFactory

pytestmark = pytest.mark.django_db


def client(role: str, *shops: Shop) -> Any:
    return client_of(UserFactory(role=role, teams=[shop.team for shop in shops]))


@time_machine.travel(THEN + timedelta(hours=5), tick=False)
def test_it_tells_the_label_its_words_and_their_message(shop: Shop, django_assert_max_num_queries: Any) -> None:
    contact = shop.contact()
    message = shop.say(contact, "kak minta norek dong", minute=12)
    asking = client("cs", shop)
    with django_assert_max_num_queries(12):
        body = asking.get(f"/api/v1/contacts/{contact.pk}/suggestion/").json()
    assert body == {
        "suggestion": {
            "label": Label.objects.get(name="Menunggu pembayaran").pk, "label_name": "Menunggu pembayaran",
            "kind": "label", "sure": "certain", "found_by": "words", "message": message.pk,
            "message_at": "2026-03-02T10:12:00+07:00", "words": ["norek"],
            "reason": "“norek” in the message of 10:12",
        }
    }  # fmt: skip


def test_it_is_null_for_a_chat_that_asks_for_nothing(shop: Shop) -> None:
    contact = shop.contact()
    assert client("cs", shop).get(f"/api/v1/contacts/{contact.pk}/suggestion/").json() == {"suggestion": None}


def test_another_team_finds_no_contact(shop: Shop, other_shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "minta norek")
    assert client("cs_lead", other_shop).get(f"/api/v1/contacts/{contact.pk}/suggestion/").status_code == 404


def test_it_is_read_only(shop: Shop) -> None:
    contact = shop.contact()
    assert client("owner").post(f"/api/v1/contacts/{contact.pk}/suggestion/", {}).status_code == 405
