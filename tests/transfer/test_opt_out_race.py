"""Somebody opts out in the very moment in which a file of theirs is sealed: two connections, both orders."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from contacts.models import Contact, Message
from contacts.services.contacts import ContactEdit, edit_contact, edit_contacts
from contacts.services.messages import NewMessage
from contacts.services.opt_out import hold_opt_outs, opt_out_by_words, reconsider
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import Job
from labels.services.merging import merge
from tests.api.story import Story
from tests.factories import TeamFactory
from tests.transfer.test_segment_exports import EVERYBODY, Market, done, left_out, names, steps
from transfer import pieces
from transfer.models import Export

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def market() -> Market:
    return Market(Story(team=TeamFactory(name="Sales")))


def by_hand(contact: Contact) -> None:
    edit_contact(contact, actor=None, origin="admin", opted_out=True)


def by_api(contact: Contact) -> None:
    edit_contact(contact, actor=None, origin="api", opted_out=True)


def by_file(contact: Contact) -> None:
    edit_contacts([ContactEdit(contact, {}, opted_out=True)], actor=None, origin="import")


def by_word(contact: Contact) -> None:
    message = Message.objects.get(contact=contact)
    told = NewMessage(
        contact_id=contact.pk, identity_id=0, channel_id=message.channel_id, external_id="", from_me=False,
        by_api=None, kind="text", text=message.text, at=message.at, at_source="whatsapp", received_at=message.at,
        ad=None, inbox_id=0,
    )  # fmt: skip
    opt_out_by_words([(told, message.pk)])


def by_merging(contact: Contact) -> None:
    other = Contact.objects.exclude(pk=contact.pk).get(opted_out_at__isnull=False)
    merge(survivor_id=contact.pk, merged_id=other.pk, reason="person", actor=None)


def by_parting(contact: Contact) -> None:
    reconsider(contact.pk, was=timezone.now())


@contextmanager
def beside(work: Callable[[], Any]) -> Iterator[threading.Thread]:
    """`work` on a connection of its own; what it raised is raised here."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(20)
    assert not errors, errors
    assert not thread.is_alive()


def known(market: Market, count: int) -> list[Contact]:
    return [market.story.contact(name=f"Budi {n}") for n in range(count)]


def ready_to_seal(market: Market) -> Export:
    """An export of which only the last step is missing."""
    export = market.start(market.segment(EVERYBODY))
    steps(export, 2)
    job = Job.objects.get(export=export)
    assert (job.state, job.progress) == (Job.State.RUNNING, job.total)
    return export


@pytest.mark.parametrize("opt_out", [by_hand, by_api, by_file, by_word, by_merging, by_parting])
def test_an_opt_out_that_commits_while_a_file_is_sealed_is_in_time(
    market: Market, opt_out: Callable[[Contact], None]
) -> None:
    """It was written before the export's last look and is committed after it began: the export waits for it."""
    people = known(market, 3)
    market.story.message(people[1], "STOP")
    market.story.contact(name="Not in the file", opted_out_at=timezone.now())
    export = ready_to_seal(market)
    written, commit = threading.Event(), threading.Event()

    def opting_out() -> None:
        with transaction.atomic():
            opt_out(Contact.objects.get(pk=people[1].pk))
            written.set()
            assert commit.wait(10)

    with beside(opting_out):
        assert written.wait(10)
        with beside(lambda: core_jobs.run(export.job_id or 0, seconds=0)) as sealing:
            sealing.join(0.3)
            assert sealing.is_alive(), "it was sealed beside somebody who is being opted out"
            commit.set()
    export = done(export)
    assert left_out(export) == {"opted_out": 2}
    assert names(export) == ["Budi 0", "Budi 2"]


def test_an_opt_out_after_the_last_look_waits_until_the_file_is_done(market: Market) -> None:
    [contact] = known(market, 1)
    opted_out = threading.Event()

    def opting_out() -> None:
        with transaction.atomic():
            by_hand(contact)
        opted_out.set()

    with transaction.atomic():
        assert hold_opt_outs()
        with_thread = threading.Thread(target=lambda: (opting_out(), connection.close()))
        with_thread.start()
        assert not opted_out.wait(0.3)
    assert opted_out.wait(10)
    with_thread.join(10)


def test_opt_outs_do_not_wait_for_each_other(market: Market) -> None:
    one, other = known(market, 2)
    with transaction.atomic():
        by_hand(one)
        with beside(lambda: by_hand(other)) as second:
            second.join(10)
            assert not second.is_alive()


def test_an_export_that_waits_too_long_for_an_opt_out_tries_again(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import may opt out thousands in one transaction: the export gives up its turn, and none of its tries."""
    monkeypatch.setattr(pieces, "_PATIENCE", 0.05)
    people = known(market, 2)
    export = ready_to_seal(market)
    with transaction.atomic():
        by_hand(people[0])
        with beside(lambda: core_jobs.run(export.job_id or 0, seconds=0)):
            pass
        job = Job.objects.get(export=export)
        assert (job.state, job.tries) == (Job.State.RUNNING, 0)
    assert names(done(export)) == ["Budi 1"]
