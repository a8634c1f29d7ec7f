"""The pictures of the campaign page draw what the table and the API say, and every number opens its rows."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from django.utils.translation import override

from contacts.models import Campaign, CampaignRule
from desk.reports.campaign_charts import ALL, APART, HEIGHT, curves_chart, funnel, quality_chart
from reports.selectors.campaigns import CampaignRow
from reports.selectors.curves import CurveRow, together
from reports.selectors.shares import share
from tests.desk.reports.test_pages import SPAN, api_of, client_of
from tests.factories import CampaignFactory
from tests.reports.test_figures import BUDI, SITI, rina, write
from tests.reports.world import World, day

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

PAGE = "/admin/reports/campaigns/"
LINK = re.compile(r'<a href="(/admin/reports/rows/[^"]+)">([^<]+)</a>')
EMPTY = {
    field.name: 0 for field in CampaignRow.__dataclass_fields__.values() if field.type in ("int", "int | None")
}  # fmt: skip


@pytest.fixture
def world() -> World:
    world = World(21, contacts=12, visits=4)
    world.play()
    return world


def row(name: str, *, high: tuple[int, int], won: tuple[int, int] = (0, 0), **values: Any) -> Any:
    """A campaign's row of which only this is said."""
    said = {"campaign": hash(name) % 1000, "name": name, "so_far": False, "cost_per_high": None, "contacts": high[1]}
    return type("Row", (), EMPTY | said | {"high": share(*high), "won": share(*won)} | values)


def cohort(week: str, *, days: int, high: int = 5, n: int = 20, **values: Any) -> CurveRow:
    counts = [min(high, d) for d in range(1, days + 1)]
    said: dict[str, Any] = {"campaign": 1, "code": "a", "name": "A", "week": date.fromisoformat(week), "n": n}
    return CurveRow(**(said | {"high_n": n, "high": counts, "won_n": n, "won": [0] * days} | values))


def section(page: Any, name: str) -> str:
    html = page.content.decode()
    return html[html.index(f'id="{name}"') :].partition("</section>")[0]


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with override("en"):
        yield


# -- What is drawn ----------------------------------------------------------------------------------------------------


def test_the_surest_campaign_is_first_and_few_contacts_do_not_stretch_the_picture() -> None:
    chart = quality_chart([row("Few", high=(2, 3)), row("Many", high=(40, 200)), row("Young", high=(0, 0))])
    assert chart is not None
    assert [line.name for line in chart.lines] == ["Few", "Many"]
    assert [words for _x, words in chart.ticks] == ["0%", "10%", "20%", "30%"]
    few, many = (line.marks[0] for line in chart.lines)
    assert (few.few, few.high, few.x) == (True, "100.00%", "100.00%")
    assert (many.text, many.interval, many.x) == ("20% · 40/200", "15–26%", "66.67%")
    assert quality_chart([row("Young", high=(0, 0))]) is None


def test_a_cost_is_a_part_of_the_dearest() -> None:
    chart = quality_chart([row("A", high=(9, 30), cost_per_high=30_000), row("B", high=(3, 30), cost_per_high=60_000)])
    assert chart is not None
    assert [(line.cost, line.cost_width) for line in chart.lines] == [("Rp 30,000", "50.00%"), ("Rp 60,000", "100.00%")]


def test_a_line_ends_at_the_age_of_its_cohort_and_the_newest_stands_out() -> None:
    rows = [cohort("2026-03-02", days=30), cohort("2026-03-09", days=12, n=10), cohort("2026-03-16", days=0)]
    chart = curves_chart(rows, outcome="high", who="1", window=30)
    assert chart is not None
    old, new = chart.lines
    assert (old.points.split()[0], old.points.split()[1], old.points.split()[-1]) == (
        "0,1.0000",
        "1,0.9000",
        "30,0.5000",
    )
    assert (len(new.points.split()), new.few, new.tone, old.few, old.tone) == (13, True, 0, False, 1)
    assert (old.end_x, new.end_x) == ("86.00%", "34.40%")
    assert [line.week.day for line in chart.rows] == [16, 9, 2], "the table tells all, the newest first"
    assert [cell.text for cell in chart.rows[1].cells] == ["10% · 1/10", "30% · 3/10", "50% · 5/10", "", "", ""]


def test_names_of_lines_that_end_together_do_not_stand_on_one_another() -> None:
    rows = [cohort(f"2026-0{m}-02", days=30, high=h) for m, h in ((3, 5), (4, 5), (5, 5), (6, 0), (7, 0))]
    chart = curves_chart(rows, outcome="high", who=ALL, window=30)
    assert chart is not None
    places = sorted(float(line.label_y) for line in chart.lines)
    assert all(below - above >= APART - 0.1 for above, below in pairwise(places))
    assert places[-1] <= HEIGHT


def test_cohorts_of_all_campaigns_go_as_far_as_the_youngest() -> None:
    one, two = cohort("2026-03-02", days=30), cohort("2026-03-02", days=9, high=2, n=7, campaign=None)
    [both] = together([one, two])
    assert (both.n, both.high_n, both.days, both.high[:4]) == (27, 27, 9, [2, 4, 5, 6])


