"""Who gets a brief when, and that nobody gets a second one."""

from __future__ import annotations

import json
import smtplib
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import override

from contacts.models import Contact, StaffNumber
from contacts.services import staff_numbers
from labelcrm.core.models import AuditEntry, JobRun, User
from tests.factories import ChannelFactory, ContactFactory, UserFactory
from tests.transfer.briefs.readers import MONDAY_7, PHONE, outbox, reader, switch_on
from tests.webhooks.gateways.sending import FakeGateway, answers_as, fake_gateway
from transfer.briefs import brief_outbox, brief_settings
from transfer.briefs.brief_outbox import GIVEN_UP, PAUSES, ask_now, queue_due, send_due
from transfer.briefs.models import BriefMessage, BriefPlan
from transfer.briefs.tasks import forget_old_briefs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[FakeGateway]:
    with fake_gateway(answers_as("waha")) as found:
        yield found


@pytest.fixture
def waha(server: FakeGateway) -> FakeGateway:
    server.answer, server.delay = answers_as("waha"), 0.0
    server.received.clear()
    switch_on(server)
    return server


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(MONDAY_7, tick=False) as found:
        yield found


@pytest.fixture
def mails(settings: Any) -> None:
    settings.EMAIL_HOST, settings.PUBLIC_URL = "mail.example", "https://crm.example"


def recipients(gateway: FakeGateway) -> list[str]:
    return [json.loads(received.body)["chatId"] for received in gateway.received]


# -- When -------------------------------------------------------------------------------------------------------------


def test_a_brief_goes_out_once_at_its_hour(waha: FakeGateway, clock: Any) -> None:
    user = reader()
    clock.move_to(MONDAY_7 - timedelta(seconds=1))
    assert send_due() == 0
    clock.move_to(MONDAY_7)
    assert send_due() == 1
    for minutes in (1, 60, 240):
        clock.move_to(MONDAY_7 + timedelta(minutes=minutes))
        assert send_due() == 0
    assert recipients(waha) == ["628123456789@c.us"]
    entry = AuditEntry.objects.get(action="brief.sent")
    assert (entry.details["user"], entry.details["way"]) == (user.pk, "whatsapp")
    clock.move_to(MONDAY_7 + timedelta(days=1))
    assert send_due() == 1


def test_nothing_is_sent_on_other_days(waha: FakeGateway, clock: Any) -> None:
    reader(weekdays=[1, 6])
    assert send_due() == 0
    clock.move_to(MONDAY_7 + timedelta(days=1))
    assert send_due() == 1


def test_nobody_gets_one_unasked(waha: FakeGateway, clock: Any) -> None:
    StaffNumber.objects.create(user=UserFactory(role="cs"), phone=PHONE, verified_at=MONDAY_7)
    assert send_due() == 0


def test_a_missed_hour_is_caught_up_until_noon(waha: FakeGateway, clock: Any) -> None:
    reader()
    clock.move_to(MONDAY_7 + timedelta(hours=4, minutes=59))
    assert send_due() == 1
    reader(phone="+628123456780")
    clock.move_to(MONDAY_7 + timedelta(days=1, hours=5))
    assert send_due() == 0
    clock.move_to(MONDAY_7 + timedelta(days=1, hours=23))
    assert send_due() == 0


def test_what_waited_over_noon_or_a_night_is_not_sent(waha: FakeGateway, clock: Any) -> None:
    reader()
    queue_due(timezone.now())
    clock.move_to(MONDAY_7 + timedelta(days=1))
    assert send_due() == 1
    assert outbox() == [("whatsapp", "failed", "too_late"), ("whatsapp", "sent", "")]


def test_an_hour_that_had_passed_when_it_was_chosen_waits_for_tomorrow(waha: FakeGateway, clock: Any) -> None:
    user = reader()
    clock.move_to(MONDAY_7 + timedelta(hours=1))
    BriefPlan.objects.filter(user=user).update(changed_at=timezone.now())
    assert send_due() == 0
    clock.move_to(MONDAY_7 + timedelta(days=1))
    assert send_due() == 1


def test_a_clock_that_jumps_sends_no_day_twice(waha: FakeGateway, clock: Any) -> None:
    reader()
    for days in (0, 40, 0, 1, 0, 40, 41):  # over the ends of months, and back
        clock.move_to(MONDAY_7 + timedelta(days=days))
        send_due()
    sent = [str(day) for day in BriefMessage.objects.filter(state="sent").values_list("day", flat=True)]
    assert sorted(sent) == ["2026-03-02", "2026-03-03", "2026-04-11", "2026-04-12"]
    assert len(waha.received) == 4


