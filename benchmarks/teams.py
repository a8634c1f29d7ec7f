"""What a report costs a lead of one team, a tenth of whose contacts another team has too, and what it costs an owner.

A million contacts as in P7. Every report is read from the API by both in turn, over the last thirty days and over all
two years; the time is the server's own, in this process, and of each address the median counts.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks import volume
from benchmarks.measuring import Figure, Result, median
from benchmarks.site import Site

ROUNDS = 5
MOST = 1.5
SHARE = Path(__file__).with_name("teams.sql")
PERIODS = {"30 days": "period=last_30", "two years": "from={start}"}
REPORTS = ("labels", "agents", "campaigns", "stale")


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """For each report and period the lead's time divided by the owner's."""
    volume.fill()
    notes = [_share()]
    owner, lead = volume.client_of("owner", everything=True), volume.client_of("lead", everything=False)
    kept: list[dict[str, Any]] = []
    for name, address in _addresses().items():
        times: dict[str, list[float]] = {"owner": [], "lead": []}
        for number in range(1 + (rounds or ROUNDS)):
            for who, client in (("owner", owner), ("lead", lead)):
                taken = volume.timed(lambda client=client, address=address: volume.get(client, address))
                times[who] += [taken] if number else []  # the first reads from the disk and compiles
        ratio = median(times["lead"]) / median(times["owner"])
        kept.append({"name": name, "ratio": ratio, **times})
        notes.append(f"{name:<24} owner {median(times['owner']):6.0f} ms  lead {median(times['lead']):6.0f} ms")
        print(f"  {notes[-1]}  {ratio:.2f}", flush=True)
    dearest = max(kept, key=lambda one: one["ratio"])
    figure = Figure(name=f"lead ÷ owner: {dearest['name']}", value=dearest["ratio"], goal=("<=", MOST))
    return Result(
        bench="teams", title="reports of a team that shares contacts", figures=[figure], notes=notes, rounds=kept
    )


def _share() -> str:
    """Give every tenth contact labels on another team's number too, work out who sees what, and flag what is stale."""
    from django.db import connection, transaction
    from django.utils import timezone

    from labels.models import Label, ScopedLabelSpell
    from labels.services import projections
    from labels.services.staleness import flag_stale

    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(SHARE.read_text())
        cursor.execute("ANALYZE")
        cursor.execute("SELECT contact_id FROM labels_labelassignment GROUP BY 1 HAVING count(DISTINCT channel_id) > 1")
        shared = [pk for (pk,) in cursor.fetchall()]
    for first in range(0, len(shared), 2000):
        with transaction.atomic():
            projections.refresh(shared[first : first + 2000])
    Label.objects.update(stale_after_days=60)
    flag_stale(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    spells = ScopedLabelSpell.objects.count()
    note = f"{len(shared)} contacts shared by two teams, {spells} spells of theirs as a team or a number sees them"
    print(f"  {note}, in {time.perf_counter() - started:.0f} s", flush=True)
    return note


def _addresses() -> dict[str, str]:
    from datetime import timedelta

    from django.utils import timezone

    start = f"{timezone.now() - timedelta(days=730):%Y-%m-%d}"
    return {
        f"{report}, {period}": f"/api/v1/reports/{report}/?{query.format(start=start)}"
        for report in REPORTS
        for period, query in PERIODS.items()
    }
