"""P1: the front door against pgbench doing the same INSERT, 16 connections each, interleaved.

Both fill the same table with rows of the same size, each committed durably. pgbench neither reads HTTP nor
verifies anything: it is the limit.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import posts
from benchmarks.load import Load, raw_post, replay
from benchmarks.measuring import Figure, Result, median, percentile
from benchmarks.site import Site
from labelcrm.launcher import ServiceError

CONNECTIONS = 16
ROUNDS, SECONDS = 5, 4.0
FASTEST = 15_000  # posts per second that are prepared; more than 2 cores have ever answered
KEY = "bench"
PATH = f"/hooks/waha/{KEY}/"

HEADERS = '{"x-webhook-request-id": "0123456789abcdef0123456789", "x-webhook-timestamp": "1767225600000"}'
INSERT = """\\set n random(1, 9223372036854775807)
INSERT INTO webhooks_inboundevent (channel_id, dedupe_key, headers, body) VALUES (:channel, :n, :headers, :body)
ON CONFLICT (channel_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING;
"""


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """Receiver ÷ pgbench: posts per second, p99, and whether every answered post is a row."""
    pgbench = site.program("pgbench")
    if pgbench is None:
        raise ServiceError("this PostgreSQL has no pgbench to compare with: install PostgreSQL's client programs")
    channel = _connect()
    length = seconds or SECONDS
    found = []
    with site.running("web"):
        _post(site, first=0, seconds=1.0)  # connections, prepared statements and caches of both are warm from here
        _limit(site, pgbench, channel=channel, seconds=1.0)
        for number in range(rounds or ROUNDS):
            before = _rows()
            load = _post(site, first=(number + 1) * 10**9, seconds=length)
            lost = load.answered - (_rows() - before)
            tps, p99 = _limit(site, pgbench, channel=channel, seconds=length)
            found.append({"ours": load.rate, "p50": load.p50, "p99": load.p99, "errors": load.errors, "lost": lost,
                          "client": load.client, "pgbench": tps, "pgbench_p99": p99})  # fmt: skip
            print(f"  round {number + 1}: {load.rate:,.0f}/s, pgbench {tps:,.0f}/s: {load.rate / tps:.3f}", flush=True)
    return _result(found)


def _result(found: Sequence[dict[str, float | str]]) -> Result:
    def middle(of: str) -> float:
        return median([float(one[of]) for one in found])

    figures = [
        Figure(name="posts per second ÷ pgbench's inserts",
               value=median([float(one["ours"]) / float(one["pgbench"]) for one in found]), goal=(">=", 0.35)),
        Figure(name="p99 ÷ pgbench's p99",
               value=median([float(one["p99"]) / float(one["pgbench_p99"]) for one in found]), goal=("<=", 4)),
        Figure(name="answered, but not stored", value=max(0.0, sum(float(one["lost"]) for one in found)), unit="posts",
               goal=("<=", 0)),
        Figure(name="answers other than 2xx", value=sum(float(one["errors"]) for one in found), goal=("<=", 0)),
        Figure(name="posts", value=middle("ours"), unit="/s"),
        Figure(name="pgbench", value=middle("pgbench"), unit="/s"),
        Figure(name="p50 / p99", value=middle("p50"), unit="ms"),
        Figure(name="p99", value=middle("p99"), unit="ms"),
    ]  # fmt: skip
    note = f"client: {found[0]['client']}, {CONNECTIONS} keep-alive connections; signed WAHA bodies, each unique"
    return Result(bench="P1", title="webhook receiver", figures=figures, rounds=list(found), notes=[note])


def _connect() -> int:
    from contacts.services.channels import connect

    channel = connect(gateway="waha", key=KEY, name="Bench", secret=posts.SECRET, actor=None).channel
    return int(channel.pk)


def _post(site: Site, *, first: int, seconds: float) -> Load:
    bodies = posts.unique_bodies(int(FASTEST * seconds), first=first, session=KEY, at=datetime.now(UTC))
    requests = [raw_post(PATH, posts.signed(body), body, port=site.port) for body in bodies]
    return replay(requests, port=site.port, connections=CONNECTIONS, seconds=seconds, folder=site.folder)


def _rows() -> int:
    from webhooks.models import InboundEvent

    return InboundEvent.objects.count()


def _limit(site: Site, pgbench: str, *, channel: int, seconds: float) -> tuple[float, float]:
    """Transactions per second of pgbench and the p99 of one, in ms."""
    script, log = site.folder / "insert.sql", site.folder / "pgbench"
    script.write_text(INSERT)
    body = next(posts.unique_bodies(1, first=1, session=KEY, at=datetime.now(UTC))).decode()
    cluster = site.servers.cluster
    assert cluster
    values = {"channel": str(channel), "headers": HEADERS, "body": body}
    command = [pgbench, "--no-vacuum", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", f"{seconds:.0f}"]
    command += [word for name, value in values.items() for word in ("-D", f"{name}={value}")]
    command += ["-f", str(script), "--log", f"--log-prefix={log}"]
    command += ["-h", str(cluster.sockets), "-U", "postgres", "labelcrm"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ServiceError(f"pgbench failed: {answer.stderr.strip()}")
    rate = re.search(r"tps = ([\d.]+)", answer.stdout)
    assert rate
    return float(rate[1]), _p99(site.folder)


def _p99(folder: Path) -> float:
    latencies: list[float] = []
    for log in folder.glob("pgbench.*"):
        latencies += [float(line.split()[2]) / 1e3 for line in log.read_text().splitlines()]
        log.unlink()
    return percentile(latencies, 0.99)