def test_the_funnel_has_the_largest_campaign_first_and_leaves_out_the_empty() -> None:
    titles = ["Contacts", "Labelled", "High", "Waiting", "Done"]
    found = funnel([row("Small", high=(1, 5)), row("None", high=(0, 0)), row("Big", high=(1, 9), won_count=3)], titles)
    assert found is not None
    assert [line.name for line in found.lines] == ["Big", "Small"]
    done = found.lines[0].steps[-1]
    assert (done.title, done.count, done.share, done.width, done.rows) == ("Done", "3", "33%", "33.33%", "won_count")
    assert found.lines[1].steps[-1].rows == ""


# -- The page ---------------------------------------------------------------------------------------------------------


def test_every_number_beside_a_picture_opens_as_many_rows(world: World) -> None:
    client, checked = client_of(), defaultdict(int)
    for more in ({}, {"of": str(Campaign.objects.earliest("id").pk), "curve": "won"}, {"touch": "last", "of": "none"}):
        page = client.get(PAGE, SPAN | more)
        for name in ("quality", "curves", "funnel"):
            for address, text in LINK.findall(section(page, name)):
                behind = client.get(address.replace("&amp;", "&"))
                number = int(re.sub(r".*· ", "", text).split("/")[0].replace(",", ""))
                assert behind.context["total"] == number, (address, text)
                assert behind.context["back_url"].startswith(PAGE)
                checked[name] += 1
    assert min(checked.values()) > 5


def test_rows_behind_a_curve_say_what_they_are(rina: Any) -> None:
    write(rina, BUDI, day(1))
    rina.label("added", "1", BUDI, at=day(3))
    rina.drain()
    client = client_of()
    address = "/admin/reports/rows/?report=curves&figure=high_d3&who=none&week=2026-03-02&from=2026-03-02&to=2026-04-01"
    page = client.get(address)
    assert (page.context["part"], page.context["total"]) == ("within 3 days", 1)
    assert page.context["title"] == "High quality: No campaign"
    assert client.get(address.replace("high_d3", "high_d1")).context["total"] == 0
    assert client.get(address.replace("week=2026-03-02", "week=2026-03-09")).context["total"] == 0
    assert client.get(address.replace("high_d3", "high_d31")).status_code == 404
    assert client.get(address.replace("week=2026-03-02", "week=monday")).status_code == 400


def test_the_curves_as_csv_and_in_the_api_are_the_same(world: World) -> None:
    api = api_of().get("/api/v1/reports/curves/", SPAN).json()
    sent = client_of().get(PAGE, SPAN | {"format": "csv", "table": "curves"})
    assert sent["Content-Disposition"] == 'attachment; filename="curves-20260302-20260501.csv"'
    lines = list(csv.DictReader(io.StringIO(sent.content.decode("utf-8-sig"))))
    told = [
        (str(row["campaign"] or ""), row["week"], day, row["high"][day - 1], row["high_n"], row["won"][day - 1])
        for row in api["rows"]
        for day in range(1, len(row["high"]) + 1)
    ]
    assert [
        (line["campaign"], line["week"], *(int(line[name]) for name in ("day", "high", "high_n", "won")))
        for line in lines
    ] == told
    assert len(told) > 100


def test_one_quiet_line_says_what_holds_for_the_whole_row(rina: Any) -> None:
    now = timezone.now()
    write(rina, BUDI, now - timedelta(days=40))
    write(rina, SITI, now - timedelta(days=2))
    rina.label("added", "1", SITI, at=now - timedelta(days=1))
    rina.drain()
    page = client_of().get(PAGE, {"period": "last_90"})
    lines = re.findall(r'<tr class="lc-row-line.*?</tr>', page.content.decode(), re.DOTALL)
    words = [" · ".join(re.findall(r">([^<>]+)<", line)) for line in lines]
    said = "1 contact too young · high quality so far 50% · 1/2 · Done so far 0% · 0/2"
    assert words == [said], "of the only row, without a total beside it"
    rows = page.content.decode().partition('id="table-1"')[2]
    assert "already" not in rows.partition("</section>")[0]


def test_by_date_of_label_there_is_no_picture_and_a_way_to_them(world: World) -> None:
    page = client_of().get(PAGE, SPAN | {"basis": "event", "touch": "last"})
    html = page.content.decode()
    assert 'class="lc-quality"' not in html
    assert "lc-row-line" not in html
    assert 'href="?from=2026-03-02&amp;to=2026-05-01&amp;touch=last"' in html
    assert client_of().get(PAGE, SPAN | {"basis": "event", "format": "csv", "table": "curves"}).status_code == 200


def test_the_bases_are_named_in_words(world: World) -> None:
    said = {"cohort": "contacts who came in these days", "event": "labels put on in these days"}
    for basis, words in said.items():
        assert words in client_of().get(PAGE, SPAN | {"basis": basis}).content.decode()


def test_names_of_campaigns_are_never_markup(rina: Any) -> None:
    campaign = CampaignFactory(name="<b onmouseover=alert(1)>")
    CampaignRule.objects.create(campaign=campaign, kind="keyword", pattern="halo")
    write(rina, BUDI, day(1))
    rina.drain()
    html = client_of().get(PAGE, SPAN).content.decode()
    assert "<b onmouseover" not in html
    assert "&lt;b onmouseover" in html


def test_an_unknown_choice_of_a_curve_shows_all_of_high_quality(world: World) -> None:
    chart = client_of().get(PAGE, SPAN | {"of": "99999999", "curve": "x"}).context["curves"]
    assert (chart.who, chart.outcome) == (ALL, "high")
