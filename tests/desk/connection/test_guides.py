"""Guides name what the parsers read, and the documents say what the guides say."""

from __future__ import annotations

import json
import re

import pytest
from django.conf import settings

from desk.connection.guides import GUIDES, PLACEHOLDERS, fill
from desk.connection.handbook import FILES, document
from desk.templatetags.labelcrm import with_code
from webhooks.gateways import GATEWAYS
from webhooks.gateways.gowa.parse import VOCABULARY as GOWA
from webhooks.gateways.waha.parse import VOCABULARY as WAHA
from webhooks.gateways.wuzapi.parse import VOCABULARY as WUZAPI


def code_of(gateway: str) -> str:
    return "\n".join(step.code for step in GUIDES[gateway].steps)


def test_every_gateway_has_a_guide() -> None:
    assert GUIDES.keys() == GATEWAYS.keys()


@pytest.mark.parametrize("language", sorted(FILES))
def test_the_documents_are_written_from_the_guides(language: str) -> None:
    """After a change of guides or translations: manage.py gateway_docs."""
    stored = (settings.BASE_DIR / FILES[language]).read_text(encoding="utf-8")
    assert stored == document(language)


def test_both_documents_hold_the_same_settings() -> None:
    blocks = [re.findall(r"```\w+\n(.*?)```", document(language), re.DOTALL) for language in sorted(FILES)]
    assert blocks[0] == blocks[1]


def test_waha_is_asked_for_the_events_that_are_read() -> None:
    config = json.loads(next(step.code for step in GUIDES["waha"].steps if step.code.startswith("{")))["config"]
    assert set(config["webhooks"][0]["events"]) <= set(WAHA.readers)
    assert {event for event in WAHA.readers if event.startswith("label.")} <= set(config["webhooks"][0]["events"])
    assert set(config["ignore"]) == {"status", "groups", "channels", "broadcast"}


def test_wuzapi_is_asked_for_the_events_that_are_read() -> None:
    events = json.loads(GUIDES["wuzapi"].steps[1].code)["events"]
    assert set(events) <= set(WUZAPI.readers)


def test_evolution_is_asked_for_labels_messages_contacts_and_the_connection() -> None:
    config = json.loads(GUIDES["evolution"].steps[0].code)["webhook"]
    assert set(config["events"]) == {
        "LABELS_EDIT", "LABELS_ASSOCIATION", "MESSAGES_UPSERT", "CONTACTS_UPSERT", "CONNECTION_UPDATE",
    }  # fmt: skip
    assert config["webhookByEvents"] is False


def test_traps_are_named() -> None:
    assert "label.association" in GOWA.readers
    assert "WHATSAPP_WEBHOOK_IGNORE_JIDS=@g.us" in code_of("gowa")
    assert "readMessage: false" in code_of("wppconnect")
    assert "onSelfMessage: true" in code_of("wppconnect")
    assert "DATABASE_SAVE_DATA_CHATS=false" in code_of("evolution")
    assert "42P10" in str(GUIDES["evolution"].no_labels)
    assert "WEBJS" in str(GUIDES["waha"].no_labels)


@pytest.mark.parametrize("gateway", sorted(GUIDES))
def test_every_guide_says_where_to_post_and_only_known_placeholders(gateway: str) -> None:
    code = code_of(gateway)
    assert "{url}" in code
    assert set(re.findall(r"\{[a-z]+\}", code)) <= set(PLACEHOLDERS)
    if GATEWAYS[gateway].signature and gateway != "cloudapi":  # Meta's secret comes from Meta
        assert "{secret}" in code


def test_filling_leaves_the_braces_of_json_alone() -> None:
    assert fill('{"url": "{url}", "x": {}}', {"url": "U"}) == '{"url": "U", "x": {}}'


def test_marked_up_text_is_escaped_first() -> None:
    assert with_code("`<b>` & <i>") == "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"