@pytest.mark.django_db(transaction=True)
def test_three_schedulers_at_once_send_one(waha: FakeGateway) -> None:
    """In threads of their own, each with its own connection."""
    with time_machine.travel(MONDAY_7, tick=True):
        reader()
        sent: list[int] = []
        go = threading.Barrier(3)

        def look() -> None:
            try:
                go.wait()
                sent.append(send_due())
            finally:
                connection.close()

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(sent) == [0, 0, 1]
    assert len(waha.received) == 1


def test_the_database_holds_one_brief_a_day_and_way(waha: FakeGateway) -> None:
    user = reader()
    row = {"user": user, "day": MONDAY_7.date(), "due_at": MONDAY_7}
    BriefMessage.objects.create(way="mail", **row)
    for wrong in ({"way": "mail"}, {"way": "whatsapp"}):  # a second one; one without a staff number
        with pytest.raises(IntegrityError), transaction.atomic():
            BriefMessage.objects.create(**row, **wrong)


# -- Never to a contact -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before it is queued", "between queue and sending"])
def test_who_is_a_contact_by_now_gets_none_and_is_told_why(waha: FakeGateway, clock: Any, when: str) -> None:
    reader()
    if when == "between queue and sending":
        queue_due(timezone.now())
    ContactFactory(phone=PHONE)
    assert send_due() == 0
    assert waha.received == []
    assert outbox() == [("whatsapp", "failed", "is_contact")]
    Contact.objects.update(deleted_at=timezone.now())
    clock.move_to(MONDAY_7 + timedelta(days=1))
    assert send_due() == 0, "an archived contact is one"
    assert waha.received == []


def test_the_number_is_asked_for_in_the_transaction_that_takes_the_row(
    waha: FakeGateway, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader()
    queue_due(timezone.now())
    seen: list[tuple[bool, str]] = []
    honest = staff_numbers.refusal

    def watched(phone: str, **more: Any) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE relation = 'transfer_briefmessage'::regclass"
                           " AND mode = 'RowShareLock' AND pid = pg_backend_pid()")  # fmt: skip
            held = cursor.fetchone()[0]
        seen.append((connection.in_atomic_block and bool(held), BriefMessage.objects.get().state))
        return honest(phone, **more)

    monkeypatch.setattr(staff_numbers, "refusal", watched)
    assert send_due() == 1
    assert seen == [(True, "waiting")]


def test_a_channels_own_number_gets_none(waha: FakeGateway, clock: Any) -> None:
    reader()
    ChannelFactory(own_phone=PHONE)
    assert send_due() == 0
    assert outbox() == [("whatsapp", "failed", "is_channel")]


def test_a_number_that_was_taken_back_or_changed_gets_none(waha: FakeGateway, clock: Any) -> None:
    user = reader()
    queue_due(timezone.now())
    staff_numbers.take_back(user.staff_number, actor=user)
    assert send_due() == 0
    assert outbox() == [("whatsapp", "failed", "no_number")]


@pytest.mark.parametrize("what", ["user", "right", "plan", "owner"])
def test_what_was_switched_off_meanwhile_is_not_sent(waha: FakeGateway, clock: Any, what: str) -> None:
    user = reader()
    queue_due(timezone.now())
    if what == "user":
        User.objects.update(is_active=False)
    elif what == "right":
        user.groups.clear()
    elif what == "plan":
        brief_settings.stop_plan(user.brief_plan, actor=user)
    else:
        brief_settings.change_settings(whatsapp=False, channel=None, actor=user)
    assert send_due() == 0
    assert waha.received == []
    assert outbox()[0][1] == "failed"


# -- Tries ------------------------------------------------------------------------------------------------------------


def test_what_certainly_did_not_go_out_is_tried_again(waha: FakeGateway, clock: Any) -> None:
    reader()
    waha.answer = lambda _: (422, {"status": "STARTING", "expected": ["WORKING"]})
    now = MONDAY_7
    for tries, pause in enumerate(PAUSES, 1):
        clock.move_to(now)
        assert send_due() == 0
        assert send_due() == 0, "not before the pause is over"
        assert len(waha.received) == tries
        assert outbox() == [("whatsapp", "waiting", "not_connected")]
        now += pause
    waha.answer = answers_as("waha")
    clock.move_to(now)
    assert send_due() == 1
    assert outbox() == [("whatsapp", "sent", "")]


def test_after_the_last_try_it_is_given_up(waha: FakeGateway, clock: Any) -> None:
    reader()
    waha.answer = lambda _: (503, {})
    for hours in range(5):
        for minute in range(0, 60, 2):
            clock.move_to(MONDAY_7 + timedelta(hours=hours, minutes=minute))
            send_due()
    assert len(waha.received) == len(PAUSES) + 1
    assert outbox() == [("whatsapp", "failed", "gateway_error")]


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [((400, {}), "failed", "refused"), ((504, b""), "unknown", "too_slow"), (None, "unknown", "broken_off")],
)
def test_what_was_refused_or_perhaps_went_out_is_never_tried_again(
    waha: FakeGateway, clock: Any, answer: Any, state: str, error: str
) -> None:
    reader()
    waha.answer = lambda _: answer
    for minutes in (0, 30, 120):
        clock.move_to(MONDAY_7 + timedelta(minutes=minutes))
        assert send_due() == 0
    assert len(waha.received) == 1
    assert outbox() == [("whatsapp", state, error)]
    assert not AuditEntry.objects.filter(action="brief.sent").exists()


