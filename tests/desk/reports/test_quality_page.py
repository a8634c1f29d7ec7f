"""CS quality: its pictures, the columns of its tables, and what narrows it."""

from __future__ import annotations

from dataclasses import fields
from html import unescape
from typing import Any

import pytest
from django.utils.translation import override

from contacts.models import Agent, CampaignTouch, Contact
from contacts.services.attribution import set_first_touch
from desk.reports import soon_pictures
from desk.reports.whiskers import scale_of, whisker
from labels.models import Category, Label
from reports.selectors.agents import AgentRow
from reports.selectors.shares import share
from tests.desk.reports.test_movement_page import drawn, opens
from tests.desk.reports.test_pages import SPAN, client_of
from tests.factories import CampaignFactory
from tests.reports.test_figures import BUDI, SITI, rina, write
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

PAGE = "/admin/reports/agents/"


@pytest.fixture
def world() -> World:
    world = World(21, contacts=12, visits=4)
    world.play()
    return world


def shown(page: Any) -> list[str]:
    return [cell.column.name for table in page.context["tables"] for cell in table["rows"][0][1]]


def test_columns_are_chosen_and_remembered_for_the_person(rina: Bridge) -> None:
    client, colleague = client_of(), client_of()
    assert "found" not in shown(client.get(PAGE))
    answer = client.post(f"{PAGE}columns/?period=last_7", {"column": ["received", "found"]})
    assert answer["Location"] == f"{PAGE}?period=last_7"
    assert shown(client.get(PAGE)) == ["received", "found"]
    assert "came_true" in shown(colleague.get(PAGE))
    page = client.get(PAGE).content.decode()
    assert 'value="found" checked' in page
    assert 'value="came_true">' in page
    assert client.get(f"{PAGE}columns/").status_code == 405
    assert client_of("cs").post(f"{PAGE}columns/", {"column": ["received"]}).status_code == 403


def test_the_share_graded_high_never_stands_without_what_came_true(rina: Bridge) -> None:
    client = client_of()
    client.post(f"{PAGE}columns/", {"column": ["graded_high"]})
    assert shown(client.get(PAGE)) == ["graded_high", "came_true"]


def test_pictures_of_coverage_and_speed_say_what_the_table_says(world: World) -> None:
    client = client_of()
    page = client.get(PAGE, SPAN)
    rows = {row.agent: row for row in page.context["query"].rows}
    coverage, speed = (drawn(page)[name] for name in ("coverage", "speed"))
    assert sorted(line["values"][1] for line in coverage["lines"]) == sorted(
        row.labelled_1h.value for row in rows.values() if row.labelled_24h.n
    )
    links = [link for line in coverage["lines"] for link in line["links"] if link]
    assert links
    opened = sum(opens(client, link) for link in links)
    assert opened == sum(row.labelled_1h.k + row.labelled_24h.k for row in rows.values())
    times = [span["value"] for line in speed["lines"] for span in line["spans"] if span]
    wanted = [t for row in rows.values() for t in (row.first_label_median_s, row.first_reply_median_s) if t is not None]
    assert sorted(times) == sorted(wanted)


def test_the_row_of_all_has_medians_of_its_own(world: World) -> None:
    page = client_of().get(PAGE, SPAN)
    total, cells = page.context["tables"][0]["rows"][0]
    assert total.is_total
    [median] = [cell.text for cell in cells if cell.column.name == "first_label_median_s"]
    assert median != "–"


def test_who_is_in_no_share_is_said_once_below_the_row(rina: Bridge) -> None:
    for chat in (BUDI, SITI):
        rina.label("added", "1", chat, at=day(1))
    rina.post("status", status="stopped", at=day(20))
    rina.post("status", status="working", at=day(21))
    rina.drain()
    page = client_of().get(PAGE, SPAN)
    [row, *_others] = [row for row, _cells in page.context["tables"][0]["rows"]]
    assert [(each.text, each.rows) for each in row.line] == [
        ("graded high: 2 unknown because of a gap", "came_true_unknown")
    ]
    assert not [line for table in row.tables for cell in table for line in cell.lines if "unknown" in line.text]


