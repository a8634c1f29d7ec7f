"""Movement pages: each way to look at moves draws what its table says, and every number opens as many rows."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections import Counter
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from desk.reports.movement_page import VIEWS
from desk.reports.moves_view import MOST_NODES, REST, StageMove, Stages, sankey_rows
from labels.models import Label
from reports.selectors.row_keys import NEW
from tests.desk.reports.test_pages import SPAN, client_of
from tests.reports.test_figures import BUDI, SITI, rina
from tests.reports.world import World, day

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

PAGE = "/admin/reports/movement/"
LINK = re.compile(r'<a (?:class="[^"]+" )?href="(/admin/reports/rows/[^"]+)">(.*?)</a>', re.DOTALL)
PICTURE = re.compile(r'<script id="([\w-]+)-rows" type="application/json">(.*?)</script>', re.DOTALL)


@pytest.fixture
def world() -> World:
    world = World(21, contacts=12, visits=4)
    world.play()
    return world


def numbers(page: Any) -> list[tuple[str, int]]:
    """The addresses of rows that a page links to, each with the number that is the link; no shares and times."""
    found = []
    for address, inside in LINK.findall(page.content.decode()):
        text = re.sub(r"<[^>]+>", " ", inside).replace(",", "")
        if number := re.match(r"\s*(\d+)(?![\d.%])|.*\s(\d+)\s*$", text, re.DOTALL):
            found.append((unescape(address), int(number[1] or number[2])))
    return found


def drawn(page: Any) -> dict[str, Any]:
    """What the pictures of a page are drawn from, by the name of each."""
    return {name: json.loads(text) for name, text in PICTURE.findall(page.content.decode())}


def opens(client: Client, address: str) -> int:
    page = client.get(address)
    assert page.status_code == 200, address
    return int(page.context["total"])


@pytest.mark.parametrize("more", [{"view": view} for view in VIEWS] + [{"view": "moves", "count": "all"}])
def test_every_number_of_every_way_opens_as_many_rows(world: World, more: dict[str, str]) -> None:
    client = client_of()
    found = numbers(client.get(PAGE, SPAN | more))
    assert len(found) > 3
    assert {address: opens(client, address) for address, _number in found} == dict(found)


def test_the_board_on_the_page_adds_up(world: World) -> None:
    page = client_of().get(PAGE, SPAN)
    rows = [card.row for card in page.context["cards"]]
    assert all(row.start + row.new + row.in_ - row.out == row.end for row in rows)
    total = page.context["total"]
    assert total.start + total.new + total.in_ - total.out == total.end > 0
    assert total.in_ == total.out


def test_the_board_of_a_past_day_ends_there_and_links_to_its_neighbours(rina: Any) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.label("removed", "1", BUDI, at=day(20))
    rina.drain()
    client = client_of()
    grade = str(Label.objects.get(name="Grade A"))
    ends = {}
    for until in ("2026-03-10", "2026-03-25"):
        page = client.get(PAGE, {"from": "2026-03-01", "until": until})
        ends[until] = next(card.row.end for card in page.context["cards"] if card.row.name == grade)
        assert page.context["as_of"].isoformat() == until
    assert ends == {"2026-03-10": 1, "2026-03-25": 0}
    earlier = {words: url for url, words in page.context["neighbours"]}["7 days earlier"]
    assert client.get(f"{PAGE}{earlier}").context["as_of"].isoformat() == "2026-03-18"


def test_moves_once_are_the_cells_of_the_board_and_all_moves_are_more(world: World) -> None:
    client = client_of()
    once = client.get(PAGE, SPAN | {"view": "moves"})
    every = client.get(PAGE, SPAN | {"view": "moves", "count": "all"})
    board = client.get(PAGE, SPAN).context["total"]
    assert once.context["moved"] == board.new + board.out
    assert every.context["moved"] > board.out
    assert "Each contact once, by its stage" in once.content.decode()
    assert "Every move counts." in every.content.decode()
    for page in (once, every):
        picture = next(iter(drawn(page).values()))
        assert sum(flow["value"] for flow in picture["flows"]) == page.context["moved"]
        matrix = page.context["matrix"]
        assert sum(cell.count for row in matrix.rows for cell in row.cells if cell) == page.context["moved"]


def test_the_file_of_every_way_holds_what_the_page_shows(world: World) -> None:
    client = client_of()
    for more, figure in (({}, "end"), ({"view": "moves"}, "contacts"), ({"view": "moves", "count": "all"}, "count")):
        page = client.get(PAGE, SPAN | more).context
        file = client.get(PAGE, SPAN | more | {"format": "csv"}).content.decode("utf-8-sig")
        shown = page["total"].end if figure == "end" else page["moved"]
        assert sum(int(line[figure]) for line in csv.DictReader(io.StringIO(file))) == shown > 0


def test_rows_say_in_words_whose_they_are(rina: Any) -> None:
    rina.post("message", chat=BUDI, at=day(1), message={"id": "m1", "text": "halo"})
    rina.label("added", "1", BUDI, at=day(2))
    rina.drain()
    client, grade = client_of(), Label.objects.get(name="Grade A")
    titles = {}
    for report, figure, who in (
        ("movement", "contacts", f"new:{grade.pk}"),
        ("moves", "count", f"null:{grade.pk}"),
        ("cohorts", "contacts", "2026-03-02"),
        ("labels", "added", "2026-03-04"),
    ):
        asked = SPAN | {"report": report, "figure": figure, "who": who} | ({"by": "day"} if report == "labels" else {})
        titles[report] = client.get("/admin/reports/rows/", asked).context["title"].partition(": ")[2]
    assert titles == {
        "movement": "New contacts → Grade A", "moves": "No stage → Grade A", "cohorts": "2 Mar 2026",
        "labels": "4 Mar 2026",
    }  # fmt: skip


def test_the_picture_has_few_nodes_in_the_order_of_steps_and_no_thin_flows() -> None:
    labels = list(Label.objects.filter(step__isnull=False).order_by("step", "name", "id"))
    moves = [StageMove(NEW, label.pk, 40) for label in labels] + [StageMove(None, labels[0].pk, 30)]
    moves += [StageMove(one.pk, other.pk, 25) for one in labels for other in labels if one.step != other.step]
    moves += [StageMove(labels[0].pk, None, 1)]
    stages = Stages(moves)
    rows = sankey_rows(moves, stages, {(move.start, move.end): "" for move in moves})
    for depth in (0, 1):
        keys = [node["key"] for node in rows["nodes"] if node["depth"] == depth and not node["key"].endswith(REST)]
        assert len(keys) <= MOST_NODES
        firsts = [key.partition(":")[2].split("+")[0] for key in keys]
        steps = [stages.step(int(key)) for key in firsts if key.isdigit()]
        assert steps == sorted(steps)
    total = sum(move.count for move in moves)
    assert sum(flow["value"] for flow in rows["flows"]) == total
    thin = [flow for flow in rows["flows"] if flow["value"] < 0.02 * total]
    assert all(flow["to"] == f"1:{REST}" for flow in thin)
    starts = Counter(flow["from"] for flow in thin)
    assert set(starts.values()) <= {1}


def test_moves_to_an_earlier_step_or_to_none_lead_back() -> None:
    new, won = (Label.objects.get(meaning=meaning) for meaning in ("new", "won"))
    stages = Stages([StageMove(won.pk, new.pk, 1), StageMove(None, new.pk, 1)])
    back = {
        (start, end): stages.is_back(start, end)
        for start, end in ((new.pk, won.pk), (won.pk, new.pk), (won.pk, None), (None, won.pk), (NEW, new.pk))
    }
    assert [pair for pair, is_back in back.items() if is_back] == [(won.pk, new.pk), (won.pk, None)]


def test_the_funnel_draws_what_its_table_says(world: World) -> None:
    page = client_of().get(PAGE, SPAN | {"view": "funnel"})
    steps, picture = page.context["steps"], drawn(page)["funnel"]
    through, past = (series["values"] for series in picture["series"])
    assert through == [step.went_through for step in steps]
    assert [one + other for one, other in zip(through, past, strict=True)] == [step.reached for step in steps]
    assert all(before.reached >= step.reached for before, step in itertools.pairwise(steps))


def test_cohorts_are_of_the_step_that_is_chosen(rina: Any) -> None:
    for chat in (BUDI, SITI):
        rina.post("message", chat=chat, at=day(1), message={"id": f"m{chat}", "text": "halo"})
    rina.label("added", "1", BUDI, at=day(2))
    rina.drain()
    client, reached = client_of(), {}
    for step in ("2", "4"):
        page = client.get(PAGE, SPAN | {"view": "cohorts", "step": step})
        reached[step] = page.context["lines"][0].cells[0].share.k
        assert page.context["step"] == int(step)
    assert reached == {"2": 1, "4": 0}


def test_a_page_without_anybody_says_so_and_draws_nothing() -> None:
    for view in VIEWS:
        page = client_of().get(PAGE, {"view": view})
        assert page.status_code == 200
        html = page.content.decode()
        assert "lc-empty" in html, view
        assert "0 contacts" not in html, view
        assert drawn(page) == {}, view


def test_the_bar_keeps_the_way_of_looking(rina: Any) -> None:
    page = client_of().get(PAGE, SPAN | {"view": "moves", "count": "all"}).content.decode()
    for name, value in (("view", "moves"), ("count", "all")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page


def test_movement_is_for_who_reads_reports_and_in_their_menu() -> None:
    assert client_of("cs").get(PAGE).status_code == 403
    home = client_of().get(reverse("admin:index")).content.decode()
    assert f'href="{PAGE}"' in home
    assert f'href="{reverse("report-overview")}"' in home


def test_queries_do_not_grow_with_moves(world: World, django_assert_max_num_queries: Any) -> None:
    client = client_of()
    client.get(PAGE, SPAN)
    for more in [*({"view": view} for view in VIEWS), {"view": "moves", "count": "all"}]:
        with django_assert_max_num_queries(30):
            client.get(PAGE, SPAN | more)