def test_one_whose_sender_vanished_is_not_sent_again(waha: FakeGateway, clock: Any) -> None:
    reader()
    queue_due(timezone.now())
    assert brief_outbox.take(BriefMessage.objects.get().pk) is not None
    assert brief_outbox.take(BriefMessage.objects.get().pk) is None
    clock.move_to(MONDAY_7 + GIVEN_UP + timedelta(seconds=1))
    assert send_due() == 0
    assert outbox() == [("whatsapp", "unknown", "stopped_its_worker")]
    assert waha.received == []


def test_old_ones_are_forgotten_and_that_they_were_sent_is_not(waha: FakeGateway, clock: Any) -> None:
    reader()
    for days in (0, 1, 91):
        clock.move_to(MONDAY_7 + timedelta(days=days))
        send_due()
    forget_old_briefs()
    forget_old_briefs()
    assert sorted(str(day) for day in BriefMessage.objects.values_list("day", flat=True)) == [
        "2026-03-03", "2026-06-01",
    ]  # fmt: skip
    assert AuditEntry.objects.filter(action="brief.sent").count() == 3
    assert JobRun.objects.get(job="forget-old-briefs").result == {"briefs": 1}


def test_a_message_of_one_does_not_keep_the_others_waiting(waha: FakeGateway, clock: Any) -> None:
    reader(phone="+628123456701")
    reader(phone="+628123456702")
    ContactFactory(phone="+628123456701")
    assert send_due() == 1
    assert recipients(waha) == ["628123456702@c.us"]


# -- E-mail -----------------------------------------------------------------------------------------------------------


def test_a_brief_by_mail_and_by_whatsapp_are_two_messages(waha: FakeGateway, clock: Any, mails: None) -> None:
    reader(email="rina@example.com")
    assert send_due() == 2
    assert send_due() == 0
    [message] = mail.outbox
    assert (message.to, len(waha.received)) == (["rina@example.com"], 1)
    assert message.extra_headers["Message-ID"].endswith("@crm.example>")
    html = message.alternatives[0].content  # type: ignore[attr-defined]
    assert "https://crm.example/admin/" in html
    assert "https://crm.example/admin/" in message.body


def test_without_a_mail_server_the_row_says_so(clock: Any) -> None:
    reader(phone="", email="rina@example.com")
    assert send_due() == 0
    assert outbox() == [("mail", "failed", "no_mail")]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (smtplib.SMTPRecipientsRefused({"a@b.id": (550, b"no")}), "failed"),
        (smtplib.SMTPRecipientsRefused({"a@b.id": (450, b"later")}), "waiting"),
        (smtplib.SMTPDataError(554, b"spam"), "failed"),
        (smtplib.SMTPAuthenticationError(535, b"wrong"), "waiting"),
        (ConnectionRefusedError(), "waiting"),
        (TimeoutError(), "unknown"),
    ],
)
def test_what_the_mail_server_says_decides(
    clock: Any, mails: None, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str
) -> None:
    reader(phone="", email="a@b.id")

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
    assert send_due() == 0
    assert outbox()[0][1] == state


# -- At once ----------------------------------------------------------------------------------------------------------


def test_one_that_is_asked_for_counts_as_todays(waha: FakeGateway, clock: Any) -> None:
    user = reader(hour=9)
    ask_now(user)
    assert send_due() == 1
    with pytest.raises(ValidationError, match="already"):
        ask_now(user)
    clock.move_to(MONDAY_7 + timedelta(hours=2))
    assert send_due() == 0
    assert len(waha.received) == 1


def test_one_can_be_asked_for_in_the_afternoon_and_after_a_failure(waha: FakeGateway, clock: Any) -> None:
    user = reader()
    waha.answer = lambda _: (400, {})
    assert send_due() == 0
    clock.move_to(MONDAY_7 + timedelta(hours=8))
    waha.answer = answers_as("waha")
    ask_now(user)
    assert send_due() == 1


def test_one_that_perhaps_went_out_cannot_be_asked_for_again(waha: FakeGateway, clock: Any) -> None:
    user = reader()
    waha.answer = lambda _: None
    send_due()
    with pytest.raises(ValidationError, match="already"):
        ask_now(user)


def test_who_chose_no_way_is_told_to(clock: Any) -> None:
    with pytest.raises(ValidationError, match="way"):
        ask_now(reader(phone=""))
