"""P2: the drain against the same result by set-wise SQL in one batch (drain_peer.sql), interleaved.

30,000 inbox rows of four WAHA numbers: 30 % removals, some adds and removes told twice, some events late. Both
begin with the same rows and end with the same contacts, events, intervals, spells, clean spells and day sums, which
is checked by checksum. The drain also keeps stage stays, locks, and its promises about late and poison rows.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figure, Result, median
from benchmarks.posts import label_body
from benchmarks.site import Site

ROWS, CONTACTS, ROUNDS = 30_000, 12_000, 3
KEYS = ("cs1", "cs2", "cs3", "cs4")
NAMES = (
    "Grade A", "Grade B", "Grade C", "Prospek panas", "Prospek dingin", "Pertanyaan baru", "Menunggu pembayaran",
    "Selesai", "Pelanggan loyal", "Komplain", "Purna jual", "Mendesak", "Reseller", "Grosir", "COD", "Sudah dikirim",
    "Tanya stok", "Nego", "Besok dihubungi", "Luar kota",
)  # fmt: skip
PEER = Path(__file__).with_name("drain_peer.sql")
Row = tuple[str, datetime, str, bytes]  # channel key, received at, dedupe key, body


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """Drain ÷ peer in events per second, and whether the tables are equal."""
    _set_up_channels()
    rows = list(story(ROWS))
    found: list[dict[str, Any]] = []
    for number in range(rounds or ROUNDS):
        ours, our_sums = _timed(rows, _drain)
        peer, peer_sums = _timed(rows, _peer)
        equal = {name: our_sums[name] == peer_sums[name] for name in our_sums}
        found.append({"drain": ROWS / ours, "peer": ROWS / peer, "equal": equal})
        print(f"  round {number + 1}: {ROWS / ours:,.0f}/s, peer {ROWS / peer:,.0f}/s: {peer / ours:.3f}", flush=True)
    unequal = sorted({name for one in found for name, same in one["equal"].items() if not same})
    figures = [
        Figure(name="drain ÷ set-wise SQL", value=median([o["drain"] / o["peer"] for o in found]), goal=(">=", 0.5)),
        Figure(name="tables that differ", value=len(unequal), goal=("<=", 0)),
        Figure(name="drain", value=median([o["drain"] for o in found]), unit="/s"),
        Figure(name="set-wise SQL", value=median([o["peer"] for o in found]), unit="/s"),
    ]
    notes = [f"{ROWS:,} events, {len(KEYS)} numbers, {CONTACTS:,} contacts, one process, batches of 2,000"]
    notes += [f"different: {name}" for name in unequal]
    return Result(bench="P2", title="drain", figures=figures, rounds=found, notes=notes)


def story(count: int, *, seed: int = 7) -> Iterator[Row]:
    """`count` label events over 60 days in order of receipt."""
    draw = random.Random(seed)
    start = datetime(2026, 1, 5, tzinfo=UTC)
    step = timedelta(days=60) / count
    active: list[tuple[str, str, str]] = []
    for number in range(count):
        at = start + step * number
        on = draw.random() > 0.3 or not active
        key, label, phone = _choice(draw, active, on=on)
        told = at - timedelta(hours=draw.uniform(1, 48)) if draw.random() < 0.02 else at
        body = label_body(number, session=key, on=on, label=label, phone=phone, at=told)
        yield key, at + timedelta(seconds=1), f"evt_{number:026x}", body


def _choice(draw: random.Random, active: list[tuple[str, str, str]], *, on: bool) -> tuple[str, str, str]:
    """Whom and which: removals mostly take off what is on; one add in thirty tells again what is on already."""
    if active and (not on or draw.random() < 1 / 30):
        position = draw.randrange(len(active))
        chosen = active[position]
        if not on and draw.random() < 0.95:
            active[position] = active[-1]
            active.pop()
        return chosen
    person = draw.randrange(CONTACTS)
    home = person % len(KEYS) if draw.random() < 0.95 else draw.randrange(len(KEYS))
    chosen = (KEYS[home], str(min(int(draw.expovariate(0.25)), len(NAMES) - 1)), f"62812{person:07d}")
    active.append(chosen)
    return chosen


def _set_up_channels() -> None:
    """Four numbers with an owner each, and their labels named as the drain itself would."""
    from contacts.services.channels import connect
    from webhooks.drain.lanes import drain
    from webhooks.models import InboundEvent

    for key in KEYS:
        channel = connect(gateway="waha", key=key, name=key.upper(), agent=f"agent {key}", actor=None).channel
        for number, name in enumerate(NAMES):
            payload = {"id": str(number), "name": name, "color": number, "colorHex": "#ff9485"}
            body = {"id": f"saved{number}", "timestamp": 1_700_000_000_000, "event": "label.upsert", "session": key,
                    "payload": payload}  # fmt: skip
            InboundEvent.objects.create(channel=channel, dedupe_key=f"saved{number}", body=json.dumps(body).encode())
        drain(channel.pk)


def _timed(rows: list[Row], work: Callable[[], None]) -> tuple[float, dict[str, str]]:
    """Seconds of `work` on a fresh inbox of `rows`, and checksums of what it left."""
    _refill(rows)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start, _checksums()


def _refill(rows: list[Row]) -> None:
    from django.db import connection, transaction

    from contacts.models import Channel
    from labelcrm.core.bulk import copy_rows, execute

    ids = dict(Channel.objects.values_list("key", "id"))
    with transaction.atomic():
        execute("TRUNCATE webhooks_inboundevent, contacts_contact, labels_labelday CASCADE", [])
        columns = ("channel_id", "received_at", "dedupe_key", "headers", "body")
        copy_rows("webhooks_inboundevent", columns, ((ids[k], at, key, "{}", body) for k, at, key, body in rows))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE webhooks_inboundevent")
        cursor.execute("CHECKPOINT")


def _drain() -> None:
    from webhooks.drain.inbox import pending_channels
    from webhooks.drain.lanes import drain

    for channel_id in pending_channels():
        drain(channel_id, seconds=1e9)


def _peer() -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PEER.read_text())


# What must be equal, told without ids that depend on the order of insertion.
CHECKED = {
    "contacts": "SELECT phone, lid, name, first_seen_at FROM contacts_contact",
    "known on": "SELECT c.phone, l.channel_id, l.first_seen_at FROM contacts_contactchannel l"
    " JOIN contacts_contact c ON c.id = l.contact_id",
    "events": "SELECT c.phone, e.channel_label_id, e.kind, e.occurred_at, e.occurred_at_source, e.capped,"
    " e.received_at, e.actor_agent_id, e.actor_method, e.origin, e.effect, e.event_key FROM labels_labelevent e"
    " JOIN contacts_contact c ON c.id = e.contact_id",
    "intervals": "SELECT c.phone, i.channel_id, i.channel_label_id, i.label_id, i.channel_label_name, i.added_at,"
    " i.added_at_source, i.added_by_id, i.added_by_method, i.origin, i.removed_at, i.removed_by_id,"
    " i.removed_by_method, i.removed_origin, i.removed_reason FROM labels_labelassignment i"
    " JOIN contacts_contact c ON c.id = i.contact_id",
    "spells": "SELECT c.phone, s.label_id, s.started_at, s.ended_at, s.channel_id, s.found, s.lost, s.agent_id,"
    " s.method, s.removed_by_id, s.mistap, s.added_before FROM labels_labelspell s"
    " JOIN contacts_contact c ON c.id = s.contact_id",
    "clean spells": "SELECT c.phone, s.label_id, s.started_at, s.ended_at, s.channel_id, s.found, s.lost, s.agent_id,"
    " s.method, s.removed_by_id FROM labels_cleanspell s JOIN contacts_contact c ON c.id = s.contact_id",
    "day sums": "SELECT label_id, day, sum(added), sum(mistaps), sum(found), sum(removed), sum(lost)"
    " FROM labels_labelday WHERE scope = 0 GROUP BY label_id, day",
}


def _checksums() -> dict[str, str]:
    from labelcrm.core.bulk import fetch

    return {
        name: fetch(f"SELECT count(*) || ' ' || md5(string_agg(r::text, ';' ORDER BY r::text)) FROM ({query}) r", [])[
            0
        ][0]
        for name, query in CHECKED.items()
    }
