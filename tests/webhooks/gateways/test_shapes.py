"""Reading JSON of which nothing is certain."""

from __future__ import annotations

from typing import Any

import pytest

from webhooks.gateways import kinds, protos, shapes
from webhooks.gateways.kinds import Verdict


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
    [("text", "text"), ("voice", "audio"), ("contacts", "contact"), ("image", "image"), ("interactive", "text"),
     ("system", ""), ("", "unknown"), (None, "unknown"), (7, "unknown")],
)  # fmt: skip
def test_a_word_of_metas_tells_the_kind(word: Any, kind: str) -> None:
    assert kinds.of_meta(word).kind == kind


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
        ({"associatedChildMessage": {"message": {"imageMessage": {}}}}, "image", ""),
        ({"viewOnceMessageV2": {}}, "other", ""),
        ({"senderKeyDistributionMessage": {}, "conversation": "Halo"}, "text", "Halo"),
        ({"imageMessage": {"caption": "Foto"}, "base64": "AAAA", "mediaUrl": "https://x.example"}, "image", "Foto"),
        ({"somethingNewMessage": {"text": "x"}}, "unknown", "x"),
    ],
)
def test_a_protobuf_message_is_opened(message: Any, kind: str, text: str) -> None:
    said = protos.verdict(message)
    assert said is not None
    assert (said.kind, protos.text(message)) == (kind, text)


def test_an_unknown_type_keeps_its_own_name() -> None:
    said = protos.verdict({"messageContextInfo": {"x": 1}, "somethingNewMessage": {"x": 1}})
    assert said == Verdict("unknown", wire_type="somethingNewMessage")
    assert protos.verdict({"messageContextInfo": {}}) == Verdict("unknown", wire_type="messageContextInfo")


@pytest.mark.parametrize("message", [None, {}, [], "x", {"conversation": ""}, {"conversation": None}, {"base64": "x"}])
def test_a_message_without_content_has_no_verdict(message: Any) -> None:
    assert protos.verdict(message) is None


EDIT = {"protocolMessage": {"type": 14, "editedMessage": {"conversation": "Halo"}}}


@pytest.mark.parametrize(
    ("message", "notice"),
    [
        ({"protocolMessage": {"type": 0}}, "revoke"),
        ({"protocolMessage": {"type": "REVOKE"}}, "revoke"),
        ({"protocolMessage": {"type": 999}}, "protocol"),
        ({"protocolMessage": {}}, "protocol"),
        ({"senderKeyDistributionMessage": {"groupId": "x"}}, "keys"),
        ({"editedMessage": {"message": EDIT}}, "edit"),
        (EDIT, "edit"),
        ({"ephemeralMessage": {"message": {"protocolMessage": {"type": 3}}}}, "timer"),
        ({"reactionMessage": {"text": "", "key": {}}}, "reaction_removed"),
        ({"messageContextInfo": {"messageAssociation": {"associationType": 10}}, "imageMessage": {}}, "copy"),
    ],
)
def test_what_clients_tell_each_other_is_a_notice(message: Any, notice: str) -> None:
    assert protos.verdict(message) == Verdict(notice=notice)
