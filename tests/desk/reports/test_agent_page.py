"""One CS over time: who may see it, what it says, and that every figure opens what it counts."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from contacts.models import Agent, Team
from desk.reports.agent_pictures import sentence
from labelcrm.core.models import AuditEntry
from reports.selectors.agent_history import AgentPeriod
from reports.selectors.periods import Period
from reports.selectors.shares import share
from tests.desk.reports.test_movement_page import drawn, numbers, opens
from tests.desk.reports.test_pages import client_of
from tests.factories import UserFactory
from tests.reports.test_figures import BUDI, SITI, rina, write
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

UNTIL = "2026-05-01"


def page_of(agent: Agent) -> str:
    return f"/admin/reports/agents/{agent.pk}/"


def own_client(agent: Agent, **user: Any) -> Client:
    agent.user = UserFactory(role="cs", **user)
    agent.save()
    client = Client()
    client.force_login(agent.user)
    return client


def test_every_number_and_bar_opens_as_many_rows_as_it_says() -> None:
    World(21, contacts=12, visits=4).play()
    client, rina = client_of(), Agent.objects.get(code="rina")
    page = client.get(page_of(rina), {"to": UNTIL})
    found = numbers(page)
    assert len(found) > 12
    assert {address: opens(client, address) for address, _number in found} == dict(found)
    bars = [
        (link, abs(value))
        for picture in drawn(page).values()
        for series in picture.get("series", [])
        for link, value in zip(series["links"], series["values"], strict=True)
        if value
    ]
    assert len(bars) > 8, "of labels added and removed, undone, and put on many at once"
    assert {link: opens(client, link) for link, _value in bars} == dict(bars)
    assert sum(value for link, value in bars if "=added&" in link) == sum(
        int(row.cells[0].text) for row in page.context["rows"]
    )


def test_a_cs_sees_her_own_page_and_its_rows_and_no_other(rina: Bridge) -> None:
    other = Bridge(key="cs2", agent="dewi", team="Grosir")
    other.save("1", "Grade A", at=day(-1))
    rina.label("added", "1", BUDI, at=day(1))
    other.label("added", "1", SITI, at=day(1))
    rina.drain()
    other.drain()
    her, dewi = (Agent.objects.get(code=code) for code in ("rina", "dewi"))
    client = own_client(her, teams=[Team.objects.get(name="Sales")])
    page = client.get(page_of(her), {"to": "2026-03-08"})
    assert [row.cells[0].text for row in page.context["rows"]][:2] == ["1", "0"]
    [address] = [address for address, _number in numbers(page) if "=added&" in address]
    assert opens(client, address) == 1
    assert "admin/reports/agents/?" not in page.content.decode()
    assert not re.search(r"·\s*</p>", page.content.decode())  # no dot after the last of a line
    assert client.get(page_of(dewi)).status_code == 403
    assert client.get(address.replace(f"who={her.pk}", f"who={dewi.pk}")).status_code == 403
    assert client.get(re.sub(r"&who=\d+", "&who=all", address)).status_code == 403
    assert client.get("/admin/reports/agents/").status_code == 403


def test_a_lead_sees_whoever_works_on_her_numbers(rina: Bridge) -> None:
    Bridge(key="cs2", agent="dewi", team="Grosir")
    her, dewi = (Agent.objects.get(code=code) for code in ("rina", "dewi"))
    lead = client_of("cs_lead", teams=[Team.objects.get(name="Sales")])
    assert lead.get(page_of(her)).status_code == 200
    assert lead.get(page_of(dewi)).status_code == 404
    assert lead.get("/admin/reports/agents/999999/").status_code == 404
    assert client_of("cs").get(page_of(her)).status_code == 403


def test_who_has_left_does_not_see_her_page(rina: Bridge) -> None:
    her = Agent.objects.get(code="rina")
    client = own_client(her)
    assert client.get(page_of(her)).status_code == 200
    her.deleted_at = timezone.now()
    her.save()
    assert client.get(page_of(her))["Location"].startswith("/admin/login/")


def test_gaps_are_shaded_and_said_in_words(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.post("status", status="stopped", at=day(9))
    rina.post("status", status="working", at=day(9.5))
    other = Bridge(key="cs2", agent="dewi", team="Sales")
    other.label("added", "1", SITI, at=day(1))
    other.post("status", status="stopped", at=day(16))
    other.post("status", status="working", at=day(17))
    rina.drain()
    other.drain()
    page = client_of().get(page_of(Agent.objects.get(code="rina")), {"to": "2026-03-31"})
    text = " ".join(page.content.decode().split())
    assert "1 gap: what was labelled then is not known" in text
    assert "Periods with a gap are shaded" in text
    weeks = [row.name for row in page.context["rows"]][::-1]
    [shaded] = drawn(page)["own-activity"]["gaps"]
    assert weeks[shaded["from"]] == weeks[shaded["to"]] == "9 Mar"
    assert [row.name for row in page.context["rows"] if "gap" in row.notes] == ["9 Mar"]


def test_weeks_months_and_earlier_ones_are_a_click_away(rina: Bridge) -> None:
    client, address = client_of(), page_of(Agent.objects.get())
    page = client.get(address)
    assert len(page.context["rows"]) == 12
    assert page.context["later"] == ""
    earlier = client.get(address + unescape(page.context["earlier"]))
    assert earlier.context["query"].period.end <= page.context["query"].period.start + timedelta(days=7)
    assert earlier.context["waiting"] is None
    newest = client.get(address + unescape(earlier.context["later"]))
    assert newest.context["query"].period == page.context["query"].period
    months = client.get(address, {"by": "month", "to": "2026-03-20"})
    assert [row.name for row in months.context["rows"]][:2] == ["Mar 2026", "Feb 2026"]
    for odd in ({"by": "year"}, {"to": "no day"}, {"to": "2999-01-01"}):
        assert client.get(address, odd).context["query"].period == page.context["query"].period


def test_the_number_of_queries_does_not_grow(rina: Bridge, django_assert_max_num_queries: Any) -> None:
    client, agent = client_of(), Agent.objects.get()
    for n in range(8):
        write(rina, f"62812000000{n:02d}", day(n))
        rina.label("added", "1", f"62812000000{n:02d}", at=day(n))
    rina.drain()
    client.get("/admin/reports/metrics/")
    for by in ("week", "month"):
        with django_assert_max_num_queries(34):
            client.get(page_of(agent), {"by": by, "to": "2026-03-31"})


def test_the_file_says_what_the_page_says_the_oldest_first() -> None:
    World(21, contacts=12, visits=4).play()
    client, rina = client_of(), Agent.objects.get(code="rina")
    shown = client.get(page_of(rina), {"to": UNTIL}).context["rows"][::-1]
    answer = client.get(page_of(rina), {"to": UNTIL, "format": "csv_program"})
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [line["added"] for line in lines] == [row.cells[0].text for row in shown]
    assert [line["labelled_1h_n"] != "0" for line in lines] == [row.cells[2].text != "–" for row in shown]
    assert (lines[-1]["from"], lines[-1]["to"]) == ("2026-04-27", "2026-05-04")
    assert "agent-rina-by-week-" in answer["Content-Disposition"]
    told = AuditEntry.objects.get(action="report.exported").details
    assert (told["rows"], told["filters"]["agent"]) == (12, str(rina.pk))


def test_cs_quality_and_the_agents_form_lead_to_her_page(rina: Bridge) -> None:
    agent, client = Agent.objects.get(), client_of("owner")
    assert f'href="{page_of(agent)}"' in client.get("/admin/reports/agents/").content.decode()
    assert f'href="{page_of(agent)}"' in client.get(f"/admin/contacts/agent/{agent.pk}/change/").content.decode()
    assert "over_time" not in client.get("/admin/contacts/agent/add/").content.decode()


def of_period(labelled: tuple[int, int], proven: tuple[int, int] = (0, 0), others: tuple[int, int] = (0, 0)) -> Any:
    said = {
        "period": Period(day(0), day(7)), "added": 1, "labelled_1h": share(*labelled), "came_true": share(*proven),
        "came_true_others": share(*others),
    }  # fmt: skip
    return type("Row", (), dict.fromkeys(AgentPeriod.__slots__, 0) | said)


@pytest.mark.parametrize(
    ("older", "newer", "said"),
    [
        ((20, 100), (80, 100), "Rina labels sooner than before: 80% of new contacts within an hour"),
        ((80, 100), (20, 100), "Rina labels later than before: 20% of new contacts within an hour"),
        ((50, 100), (52, 100), "no clear change"),
        ((0, 0), (52, 100), "Rina labelled 52% of new contacts within an hour."),
    ],
)
def test_one_sentence_says_what_changed(older: Any, newer: Any, said: str) -> None:
    with override("en"):
        assert said in sentence("Rina", [of_period(older), of_period(newer)])
        better = sentence("Rina", [of_period((1, 2), (44, 65), (88, 333))])
    assert better.endswith("Of 65 graded high, 44 became buyers, better than the team.")
