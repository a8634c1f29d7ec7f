"""What pictures have in common: their colours, the library that draws them, and the picture of CS quality."""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields
from typing import Any

import pytest
from django.utils.translation import override

from desk.reports.pictures import PLAIN, Paints
from desk.reports.proven_picture import proven_picture
from labelcrm.env import BASE_DIR
from labels.models import Label
from reports.selectors.agents import AgentRow
from reports.selectors.shares import Share, share
from tests.desk.reports.test_movement_page import drawn, numbers, opens
from tests.desk.reports.test_pages import SPAN, client_of
from tests.reports.world import World

VENDORED = BASE_DIR / "static" / "vendor" / "echarts"


def agent_row(name: str, proven: tuple[int, int], others: tuple[int, int]) -> Any:
    """A row of which only this is said."""
    said = {"agent": sum(name.encode()), "name": name, "came_true": share(*proven), "came_true_others": share(*others)}
    return type("Row", (), {field.name: 0 for field in fields(AgentRow)} | said)


def test_the_library_is_the_one_that_its_readme_names() -> None:
    told = re.search(r"`echarts.min.js` \| `([0-9a-f]{64})`", (VENDORED / "README.md").read_text(encoding="utf-8"))
    assert told is not None
    assert hashlib.sha256((VENDORED / "echarts.min.js").read_bytes()).hexdigest() == told[1]
    assert "Apache License" in (VENDORED / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.django_db
def test_labels_of_one_family_have_shades_of_their_own(django_assert_num_queries: Any) -> None:
    labels = list(Label.objects.filter(color="yellow").order_by("step", "id"))
    paints = Paints()
    with django_assert_num_queries(1):
        drawn_in = [paints.label(label.pk) for label in labels]
    assert {paint["tone"] for paint in drawn_in} == {"lc-family-yellow"}
    shades = [paint["shade"] for paint in drawn_in]
    assert shades == sorted(set(shades))
    assert paints.label(None) == PLAIN


def test_a_verdict_needs_enough_contacts_and_a_clear_difference() -> None:
    rows = [
        agent_row("Agus", (30, 90), (100, 300)),
        agent_row("Rina", (44, 65), (88, 333)),
        agent_row("Sari", (9, 16), (123, 382)),
        agent_row("Budi", (20, 200), (112, 198)),
        agent_row("Putri", (0, 0), (132, 398)),
    ]
    with override("en"):
        proven = proven_picture(rows, rows_url="?report=agents")
    assert proven is not None
    assert [(one.name, one.counts, one.words) for one in proven.verdicts] == [
        ("Rina", "44 of 65 became buyers", "better than the team"),
        ("Agus", "30 of 90 became buyers", "about as the team"),
        ("Budi", "20 of 200 became buyers", "less than the team"),
        ("Sari", "9 of 16 became buyers", "too few to say more"),
    ]
    assert "Rina stands out with 68%." in proven.picture.sentence
    assert proven.picture.rows["reference"]["value"] == pytest.approx(103 / 371)
    assert proven_picture(rows[-1:], rows_url="") is None


@pytest.mark.django_db
def test_the_picture_of_cs_quality_says_what_its_table_says() -> None:
    world = World(21, contacts=12, visits=4)
    world.play()
    client = client_of()
    page = client.get("/admin/reports/agents/", SPAN)
    proven: list[Share] = [row.came_true for row in page.context["query"].rows if row.came_true.n]
    lines = drawn(page)["came-true"]["lines"]
    assert sorted(line["value"] for line in lines) == sorted(value.value for value in proven)
    links = [(address, number) for address, number in numbers(page) if "came_true_k" in address]
    assert [opens(client, address) for address, _number in links] == [number for _address, number in links]
    assert sum(number for _address, number in links) == sum(value.k for value in proven)
