"""Learning from labelled chats: what may be learned from, what is held back, and what it is worth."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from contacts.models import Contact, Message
from labelcrm.core.models import Job, JobRun
from labels import jobs, tasks
from labels.models import CleanSpell, Label, LabelTextModel, LabelWord, SuggestionTraining
from labels.services import suggestion_training, text_fitting
from labels.services.suggestion_training import labelled_chats, split, train
from tests.factories import AgentFactory, ChannelFactory, ContactFactory
from tests.work import do_work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with override("en"):
        yield


NOW = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)
INSTALLED = pytest.mark.skipif(not text_fitting.is_installed(), reason="scikit-learn is not installed")
SCHOOL = ("kaos angkatan dong", "seragam angkatan kak", "buat angkatan kami", "angkatan sekolah nih")
STREET = ("topi polos", "tas kanvas", "mug custom", "stiker aja")


class Chats:
    """Contacts who wrote and then got a label."""

    def __init__(self) -> None:
        self.channel, self.agent, self.draw = ChannelFactory(), AgentFactory(), random.Random(7)
        self.hot, self.cold = (Label.objects.get(name_en=name) for name in ("Hot prospect", "Cold prospect"))

    def say(self, contact: Contact, text: str, *, at: datetime, **values: Any) -> Message:
        return Message.objects.create(
            contact=contact, channel=self.channel, external_id=f"{contact.pk}/{at.isoformat()}/{text[:40]}", text=text,
            **{"from_me": False, "at": at, "at_source": "whatsapp", "received_at": at, **values},
        )  # fmt: skip

    def label(self, contact: Contact, label: Label, *, at: datetime, **values: Any) -> CleanSpell:
        return CleanSpell.objects.create(
            contact=contact, label=label, started_at=at, channel=self.channel, agent=self.agent,
            **{"method": "channel_owner", "found": False, **values},
        )  # fmt: skip

    def chat(self, text: str, label: Label, *, days_ago: float) -> Contact:
        contact, at = ContactFactory(), NOW - timedelta(days=days_ago)
        self.say(contact, text, at=at)
        self.label(contact, label, at=at + timedelta(minutes=30))
        return contact

    def many(self, n: int = 300) -> None:
        for place in range(n):
            is_school = self.draw.random() < 0.4
            text = self.draw.choice(SCHOOL if is_school else STREET)
            self.chat(text, self.hot if is_school else self.cold, days_ago=90 - 80 * place / n)


@pytest.fixture
def chats() -> Chats:
    return Chats()


def test_a_chat_is_what_was_written_before_the_label_and_nothing_after(chats: Chats) -> None:
    contact = chats.chat("mau tanya", chats.hot, days_ago=3)
    at = NOW - timedelta(days=3)
    chats.say(contact, "ditanya balik", at=at + timedelta(minutes=5), from_me=True)
    chats.say(contact, "sudah transfer", at=at + timedelta(minutes=30))  # in the same moment as the label
    chats.say(contact, "makasih", at=at + timedelta(hours=2))
    [chat] = labelled_chats(NOW)
    assert [message.text for message in chat.messages] == ["mau tanya", "ditanya balik"]
    assert (chat.contact, chat.labels, chat.before) == (contact.pk, {chats.hot.pk}, ())
    assert chat.terms == {"mau", "tanya", "mau tanya"}


def test_labels_put_on_between_two_messages_are_one_moment(chats: Chats) -> None:
    contact = chats.chat("mau tanya", chats.hot, days_ago=3)
    at = NOW - timedelta(days=3)
    chats.label(contact, Label.objects.get(name="Grade A"), at=at + timedelta(minutes=40))
    chats.say(contact, "minta norek", at=at + timedelta(hours=1))
    waiting = Label.objects.get(name_en="Waiting payment")
    chats.label(contact, waiting, at=at + timedelta(hours=2))
    first, second = sorted(labelled_chats(NOW), key=lambda chat: chat.at)
    assert len(first.labels) == 2
    assert second.labels == {waiting.pk}
    assert {period.label for period in second.before} == set(first.labels)
    assert all(period.until is None for period in second.before)


def test_what_was_found_and_whoever_is_archived_or_wrote_nothing_teaches_nothing(chats: Chats) -> None:
    archived = chats.chat("mau tanya", chats.hot, days_ago=3)
    Contact.objects.filter(pk=archived.pk).update(deleted_at=NOW)
    found = ContactFactory()
    chats.say(found, "halo", at=NOW - timedelta(days=3))
    chats.label(found, chats.hot, at=NOW - timedelta(days=2), found=True)
    chats.label(ContactFactory(), chats.hot, at=NOW - timedelta(days=2))
    erased = chats.chat("", chats.hot, days_ago=2)
    ours = ContactFactory()
    chats.say(ours, "halo kak", at=NOW - timedelta(days=3), from_me=True)
    chats.label(ours, chats.hot, at=NOW - timedelta(days=2))
    assert labelled_chats(NOW) == []
    assert erased.pk


def test_the_latest_are_held_back_and_nobody_is_on_both_sides(chats: Chats) -> None:
    for days in range(10, 0, -1):
        chats.chat("halo", chats.hot, days_ago=days)
    twice = chats.chat("halo lagi", chats.hot, days_ago=9)
    chats.say(twice, "norek", at=NOW - timedelta(hours=5))
    chats.label(twice, chats.cold, at=NOW - timedelta(hours=4))
    learned_from, held_back = split(labelled_chats(NOW))
    assert len(held_back) == 2
    assert max(chat.at for chat in learned_from) < min(chat.at for chat in held_back)
    assert not {chat.contact for chat in learned_from} & {chat.contact for chat in held_back}


def test_no_model_knows_a_number_or_what_fewer_than_five_contacts_wrote(chats: Chats) -> None:
    chats_of = [(n, frozenset({"kaos", "budi"} if n < 4 else {"kaos", "siti"})) for n in range(9)]
    repeated = [(1, frozenset({"rahasia"}))] * 50  # one contact, many times
    assert text_fitting.vocabulary([*chats_of, *repeated]) == ["kaos", "siti"]


@INSTALLED
def test_a_model_is_used_where_it_beats_the_words(chats: Chats) -> None:
    chats.many()
    result = train(NOW, actor=None)
    assert result == {"state": "learned", "chats": 300, "used": 2}
    training = SuggestionTraining.objects.get()
    assert (training.learned_from, training.held_back) == (240, 60)
    hot = training.models.get(label=chats.hot)
    assert hot.used
    assert (hot.words_said, hot.model_said) == (0, hot.model_right)
    assert hot.model_right == hot.labelled > 15
    assert max(hot.weights["terms"], key=lambda term: hot.weights["terms"][term]) == "angkatan"
    assert not any(char.isdigit() for char in json.dumps(list(hot.weights["terms"])))
    train(NOW + timedelta(days=7), actor=None)
    assert SuggestionTraining.objects.count() == 1  # the words of the one before are gone


@INSTALLED
def test_where_the_words_do_as_well_no_model_is_kept(chats: Chats) -> None:
    for phrase, label in (("angkatan", chats.hot), *((text, chats.cold) for text in STREET)):
        word = LabelWord(label=label, phrase=phrase)
        word.clean()
        word.save()
    chats.many()
    assert train(NOW, actor=None)["used"] == 0
    assert [row.weights["terms"] for row in LabelTextModel.objects.all()] == [{}, {}]


@INSTALLED
def test_labels_that_have_nothing_to_do_with_the_words_make_no_model(chats: Chats) -> None:
    for place in range(300):
        label = chats.hot if chats.draw.random() < 0.5 else chats.cold
        chats.chat(chats.draw.choice((*SCHOOL, *STREET)), label, days_ago=90 - place / 4)
    assert train(NOW, actor=None)["used"] == 0


@INSTALLED
def test_of_few_chats_nothing_is_learned(chats: Chats) -> None:
    chats.many(50)
    assert train(NOW, actor=None) == {"state": "few", "chats": 50}
    assert not SuggestionTraining.objects.exists()


def test_without_the_library_the_job_says_so_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_fitting, "is_installed", lambda: False)
    job = jobs.train_suggestions(actor=None)
    do_work()
    job.refresh_from_db()
    assert (job.state, job.result) == (Job.State.DONE, {"state": "no_library"})
    assert "scikit-learn is not installed" in jobs.training_outcome(job)


def test_the_job_starts_once_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks.train_suggestions()
    tasks.train_suggestions()
    assert Job.objects.filter(kind=jobs.TRAIN.name).count() == 1
    assert JobRun.objects.get(job="train-suggestions").ok


def test_training_reads_in_few_queries(chats: Chats, django_assert_num_queries: Any) -> None:
    for days in (3, 2, 1):
        chats.chat("halo", chats.hot, days_ago=days)
    with django_assert_num_queries(2):
        assert len(labelled_chats(NOW)) == 3
    assert suggestion_training.MOST_SPELLS >= 1000
