"""Reading JSON of which nothing is certain."""

from __future__ import annotations

from typing import Any

import pytest

from webhooks.gateways import kinds, protos, shapes


@pytest.mark.parametrize(
    ("value", "found"),
    [("7", "7"), (" 7 ", "7"), ("021", "021"), (7, "7"), (0, "0"), ("x" * 200, "x" * 200), (True, None), (1.5, None),
     ("", None), ("x" * 201, None), (None, None), ({}, None), (10**30, None)],
)  # fmt: skip
def test_an_id_is_a_short_text(value: Any, found: str | None) -> None:
    assert shapes.identifier(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("3EB0AA", "3EB0AA"),
        ("true_6281290001111@c.us_3EB0AA", "3EB0AA"),
        ("false_120363000000000001@g.us_3EB0AA_6281290001111@c.us", "3EB0AA"),
        ({"fromMe": True, "remote": "x@c.us", "id": "3EB0AA", "_serialized": "true_x@c.us_3EB0AA"}, "3EB0AA"),
        ({"_serialized": "true_x@c.us_3EB0AA"}, "3EB0AA"),
        ("my_own_id", "my_own_id"),
        (None, None),
        ({}, None),
    ],
)
def test_a_message_id_is_whatsapps_own(value: Any, found: str | None) -> None:
    assert shapes.message_id(value) == found


@pytest.mark.parametrize(
    "value", ["", "  ", "628129000", "+62 812-9000", "Você", "você", None, 7, "6281@s.whatsapp.net", "2109@lid"]
)
def test_what_names_nobody_is_no_name(value: Any) -> None:
    assert shapes.person(value) is None


def test_the_first_real_name_counts() -> None:
    assert shapes.person("6281290001111", " Ibu Sri ", "Sri") == " Ibu Sri "


@pytest.mark.parametrize(
    ("value", "found"),
    [(True, True), (False, False), ("true", True), (" FALSE ", False), (1, True), (0, False), (2, None), ("ya", None),
     (None, None), (1.0, None), ([], None)],
)  # fmt: skip
def test_a_yes_is_told_in_few_ways(value: Any, found: bool | None) -> None:
    assert shapes.boolean(value) is found


@pytest.mark.parametrize(
    ("word", "kind"),
    [("chat", "text"), ("ptt", "audio"), ("vcard", "contact"), ("imageMessage", "image"), ("poll_creation", "poll"),
     ("ciphertext", None), ("", None), (None, None), (7, None)],
)  # fmt: skip
def test_a_kind_is_known_by_many_words(word: Any, kind: str | None) -> None:
    assert kinds.of_word(word) == kind


@pytest.mark.parametrize(
    ("mime", "kind"),
    [
        ("image/jpeg", "image"),
        ("audio/ogg; codecs=opus", "audio"),
        ("application/pdf", "document"),
        ("", None),
        (7, None),
    ],
)
def test_a_media_type_tells_the_kind(mime: Any, kind: str | None) -> None:
    assert kinds.of_mime(mime) == kind


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ({"conversation": "Halo"}, "text", "Halo"),
        ({"extendedTextMessage": {"text": "Halo"}}, "text", "Halo"),
        ({"imageMessage": {"caption": "Foto", "jpegThumbnail": {}}}, "image", "Foto"),
        ({"messageContextInfo": {"x": 1}, "conversation": "Halo"}, "text", "Halo"),
        ({"ephemeralMessage": {"message": {"videoMessage": {"caption": "Video"}}}}, "video", "Video"),
        ({"documentWithCaptionMessage": {"message": {"documentMessage": {"caption": "Nota"}}}}, "document", "Nota"),
        ({"viewOnceMessageV2": {"message": {"imageMessage": {"url": "x"}}}}, "image", ""),
        ({"reactionMessage": {"text": "👍", "key": {}}}, "reaction", "👍"),
        ({"buttonsResponseMessage": {"selectedDisplayText": "Ya"}}, "text", "Ya"),
        ({"listResponseMessage": {"title": "Paket A"}}, "text", "Paket A"),
        ({"pollCreationMessageV3": {"name": "?"}}, "poll", ""),
        ({"somethingNewMessage": {"x": 1}}, None, ""),
        ({}, None, ""),
        (None, None, ""),
    ],
)
def test_a_protobuf_message_is_opened(message: Any, kind: str | None, text: str) -> None:
    assert (protos.kind(message), protos.text(message)) == (kind, text)


@pytest.mark.parametrize(
    "message",
    [
        {"protocolMessage": {"type": 0}},
        {"senderKeyDistributionMessage": {"groupId": "x"}},
        {"editedMessage": {"message": {"protocolMessage": {"type": 14, "editedMessage": {"conversation": "Halo"}}}}},
    ],
)
def test_what_clients_tell_each_other_is_housekeeping(message: Any) -> None:
    assert protos.is_housekeeping(message)


@pytest.mark.parametrize(
    "message", [None, {}, {"conversation": ""}, {"senderKeyDistributionMessage": {}, "conversation": "Halo"}]
)
def test_a_message_is_no_housekeeping(message: Any) -> None:
    assert not protos.is_housekeeping(message)
