"""What is behind a number of a report: as many rows as it says, page by page, as far as the reader sees."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from api.base import bulk_reading
from contacts.models import Agent, Team
from reports.registry import REPORTS
from tests.api.conftest import client_of, get
from tests.factories import UserFactory
from tests.reports.world import World, day
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
SPAN = {"from": day(0).isoformat(), "to": day(60).isoformat()}


@pytest.fixture
def world() -> World:
    world = World(21, contacts=10)
    world.play()
    return world


@pytest.fixture(autouse=True)
def _many_people_may_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_reading, "LIMIT", 10**6)


def behind(client: APIClient, report: str, **asked: Any) -> list[dict[str, Any]]:
    """All rows, in pages of two."""
    page = get(client, f"reports/{report}/rows", page_size=2, **SPAN, **asked)
    rows = page["results"]
    while page["next"]:
        page = client.get(page["next"]).json()
        assert page["previous"]
        rows += page["results"]
    return rows


def numbers(row: dict[str, Any]) -> dict[str, int]:
    """The counts of a row of a report by the figures that list them."""
    found = {name: value for name, value in row.items() if isinstance(value, int) and not isinstance(value, bool)}
    if isinstance(row.get("reached"), list):
        found |= {f"reached_w{n}": reached for n, reached in enumerate(row["reached"])}
    shares = {name: value for name, value in row.items() if isinstance(value, dict)}
    return found | {f"{name}_{part}": value[part] for name, value in shares.items() for part in "kn"}


def test_every_number_of_every_report_opens_as_many_rows(world: World) -> None:
    client = client_of(UserFactory(role="owner"))
    for report, asked in ASKED:
        rows = sorted(get(client, f"reports/{report}", **SPAN, **asked)["rows"], key=total, reverse=True)
        checked = {figure for row in rows[:2] for figure in opened(client, report, row, SPAN | asked)}
        assert len(checked) >= FIGURES.get(report, 5), checked
    with_rows = {name for name, kind in REPORTS.items() if kind.facts is not None}
    assert {report for report, _asked in ASKED} == with_rows - {"contradictions", "stale"}  # whose rows are no counts


def total(row: dict[str, Any]) -> int:
    return sum(numbers(row).values())


ASKED: list[tuple[str, dict[str, str]]] = [
    ("labels", {}),
    ("labels", {"by": "category"}),
    ("labels", {"by": "channel"}),
    ("labels", {"by": "team"}),
    ("labels", {"by": "agent"}),
    ("labels", {"by": "day"}),
    ("heatmap", {}),
    ("stale-summary", {}),
    ("agents", {"certain": "true"}),
    ("campaigns", {"touch": "last"}),
    ("curves", {}),
    ("movement", {}),
    ("moves", {}),
    ("funnel", {}),
    ("time-in-stage", {}),
    ("cohorts", {"step": "2"}),
    ("data-health", {}),
    ("label-budget", {}),
    ("unusual", {}),
]
FIGURES = {
    "data-health": 1,
    "heatmap": 2,
    "stale-summary": 2,
    "curves": 2,
    "movement": 2,
    "moves": 1,
    "funnel": 3,
    "time-in-stage": 3,
    "cohorts": 2,
    "label-budget": 2,
    "unusual": 1,
}  # the others have more


def opened(client: APIClient, report: str, row: dict[str, Any], asked: dict[str, str]) -> set[str]:
    """The counts of a row that opened as many rows as they say, and are more than nothing."""
    key, found = _key(report, row, asked), set()
    asked = asked | {"row": "null" if key is None else key} | ({"week": row["week"]} if report == "curves" else {})
    for figure, number in numbers(row).items():
        page = client.get(f"/api/v1/reports/{report}/rows/", asked | {"figure": figure, "page_size": "1000"})
        if page.status_code == 200:
            assert len(page.json()["results"]) == number, (report, figure, key)
            found |= {figure} if number else set()
        else:
            assert list(page.json()["error"]["fields"]) == ["figure"], "not a count"
    return found


def _key(report: str, row: dict[str, Any], asked: dict[str, str]) -> Any:
    """What names a row in an address; of moves it is a pair."""
    if report == "moves":
        return ":".join("null" if row[end] is None else str(row[end]) for end in ("from", "to"))
    if report == "stale-summary":
        return f"{row['label']}-{row['agent'] or 'null'}"
    if report == "unusual":
        return f"{row['kind']}-{row['agent'] or 'null'}-{row['day']}"
    return row[asked.get("by", REPORTS[report].key.name)]


@pytest.mark.parametrize(("report", "figure"), [("contradictions", "contradictions"), ("stale", "stale_open")])
def test_all_findings_are_behind_their_number(world: World, report: str, figure: str) -> None:
    client = client_of(UserFactory(role="owner"))
    findings = get(client, f"reports/{report}", **SPAN)["rows"]
    behind = get(client, f"reports/{report}/rows", **SPAN, figure=figure, page_size="1000")["results"]
    assert sorted(finding["contact"] for finding in findings) == sorted(row["contact"] for row in behind) != []


def test_every_cell_of_the_board_opens_its_contacts(world: World) -> None:
    client = client_of(UserFactory(role="owner"))
    cells = get(client, "reports/movement", **SPAN)["cells"]
    assert {cell["from"] for cell in cells} >= {"new"}
    for cell in cells:
        row = ":".join("null" if stage is None else str(stage) for stage in (cell["from"], cell["to"]))
        found = get(client, "reports/movement/rows", figure="contacts", row=row, page_size=1000, **SPAN)["results"]
        assert len({one["contact"] for one in found}) == len(found) == cell["contacts"]


def test_rows_are_walked_in_both_directions(world: World) -> None:
    client = client_of(UserFactory(role="owner"))
    page = get(client, "reports/labels/rows", figure="added", page_size=3, **SPAN)
    forward = [page["results"]]
    while page["next"]:
        page = client.get(page["next"]).json()
        forward.append(page["results"])
    backward = [page["results"]]
    while page["previous"]:
        page = client.get(page["previous"]).json()
        backward.append(page["results"])
    assert forward == backward[::-1]
    assert len(forward) > 5
    assert set(forward[0][0]) == {"contact", "label", "at"}


def test_rows_that_look_the_same_are_all_there() -> None:
    """Put on and taken off in one second under two WhatsApp labels that mean the same."""
    rina = Bridge(key="cs1", agent="rina", team="Sales")
    rina.save("1", "Grade A", at=day(0))
    rina.save("2", "GRADE A", at=day(0))
    for external in ("1", "2"):
        for kind in ("added", "removed"):
            rina.label(kind, external, "6281200000001", at=day(1))
    rina.drain()
    client = client_of(UserFactory(role="owner"))
    first, second = behind(client, "labels", figure="instant_mistaps")
    assert first == second
    [alone] = get(client, "reports/labels/rows", figure="instant_mistaps", page_size=1, **SPAN)["results"]
    assert alone == first
    page = get(client, "reports/labels/rows", figure="instant_mistaps", page_size=1, **SPAN)
    page = client.get(page["next"]).json()
    assert page["results"] == [first]
    assert page["next"] is None


def test_a_parameter_for_one_row_leaves_the_rows_behind_it(world: World) -> None:
    client, rina = client_of(UserFactory(role="owner")), Agent.objects.get(code="rina")
    assert behind(client, "agents", figure="added", agent=rina.pk) == behind(
        client, "agents", figure="added", row=rina.pk
    )
    assert len(behind(client, "agents", figure="added")) > len(behind(client, "agents", figure="added", row=rina.pk))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"row": "1"}, "figure"),
        ({"figure": "no_such", "row": "null"}, "figure"),
        ({"figure": "graded_high"}, "figure"),
        ({"figure": "added", "row": "x"}, "row"),
        ({"figure": "added", "row": "999999"}, "row"),
        ({"figure": "added", "basis": "event"}, "basis"),
        ({"figure": "added", "page_size": "0"}, "page_size"),
        ({"figure": "added", "from": "x"}, "from"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(db: None, asked: dict[str, str], field: str) -> None:
    refused = client_of(UserFactory(role="owner")).get("/api/v1/reports/agents/rows/", asked)
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (400, [field])


def test_a_lead_reads_the_rows_of_her_team_alone(world: World) -> None:
    sales, wholesale = (Team.objects.get(name=name) for name in ("Sales", "Grosir"))
    for team, other in ((sales, wholesale), (wholesale, sales)):
        client = client_of(UserFactory(role="cs_lead", teams=[team]))
        told = get(client, "reports/labels", **SPAN)["rows"]
        rows = behind(client, "labels", figure="added")
        assert len(rows) == sum(row["added"] for row in told) > 0
        assert all(row["contact"] for row in rows)
        refused = client.get("/api/v1/reports/labels/rows/", SPAN | {"figure": "added", "team": other.pk})
        assert refused.status_code == 400
    assert client_of(UserFactory(role="cs")).get("/api/v1/reports/labels/rows/").status_code == 403


def test_people_behind_numbers_count_as_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_reading, "LIMIT", 3)
    client = client_of(UserFactory(role="auditor"))
    refused = client.get("/api/v1/reports/labels/rows/", SPAN | {"figure": "added"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "export_right_required")
