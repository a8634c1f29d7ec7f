"""Opting out by a message: which words do it, since when, and that no order of posts makes a difference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from contacts.models import Channel, Consent, Contact, Message, OptOutWord
from contacts.services.contacts import edit_contact
from labelcrm.core import edits
from labelcrm.core.models import AuditEntry
from labelcrm.lib.text import folded, said, words_of
from labels.services import merging
from tests.adversarial.number import BUDI, MON, Number
from tests.factories import ChannelFactory, UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge
from tests.webhooks.telling import message, minutes, person, tell
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db
CHAT = person("+6281290001111")
OTHER = person(lid="210987654321098")
LATER = minutes(60 * 24)


@pytest.fixture
def number() -> Channel:
    return ChannelFactory(key="cs1")


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(LATER, tick=False) as traveller:
        yield traveller


def says(number: Channel, text: str, at: float = 1, **more: Any) -> None:
    tell(number, message(more.pop("chat", CHAT), at, text=text, **more))


def budi() -> Contact:
    return Contact.objects.get(phone="+6281290001111")


# -- Which words ------------------------------------------------------------------------------------------------------

WORDS = ["stop", "berhenti", "unsubscribe", "jangan kirim lagi"]
# Neither letters nor digits: they dress a word and change nothing in it.
DRESS = st.text(st.sampled_from(" .,!?*_~…\n\t\u200e\xa0🙏🛑👍❤️-()'\""), max_size=6)


@given(word=st.sampled_from(WORDS), before=DRESS, between=DRESS, after=DRESS, shout=st.booleans())
def test_what_stands_around_a_word_makes_no_difference(
    word: str, before: str, between: str, after: str, shout: bool
) -> None:
    text = (word.upper() if shout else word).replace(" ", f" {between} ")
    assert said(f"{before}{text}{after}") == word


@given(st.text(st.sampled_from("stop STOP09_.,\n\x07é️‍­\u0301❶①✋❤🙏🛑👍🏽…—“”’１Ｓทั้")))
def test_the_short_way_to_what_is_said_is_as_good_as_the_long_one(text: str) -> None:
    assert said(text) == " ".join(words_of(folded(text)))


@given(word=st.sampled_from(WORDS), more=st.text(min_size=1, max_size=20), first=st.booleans(), glue=st.booleans())
def test_any_other_word_beside_it_makes_it_another_message(word: str, more: str, first: bool, glue: bool) -> None:
    if said(more):
        blank = "" if glue else " "
        assert said(f"{more}{blank}{word}" if first else f"{word}{blank}{more}") not in WORDS


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("STOP", True), ("stop", True), ("  *Stop!!* 🙏", True), ("ＳＴＯＰ", True), ("Berhenti.", True),
        ("Jangan   kirim lagi", True), ("jangan\nkirim lagi 🛑", True),
        ("jangan stop dulu ya", False), ("stop dulu ya kak", False), ("kirim lagi", False), ("stopkontak", False),
        ("s t o p", False), ("non-stop", False), ("stop 2", False), ("🛑", False), ("", False),
    ],
)  # fmt: skip
def test_a_message_must_be_the_word_and_nothing_else(number: Channel, text: str, out: bool) -> None:
    says(number, text)
    assert (budi().opted_out_at is not None) is out


def test_a_word_opts_out_from_when_it_was_written_with_consent_and_audit_row(number: Channel) -> None:
    says(number, "Halo", 1)
    says(number, "STOP", 5)
    contact, consent, stop = budi(), Consent.objects.get(), Message.objects.get(text="STOP")
    assert (contact.opted_out_at, contact.updated_at > LATER) == (minutes(5), True)
    assert (consent.contact, consent.given, consent.at) == (contact, False, minutes(5))
    assert (consent.source, consent.message, consent.recorded_by) == ("message", stop, None)
    [entry] = AuditEntry.objects.filter(action="contact.opted_out")
    assert (entry.object_id, entry.actor, entry.object_name) == (contact.pk, None, "")
    assert entry.details == {
        "origin": "message", "message": stop.pk, "changes": {"opted_out_at": [None, minutes(5).isoformat()]},
    }  # fmt: skip


def test_what_we_write_and_what_is_of_an_unknown_kind_opts_nobody_out(number: Channel) -> None:
    says(number, "STOP", from_me=True)
    says(number, "STOP", 2, kind="unknown", wire_type="hologram")
    assert budi().opted_out_at is None


def test_a_word_in_a_group_opts_nobody_out() -> None:
    bridge = Bridge()
    bridge.post("message", chat="120363041234567890@g.us", at=MON, message={"id": "g1", "text": "STOP"})
    bridge.post("message", chat=BUDI, at=MON, message={"id": "p1", "text": "halo"})
    bridge.drain()
    assert not Consent.objects.exists()
    assert InboundEvent.objects.filter(state="ignored").count() == 1


def test_a_caption_and_a_tapped_button_are_words_too(number: Channel) -> None:
    says(number, "Stop", kind="button")
    assert budi().opted_out_at == minutes(1)


# -- Whatever the order -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_several_words_opt_out_since_the_first_in_whatever_order_they_come(
    number: Channel, order: tuple[int, ...]
) -> None:
    for n in order:
        says(number, "STOP", 10 + n, message_id=f"M{n}")
    assert budi().opted_out_at == minutes(10)
    assert Consent.objects.count() == 3


def test_a_post_told_twice_and_replayed_opts_out_once() -> None:
    bridge = Bridge()
    for post in ("a", "b"):
        bridge.post("message", id=post, chat=BUDI, at=MON, message={"id": "p1", "text": "STOP"})
    bridge.drain()
    InboundEvent.objects.update(state="pending", reason="")
    bridge.drain()
    assert Consent.objects.count() == AuditEntry.objects.filter(action="contact.opted_out").count() == 1


def test_an_older_word_that_comes_late_does_not_undo_a_persons_opt_in(number: Channel, clock: Any) -> None:
    says(number, "STOP", 5)
    clock.move_to(minutes(20))
    edit_contact(budi(), actor=UserFactory(), origin="admin", opted_out=False, reason="minta katalog")
    says(number, "berhenti", 3)
    assert budi().opted_out_at is None
    assert Consent.objects.filter(given=False).count() == 2
    says(number, "stop", 30)
    assert budi().opted_out_at == minutes(30)


def test_an_older_word_dates_an_opt_out_by_hand_back_to_it(number: Channel) -> None:
    says(number, "Halo")
    edit_contact(budi(), actor=None, origin="api", opted_out=True)
    says(number, "STOP", 7)
    assert budi().opted_out_at == minutes(7)
    [entry] = AuditEntry.objects.filter(action="contact.opted_out")
    assert entry.details["changes"]["opted_out_at"] == [LATER.isoformat(), minutes(7).isoformat()]


def test_what_was_written_before_the_number_was_connected_counts() -> None:
    cloud = Number("cloudapi")
    long_ago = MON - timedelta(days=100)
    said_then = cloud.say.past("a", sender=BUDI, at=long_ago, text="Berhenti")
    cloud.take(cloud.say.history(cloud.say.thread(BUDI, said_then)))
    assert Contact.objects.get().opted_out_at == long_ago


def test_a_message_whose_words_come_later_counts_from_its_own_time(number: Channel) -> None:
    says(number, "", 5, message_id="M1", kind="waiting")
    says(number, "STOP", 5, message_id="M1")
    says(number, "STOP", 9, message_id="M1")
    assert (budi().opted_out_at, Consent.objects.count()) == (minutes(5), 1)


def test_words_that_another_content_of_the_message_forestalled_do_not_count(number: Channel) -> None:
    says(number, "Halo", 5, message_id="M1", history=True)
    says(number, "STOP", 5, message_id="M1")
    assert Message.objects.get().text == "Halo"
    assert budi().opted_out_at is None


def test_of_two_joined_the_words_go_back_with_the_one_who_wrote_them(number: Channel) -> None:
    says(number, "Halo")
    says(number, "Halo", 2, chat=OTHER)
    survivor, merged = Contact.objects.order_by("id")
    record = merging.merge(survivor_id=survivor.pk, merged_id=merged.pk, reason="by_hand", actor=None)
    says(number, "STOP", 9, chat=OTHER)
    survivor.refresh_from_db()
    assert survivor.opted_out_at == minutes(9)
    merging.unmerge(record=record, actor=None)
    survivor.refresh_from_db()
    merged.refresh_from_db()
    assert (survivor.opted_out_at, merged.opted_out_at) == (None, minutes(9))
    assert Consent.objects.get().contact == merged


def test_who_was_out_before_the_merge_stays_out_after_it_is_undone(number: Channel) -> None:
    says(number, "STOP", 3)
    says(number, "Halo", 2, chat=OTHER)
    survivor, merged = budi(), Contact.objects.get(phone="")
    record = merging.merge(survivor_id=survivor.pk, merged_id=merged.pk, reason="by_hand", actor=None)
    says(number, "STOP", 9, chat=OTHER)
    merging.unmerge(record=record, actor=None)
    assert [c.opted_out_at for c in Contact.objects.order_by("id")] == [minutes(3), minutes(9)]


# -- The words themselves ---------------------------------------------------------------------------------------------


def test_a_word_that_is_added_counts_from_then_on_and_one_in_the_archive_does_not(number: Channel) -> None:
    says(number, "cukup ya", 1)
    word = edits.create(OptOutWord, actor=None, origin="admin", text="Cukup, ya!")
    assert (budi().opted_out_at, word.key) == (None, "cukup ya")
    edits.archive(word, actor=None, origin="admin")
    says(number, "Cukup ya 🙏", 2)
    assert budi().opted_out_at is None
    edits.restore(word, actor=None, origin="admin")
    says(number, "Cukup ya 🙏", 3)
    assert budi().opted_out_at == minutes(3)


@pytest.mark.parametrize("text", ["", "ok", "🛑🛑🛑", "1", "Stop!", "jangan kirim LAGI"])
def test_a_word_says_something_and_is_not_there_already(text: str) -> None:
    with pytest.raises(ValidationError):
        edits.create(OptOutWord, actor=None, origin="admin", text=text)
    assert OptOutWord.objects.count() == 4


def test_a_word_comes_back_from_the_archive_unless_it_was_added_again() -> None:
    stop = edits.archive(OptOutWord.objects.get(key="stop"), actor=None, origin="admin")
    edits.create(OptOutWord, actor=None, origin="admin", text="Stop")
    with pytest.raises(ValidationError):
        edits.restore(stop, actor=None, origin="admin")


# -- Cost -------------------------------------------------------------------------------------------------------------


def queries(number: Channel, *texts: str, **more: Any) -> list[str]:
    events = [message(person(f"+62812{n:07}"), n, text=text, **more) for n, text in enumerate(texts)]
    with CaptureQueriesContext(connection) as found, transaction.atomic():
        tell(number, *events)
    return [query["sql"] for query in found if "optoutword" in query["sql"] or "consent" in query["sql"]]


def test_a_batch_asks_for_the_words_once_and_not_at_all_where_nobody_wrote(number: Channel) -> None:
    assert len(queries(number, *["Halo kak"] * 50)) == 1
    assert queries(number, *["STOP"] * 5, from_me=True) == []
    assert queries(number, "panjang sekali " * 20) == []


def test_a_batch_of_many_who_opt_out_costs_as_many_queries_as_one(number: Channel) -> None:
    assert len(queries(number, "STOP")) == len(queries(number, *["STOP"] * 40))