def test_a_cs_a_campaign_and_a_category_narrow_the_page_and_stay_in_its_links(rina: Bridge) -> None:
    lebaran = CampaignFactory(name="Lebaran")
    for chat, label in ((BUDI, "1"), (SITI, "3")):
        write(rina, chat, day(1))
        rina.label("added", label, chat, at=day(2))
    rina.drain()
    budi = Contact.objects.get(phone=f"+{BUDI}")
    CampaignTouch.objects.create(contact=budi, campaign=lebaran, at=day(1), method="manual")
    set_first_touch([budi.pk])
    client, agent = client_of(), Agent.objects.get()
    everything = client.get(PAGE, SPAN | {"agent": agent.pk}).context["query"].rows[0]
    assert (everything.received, everything.added) == (2, 2)
    page = client.get(PAGE, SPAN | {"campaign": lebaran.pk, "agent": agent.pk})
    [row] = page.context["query"].rows
    assert (row.received, row.added, row.unreplied, row.first_labelled) == (1, 1, 1, 1)
    assert f"campaign={lebaran.pk}" in page.context["rows_url"]
    assert opens(client, f"{page.context['rows_url']}&figure=received&who={agent.pk}") == 1
    grades = Category.objects.get(pk=Label.objects.get(name="Grade A").category_id)
    page = client.get(PAGE, SPAN | {"category": grades.code})
    assert [row.added for row in page.context["query"].rows] == [1]
    assert "campaign" in page.context["form"].fields
    assert unescape(page.context["sort_url"]).startswith("?")


# -- Pictures by example ----------------------------------------------------------------------------------------------


def agent_row(name: str, hour: tuple[int, int], day_: tuple[int, int], **times: float) -> Any:
    said = {"agent": 1, "name": name, "labelled_1h": share(*hour), "labelled_24h": share(*day_)} | times
    empty = dict.fromkeys(("first_label_median_s", "first_label_p90_s", "first_reply_median_s", "first_reply_p90_s"))
    return type("Row", (), {field.name: 0 for field in fields(AgentRow)} | empty | said)


def test_the_surest_stands_first_and_few_contacts_last() -> None:
    slow = {"first_label_median_s": 7200.0, "first_label_p90_s": 9000.0, "first_labelled": 60}
    quick = {"first_label_median_s": 600.0, "first_label_p90_s": 900.0, "first_labelled": 99}
    rows = [
        agent_row("Budi", (10, 100), (60, 100), **slow),
        agent_row("Sari", (9, 9), (9, 9)),
        agent_row("Rina", (80, 100), (99, 100), **quick),
    ]
    with override("en"):
        coverage, speed = soon_pictures.pictures(rows, rows_url="?report=agents")
    assert [line["name"] for line in coverage.rows["lines"]] == ["Rina", "Budi", "Sari"]
    assert "Of 209 contacts who wrote first, 47% had a label within an hour." in coverage.sentence
    assert "Rina is soonest with 80%, Budi latest with 10%." in coverage.sentence
    assert [line["name"] for line in speed.rows["lines"]] == ["Rina", "Budi"]
    assert speed.sentence == "Rina labels soonest: half of the contacts within 10 min."
    assert soon_pictures.pictures([], rows_url="") == []


def test_whiskers_of_a_column_share_a_scale_that_a_few_contacts_do_not_set() -> None:
    many, few = share(10, 400), share(1, 2)
    assert scale_of([many, few]) == 0.05
    assert scale_of([few]) == 1.0
    drawn_ = whisker(many, end=0.05)
    assert drawn_ is not None
    assert drawn_.middle == "50.0%"
    assert whisker(few, end=0.05).high == "100.0%"  # type: ignore[union-attr]
    assert whisker(share(0, 0), end=1) is None
