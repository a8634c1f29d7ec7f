"""The people behind a number of a report as a segment: the same people, or no link."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from contacts.models import Agent
from labels.models import Label
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
        {"report": "labels", "figure": "added", "who": "Grade A"},
        {"report": "labels", "figure": "added", "who": "Grade A", "channel": "cs1"},
        {"report": "labels", "figure": "removed", "who": "Grade A"},
        {"report": "agents", "figure": "added", "who": "CS Rina"},
        {"report": "agents", "figure": "removed_by", "who": "CS Rina"},
        {"report": "labels", "figure": "active_to", "who": "Grade A", "from": "today", "to": "", "until": "tomorrow"},
    ],
)
def test_a_number_and_its_segment_are_the_same_people(client_of: ClientOf, story: Story, asked: dict[str, str]) -> None:
    ids = {row.name: row.pk for row in (*Label.objects.all(), *Agent.objects.all())}
    client = client_of("marketing")
    page = rows(client, **{**asked, "who": ids.get(asked["who"], asked["who"])})
    people = {row.contact.pk for row in page.context["rows"]}
    assert people
    builder = client.get(link_of(page))
    assert {contact.pk for contact in builder.context["counted"].sample} == people
    assert builder.context["counted"].count == len(people)


@pytest.mark.parametrize(
    "asked",
    [
        {"report": "labels", "figure": "mistaps"},
        {"report": "labels", "figure": "active_to"},
        {"report": "labels", "figure": "added", "certain": "true"},
        {"report": "labels", "figure": "added", "who": "none"},
        {"report": "agents", "figure": "removed"},
        {"report": "agents", "figure": "received"},
        {"report": "campaigns", "figure": "contacts"},
    ],
)
def test_what_a_segment_cannot_say_has_no_link(client_of: ClientOf, story: Story, asked: dict[str, str]) -> None:
    page = rows(client_of("marketing"), **asked)
    assert page.status_code == 200
    assert link_of(page) == ""


def test_who_keeps_no_segments_is_offered_none(client_of: ClientOf, story: Story) -> None:
    assert link_of(rows(client_of("auditor"), report="labels", figure="added")) == ""
