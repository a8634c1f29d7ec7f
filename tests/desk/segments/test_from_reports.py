"""The people behind a number of a report as a segment: exactly the contacts whose rows the number opens."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from contacts.models import Agent, ChannelOwnership
from labels.models import Label
from reports.models import Segment
from tests.api.story import Story
from tests.factories import TeamFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
PERIOD = {"from": "2026-03-02", "to": "2026-03-09"}
LINK = re.compile(r'<a href="([^"]*/segments/new/[^"]*)">')


@pytest.fixture
def story() -> Story:
    """Two people got Grade A, one of them Grade B, and one lost Grade A; by two CS on two numbers."""
    story, other = Story(team=TeamFactory(name="Toko")), Story(team=TeamFactory(name="Grosir"), key="cs2", agent="Budi")
    first, second, third = story.contact(name="Ani"), story.contact(name="Budi"), other.contact(name="Cici")
    for contact, name in ((first, "Grade A"), (second, "Grade A"), (first, "Grade B")):
        story.put_on(contact, name)
    story.now = other.now = story._later()
    story.take_off(second, "Grade A")
    other.put_on(third, "Grade A")
    return story


def rows(client: Client, **parameters: Any) -> Any:
    return client.get("/admin/reports/rows/", {**PERIOD, **parameters})


def link_of(page: Any) -> str:
    found = LINK.search(page.content.decode())
    return unescape(found[1]) if found else ""


@pytest.mark.parametrize(
    "asked",
    [
        {"report": "labels", "figure": "added", "who": "all"},
        {"report": "labels", "figure": "added", "who": "Grade A", "channel": "cs1"},
        {"report": "labels", "figure": "removed", "who": "Grade A"},
        {"report": "agents", "figure": "removed_by", "who": "CS Rina"},
        {"report": "agents", "figure": "graded_high_k", "who": "CS Rina", "certain": "true", "label": "Grade A"},
        {"report": "labels", "figure": "active_to", "who": "Grade A", "from": "today", "to": "", "until": "tomorrow"},
        {"report": "campaigns", "figure": "contacts", "who": "none"},
    ],
)
def test_a_number_and_its_segment_are_the_same_people(client_of: ClientOf, story: Story, asked: dict[str, str]) -> None:
    ids = {row.name: row.pk for row in (*Label.objects.all(), *Agent.objects.all())}
    client = client_of("marketing")
    page = rows(client, **{**asked, "who": ids.get(asked["who"], asked["who"])})
    people = {row.contact.pk for row in page.context["rows"]}
    assert people
    assert f"Save {len(people)} contact{'s' * (len(people) > 1)} as a segment" in page.content.decode()
    builder = client.get(link_of(page))
    assert {contact.pk for contact in builder.context["counted"].sample} == people
    assert builder.context["counted"].count == len(people)
    assert builder.context["page"].name == page.context["title"]


def test_a_number_that_was_saved_is_one_condition_that_can_be_turned(client_of: ClientOf, story: Story) -> None:
    """It comes back from the form as it was: the figure stands in words, its time can be changed."""
    client = client_of("marketing")
    page = client.get(link_of(rows(client, report="labels", figure="added", who="all", channel="cs1")))
    html = page.content.decode()
    assert "“Added”, on number “" in html
    [row] = page.context["groups"][0].rows
    fields = {"group": "0", "row": "0.0", "0.0.kind": "report.labels", "0.0.reported": row.reported, "0.0.was": "last"}
    last = {"0.0.when": "last", "0.0.days_from": "3650", "0.0.not": "1"}
    saved = {"do": "save", "name": "Lain", "shared": "private"}
    assert client.post("/admin/segments/new/", fields | last | saved).status_code == 302
    [condition] = Segment.objects.get().definition["any"][0]["all"]
    assert condition == {
        "field": "report", "op": "labels", "figure": "added", "channel": "cs1", "from": {"days_ago": 3650}, "not": True,
    }  # fmt: skip


def test_a_number_without_its_figure_is_not_saved(client_of: ClientOf, story: Story) -> None:
    client = client_of("marketing")
    fields = {"group": "0", "row": "0.0", "0.0.kind": "report.labels", "0.0.reported": "[", "do": "save", "name": "X"}
    page = client.post("/admin/segments/new/", fields)
    assert page.status_code == 200
    assert "a condition is not complete" in page.content.decode()


def test_who_keeps_no_segments_is_offered_none(client_of: ClientOf, story: Story) -> None:
    assert link_of(rows(client_of("auditor"), report="labels", figure="added")) == ""


def test_the_row_of_a_colleague_of_another_team_is_named(client_of: ClientOf, story: Story) -> None:
    """Budi helped out on Toko's number: its lead sees him in the report, and so in the segment."""
    budi = Agent.objects.get(name="Budi")
    ChannelOwnership.objects.update(until=story.now)
    ChannelOwnership.objects.create(channel=story.channel, agent=budi, since=story.now)
    story.now = story._later()
    story.put_on(story.contact(name="Dedi"), "Grade C")
    lead = client_of("cs_lead")
    lead.user.teams.add(story.channel.team)  # type: ignore[attr-defined]
    page = rows(lead, report="agents", figure="added", who=budi.pk)
    builder = lead.get(link_of(page))
    assert (page.context["people"], builder.context["counted"].count) == (1, 1)
    assert "“Added” of “Budi”" in builder.content.decode()
    assert "not yours to see" not in builder.content.decode()


def test_a_figure_that_is_gone_means_nobody(client_of: ClientOf, story: Story) -> None:
    gone = {"field": "report", "op": "labels", "figure": "dancing", "from": "2026-03-02"}
    segment = Segment.objects.create(name="X", definition={"any": [{"all": [gone]}]}, shared="everyone")
    page = client_of("marketing").get(f"/admin/segments/{segment.pk}/")
    assert page.context["counted"].count == 0
    assert "“dancing”" in page.content.decode()
