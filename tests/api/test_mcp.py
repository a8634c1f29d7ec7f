"""The MCP server: its tools with each reader's rights, and both ways in through the SDK's own client."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from api.mcp.masking import initials, last_digits
from api.mcp.mcp_tool import Asker, ToolRefused
from api.mcp.server import TOOLS, answer, tools_of
from contacts.models import Contact
from labels.models import Label
from labels.services import projections
from reports.models import Segment
from reports.registry import REPORTS
from tests.api.conftest import client_of, get
from tests.api.story import Story
from tests.factories import TeamFactory, UserFactory

ROOT = Path(__file__).resolve().parents[2]
SINCE = {"from": "2026-03-01", "to": "2026-04-01"}


def asker(role: str = "owner", *teams: Any) -> Asker:
    return Asker(UserFactory(role=role, teams=list(teams), language="en"), "https://crm.example")


@pytest.fixture
def graded(story: Story) -> list[Contact]:
    people = [story.contact(name=f"Siti Rahayu {n}", phone=f"+62812000000{n}") for n in range(3)]
    for contact in people:
        story.put_on(contact, "Grade A")
    projections.refresh([contact.pk for contact in people])
    return people


# -- Tools ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(REPORTS))
def test_a_report_says_what_the_api_says(name: str, graded: list[Contact]) -> None:
    who = asker()
    told = answer(who, "read_report", {"report": name, **SINCE})
    same = get(client_of(who.user), f"reports/{name}", **SINCE)
    assert {key: told[key] for key in same if key != "computed_at"} == {
        key: value for key, value in same.items() if key != "computed_at"
    }
    assert told["page"].startswith("https://crm.example/")
    assert (told["rows_left_off"], told["gaps"]) == (0, [])


@pytest.mark.django_db
def test_people_behind_a_number_are_as_many_as_it_says_and_masked(graded: list[Contact]) -> None:
    who = asker()
    grade = Label.objects.get(name="Grade A").pk
    [row] = [row for row in answer(who, "read_report", {"report": "labels", **SINCE})["rows"] if row["label"] == grade]
    told = answer(who, "people_behind", {"report": "labels", "figure": "added", "row": str(grade), **SINCE})
    assert row["added"] == told["counted"] == len(told["people"]) == 3
    assert [person["name"] for person in told["people"]] == ["S. R. 0."] * 1 + ["S. R. 1.", "S. R. 2."]
    assert [person["phone"] for person in told["people"]] == ["…0000", "…0001", "…0002"]
    assert "Rahayu" not in json.dumps(told)
    assert "62812" not in json.dumps(told)


@pytest.mark.django_db
def test_a_lead_hears_only_of_the_own_team(graded: list[Contact], story: Story) -> None:
    stranger, own = asker("cs_lead", TeamFactory(name="Grosir")), asker("cs_lead", story.channel.team)
    given = {"report": "labels", "figure": "added", **SINCE}
    assert answer(stranger, "people_behind", given)["counted"] == 0
    assert answer(own, "people_behind", given)["counted"] == 3


@pytest.mark.django_db
def test_tools_without_the_right_are_neither_listed_nor_answered() -> None:
    """A CS reads no reports."""
    who = asker("cs", TeamFactory())
    assert not {"read_report", "people_behind"} & {tool.name for tool in tools_of(who)}
    with pytest.raises(ToolRefused, match="no tool read_report for you"):
        answer(who, "read_report", {"report": "labels"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tool", "given", "says"),
    [
        ("read_report", {}, "'report' is a required property"),
        ("read_report", {"report": "sales"}, "report: 'sales' is not one of"),
        ("read_report", {"report": "labels", "basis": "event"}, "does not take basis"),
        ("read_report", {"report": "labels", "from": "yesterday"}, "from:"),
        ("read_report", {"report": "labels", "nonsense": 1}, "nonsense"),
        ("people_behind", {"report": "labels", "figure": "rows"}, "no count called rows. It has:"),
        ("people_behind", {"report": "labels", "figure": "added", "row": "x"}, "row:"),
        ("explain_figures", {"figures": ["added", "subtracted"]}, "No figure is called subtracted"),
        ("count_segment", {}, "either `segment`"),
        ("count_segment", {"segment": 4711}, "no segment 4711"),
        ("count_segment", {"definition": {"any": [{"all": [{"field": "label"}]}]}}, "definition.any"),
        ("drop_tables", {}, "no tool drop_tables"),
    ],
)
def test_what_cannot_be_answered_says_why(tool: str, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolRefused, match=says.replace(".", r"\.").replace("(", r"\(")):
        answer(asker(), tool, given)


@pytest.mark.django_db
def test_segments_are_listed_in_words_and_counted(graded: list[Contact]) -> None:
    who = asker()
    grade = Label.objects.get(name="Grade A")
    definition = {"any": [{"all": [{"field": "label", "op": "active", "labels": [grade.pk]}]}]}
    saved = Segment.objects.create(name="Panas", definition=definition, owner=who.user)
    [listed] = answer(who, "list_segments", {})["segments"]
    assert (listed["segment"], listed["name"]) == (saved.pk, "Panas")
    assert "Grade A" in listed["says"]
    for given in ({"segment": saved.pk}, {"definition": definition}):
        assert answer(who, "count_segment", given)["count"] == 3


@pytest.mark.django_db
def test_a_segment_that_cannot_be_read_any_more_is_listed_and_not_counted() -> None:
    who = asker()
    old = Segment.objects.create(name="Lama", definition={"version": 0}, owner=who.user)
    [listed] = answer(who, "list_segments", {})["segments"]
    assert listed["says"] == "saved in a form that cannot be read any more."
    with pytest.raises(ToolRefused, match=f"Segment {old.pk} was saved in a form"):
        answer(who, "count_segment", {"segment": old.pk})


@pytest.mark.django_db
def test_every_tool_answers_with_an_empty_database() -> None:
    who = asker()
    for tool in TOOLS.values():
        if not tool.required and tool.name != "count_segment":
            json.dumps(answer(who, tool.name, {}))


def test_names_and_numbers_are_cut_whatever_they_are() -> None:
    assert [initials(name) for name in ("Siti Rahayu", "", "~", "dr. Ayu (toko) 🌸")] == ["S. R.", "", "", "D. A."]
    assert [last_digits(phone) for phone in ("+6281234567890", "", "12345678")] == ["…7890", "", ""]


# -- The two ways in --------------------------------------------------------------------------------------------------


def talk(transport: Any, work: Callable[[Client], Awaitable[Any]]) -> Any:
    """Do something with a client that is connected."""

    async def connected() -> Any:
        with anyio.fail_after(60):
            async with Client(transport) as client:
                return await work(client)

    # In a thread of its own: after browser tests a loop runs in this one.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(anyio.run, connected).result()


@asynccontextmanager
async def over_http(url: str, key: str) -> AsyncIterator[Any]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Token {key}", "Connection": "close"}) as http,
        streamable_http_client(f"{url}/mcp/", http_client=http) as streams,
    ):
        yield streams


async def tour(client: Client) -> tuple[set[str], Any, Any]:
    """Which tools there are, what one answers, and how one refuses."""
    listed = await client.list_tools()
    answered = await client.call_tool("list_reports", {})
    refused = await client.call_tool("read_report", {"report": "sales"})
    return {tool.name for tool in listed.tools}, answered, refused


def check_tour(names: set[str], answered: Any, refused: Any) -> None:
    assert names == set(TOOLS)
    assert {report["report"] for report in answered.structured_content["reports"]} == set(REPORTS)
    assert json.loads(answered.content[0].text) == answered.structured_content
    assert (refused.is_error, "is not one of" in refused.content[0].text) == (True, True)


@pytest.mark.django_db(transaction=True)
def test_the_sdks_client_is_answered_over_http(live_server: Any) -> None:
    user = UserFactory(role="owner", language="en")
    key = Token.objects.create(user=user).key
    check_tour(*talk(over_http(live_server.url, key), tour))
    headers = {"Authorization": f"Token {key}", "Accept": "application/json", "Content-Type": "application/json"}
    broken = httpx2.post(f"{live_server.url}/mcp/", content=b"{", headers=headers)
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, -32700)


@pytest.mark.django_db(transaction=True)
def test_the_sdks_client_is_answered_over_standard_input(settings: Any) -> None:
    UserFactory(username="mira", role="owner", language="en")
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    program = StdioServerParameters(
        command=sys.executable, args=["manage.py", "mcp", "--user", "mira"], cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
    )  # fmt: skip
    check_tour(*talk(program, tour))


@pytest.mark.django_db
def test_without_a_token_or_with_another_method_nobody_is_answered() -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert APIClient().post("/mcp/", body, content_type="application/json").status_code == 401
    assert client_of(UserFactory(role="owner")).get("/mcp/").status_code == 405
