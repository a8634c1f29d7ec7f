"""Case 48: thousands of events at once, drained side by side; and what two lanes do to one customer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction

from contacts.models import Channel, Contact, ContactMerge
from labelcrm.core import edits
from labels.models import ChannelLabel, Label, LabelAssignment, LabelEvent, LabelSpell
from labels.rules.fold import fold, generation_at, generations
from labels.services import folding, merging
from labels.services.channel_labels import name_placeholder
from labels.services.rebuilding import rebuild
from tests.adversarial.number import BUDI, BUDI_LID, SITI, Interval, Number, minutes, phone, states
from tests.services_plugin import is_full_run
from tests.work import remap_now
from webhooks.drain import inbox, lanes
from webhooks.models import InboundEvent, LaneMark

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS = 10_000 if is_full_run() else 1_200
CUSTOMERS = 40
LABELS = ("1", "2", "3", "4", "5")


def in_threads(*work: Callable[[], Any]) -> list[Any]:
    """Run side by side, each on a database connection of its own."""

    def alone(one: Callable[[], Any]) -> Any:
        try:
            return one()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(alone, one) for one in work]]


Told = tuple[int, str, str, str]  # second, "add" | "remove" | "save" | "delete", label, customer


def make_story(count: int, *, seed: int) -> list[Told]:
    source = random.Random(seed)
    return [
        (
            source.randrange(20_000),
            source.choices(["add", "remove", "save", "delete"], [60, 36, 3, 1])[0],
            source.choice(LABELS),
            phone(source.randrange(CUSTOMERS)),
        )
        for _ in range(count)
    ]


class _Fact:
    def __init__(self, pk: int, at: datetime, *, on: bool) -> None:
        self.id, self.at, self.on, self.key, self.origin = pk, at, on, f"{pk:06}", "live"


def expected(story: list[Told]) -> list[Interval]:
    """Intervals by the pure fold, one key at a time: what any order and any crowd must give."""
    when = {second: minutes(0) + timedelta(seconds=second) for second, *_ in story}
    rows: list[Interval] = []
    for label in LABELS:
        of_label = [told for told in story if told[2] == label]
        lives = generations(
            [when[s] for s, what, *_ in of_label if what == "delete"],
            lives=[when[s] for s, what, *_ in of_label if what in ("add", "save")],
        )
        for customer in {told[3] for told in of_label}:
            facts = [
                _Fact(n, when[s], on=what == "add")
                for n, (s, what, _, who) in enumerate(of_label)
                if who == customer and what in ("add", "remove")
            ]
            for life in lives:
                own = [fact for fact in facts if generation_at(fact.at, lives).number == life.number]
                folded = fold(own, deleted_at=life.ended_at)
                rows += [(f"+{customer}", label, i.opener.at, i.ended_at) for i in folded.intervals]
    return sorted(rows, key=_by_time)


def _by_time(row: Interval) -> tuple[Any, ...]:
    return (*row[:3], row[3] or datetime.max.replace(tzinfo=row[2].tzinfo))


def tell(number: Number, story: list[Told]) -> None:
    for second, what, label, customer in story:
        at = minutes(0) + timedelta(seconds=second)
        if what == "save":
            number.send(number.say.label_saved(label, name=f"Nama {label} {second % 3}", at=at))
        elif what == "delete":
            number.send(number.say.label_deleted(label, at=at))
        else:
            number.send(number.say.label_on_chat(customer, label, on=what == "add", at=at))


def test_case_48_four_lanes_drained_side_by_side_equal_the_oracle() -> None:
    """All four tell of the same customers."""
    gateways = ("waha", "gowa", "wuzapi", "generic")
    numbers = [Number(name, f"cs{n}", own=f"62812000000{n:02}") for n, name in enumerate(gateways)]
    stories = [make_story(EVENTS // 4, seed=n) for n in range(4)]
    in_threads(*(lambda n=number, s=story: tell(n, s) for number, story in zip(numbers, stories, strict=True)))
    in_threads(*(number.drain for number in [*numbers, *numbers]))  # two at every lane: one of them is turned away
    for number, story in zip(numbers, stories, strict=True):
        assert number.intervals() == expected(story)
    assert not InboundEvent.objects.exclude(state__in=["applied", "duplicate"]).exists()
    assert Contact.objects.count() == CUSTOMERS


def test_case_48_posts_that_arrive_while_lanes_are_drained_miss_nothing() -> None:
    numbers = [Number("gowa", f"cs{n}", own=f"62812000000{n:02}") for n in range(2)]
    stories = [make_story(EVENTS // 8, seed=10 + n) for n in range(2)]
    told = threading.Event()

    def keep_draining(number: Number) -> None:
        while not told.is_set() or inbox.has_pending(number.channel.pk):
            number.drain()
            time.sleep(0.005)

    def tell_all() -> None:
        in_threads(*(lambda n=number, s=story: tell(n, s) for number, story in zip(numbers, stories, strict=True)))
        told.set()

    in_threads(tell_all, *(lambda n=number: keep_draining(n) for number in numbers))
    for number, story in zip(numbers, stories, strict=True):
        assert number.intervals() == expected(story)


def test_case_48_lanes_that_learn_the_same_lids_at_once_make_one_contact_of_each() -> None:
    numbers = [Number("gowa", f"cs{n}", own=f"62812000000{n:02}") for n in range(4)]
    people = [(phone(n), f"{210987000000000 + n}@lid") for n in range(30)]
    for turn, number in enumerate(numbers):
        source = random.Random(turn)
        source.shuffle(people)
        for n, (who, lid) in enumerate(people):
            number.hear(number.say.label_on_chat(lid, "7", on=True, at=minutes(n + 1)))
            number.hear(number.say.label_on_chat(who, "8", on=True, at=minutes(n + 1)))
        source.shuffle(people)
        for n, (who, lid) in enumerate(people):
            number.hear(number.say.label_on_chat(who, "9", on=True, at=minutes(n + 50), chat_lid=lid))
    in_threads(*(number.drain for number in numbers))
    assert states() == ["applied"] * len(states())
    assert Contact.objects.count() == 30
    assert not Contact.objects.filter(phone="").exists()
    assert not LabelAssignment.objects.filter(contact__deleted_at__isnull=False).exists()
    assert not LabelEvent.objects.filter(contact__deleted_at__isnull=False).exists()
    assert [len(number.intervals()) for number in numbers] == [90] * 4


@contextmanager
def another_lane() -> Iterator[Any]:
    """A connection of its own, in a transaction that stays open."""
    parameters = connection.get_connection_params()
    told = {name: value for name, value in parameters.items() if name not in ("context", "cursor_factory")}
    with psycopg.connect(**told) as other:
        yield other


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.01)


def test_labels_of_a_contact_merged_while_its_lane_waits_go_to_the_survivor() -> None:
    number = Number("gowa")
    for chat in (BUDI, BUDI_LID):
        number.label(chat, "1", minutes(1))
    number.drain()
    survivor, merged = Contact.objects.get(phone=f"+{BUDI}"), Contact.objects.get(phone="")
    number.label(BUDI_LID, "2", minutes(2))
    lane = threading.Thread(target=lambda: in_threads(number.drain))
    with transaction.atomic():
        merging.merge(survivor_id=survivor.pk, merged_id=merged.pk, reason="lid_learnt", actor=None)
        lane.start()
        until(waits_for_a_lock)
    lane.join()
    assert ContactMerge.objects.count() == 1
    assert set(LabelEvent.objects.values_list("contact_id", flat=True)) == {survivor.pk}
    assert number.intervals() == [(f"+{BUDI}", "1", minutes(1), None), (f"+{BUDI}", "2", minutes(2), None)]


def test_two_lanes_that_learn_one_lid_at_once_merge_it_once() -> None:
    numbers = [Number("gowa", f"cs{n}", own=f"62812000000{n:02}") for n in range(2)]
    for chat in (BUDI, BUDI_LID):
        numbers[0].label(chat, "1", minutes(1))
    numbers[0].drain()
    for number in numbers:
        number.label(BUDI, "2", minutes(2), chat_lid=BUDI_LID)
    with another_lane() as other:
        other.execute("SELECT 1 FROM contacts_contact ORDER BY id FOR NO KEY UPDATE")
        drains = threading.Thread(target=lambda: in_threads(*(number.drain for number in numbers)))
        drains.start()
        until(waits_for_a_lock)
        time.sleep(0.2)
        other.commit()
        drains.join()
    assert ContactMerge.objects.count() == 1
    assert Contact.objects.count() == 1


def test_a_deadlock_with_somebody_else_costs_the_lane_a_moment_and_no_row() -> None:
    number = Number("gowa")
    for chat in (BUDI, SITI):
        number.label(chat, "1", minutes(1))
    number.drain()
    first, second = Contact.objects.order_by("id").values_list("id", flat=True)
    for chat in (BUDI, SITI):
        number.label(chat, "1", minutes(5), on=False)
    with another_lane() as other:
        other.execute("SET deadlock_timeout = '60s'")  # so that it is the lane that is chosen to end it
        other.execute("SELECT 1 FROM contacts_contact WHERE id = %s FOR UPDATE", [second])
        lane = threading.Thread(target=lambda: in_threads(number.drain))
        lane.start()
        until(waits_for_a_lock)
        other.execute("SELECT 1 FROM contacts_contact WHERE id = %s FOR UPDATE", [first])
        other.commit()
        lane.join()
    assert [removed for _, removed in number.spans()] == [minutes(5)] * 2
    assert set(InboundEvent.objects.values_list("state", "attempts")) == {("applied", 1)}
    assert not LaneMark.objects.exists()


def test_a_deadlock_with_somebody_else_costs_a_rebuild_a_moment() -> None:
    number = Number("gowa")
    for chat in (BUDI, SITI):
        number.label(chat, "1", minutes(1))
    number.drain()
    first, second = Contact.objects.order_by("id").values_list("id", flat=True)
    LabelAssignment.objects.all().delete()
    with another_lane() as other:
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("SELECT 1 FROM contacts_contact WHERE id = %s FOR UPDATE", [second])
        worker = threading.Thread(target=lambda: in_threads(lambda: rebuild(write=True)))
        worker.start()
        until(waits_for_a_lock)
        other.execute("SELECT 1 FROM contacts_contact WHERE id = %s FOR UPDATE", [first])
        other.commit()
        worker.join()
    assert number.spans() == [(minutes(1), None)] * 2
    assert rebuild(write=False) == 0


def test_two_lanes_agree_on_a_label_deleted_while_its_customers_change() -> None:
    """The first lane ends a label on customers whom the second one is just changing."""
    numbers = [Number("gowa", f"cs{n}", own=f"62812000000{n:02}") for n in range(2)]
    people = [phone(n) for n in range(60)]
    for number in numbers:
        number.hear(number.say.label_saved("7", name="Grade A", at=minutes(0)))
        for who in people:
            number.label(who, "7", minutes(1))
        number.drain()
    for turn in range(4):
        at = 10 * (turn + 1)
        doing, other = numbers[turn % 2], numbers[1 - turn % 2]
        doing.hear(doing.say.label_deleted("7", at=minutes(at)))
        doing.hear(doing.say.label_saved("7", name="Grade B", at=minutes(at + 0.1)))
        for n, who in enumerate(people):
            other.label(who, "8", minutes(at), on=n % 2 == turn % 2)
            doing.label(who, "7", minutes(at + 1))
        in_threads(doing.drain, other.drain)
    assert not InboundEvent.objects.filter(state__in=["pending", "parked"]).exists()


@contextmanager
def batch_in_flight(number: Number) -> Iterator[None]:
    """All pending rows of a number are settled, and committed when the block ends."""
    rows = inbox.next_rows(number.channel.pk, lanes.BATCH)
    with transaction.atomic():
        lanes.settle(number.channel.pk, rows)
        yield


def meanwhile(number: Number, work: Callable[[], Any]) -> None:
    """Do `work` while a batch of the number is in flight; it ends before the commit, or waits for it."""
    worker = threading.Thread(target=lambda: in_threads(work))
    with batch_in_flight(number):
        worker.start()
        until(lambda: waits_for_a_lock() or not worker.is_alive())
    worker.join()


def test_a_label_mapped_while_its_lane_works_means_the_same_everywhere() -> None:
    number = Number("gowa")
    number.take(number.say.label_saved("7", name="Grade A", at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    label, row = Label.objects.get(name="Grade B"), ChannelLabel.objects.get()
    meanwhile(number, lambda: remap_now(channel_label=row, label=label, since=None, actor=None))
    assert LabelAssignment.objects.get().label == LabelSpell.objects.get().label == label
    assert rebuild(write=False) == 0


def test_a_placeholder_named_while_its_lane_works_has_that_name_everywhere() -> None:
    number = Number("gowa")
    number.label(SITI, "7", minutes(1))
    number.drain()
    number.label(BUDI, "7", minutes(2))
    row = ChannelLabel.objects.get()
    meanwhile(number, lambda: name_placeholder(channel_label=row, name="Hot", actor=None))
    assert set(LabelAssignment.objects.values_list("channel_label_name", "label__name")) == {("Hot", "Prospek panas")}
    assert rebuild(write=False) == 0


def test_a_session_that_a_person_sets_while_the_lane_is_at_work_stays_set(monkeypatch: pytest.MonkeyPatch) -> None:
    number = Number("waha")
    number.label(BUDI, "7", minutes(1))

    def take_over() -> None:
        edits.change(Channel.objects.get(), actor=None, origin="admin", session="lain")

    worker = threading.Thread(target=lambda: in_threads(take_over))
    honest = lanes.parse

    def parse_in_between(*given: Any) -> Any:
        if worker.ident is None:
            worker.start()
            until(lambda: waits_for_a_lock() or not worker.is_alive())
        return honest(*given)

    monkeypatch.setattr(lanes, "parse", parse_in_between)
    number.drain()
    worker.join()
    assert Channel.objects.get().session == "lain"


def test_a_rebuild_beside_a_lane_at_work_takes_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    number = Number("gowa")
    number.label(BUDI, "7", minutes(1))
    number.label(BUDI, "7", minutes(2), on=False)
    number.drain()
    number.label(BUDI, "7", minutes(3))
    read, committed = threading.Event(), threading.Event()
    honest = folding._stored

    def stored_after_the_commit(keys: Any) -> Any:
        read.set()
        committed.wait(20)
        return honest(keys)

    worker = threading.Thread(target=lambda: in_threads(lambda: rebuild(write=True)))
    with batch_in_flight(number):
        monkeypatch.setattr(folding, "_stored", stored_after_the_commit)
        worker.start()
        until(lambda: waits_for_a_lock() or read.is_set())
    committed.set()
    worker.join()
    monkeypatch.undo()
    assert number.spans() == [(minutes(1), minutes(2)), (minutes(3), None)]
    assert rebuild(write=False) == 0
