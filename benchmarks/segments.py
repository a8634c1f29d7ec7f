"""P3, segments: how many and who, at a million contacts, beside DuckDB over the same rows in the same run.

Three conditions each, few people and many, as an owner and as a lead of one team a tenth of whose contacts another team
has too. DuckDB answers the same question from its own tables, written by hand; the numbers must be the same. Times are
this process's own, in turn, and the median of each counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks import teams, volume
from benchmarks.duck import filled
from benchmarks.measuring import Figure, Result, median
from benchmarks.site import Site

ROUNDS = 7
LONGEST = 60
PAGE = 50
DAY = timedelta(hours=24)

# What DuckDB reads: the columns that the questions need.
TABLES = {
    "contact": "SELECT id, campaign_id, last_inbound_at, opted_out_at, deleted_at FROM contacts_contact",
    "clean": "SELECT contact_id, label_id, started_at, ended_at, channel_id, found, reach FROM labels_cleanspell",
    "scoped": "SELECT scope, contact_id, label_id, started_at, ended_at, found FROM labels_scopedcleanspell",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One segment, in our words and in DuckDB's; `{clean}` stands for the clean spells that the reader sees."""

    name: str
    conditions: list[dict[str, Any]]
    peer: str


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """The longest answer, and the largest ratio of ours to DuckDB's."""
    from django.utils import timezone

    volume.fill()
    teams._share()
    now = timezone.now()
    peer = filled(TABLES)
    kept: list[dict[str, Any]] = []
    notes: list[str] = []
    for who, viewer, clean in _readers():
        for question in _questions(now):
            for what, ours, theirs in _works(question, viewer, clean, peer, now):
                taken = _in_turn(ours, theirs, rounds or ROUNDS)
                kept.append({"who": who, "name": question.name, "what": what, **taken})
                notes.append(
                    f"{who:<6} {question.name:<40} {what:<6} {taken['ours']:7.1f} ms  DuckDB {taken['peer']:7.1f} ms"
                )
                print(f"  {notes[-1]}", flush=True)
    slowest = max(kept, key=lambda one: one["ours"])
    worst = max(kept, key=lambda one: one["ours"] / one["peer"])
    figures = [
        Figure(name=f"longest: {_name(slowest)}", value=slowest["ours"], unit="ms", goal=("<=", LONGEST)),
        Figure(name=f"ours ÷ DuckDB: {_name(worst)}", value=worst["ours"] / worst["peer"], goal=("<=", 1)),
    ]
    return Result(bench="segments", title="segments at a million contacts", figures=figures, notes=notes, rounds=kept)


def _name(one: dict[str, Any]) -> str:
    return f"{one['who']}, {one['name']}, {one['what']}"


def _questions(now: datetime) -> list[Question]:
    from contacts.models import Campaign
    from labels.models import Label

    ids = {label.name: label.pk for label in Label.objects.all()}
    a, b, complaint, hot = ids["Grade A"], ids["Grade B"], ids["Komplain"], ids["Prospek panas"]
    campaign = Campaign.objects.order_by("id").values_list("id", flat=True)[0]
    fortnight, year = now - 14 * DAY, now - 365 * DAY
    has: dict[str, Any] = {"field": "label", "op": "active"}
    return [
        Question(
            "few: A of 14 days, not B, campaign",
            [
                {"field": "label", "op": "added", "labels": [a], "from": fortnight.isoformat()},
                has | {"labels": [b], "not": True},
                {"field": "campaign", "op": "first", "campaigns": [campaign]},
            ],
            f"""SELECT DISTINCT contact_id FROM {{clean}} WHERE label_id = {a} AND NOT found
                AND started_at >= TIMESTAMPTZ '{fortnight.isoformat()}'
                AND contact_id NOT IN (SELECT contact_id FROM {{clean}} WHERE label_id = {b} AND ended_at IS NULL)
                AND contact_id IN (SELECT id FROM contact WHERE campaign_id = {campaign})""",
        ),
        Question(
            "many: A, wrote this year, not complaint",
            [
                has | {"labels": [a]},
                {"field": "last_inbound", "op": "between", "from": year.isoformat()},
                has | {"labels": [complaint], "not": True},
            ],
            f"""SELECT DISTINCT contact_id FROM {{clean}} WHERE label_id = {a} AND ended_at IS NULL
                AND contact_id IN (SELECT id FROM contact WHERE last_inbound_at >= TIMESTAMPTZ '{year.isoformat()}')
                AND contact_id NOT IN
                    (SELECT contact_id FROM {{clean}} WHERE label_id = {complaint} AND ended_at IS NULL)""",
        ),
        Question(
            "more: A or hot, not complaint, not out",
            [
                has | {"labels": [a, hot]},
                has | {"labels": [complaint], "not": True},
                {"field": "opted_out", "op": "is", "value": False},
            ],
            f"""SELECT DISTINCT contact_id FROM {{clean}} WHERE label_id IN ({a}, {hot}) AND ended_at IS NULL
                AND contact_id NOT IN
                    (SELECT contact_id FROM {{clean}} WHERE label_id = {complaint} AND ended_at IS NULL)
                AND contact_id NOT IN (SELECT id FROM contact WHERE opted_out_at IS NOT NULL)""",
        ),
    ]


def _readers() -> list[tuple[str, Any, str]]:
    """Name, viewer, and the clean spells that they see as DuckDB has them."""
    from contacts.models import Channel, Team
    from labelcrm.core.viewer import Viewer

    team = Team.objects.order_by("id").first()
    assert team is not None
    channels = frozenset(Channel.objects.filter(team=team).values_list("id", flat=True))
    columns = "contact_id, label_id, started_at, ended_at, found"
    seen = f"""(SELECT {columns} FROM clean WHERE reach <= 2 AND channel_id IN ({", ".join(map(str, sorted(channels)))})
                UNION ALL SELECT {columns} FROM scoped WHERE scope = {team.pk})"""
    return [
        ("owner", Viewer(everything=True), "clean"),
        ("lead", Viewer(teams=frozenset({team.pk}), channels=channels), seen),
    ]


def _works(
    question: Question, viewer: Any, clean: str, peer: Any, now: datetime
) -> list[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    """Counting, and the first page; our way and DuckDB's, compiling included in ours."""
    from reports.segments.definition import parse_definition
    from reports.segments.members import Members

    definition = {"any": [{"all": question.conditions}]}
    members = question.peer.format(clean=clean)
    counted = f"SELECT count(*) FROM ({members})"
    listed = f"SELECT contact_id FROM ({members}) ORDER BY 1 LIMIT {PAGE}"

    def asked() -> Members:
        return Members(parse_definition(definition), viewer, now)

    return [
        ("count", lambda: asked().count(), lambda: peer.execute(counted).fetchall()[0][0]),
        ("page", lambda: asked().page(limit=PAGE), lambda: [pk for (pk,) in peer.execute(listed).fetchall()]),
    ]


def _in_turn(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    answers: list[Any] = []
    for number in range(1 + rounds):
        for name, work in (("ours", ours), ("peer", theirs)):
            taken = volume.timed(lambda work=work: answers.append(work()))
            times[name] += [taken] if number else []  # the first reads from the disk
    assert all(answer == answers[0] for answer in answers), "the two disagree"
    return {name: median(values) for name, values in times.items()}
