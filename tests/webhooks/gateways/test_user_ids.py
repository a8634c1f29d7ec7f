"""Which texts are user ids and usernames."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webhooks.gateways.mutations import ODD_VALUES
from webhooks.gateways import user_ids
from webhooks.gateways.user_ids import UserId


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("ID.13491208655302741918", UserId("ID.13491208655302741918", is_parent=False)),
        ("ID.ENT.118157992128", UserId("ID.ENT.118157992128", is_parent=True)),
        (" id.aB1 ", UserId("ID.aB1", is_parent=False)),
        ("ID.ENT", UserId("ID.ENT", is_parent=False)),
        ("SG." + "9" * 128, UserId("SG." + "9" * 128, is_parent=False)),
    ],
)
def test_a_user_id_is_a_country_and_letters_and_digits(text: str, read: UserId) -> None:
    assert user_ids.read(text) == read


@pytest.mark.parametrize(
    "text",
    [
        *ODD_VALUES, "ID", "ID.", ".123", "IDN.123", "I.123", "ID.1.2", "ID.ENT.", "ID.ENT.1.2", "ID.12-3", "ID.²",
        "ID.١٢", "ID.1;DROP", "ID." + "9" * 129, "İD.12", "628123456789", "ID 123", "ID.1@s.whatsapp.net",
    ],
)  # fmt: skip
def test_everything_else_is_no_user_id(text: Any) -> None:
    assert user_ids.read(text) is None


@pytest.mark.parametrize("text", ["budi.kopi", "@budi.kopi", "b_1", "Budi99"])
def test_a_username_is_read_without_its_sign(text: str) -> None:
    assert user_ids.username(text) == text.removeprefix("@")


@pytest.mark.parametrize("text", ["", "@", "12345", "budi kopi", "<b>x", "бuдi", "a" * 61, "@@budi", None, 7, ["a"]])
def test_what_whatsapp_could_not_have_given_is_no_username(text: Any) -> None:
    assert user_ids.username(text) is None
