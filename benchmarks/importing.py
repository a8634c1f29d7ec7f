"""P5: an import of contacts over a million others, half of them known already, against the same rows written by psql.

The file has as many rows as an import takes at most. The peer copies it into a staging table and writes the same
contacts, identities, touches and audit rows set-wise, and is rolled back; an import reads every cell as people write
them, refuses what is wrong row by row, and keeps what taking it back needs. Before each of the two the dead rows of
the other are cleared away and a checkpoint is made. django-import-export, as it comes and with its bulk mode, imports
phones and names alone, a few hundred of them. Interleaved; medians count.
"""

from __future__ import annotations

import csv
import os
import random
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks import volume
from benchmarks.measuring import Figure, Result, median
from benchmarks.site import Site

ROUNDS = 3
ROWS = 200_000
THEIR_ROWS = 300  # of django-import-export, which looks for each among all contacts
PATIENCE = 7200.0
PEER = Path(__file__).with_name("import_peer.sql")


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """Ours ÷ psql in rows per second, how many times django-import-export's speed, and memory."""
    volume.fill()
    actor = _user()
    kept: list[dict[str, float]] = []
    grown = 0.0
    for number in range(rounds or ROUNDS):
        path = site.folder / f"import{number}.csv"
        new = _write_file(path, number)
        peer = _psql(site, path, actor.pk, expected=f"{new}|{ROWS - new}")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ours = _import(path.read_bytes(), actor, new=new)
        grown = max(grown, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
        theirs = {f"import-export{' bulk' * bulk}": _import_export(path, number, bulk=bulk) for bulk in (False, True)}
        kept.append({"psql": ROWS / peer, "ours": ROWS / ours, **theirs})
        print(f"  round {number + 1}: {ours:.1f} s, psql {peer:.1f} s: {peer / ours:.3f}; {theirs}", flush=True)
    figures = [
        Figure(name="import ÷ psql", value=median([o["ours"] / o["psql"] for o in kept]), goal=(">=", 0.70)),
        Figure(
            name="import ÷ django-import-export",
            value=median([o["ours"] / o["import-export"] for o in kept]),
            goal=(">=", 10),
        ),
        Figure(name="import ÷ its bulk mode", value=median([o["ours"] / o["import-export bulk"] for o in kept])),
        Figure(name="more memory", value=grown, unit="MB"),
        Figure(name="import", value=median([o["ours"] for o in kept]), unit="/s"),
        Figure(name="psql", value=median([o["psql"] for o in kept]), unit="/s"),
    ]
    notes = [f"{ROWS:,} rows of phone, name and campaign, half of them of contacts who are known, over a million"]
    return Result(bench="P5", title="import of contacts", figures=figures, rounds=kept, notes=notes)


def _user() -> Any:
    from labelcrm.core.models import User

    return User.objects.get_or_create(username="bench", is_superuser=True)[0]


def _write_file(path: Path, number: int) -> int:
    """A file in no order; returns how many of its people nobody knows."""
    draw = random.Random(number)
    known = (81_100_000_000 + 7 * n for n in draw.sample(range(1, 1_000_001), ROWS // 2))
    new = (85_700_000_000 + number * 10**8 + n for n in draw.sample(range(10**8), ROWS - ROWS // 2))
    rows = [(f"+62{phone}", f"Orang {n} dari {number}", f"k{1 + n % 30}") for n, phone in enumerate([*known, *new])]
    draw.shuffle(rows)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("phone", "name", "campaign"), *rows])
    return ROWS - ROWS // 2


def _clear_away() -> None:
    """Else the peer's 200,000 rolled-back rows are cleared away, by the page and by autovacuum, while ours is timed."""
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            cursor.execute(statement)


def _psql(site: Site, path: Path, actor: int, *, expected: str) -> float:
    _clear_away()
    script = path.with_suffix(".sql")
    script.write_text(PEER.read_text().format(path=path, actor=actor))
    psql = site.program("psql")
    assert psql, "P5 needs psql"
    command = [psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", os.environ["DATABASE_URL"], "-f", str(script)]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    taken = time.perf_counter() - start
    assert done.stdout.strip() == expected, done.stdout
    return taken


def _import(upload: bytes, owner: Any, *, new: int) -> float:
    """Seconds of the whole job, step by step as the worker does it."""
    from labelcrm.core import jobs
    from transfer.jobs import import_contacts

    _clear_away()
    start = time.perf_counter()
    job = import_contacts(upload, owner=owner)
    jobs.run(job.pk, seconds=PATIENCE)
    taken = time.perf_counter() - start
    job.refresh_from_db()
    assert (job.result["created"], job.result["failed"]) == (new, 0), (job.result, job.error)
    jobs.forget_files(job)
    return taken


def _import_export(path: Path, number: int, *, bulk: bool) -> float:
    """Rows a second of django-import-export's own way with some rows of the file, half of them known by now."""
    import tablib
    from django.utils import timezone
    from import_export import resources

    from contacts.models import Contact

    class Resource(resources.ModelResource):
        class Meta:
            model = Contact
            import_id_fields = ("phone",)
            fields = ("phone", "name")
            use_bulk = bulk
            skip_diff = bulk

        def init_instance(self, row: Any = None) -> Contact:
            return Contact(first_seen_at=timezone.now(), updated_at=timezone.now())

    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))[:THEIR_ROWS]
    data = tablib.Dataset(headers=("phone", "name"))
    for n, line in enumerate(lines):
        digits = f"+62859{int(bulk)}{number:02d}{n:06d}" if n % 2 else line["phone"]
        data.append((digits, f"{line['name']} lagi"))
    start = time.perf_counter()
    result = Resource().import_data(data, raise_errors=True)
    assert result.totals["new"] == THEIR_ROWS // 2, result.totals
    return THEIR_ROWS / (time.perf_counter() - start)
