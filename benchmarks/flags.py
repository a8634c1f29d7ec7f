"""The daily jobs that look for stale labels and for contradictions, at a million contacts with up to three labels each.

The first look writes every flag, the second finds nothing new: that is what a night costs. The limit is the time in
which PostgreSQL puts the open labels of every contact together, in SQL of its own; both jobs read the same rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figure, Result, median
from benchmarks.site import Site

PEOPLE = 1_000_000
ROUNDS = 3
FILL = Path(__file__).with_name("flags.sql")
PLAIN = """
    SELECT count(*) FROM (
        SELECT s.contact_id, array_agg(s.label_id ORDER BY s.started_at), min(s.started_at)
        FROM labels_cleanspell s JOIN contacts_contact c ON c.id = s.contact_id AND c.deleted_at IS NULL
        WHERE s.ended_at IS NULL GROUP BY 1 OFFSET 0
    ) AS labelled
"""
MOST = 10.0  # times the plain statement, for a night without news


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    return measured("flags", PEOPLE, rounds=rounds)


def measured(bench: str, people: int, *, rounds: int | None) -> Result:
    """Both jobs for so many contacts: the first look of all, and looks after it."""
    from django.utils import timezone

    from labelcrm.core.bulk import fetch
    from labels.services.contradictions import flag_contradictions
    from labels.services.staleness import flag_stale

    _fill(people)
    now = timezone.now()
    jobs: dict[str, Callable[[Any], Any]] = {"stale": flag_stale, "contradictions": flag_contradictions}
    notes, figures, kept = [f"{people:,} contacts"], [], []
    for name, job in jobs.items():
        first = _timed(lambda job=job: job(now))
        _vacuum()
        times: dict[str, list[float]] = {"plain": [], "job": []}
        for number in range(rounds or ROUNDS):
            times["plain"].append(_timed(lambda: fetch(PLAIN, [])))
            at = now + timedelta(seconds=number + 1)
            times["job"].append(_timed(lambda job=job, at=at: job(at)))
        plain, after = median(times["plain"]), median(times["job"])
        result = job(now + timedelta(minutes=1))
        notes.append(f"{name:<15} {result.open:>9,} open: the first look {first:.1f} s, a second {after:.1f} s")
        print(f"  {notes[-1]}, plain {plain:.1f} s", flush=True)
        figures += [
            Figure(name=f"{name}: a look ÷ plain SQL", value=after / plain, goal=("<=", MOST)),
            Figure(name=f"{name}: the first look", value=first, unit="s"),
        ]
        kept.append({"job": name, "first": first, "open": result.open, **times})
    return Result(bench=bench, title=f"daily jobs, {people:,} contacts", figures=figures, notes=notes, rounds=kept)


def _fill(people: int) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FILL.read_text().replace("{people}", str(people)))
    _vacuum()


def _vacuum() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
