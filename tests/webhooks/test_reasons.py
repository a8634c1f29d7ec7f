"""Reasons that code asks for are codes; rows from before they were are converted, and back."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from contacts.models import Channel
from tests.factories import ChannelFactory
from webhooks.models import InboundEvent, session_named, session_reason

pytestmark = pytest.mark.django_db

migration = import_module("webhooks.migrations.0003_reasons_are_codes")
LONG = "x" * 299

# State, the sentence that stood there, and the code that stands there now.
CONVERTED = [
    ("duplicate", "known already", "known"),
    ("pending", "applied before", "applied_before"),
    ("parked", "names the session “cs2”, this channel's is “cs1”", "session:cs2"),
    ("parked", "names the session “”, this channel's is “cs1”", "session:"),
    ("parked", "names the session “a”, “b” 🔥 50%”, this channel's is “cs1”", "session:a”, “b” 🔥 50%"),
]
LEFT_ALONE = [
    ("applied", ""),
    ("ignored", "group"),
    ("parked", "WAHA sent the event “known already”, which is not known here."),
    ("parked", "The post has no readable label id."),
    ("parked", f"names the session “{LONG}"[:300]),  # cut off: which session it was is not known
]


@pytest.fixture
def channel() -> Channel:
    return ChannelFactory(session="cs1")


def reasons(rows: list[InboundEvent]) -> list[str]:
    return [InboundEvent.objects.get(pk=row.pk).reason for row in rows]


def stored(channel: Channel, state: str, reason: str) -> InboundEvent:
    """With a small id, whatever the tests before have used up: the migration walks over ids in steps."""
    pk = InboundEvent.objects.count() + 1
    return InboundEvent.objects.create(id=pk, channel=channel, state=state, reason=reason, body=b"{}", headers={})


def to_codes() -> None:
    migration.to_codes(apps, connection.schema_editor())


def test_sentences_of_before_become_codes_and_sentences_again(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "STEP", 2)
    rows = [stored(channel, state, sentence) for state, sentence, _ in CONVERTED]
    to_codes()
    assert reasons(rows) == [code for _, _, code in CONVERTED]
    to_codes()
    assert reasons(rows) == [code for _, _, code in CONVERTED]
    migration.to_sentences(apps, connection.schema_editor())
    assert reasons(rows) == [sentence for _, sentence, _ in CONVERTED]


def test_every_other_reason_stays_as_it_is(channel: Channel) -> None:
    rows = [stored(channel, state, reason) for state, reason in LEFT_ALONE]
    to_codes()
    migration.to_sentences(apps, connection.schema_editor())
    assert reasons(rows) == [reason for _, reason in LEFT_ALONE]


@pytest.mark.parametrize("named", ["cs2", "", "session:x", "a”b"])
def test_the_session_that_a_post_names_is_read_back(named: str) -> None:
    assert session_named(session_reason(named)) == named


def test_other_reasons_name_no_session() -> None:
    assert [session_named(reason) for _, reason in LEFT_ALONE] == [None] * len(LEFT_ALONE)
    assert len(session_reason("x" * 1000)) == 300
