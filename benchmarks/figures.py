"""P3: every report at ten million label intervals, and at a tenth of them, beside DuckDB over the same rows in one run.

A million contacts, 200 labels, 300 agents, 500 campaigns, two years (`figures.sql`). Every report is asked as the owner
and as a lead of one team, a tenth of whose contacts another team has too, over 30 days, 90 days and two years. Of each
the time in SQL, the time of the whole answer and the number of queries are told; DuckDB answers the heart of the same
report from its own tables by SQL of its own, and the sums must be equal. Times are this process's own, in turn; the
median counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import volume
from benchmarks.figures_peer import PEERS, Peer
from benchmarks.measuring import Figure, Result, median
from benchmarks.site import Site

ROUNDS = 3
PEOPLE = 1_000_000
LONGEST = {30: 150, 90: 150, 730: 500}  # milliseconds of SQL, by days of the period
LONGEST_ANSWER = 400
MOST_FOR_A_LEAD = 1.5
FILL = Path(__file__).with_name("figures.sql")
DAY = timedelta(hours=24)
# The indexes of the large tables that no constraint needs.
INDEXES = """
    SELECT i.relname, pg_get_indexdef(i.oid)
    FROM pg_index JOIN pg_class i ON i.oid = indexrelid JOIN pg_class t ON t.oid = indrelid
    WHERE (t.relname LIKE 'contacts_contact%' OR t.relname ~ '^labels_.*(assignment|spell|stay|day)$')
      AND i.relname NOT IN (SELECT conname FROM pg_constraint)
    ORDER BY i.relname
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One report, over so many days, by one reader."""

    who: str
    report: str
    days: int

    @property
    def name(self) -> str:
        return f"{self.who}, {self.report}, {self.days} days"


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """The longest SQL per period, the longest answer, the worst ratios to DuckDB and of a lead to the owner."""
    return measured("P3", PEOPLE, rounds=rounds)


def measured(bench: str, people: int, *, rounds: int | None) -> Result:
    """The same for a company of so many contacts."""
    fill(people)
    now = _now()
    readers = {name: volume.client_of(name, everything=name == "owner") for name in ("owner", "lead")}
    peer = Peer()
    kept: list[dict[str, Any]] = []
    notes = [f"{people:,} contacts, {_count('labels_labelassignment'):,} intervals"]
    for asked in _questions():
        taken = _measured(asked, readers[asked.who], peer, now=now, rounds=rounds or ROUNDS)
        kept.append({"who": asked.who, "report": asked.report, "days": asked.days, **taken})
        beside = f"DuckDB {taken['peer']:6.0f} ms" if "peer" in taken else ""
        notes.append(
            f"{asked.name:<32} {taken['sql']:7.0f} ms of SQL in {taken['queries']:2d} queries,"
            f" {taken['answer']:7.0f} ms in all  {beside}"
        )
        print(f"  {notes[-1]}", flush=True)
    title = f"reports of {people:,} contacts, ten labels each"
    return Result(bench=bench, title=title, figures=_figures(kept), notes=notes, rounds=kept)


def _questions() -> list[Asked]:
    from reports.registry import REPORTS

    return [Asked(who, report, days) for report in REPORTS for days in LONGEST for who in ("owner", "lead")]


def _figures(kept: list[dict[str, Any]]) -> list[Figure]:
    figures = []
    for days, limit in LONGEST.items():
        slowest = max((one for one in kept if one["days"] == days), key=lambda one: one["sql"])
        name = f"longest SQL over {days} days: {slowest['who']}, {slowest['report']}"
        figures.append(Figure(name=name, value=slowest["sql"], unit="ms", goal=("<=", limit)))
        over = sum(one["sql"] > limit for one in kept if one["days"] == days)
        figures.append(Figure(name=f"reports over that limit, {days} days", value=over, goal=("<=", 0)))
    longest = max(kept, key=lambda one: one["answer"])
    name = f"longest answer: {longest['who']}, {longest['report']}, {longest['days']} days"
    figures.append(Figure(name=name, value=longest["answer"], unit="ms", goal=("<=", LONGEST_ANSWER)))
    compared = [one for one in kept if "peer" in one]
    worst = max(compared, key=lambda one: one["sql"] / one["peer"])
    name = f"SQL ÷ DuckDB: {worst['who']}, {worst['report']}, {worst['days']} days"
    figures.append(Figure(name=name, value=worst["sql"] / worst["peer"], goal=("<=", 1)))
    ratio, name = max(_leads(kept))
    figures.append(Figure(name=f"lead ÷ owner: {name}", value=ratio, goal=("<=", MOST_FOR_A_LEAD)))
    return figures


def _leads(kept: list[dict[str, Any]]) -> list[tuple[float, str]]:
    """What each report costs a lead, as a multiple of what it costs the owner."""
    times = {(one["who"], one["report"], one["days"]): one["sql"] for one in kept}
    return [
        (sql / times["owner", report, days], f"{report}, {days} days")
        for (who, report, days), sql in times.items()
        if who == "lead"
    ]


# -- One report -------------------------------------------------------------------------------------------------------


def _measured(asked: Asked, client: Any, peer: Peer, *, now: datetime, rounds: int) -> dict[str, Any]:
    start = _midnight(now) + DAY - asked.days * DAY
    address = f"/api/v1/reports/{asked.report}/?from={start:%Y-%m-%d}"
    times: dict[str, list[float]] = {"sql": [], "answer": [], "peer": []}
    queries = 0
    ask = PEERS.get(asked.report)
    for number in range(1 + rounds):
        sql, answer, queries, rows = _asked(client, address)
        theirs = peer.time(ask, who=asked.who, start=start, end=_midnight(now) + DAY, now=now) if ask else None
        if number:  # the first reads from the disk and compiles
            times["sql"].append(sql)
            times["answer"].append(answer)
            times["peer"] += [theirs[0]] if theirs else []
        elif ask and theirs:
            assert ask.sums(rows) == theirs[1], f"{asked.name}: {ask.sums(rows)} here, {theirs[1]} by DuckDB"
    found: dict[str, Any] = {name: median(values) for name, values in times.items() if values}
    return found | {"queries": queries}


def _asked(client: Any, address: str) -> tuple[float, float, int, list[dict[str, Any]]]:
    """Milliseconds in SQL and in all, how many queries, and the rows."""
    from django.db import connection

    spent: list[float] = []

    def timing(execute: Callable[..., Any], *arguments: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            spent.append((time.perf_counter() - begun) * 1e3)

    with connection.execute_wrapper(timing):
        begun = time.perf_counter()
        answer = client.get(address)
        taken = (time.perf_counter() - begun) * 1e3
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return sum(spent), taken, len(spent), answer.json()["rows"]


def _now() -> datetime:
    from django.utils import timezone

    return timezone.localtime()


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


# -- Filling ----------------------------------------------------------------------------------------------------------


def fill(people: int) -> None:
    """Write the company; what PostgreSQL checks and indexes row by row at this size is put off to the end."""
    from django.db import connection, transaction

    begun = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute(FILL.read_text().replace("{people}", str(people)))
        for _, definition in indexes:
            cursor.execute(definition)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(f"  filled in {time.perf_counter() - begun:.0f} s", flush=True)


def _count(table: str) -> int:
    from labelcrm.core.bulk import fetch

    return int(fetch(f"SELECT count(*) FROM {table}", {})[0][0])
