"""WhatsApp addresses."""

from __future__ import annotations

from typing import Any

import pytest

from webhooks.gateways import jids
from webhooks.gateways.events import Chat, ChatKind

PHONE, LID = "+6281290001111", "210987654321098"

SHAPES: list[tuple[Any, ChatKind, str | None, str | None]] = [
    # a person by phone
    ("6281290001111@s.whatsapp.net", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111@c.us", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111@hosted", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111:12@s.whatsapp.net", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111:0@c.us", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111_1:12@s.whatsapp.net", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111.0:12@s.whatsapp.net", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111.1@s.whatsapp.net", ChatKind.PERSONAL, PHONE, None),
    ("+6281290001111@s.whatsapp.net", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111@S.WhatsApp.NET", ChatKind.PERSONAL, PHONE, None),
    (" 6281290001111@c.us ", ChatKind.PERSONAL, PHONE, None),
    ("6281290001111", ChatKind.PERSONAL, PHONE, None),
    ("+6281290001111", ChatKind.PERSONAL, PHONE, None),
    ("+62 812-9000-1111", ChatKind.PERSONAL, PHONE, None),
    ("+62 (812) 9000.1111", ChatKind.PERSONAL, PHONE, None),
    ("62\u00a0812\u20119000\u20111111", ChatKind.PERSONAL, PHONE, None),
    (6281290001111, ChatKind.PERSONAL, PHONE, None),
    ("2904567@s.whatsapp.net", ChatKind.PERSONAL, "+2904567", None),
    ("123456789012345@s.whatsapp.net", ChatKind.PERSONAL, "+123456789012345", None),
    # a person by LID
    ("210987654321098@lid", ChatKind.PERSONAL, None, LID),
    ("210987654321098:4@lid", ChatKind.PERSONAL, None, LID),
    ("210987654321098@hosted.lid", ChatKind.PERSONAL, None, LID),
    ("210987654321098@LID", ChatKind.PERSONAL, None, LID),
    # no person
    ("120363000000000001@g.us", ChatKind.GROUP, None, None),
    ("6281290001111-1600000000@g.us", ChatKind.GROUP, None, None),
    ("status@broadcast", ChatKind.STATUS, None, None),
    ("STATUS@broadcast", ChatKind.STATUS, None, None),
    ("1700000000@broadcast", ChatKind.BROADCAST, None, None),
    ("120363000000000002@newsletter", ChatKind.NEWSLETTER, None, None),
    ("0@s.whatsapp.net", ChatKind.OTHER, None, None),
    ("0@c.us", ChatKind.OTHER, None, None),
    ("867051314767696@bot", ChatKind.OTHER, None, None),
    ("13135550002@s.whatsapp.net", ChatKind.OTHER, None, None),
    ("13165550055@c.us", ChatKind.OTHER, None, None),
    ("123456@msgr", ChatKind.OTHER, None, None),
    ("123456@interop", ChatKind.OTHER, None, None),
    ("6281290001111@call", ChatKind.OTHER, None, None),
    # not readable
    ("", ChatKind.INVALID, None, None),
    ("   ", ChatKind.INVALID, None, None),
    ("@s.whatsapp.net", ChatKind.INVALID, None, None),
    ("@lid", ChatKind.INVALID, None, None),
    ("s.whatsapp.net", ChatKind.INVALID, None, None),
    ("a@b@c", ChatKind.INVALID, None, None),
    ("budi", ChatKind.INVALID, None, None),
    ("budi@s.whatsapp.net", ChatKind.INVALID, None, None),
    ("budi@lid", ChatKind.INVALID, None, None),
    ("081290001111", ChatKind.INVALID, None, None),
    ("081290001111@c.us", ChatKind.INVALID, None, None),
    ("12345", ChatKind.INVALID, None, None),
    ("1234567890123456", ChatKind.INVALID, None, None),
    ("6281290001111:xx@s.whatsapp.net", ChatKind.INVALID, None, None),
    ("\uff16\uff12\uff18\uff11\uff12@s.whatsapp.net", ChatKind.INVALID, None, None),
    ("6281290001111\n6281290002222", ChatKind.INVALID, None, None),
    ("6" * 10_000, ChatKind.INVALID, None, None),
    (None, ChatKind.INVALID, None, None),
    (True, ChatKind.INVALID, None, None),
    (6.28e12, ChatKind.INVALID, None, None),
    (-6281290001111, ChatKind.INVALID, None, None),
    (10**400, ChatKind.INVALID, None, None),
    ({"user": "6281290001111"}, ChatKind.INVALID, None, None),
    (["6281290001111"], ChatKind.INVALID, None, None),
]


@pytest.mark.parametrize(("raw", "kind", "phone", "lid"), SHAPES)
def test_an_address_is_read_for_what_it_names(raw: Any, kind: ChatKind, phone: str | None, lid: str | None) -> None:
    chat = jids.chat(raw)
    assert (chat.kind, chat.phone, chat.lid) == (kind, phone, lid)


def test_a_lid_learns_its_phone_from_an_alternate() -> None:
    chat = jids.chat(f"{LID}@lid", "6281290001111:3@s.whatsapp.net")
    assert (chat.raw, chat.phone, chat.lid) == (f"{LID}@lid", PHONE, LID)


def test_a_phone_learns_its_lid_from_an_alternate() -> None:
    assert jids.chat("6281290001111@c.us", None, "", f"{LID}@lid").lid == LID


def test_an_alternate_never_replaces_what_the_address_says() -> None:
    assert jids.chat("6281290001111@c.us", "6281290002222@c.us").phone == PHONE


def test_an_alternate_makes_no_person_of_a_group() -> None:
    assert jids.chat("120363000000000001@g.us", "6281290001111@c.us") == Chat(
        raw="120363000000000001@g.us", kind=ChatKind.GROUP
    )


def test_an_alternate_that_is_no_person_is_left_out() -> None:
    assert jids.chat(f"{LID}@lid", "0@s.whatsapp.net", "120363000000000001@g.us").phone is None


@pytest.mark.parametrize("number", ["6591234567", "85291234567", "818012345678", "5215512345678", "886912345678"])
def test_a_gateways_digits_are_international(number: str) -> None:
    """Gateways write the country code without a plus, whatever else the digits could mean at home."""
    for address in (number, f"+{number}", f"{number}@c.us", int(number)):
        assert jids.chat(address).phone == f"+{number}"


@pytest.mark.parametrize(
    "raw",
    ["6281290001111 (2)", "6281290001111.5", "+62 812-9000-1111 2", "6281290001111 6281290002222",
     "6281290001111 / 2", "6281290001111 ext 2", "+62812900011110000"],
)  # fmt: skip
def test_what_follows_a_number_is_not_glued_to_it(raw: str) -> None:
    assert jids.chat(raw).kind is ChatKind.INVALID


def test_a_floats_trace_is_no_digit() -> None:
    assert jids.chat("6281290001111.0").phone == PHONE


def test_old_and_new_form_of_a_number_are_no_contradiction() -> None:
    told = jids.chat("5215512345678@c.us", "525512345678@s.whatsapp.net", f"{LID}@lid")
    assert (told.phone, told.lid) == ("+5215512345678", LID)
    other = jids.chat("5215512345678@c.us", "525500000000@s.whatsapp.net", f"{LID}@lid")
    assert (other.phone, other.lid) == ("+5215512345678", None)
