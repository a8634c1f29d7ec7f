"""The drain: one lane per channel, poison set aside, nothing processed twice, nothing left behind."""

from __future__ import annotations

import threading
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from contacts.models import Channel
from contacts.services.believed_times import Believed
from labelcrm.core.models import AuditEntry
from labels.models import LabelAssignment, LabelEvent
from tests.webhooks.generic import Bridge
from webhooks.drain import inbox, lanes
from webhooks.drain.parsing import Batch, JudgedRow, ParsedEvent, RawEvent
from webhooks.gateways.events import Envelope, Event, Ignored, NotUnderstood
from webhooks.models import InboundEvent, LaneMark

MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


pytestmark = pytest.mark.django_db


@pytest.fixture
def bridge() -> Bridge:
    return Bridge(agent="rina")


def label(bridge: Bridge, n: int) -> None:
    bridge.label("added", "5", f"62812{n:07}", at=MON + timedelta(minutes=n))


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in InboundEvent.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


class Poison:
    """Makes the drain stumble over chosen rows, as a fault of ours would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ids: int, error: Exception) -> None:
        self.tried: list[int] = []
        honest = lanes.settle

        def settle(channel_id: int, rows: Any) -> None:
            self.tried.append(len(rows))
            if any(row.id in ids for row in rows):
                raise error
            honest(channel_id, rows)

        monkeypatch.setattr(lanes, "settle", settle)


def test_a_poison_row_is_parked_with_its_reason_and_all_others_flow_on(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(40):
        label(bridge, n)
    poison = list(InboundEvent.objects.order_by("id").values_list("id", flat=True))[17]
    Poison(monkeypatch, poison, error=ValueError("a fault of ours"))
    bridge.drain()
    assert states() == {"applied": 39, "parked": 1}
    row = InboundEvent.objects.get(pk=poison)
    assert row.reason == "ValueError: a fault of ours"
    assert row.attempts >= lanes.MAX_TRIES
    assert LabelAssignment.objects.count() == 39
    assert not LaneMark.objects.exists()


def test_a_row_that_takes_its_worker_down_is_found_out_by_the_mark_it_left(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(8):
        label(bridge, n)
    killer = InboundEvent.objects.order_by("id").first()
    assert killer is not None
    Poison(monkeypatch, killer.pk, error=SystemExit())  # no handler of ours sees it, as with kill -9
    for _ in range(30):
        try:
            bridge.drain()
        except SystemExit:
            continue
        break
    assert states() == {"applied": 7, "parked": 1}
    killer.refresh_from_db()
    assert killer.reason == "stopped its worker 5 times"


def test_a_row_that_takes_longer_than_a_statement_may_stops_no_lane(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        label(bridge, n)
    slow = InboundEvent.objects.latest("id").pk
    honest = lanes.settle

    def settle(channel_id: int, rows: Any) -> None:
        if any(row.id == slow for row in rows):
            lanes.execute("SET LOCAL statement_timeout = 1", [])
            lanes.execute("SELECT pg_sleep(10)", [])
        honest(channel_id, rows)

    monkeypatch.setattr(lanes, "settle", settle)
    bridge.drain()
    assert states() == {"applied": 3, "parked": 1}
    assert "statement timeout" in InboundEvent.objects.get(pk=slow).reason


def test_a_lost_database_is_no_fault_of_the_rows(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    label(bridge, 1)
    with monkeypatch.context() as patch:
        Poison(patch, InboundEvent.objects.get().pk, error=OperationalError("the connection is lost"))
        with pytest.raises(OperationalError):
            bridge.drain()
    assert (InboundEvent.objects.get().state, InboundEvent.objects.get().attempts) == ("pending", 0)
    bridge.drain()
    assert states() == {"applied": 1}


def test_replaying_everything_twice_changes_nothing(bridge: Bridge) -> None:
    for n in range(6):
        label(bridge, n)
    bridge.drain()
    before = list(LabelEvent.objects.order_by("id").values())
    for _ in range(2):
        assert inbox.replay(InboundEvent.objects.all(), actor=None) == 6
        assert set(InboundEvent.objects.values_list("state", "reason")) == {("pending", "applied_before")}
        bridge.drain()
        assert set(InboundEvent.objects.values_list("state", "reason")) == {("applied", "")}
    assert list(LabelEvent.objects.order_by("id").values()) == before
    assert AuditEntry.objects.filter(action="inbox.replayed").count() == 2
    assert states() == {"applied": 6}


def test_every_kind_of_event_that_is_applied_has_its_list_in_a_batch() -> None:
    kinds = set(get_args(Event)) - {Envelope, Ignored, NotUnderstood}
    row = RawEvent(1, MON, None, {}, b"")
    events = [ParsedEvent(kind.__new__(kind), Believed(MON, "received"), kind.__name__, row) for kind in kinds]
    batch = Batch.of([JudgedRow(row, events)])
    lists = [getattr(batch, name.name) for name in fields(batch) if name.name != "on_chats"]
    assert sum(map(len, lists)) == len(kinds)
    assert {parsed.key for parsed in batch.on_chats} == {"LabelOnChat", "MessageSeen"}


def test_what_postgresql_says_of_a_row_in_detail_is_neither_kept_nor_logged(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: Any) -> None:
        Channel.objects.bulk_create([Channel(key="cs1", gateway="generic", name="Budi Santoso")])

    label(bridge, 1)
    monkeypatch.setattr(lanes, "settle", refused)
    bridge.drain()
    row = InboundEvent.objects.get()
    assert row.state == "parked"
    assert row.reason == 'IntegrityError: duplicate key value violates unique constraint "channel_key_once"'
    assert "DETAIL" not in caplog.text
    assert "test_drain" in caplog.text, "where it happened is logged all the same"


def test_a_replay_of_old_rows_does_not_turn_back_when_the_channel_was_last_heard(bridge: Bridge) -> None:
    for n in (1, 2):
        label(bridge, n)
        bridge.drain()
    old = InboundEvent.objects.earliest("id")
    InboundEvent.objects.filter(pk=old.pk).update(received_at=MON)
    heard = Channel.objects.values_list("last_event_at", "last_label_event_at").get()
    inbox.replay(InboundEvent.objects.filter(pk=old.pk), actor=None)
    bridge.drain()
    assert Channel.objects.values_list("last_event_at", "last_label_event_at").get() == heard


def test_a_batch_holds_no_more_bytes_than_a_worker_can_carry(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        bridge.post("message", chat=f"62812{n:07}", message={"id": f"M{n}", "text": "x" * 1000})
    monkeypatch.setattr(inbox, "BATCH_BYTES", 2000)
    poison = Poison(monkeypatch, error=ValueError())
    bridge.drain()
    assert poison.tried == [2, 2, 1]
    InboundEvent.objects.update(state="pending")
    monkeypatch.setattr(inbox, "BATCH_BYTES", 10)
    bridge.drain()
    assert poison.tried[3:] == [1] * 5


def test_what_was_applied_and_what_was_known_already_stay_so_when_replayed(bridge: Bridge) -> None:
    label(bridge, 1)
    bridge.label("added", "5", "628120000001", at=MON + timedelta(minutes=9))
    bridge.post("message", chat="628120000002", message={"id": "m1", "text": "Halo", "from_me": False}, at=MON)
    bridge.drain()
    before = states()
    assert before == {"applied": 2, "duplicate": 1}
    inbox.replay(InboundEvent.objects.all(), actor=None)
    assert states() == {"pending": 3}
    bridge.drain()
    assert states() == before
    assert not InboundEvent.objects.filter(state="applied").exclude(reason="").exists()


def test_a_parked_row_is_applied_once_its_cause_is_mended(bridge: Bridge) -> None:
    Channel.objects.update(session="lain", gateway="generic")
    label(bridge, 1)
    InboundEvent.objects.update(state="parked", reason="by hand")
    inbox.replay(InboundEvent.objects.filter(state="parked"), actor=None)
    bridge.drain()
    assert states() == {"applied": 1}


def test_old_bodies_are_emptied_and_young_and_parked_ones_kept(bridge: Bridge) -> None:
    for n in range(3):
        label(bridge, n)
    bridge.drain()
    old, parked, _young = InboundEvent.objects.order_by("id")
    long_ago = timezone.now() - timedelta(days=31)
    InboundEvent.objects.filter(pk=old.pk).update(settled_at=long_ago)
    InboundEvent.objects.filter(pk=parked.pk).update(settled_at=long_ago, state="parked")
    assert inbox.empty_old_bodies(now=timezone.now(), days=30) == 1
    assert [bool(bytes(body)) for body in InboundEvent.objects.order_by("id").values_list("body", flat=True)] == [
        False, True, True,
    ]  # fmt: skip


def test_bodies_to_empty_are_found_without_reading_all_that_were_emptied_before(bridge: Bridge) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhooks_inboundevent (channel_id, body, state, settled_at)"
            " SELECT %s, '', 'applied', now() - interval '40 days' FROM generate_series(1, 20000)",
            [bridge.channel.pk],
        )
        cursor.execute("ANALYZE webhooks_inboundevent")
        cursor.execute(f"EXPLAIN {inbox.EMPTY_OLD_BODIES}", {"now": timezone.now(), "days": 30})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "inbox_with_body" in plan


@pytest.mark.parametrize("statement", ["FIRST_PENDING", "PENDING_CHANNELS", "OLDEST_PENDING"])
def test_looking_for_work_never_reads_settled_rows(bridge: Bridge, statement: str) -> None:
    """Also when PostgreSQL's statistics still say that all of them wait."""
    label(bridge, 0)
    row = InboundEvent.objects.get()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhooks_inboundevent (channel_id, body) SELECT %s, %s FROM generate_series(1, 20000)",
            [row.channel_id, bytes(500)],
        )
        cursor.execute("ANALYZE webhooks_inboundevent")  # a flood, as the planner will remember it
        cursor.execute("UPDATE webhooks_inboundevent SET state = 'applied'")
        wanted = {"channel": row.channel_id, "size": 2000, "bytes": 1 << 23}
        cursor.execute(f"EXPLAIN {getattr(inbox, statement)}", wanted)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "inbox_pending" in plan
    assert "Seq Scan on webhooks_inboundevent" not in plan


@pytest.mark.django_db(transaction=True)
def test_who_is_turned_away_from_a_lane_leaves_its_rows_to_the_holder() -> None:
    bridge = Bridge("lane")
    held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with lanes.lane(bridge.channel.pk):
            held.set()
            may_go.wait(10)
        lanes.drain(bridge.channel.pk)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    label(bridge, 1)
    assert lanes.drain(bridge.channel.pk) is False
    assert inbox.has_pending(bridge.channel.pk)
    may_go.set()
    holder.join()
    assert states() == {"applied": 1}
