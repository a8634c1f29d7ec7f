"""The page of before and after a day: what it says, what it opens, and what it does with what cannot be meant."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.translation import override

from contacts.models import Agent
from desk.reports.before_after_pictures import sentence
from reports.columns import written
from reports.selectors.before_after import METRICS, BeforeAfter, Side
from reports.selectors.medians import difference, quantile
from reports.selectors.periods import Period
from reports.selectors.shares import difference as share_difference
from reports.selectors.shares import share
from tests.desk.reports.test_movement_page import drawn, opens
from tests.desk.reports.test_pages import client_of
from tests.reports.test_figures import BUDI, rina, write
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

PAGE = "/admin/reports/agents/before-after/"
ASKED = {"on": "2026-03-30", "weeks": "4"}


def test_sides_and_weeks_open_as_many_rows_as_they_say() -> None:
    World(21, contacts=12, visits=4).play()
    client = client_of()
    for metric in ("labelled_1h", "came_true", "first_reply_median_s", "mistap_rate"):
        page = client.get(PAGE, ASKED | {"metric": metric})
        for row, side in zip(page.context["rows"], ("before", "after"), strict=True):
            if row.link and metric != "mistap_rate":  # whose quick undos within a second are no label
                text = row.text.rpartition("· ")[2] if "·" in row.text else row.beside.rpartition(", ")[2]
                assert opens(client, row.link) == int(text.split("/")[0].split(" ")[0]), (metric, side)
            for words, link in row.notes:
                assert opens(client, link) == int(words.split(" ")[0])
    page = client.get(PAGE, ASKED | {"metric": "labelled_24h"})
    lines = [line for line in drawn(page)["before-after"]["lines"] if line["link"]]
    assert lines
    assert [opens(client, line["link"]) for line in lines] == [
        int(line["more"].partition("· ")[2].partition("/")[0]) for line in lines
    ]


def test_a_day_to_come_or_none_is_said_and_the_usual_one_shown(rina: Bridge) -> None:
    client, usual = client_of(), timezone.localdate() - timedelta(days=28)
    assert client.get(PAGE).context["asked"].day == usual
    for odd in ("2999-01-01", "no day"):
        page = client.get(PAGE, {"on": odd, "metric": "x", "weeks": "99"})
        assert (page.context["asked"].day, page.context["asked"].weeks) == (usual, 4)
        assert "Choose a day that is over" in page.content.decode()
    page = client.get(PAGE, {"on": "2026-03-30", "team": "999999"})
    assert "team: There is nothing of this name or id." in page.content.decode()
    assert client_of("cs").get(PAGE).status_code == 403


def test_nobody_on_one_side_is_said_in_words(rina: Bridge) -> None:
    write(rina, BUDI, day(1))
    rina.label("added", "1", BUDI, at=day(1))
    rina.drain()
    page = client_of().get(PAGE, ASKED).content.decode()
    assert "There is nobody to compare" in page
    page = client_of().get(PAGE, ASKED | {"agent": Agent.objects.get().pk, "metric": "first_reply_median_s"})
    assert page.status_code == 200
    assert "There is nobody to compare" in page.content.decode()


@pytest.mark.parametrize("metric", ["labelled_1h", "first_reply_median_s"])
def test_the_file_has_both_sides_and_the_weeks_of_a_share(metric: str) -> None:
    World(21, contacts=12, visits=4).play()
    client, asked = client_of(), {**ASKED, "metric": metric}
    page = client.get(PAGE, asked)
    lines = list(csv.DictReader(io.StringIO(client.get(PAGE, asked | {"format": "csv_program"}).content.decode())))
    is_share = metric == "labelled_1h"
    assert Counter(line["part"] for line in lines) == {"before": 1, "after": 1, **({"week": 8} if is_share else {})}
    for line, row in zip(lines, page.context["rows"], strict=False):
        with override("en"):
            seconds = "" if is_share else written(float(line["median_s"]), "seconds")
        assert (f"{line['k']}/{line['n']}".replace("0/0", "–") if is_share else seconds) in row.text
        assert (line["from"], line["to"]) == tuple(day.isoformat() for day in row.period.days)


def test_gaps_are_shaded_in_their_week(rina: Bridge) -> None:
    for n in range(3):
        write(rina, f"62812000000{n:02d}", day(7 * n + 1))
    rina.post("status", status="stopped", at=day(9))
    rina.post("status", status="working", at=day(9.5))
    rina.drain()
    page = client_of().get(PAGE, {"on": "2026-03-16", "weeks": "2"})
    picture = drawn(page)["before-after"]
    assert picture["names"][picture["gaps"][0]["from"]] == "9 Mar"
    assert len(picture["gaps"]) == 1
    assert "1 gap: what was labelled then is not known" in " ".join(page.content.decode().split())


# -- In words ---------------------------------------------------------------------------------------------------------


def of_share(before: tuple[int, int], after: tuple[int, int], metric: str = "labelled_1h") -> BeforeAfter:
    old, new = (Side(period=Period(day(0), day(28)), share=share(*counts)) for counts in (before, after))
    apart = share_difference(new.share, old.share)  # type: ignore[arg-type]
    return BeforeAfter(metric=METRICS[metric], before=old, after=new, weeks=[], difference=apart)


def of_times(before: list[float], after: list[float]) -> BeforeAfter:
    old, new = (Side(period=Period(day(0), day(28)), share=None, seconds=sorted(each)) for each in (before, after))
    apart = difference(new.seconds, old.seconds)
    return BeforeAfter(metric=METRICS["first_reply_median_s"], before=old, after=new, weeks=[], difference=apart)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (of_share((41, 100), (62, 100)), "X: 62% from 30 Mar 2026 on, 41% before. Better by 21 points (7 to 34)."),
        (of_share((41, 100), (62, 100), "cold_yet_bought"), "Worse by 21 points (7 to 34)."),
        (of_share((50, 100), (54, 100)), "No clear change: between −10 and +17 points."),
        (of_share((0, 0), (54, 100)), "There is nobody to compare"),
        (of_times([3600.0 + n for n in range(60)], [600.0 + n for n in range(60)]), "Sooner by 50 min"),
        (of_times([600.0 + n for n in range(60)], [3600.0 + n for n in range(60)]), "Later by 50 min"),
        (of_times([60.0 * n for n in range(60)], [60.0 * n for n in range(60)]), "No clear change: between"),
        (of_times([60.0, 70.0], [60.0, 80.0]), "Too few to say more."),
    ],
)
def test_one_sentence_says_both_sides_and_how_far_they_are_apart(found: Any, said: str) -> None:
    with override("en"):
        assert said in sentence(found, "X", timezone.localtime(day(28)).date())


def test_nine_in_ten_lies_between_two_values_as_in_the_database() -> None:
    assert quantile([0.0, 10.0, 20.0], 0.9) == 18.0
