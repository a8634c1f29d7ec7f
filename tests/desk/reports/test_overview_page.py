"""The overview: what its pictures draw is what its tables say, and every number opens as many rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts.selectors.viewing import viewer_of
from desk.reports.overview_page import period_before
from reports.query import parse_query
from reports.registry import REPORTS
from reports.selectors.periods import midnight
from tests.desk.reports.test_movement_page import drawn, numbers, opens
from tests.desk.reports.test_pages import SPAN, api_of, client_of
from tests.factories import UserFactory
from tests.reports.test_figures import BUDI, SITI, rina, write
from tests.reports.world import World, day

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

PAGE = "/admin/reports/overview/"


@pytest.fixture
def world() -> World:
    world = World(21, contacts=12, visits=4)
    world.play()
    return world


def test_every_number_opens_as_many_rows(world: World) -> None:
    client = client_of()
    found = numbers(client.get(PAGE, {"from": "2026-03-09", "until": "2026-03-22"}))
    assert len(found) > 50
    assert {address: opens(client, address) for address, _number in found} == dict(found)


def test_the_days_of_all_categories_add_up_to_the_tiles(world: World) -> None:
    page = client_of().get(PAGE, SPAN)
    picture, total = drawn(page)["label-activity"], page.context["total"]
    values = [value for series in picture["series"] for value in series["values"]]
    assert sum(value for value in values if value > 0) == total["added"] > 0
    assert -sum(value for value in values if value < 0) == total["removed"] > 0
    assert sum(picture["line"]["values"]) == total["net"]
    assert len(picture["names"]) == 60
    on = drawn(page)["labels-on"]["lines"]
    assert sum(line["value"] for line in on) == total["active_to"]
    assert total["active_from"] + total["net"] == total["active_to"]


def test_every_part_of_a_bar_opens_as_many_rows(world: World) -> None:
    client = client_of()
    picture = drawn(client.get(PAGE, {"from": "2026-03-09", "until": "2026-03-22"}))["label-activity"]
    parts = [
        (picture["base"] + link, abs(value))
        for series in picture["series"]
        for value, link in zip(series["values"], series["links"], strict=True)
        if link
    ]
    assert len(parts) > 10
    assert [opens(client, link) for link, _number in parts] == [number for _link, number in parts]


def test_the_file_of_a_table_is_what_the_api_says(world: World) -> None:
    for by in ("label", "category", "day"):
        file = client_of().get(PAGE, SPAN | {"format": "csv", "table": by}).content.decode("utf-8-sig")
        api = api_of().get("/api/v1/reports/labels/", SPAN | {"by": by}).json()["rows"]
        heading, *lines = [line.split(",") for line in file.splitlines()]
        assert [int(line[heading.index("added")]) for line in lines] == [row["added"] for row in api]


def test_a_period_stands_beside_as_much_of_the_one_before(rina: Any) -> None:
    for at in (1, 2, 11):
        rina.label("added", "1", f"62812000000{at:02d}", at=day(at))
    rina.drain()
    page = client_of().get(PAGE, {"from": "2026-03-12", "until": "2026-03-21"})
    added = page.context["tiles"][0]
    assert (added.text, added.before, added.change) == ("1", "2", "▼ 50%")


def test_what_is_not_over_yet_is_compared_with_as_much_time() -> None:
    noon, owner = midnight(timezone.localdate()) + timedelta(hours=12), viewer_of(UserFactory(role="owner"))
    for preset, length in (("today", timedelta(days=1)), ("last_7", timedelta(days=7))):
        query = parse_query(REPORTS["labels"], {"period": preset}, viewer=owner, now=noon)
        before = period_before(query)
        assert before.start == query.period.start - length
        assert before.end - before.start == noon - query.period.start


def test_hours_of_messages_and_labels_have_one_scale_and_a_table(rina: Any) -> None:
    for n in range(3):
        write(rina, f"62812000000{n:02d}", day(1) + timedelta(hours=20))
    rina.label("added", "1", BUDI, at=day(1) + timedelta(hours=9))
    rina.drain()
    page = client_of().get(PAGE, {"from": "2026-03-02", "until": "2026-03-08"})
    pictures = drawn(page)
    cells = {
        name: {(x, y): n for x, y, n, *_words in pictures[f"hours-{name}"]["cells"]} for name in ("inbound", "added")
    }
    assert (cells["inbound"][20, 1], cells["added"][9, 1], cells["added"][20, 1]) == (3, 1, 0)
    assert {pictures[f"hours-{name}"]["most"] for name in cells} == {3}
    tuesday = page.context["hours_lines"][1]
    assert (tuesday.name, tuesday.inbound, tuesday.busiest) == ("Tuesday", 3, "20:00")
    assert (tuesday.added, tuesday.labelled_most) == (1, "09:00")
    assert "Between 18:00 and 08:00 came 100% of all messages, and 0% of all labels" in page.content.decode()


def test_days_with_a_gap_are_shaded_and_said(rina: Any) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.post("status", status="stopped", at=day(4) + timedelta(hours=9))
    rina.post("status", status="working", at=day(6))
    rina.label("added", "1", SITI, at=day(8))
    rina.drain()
    page = client_of().get(PAGE, {"from": "2026-03-02", "until": "2026-03-15"})
    gaps = drawn(page)["label-activity"]["gaps"]
    assert gaps == [{"from": 4, "to": 6}]
    assert "Days with a gap are shaded." in page.content.decode()
    assert "cut off from" in page.content.decode()


def test_a_period_without_labels_says_so() -> None:
    page = client_of().get(PAGE)
    assert "No label was added or removed in these days." in page.content.decode()
    assert "labels-on" not in drawn(page)


def test_the_page_is_light_and_asks_little_however_many_labels_and_days(
    world: World, django_assert_max_num_queries: Any
) -> None:
    client = client_of()
    for span in (SPAN, {"from": "2026-03-09", "until": "2026-04-07"}):
        client.get(PAGE, span)  # whatever is kept for later requests
        with django_assert_max_num_queries(29):
            page = client.get(PAGE, span)
    assert len(page.content) < 150_000
