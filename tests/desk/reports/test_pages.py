"""Report pages, their CSV and the API: the same rows everywhere, and only for who may see them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from contacts.models import Agent, Campaign, Contact, Team
from labelcrm.core.models import AuditEntry
from labels.models import Label
from reports.columns import total
from reports.definitions import FILES, definition, markdown
from reports.limits import ReportLimits
from reports.registry import REPORTS
from reports.selectors.campaigns import LabelCount
from reports.selectors.periods import is_provisional
from tests.factories import CampaignFactory, UserFactory
from tests.reports.test_figures import BUDI, SITI, rina, write
from tests.reports.world import World, day

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

SPAN = {"from": "2026-03-02", "to": "2026-05-01"}


def client_of(role: str = "analyst", **user: Any) -> Client:
    client = Client()
    client.force_login(UserFactory(role=role, **user))
    return client


def api_of(role: str = "analyst", **user: Any) -> APIClient:
    client = APIClient()
    token = Token.objects.create(user=UserFactory(role=role, **user))
    client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


@pytest.fixture
def world() -> World:
    world = World(21, contacts=12, visits=4)
    world.play()
    return world


def test_page_csv_and_api_tell_the_same(world: World) -> None:
    for name in ("agents", "campaigns"):
        api = api_of().get(f"/api/v1/reports/{name}/", SPAN).json()
        page = client_of().get(f"/admin/reports/{name}/", SPAN)
        file = client_of().get(f"/admin/reports/{name}/", SPAN | {"format": "csv"}).content.decode("utf-8-sig")
        lines = list(csv.DictReader(io.StringIO(file)))
        assert [line["name"] for line in lines] == [row["name"] for row in api["rows"]]
        shown = page.context["tables"][0]["rows"]
        assert [row.is_total for row, _cells in shown] == [True] + [False] * len(api["rows"])
        for line, row in zip(lines, api["rows"], strict=True):
            for field, value in row.items():
                if isinstance(value, dict):
                    assert [line[f"{field}_k"], line[f"{field}_n"]] == [str(value["k"]), str(value["n"])]
                elif isinstance(value, int) and not isinstance(value, bool):
                    assert line[field] == str(value)
        assert api["period"] == {
            "from": "2026-03-02T00:00:00+07:00", "to": "2026-05-01T00:00:00+07:00", "time_zone": "Asia/Jakarta",
        }  # fmt: skip
        assert set(api) == {"period", "filters", "computed_at", "hidden", "rows"}
        assert api["hidden"] == 1
        assert "1 contact is hidden: archived or erased, it is in no figure." in page.content.decode()


def test_every_linked_number_opens_exactly_its_rows(world: World) -> None:
    client, checked = client_of(), 0
    for name, extra in (("agents", {}), ("campaigns", {}), ("campaigns", {"touch": "last", "basis": "event"})):
        page = client.get(f"/admin/reports/{name}/", SPAN | extra)
        for table in page.context["tables"]:
            for row, cells in table["rows"]:
                for cell in (cell for cell in cells if cell.rows):
                    url = f"{page.context['rows_url']}&figure={cell.rows}&who={row.who}"
                    behind = client.get(url)
                    assert behind.status_code == 200
                    number = re.sub(r".*· ", "", cell.text).split("/")[0].replace(",", "")
                    if cell.column.kind != "seconds":
                        assert behind.context["total"] == len(behind.context["rows"]) == int(number), url
                    checked += 1
    assert checked > 40


def test_rows_are_paged_without_losing_or_repeating_one(rina: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(7):
        rina.label("added", "1", f"62812000000{n:02d}", at=day(1))
        rina.label("added", "2", f"62812000000{n:02d}", at=day(1))
    rina.drain()
    monkeypatch.setattr("desk.reports.rows_page.ROWS", 3)
    client, seen = client_of(), []
    url = f"/admin/reports/rows/?report=agents&figure=added&who={Agent.objects.get().pk}&from=2026-03-02&to=2026-03-09"
    while url:
        page = client.get(url).context
        seen += [(row.contact.pk, row.label.pk) for row in page["rows"]]
        url = f"/admin/reports/rows/{page['next_url']}" if page["next_url"] else ""
    assert len(seen) == len(set(seen)) == 14


def test_the_number_of_queries_does_not_grow(world: World, django_assert_max_num_queries: Any) -> None:
    client, api = client_of(), api_of()
    for n in range(10):
        Agent.objects.create(code=f"cs-{n}", name=f"CS {n}")
        CampaignFactory()
    for name, most in (("agents", 37), ("campaigns", 24)):
        with django_assert_max_num_queries(most):
            client.get(f"/admin/reports/{name}/", SPAN)
    for name in REPORTS:
        with django_assert_max_num_queries(24):
            assert api.get(f"/api/v1/reports/{name}/", SPAN).status_code == 200


def test_reports_are_for_who_may_see_them(rina: Any) -> None:
    for name in ("agents", "campaigns", "rows", "metrics"):
        assert client_of("cs").get(f"/admin/reports/{name}/").status_code == 403
    assert api_of("cs").get("/api/v1/reports/agents/").status_code == 403
    assert APIClient().get("/api/v1/reports/agents/").status_code == 401


def test_a_lead_sees_what_her_team_did_and_nothing_else(rina: Any) -> None:
    from tests.webhooks.generic import Bridge

    other = Bridge(key="cs2", agent="dewi", team="Grosir")
    other.save("1", "Grade A", at=day(-1))
    rina.label("added", "1", BUDI, at=day(1))
    other.label("added", "1", SITI, at=day(1))
    rina.drain()
    other.drain()
    lead = api_of("cs_lead", teams=[Team.objects.get(name="Sales")])
    rows = lead.get("/api/v1/reports/agents/", SPAN).json()["rows"]
    assert [(row["name"], row["added"]) for row in rows] == [("Rina", 1)]
    answer = lead.get("/api/v1/reports/agents/", SPAN | {"channel": "cs2"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    found = lead.get("/api/v1/reports/labels/", SPAN).json()["rows"]
    assert sum(row["added"] for row in found) == 1


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-03-02", "to": "2026-03-02"}, "from"),
        ({"label": "no such label"}, "label"),
        ({"team": "99999999"}, "team"),
        ({"certain": "yes"}, "certain"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_api(parameters: dict[str, str], field: str) -> None:
    answer = api_of().get("/api/v1/reports/agents/", parameters)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


def test_a_page_says_what_was_wrong_and_shows_the_last_30_days() -> None:
    page = client_of().get("/admin/reports/agents/", {"from": "2026-03-02", "to": "2026-03-01"})
    assert page.status_code == 200
    assert "must lie before" in page.content.decode()
    assert (page.context["query"].period.end - page.context["query"].period.start).days == 30


def test_a_label_may_be_named_in_any_spelling(rina: Any) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.label("added", "2", BUDI, at=day(1))
    rina.drain()
    api = api_of()
    grade = Label.objects.get(name="Grade A")
    for name in (str(grade.pk), "grade a", "Kelas A"):
        answer = api.get("/api/v1/reports/agents/", SPAN | {"label": name}).json()
        assert (answer["rows"][0]["added"], answer["filters"]["label"]) == (1, grade.pk)


def test_a_page_names_the_gaps_its_shares_leave_out_and_leads_to_the_unknown(rina: Any) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.post("status", status="stopped", at=day(20) + timedelta(hours=9, minutes=5))
    rina.post("status", status="working", at=day(21))
    write(rina, SITI, day(2))
    rina.drain()
    for name, figure, unknown in (("agents", "came_true_unknown", 1), ("campaigns", "unknown", 2)):
        page = client_of().get(f"/admin/reports/{name}/", SPAN)
        text = " ".join(page.content.decode().split())
        assert "1 gap: what was labelled then is not known" in text
        assert "cut off from 22 Mar 2026, 09:05 until 23 Mar 2026, 00:00" in text
        assert re.search(rf"{unknown} unknown( because of a gap)?</a>", text)
        behind = client_of().get(f"{page.context['rows_url']}&figure={figure}&who=all")
        assert (behind.context["total"], behind.context["part"]) == (
            unknown,
            "whose time overlaps a gap of the number",
        )
        assert "cut off" not in client_of("cs_lead").get(f"/admin/reports/{name}/", SPAN).content.decode()
    early = {"from": "2026-02-02", "to": "2026-02-12"}
    assert "cut off" not in client_of().get("/admin/reports/agents/", early).content.decode()


def test_who_is_hidden_is_counted_for_those_who_saw_them_and_merged_ones_are_not(rina: Any) -> None:
    for chat in (BUDI, SITI):
        write(rina, chat, day(1))
    rina.drain()
    budi, siti = Contact.objects.order_by("id")
    for contact in (budi, siti):
        Contact.objects.filter(pk=contact.pk).update(deleted_at=day(2))
    sales = [Team.objects.get(name="Sales")]
    readers = [api_of(), api_of("cs_lead", teams=sales), api_of("cs_lead", teams=[])]
    for name in REPORTS:
        assert [r.get(f"/api/v1/reports/{name}/").json()["hidden"] for r in readers] == [2, 2, 0]
    Contact.all_objects.filter(pk=siti.pk).update(merged_into=budi)
    assert readers[0].get("/api/v1/reports/agents/").json()["hidden"] == 1


def test_what_is_younger_than_15_minutes_is_called_provisional(rina: Any) -> None:
    client, said = client_of(), "The newest 15 minutes are provisional"
    rows = "/admin/reports/rows/?report=agents&figure=added"
    for address in ("/admin/reports/agents/?", "/admin/reports/campaigns/?", f"{rows}&", "/admin/activity/?"):
        assert said in client.get(f"{address}period=today").content.decode(), address
        past = urlencode(SPAN | {"to": "2026-05-01T00:00+07:00", "from": "2026-03-02T00:00+07:00"})
        assert said not in client.get(f"{address}{past}").content.decode(), address
    now = timezone.now()
    ends = [now - timedelta(minutes=minutes) for minutes in (16, 14)]
    assert [is_provisional(end, now=now) for end in ends] == [False, True]


def test_shares_rank_by_the_cautious_end_of_their_interval_and_few_are_grey(rina: Any) -> None:
    """Good shares by the lower end, bad ones by the upper."""
    from reports.columns import Column, cell, ordered
    from reports.selectors.shares import share

    shares = {"few": share(3, 3), "many": share(90, 100), "none": share(0, 0), "bad": share(1, 100)}
    rows = [SimpleNamespace(name=name, figure=value) for name, value in shares.items()]
    for bad, order in ((False, ["many", "few", "bad", "none"]), (True, ["few", "many", "bad", "none"])):
        column = Column(name="figure", kind="share", bad=bad)
        assert [row.name for row in ordered(rows, [column], "figure")] == order
        assert [cell(row, column).few for row in rows] == [True, False, True, False]
        assert cell(rows[0], column).text == "100% · 3/3"


def test_hostile_names_stay_text(rina: Any) -> None:
    Agent.objects.update(name="=cmd|' /C calc'!A0<script>alert(1)</script>")
    rina.label("added", "1", BUDI, at=day(1))
    rina.drain()
    assert "<script>alert(1)" not in client_of().get("/admin/reports/agents/", SPAN).content.decode()
    sent = client_of().get("/admin/reports/agents/", SPAN | {"format": "csv"}).content
    assert sent.startswith(b"\xef\xbb\xbf"), "Excel needs the mark"
    file = sent.decode("utf-8-sig")
    assert next(csv.DictReader(io.StringIO(file)))["name"].startswith("'=cmd")
    assert AuditEntry.objects.get(action="report.exported").details["rows"] == 1


def test_damaged_addresses_are_refused(rina: Any) -> None:
    client = client_of()
    base = "/admin/reports/rows/?report=agents&figure=added"
    assert client.get(base).status_code == 200
    for rest, status in (("&who=x", 404), ("&after=1~2", 400), ("&after=1~2~3", 400), ("&from=x", 400)):
        assert client.get(base + rest).status_code == status
    assert client.get("/admin/reports/rows/?report=agents&figure=pg_sleep(1)").status_code == 404
    assert client.get("/admin/reports/rows/?report=stale&figure=oldest").status_code == 404


def test_pages_speak_the_readers_language(rina: Any) -> None:
    write(rina, BUDI, day(1))
    rina.drain()
    assert Contact.objects.count() == 1
    assert Campaign.objects.count() == 0
    page = client_of(language="id").get("/admin/reports/agents/", SPAN).content.decode()
    assert "Kontak masuk" in page
    assert "Contacts received" not in page
    assert "Arti angka" in markdown("id")


def test_every_figure_of_a_page_is_defined_in_both_languages_and_in_the_documents() -> None:
    from reports.columns import AGENTS, COHORT, EVENT

    for group in (*AGENTS, *COHORT, *EVENT):
        for column in group.columns:
            assert definition(column.name, "en").text != definition(column.name, "id").text
    for language, file in FILES.items():
        from reports.definitions import DOCS

        assert (DOCS / file).read_text(encoding="utf-8") == markdown(language), "run python -m reports.definitions"


def test_definitions_tell_the_limits_that_are_set_and_documents_the_defaults(settings: Any) -> None:
    assert ReportLimits.now() == ReportLimits()
    assert "within 2 minutes" in definition("mistaps", "en").text
    settings.MISTAP_SECONDS, settings.HOLE_SECONDS = 45, 3600
    settings.CAMPAIGN_WINDOW_DAYS, settings.NEVER_LABELLED_MINUTES = 14, 90
    assert "within 45 seconds" in definition("mistaps", "en").text
    assert "kurang dari 1 jam" in definition("hole", "id").text
    assert "14 hari" in definition("label_mix", "id").text
    assert "more than 90 minutes ago" in definition("never_labelled", "en").text
    assert "within 2 minutes" in markdown("en")
    page = client_of(language="id").get("/admin/reports/campaigns/").content.decode()
    assert "dalam 14 hari sejak kedatangan" in page


def test_a_figure_is_written_as_people_of_its_language_write_it() -> None:
    from django.utils.translation import override

    from reports.columns import AGENTS, CONTACTS, interval, written
    from reports.selectors.shares import share

    with override("id"):
        assert (written(share(64, 1100), "share"), interval(share(64, 1100))) == ("5,8% · 64/1.100", "4,6–7,4%")
    undos = next(beside for c in AGENTS[1].columns for beside in c.beside if beside.field == "mistaps").words
    with override("en"):
        assert str(undos % {"n": "1", "count": 1}) == "1 quick undo"
        assert str(CONTACTS % {"n": "1,100", "count": 1100}) == "1,100 contacts"


def test_a_period_too_young_to_judge_says_so_and_leads_to_a_longer_one(rina: Any) -> None:
    now = timezone.now()
    write(rina, BUDI, now - timedelta(days=2))
    rina.label("added", "1", BUDI, at=now - timedelta(days=1))
    rina.drain()
    for name in ("agents", "campaigns"):
        page = client_of().get(f"/admin/reports/{name}/").content.decode()
        assert "younger than 30 days" in page
        assert "?period=last_90" in page.split("younger than 30 days")[1].split("</p>")[0]
    for asked in (SPAN, {"basis": "event"}):
        assert "younger than 30 days" not in client_of().get("/admin/reports/campaigns/", asked).content.decode()


def test_a_page_opens_on_the_newest_days_that_can_be_judged(rina: Any) -> None:
    now = timezone.now()
    write(rina, BUDI, now - timedelta(days=45))
    rina.label("added", "1", BUDI, at=now - timedelta(days=44))
    rina.drain()
    first, last = (timezone.localdate(now - timedelta(days=days)) for days in (60, 30))
    for name in ("agents", "campaigns"):
        page = client_of().get(f"/admin/reports/{name}/")
        assert page.context["query"].period.days == (first, last)
        assert "the newest 30 days that can be judged in full" in page.content.decode()
        newest = client_of().get(f"/admin/reports/{name}/{page.context['newest_url']}")
        assert newest.context["query"].period.days == (last + timedelta(days=1), timezone.localdate(now) + timedelta(1))
        assert "can be judged in full" not in newest.content.decode()
        back = client_of().get(f"/admin/reports/{name}/{newest.context['opened_url']}")
        assert back.context["query"].period == page.context["query"].period
    assert client_of().get("/admin/reports/agents/").context["query"].rows[0].came_true.n == 1
    assert (
        api_of()
        .get("/api/v1/reports/agents/")
        .json()["period"]["to"]
        .startswith(str(timezone.localdate(now) + timedelta(days=1)))
    )


def test_a_page_opens_on_the_newest_days_where_nothing_can_be_judged(rina: Any, settings: Any) -> None:
    now = timezone.now()
    write(rina, BUDI, now - timedelta(days=20))
    rina.drain()
    tomorrow = timezone.localdate(now) + timedelta(days=1)
    for address in ("agents/", "campaigns/", "campaigns/?basis=event"):
        assert client_of().get(f"/admin/reports/{address}").context["query"].period.days[1] == tomorrow
    write(rina, BUDI, now - timedelta(days=45))
    rina.drain()
    assert client_of().get("/admin/reports/campaigns/?basis=event").context["query"].period.days[1] == tomorrow
    assert client_of("cs_lead", teams=[]).get("/admin/reports/agents/").context["query"].period.days[1] == tomorrow
    settings.CAMPAIGN_WINDOW_DAYS = 14
    judged = client_of().get("/admin/reports/campaigns/").context["query"].period.days[1]
    assert judged == timezone.localdate(now - timedelta(days=14))


def test_the_first_row_is_all_rows_together(world: World) -> None:
    for name in ("agents", "campaigns"):
        page = client_of().get(f"/admin/reports/{name}/", SPAN)
        rows, summed = page.context["query"].rows, total(page.context["query"].rows)
        for field in ("added", "removed", "net", "stale_open") if name == "agents" else ("contacts", "won_count"):
            assert getattr(summed, field) == sum(getattr(row, field) for row in rows)
        share = summed.came_true if name == "agents" else summed.won
        each = [row.came_true if name == "agents" else row.won for row in rows]
        assert (share.k, share.n) == (sum(one.k for one in each), sum(one.n for one in each))
        assert next(row.name for row, _cells in page.context["tables"][0]["rows"]) == "Total"
    alone = client_of().get("/admin/reports/agents/", SPAN | {"agent": Agent.objects.first().pk})
    assert [row.is_total for row, _cells in alone.context["tables"][0]["rows"]] == [False]


def test_medians_and_contacts_that_rows_share_are_not_added(world: World) -> None:
    summed = total(client_of().get("/admin/reports/agents/", SPAN).context["query"].rows)
    assert (summed.first_label_median_s, summed.added_contacts, summed.came_true_others) == (None, None, None)


def test_what_a_contact_costs_in_all_is_of_the_campaigns_with_a_cost() -> None:
    mix = [LabelCount(label=1, name="Grade A", color="yellow", contacts=2)]
    paid, free = (
        CostRow(cost=cost, high_count=high, won_count=0, cost_per_high=None, cost_per_won=None, label_mix=mix)
        for cost, high in ((Decimal(90), 3), (None, 7))
    )
    summed = total([paid, free])
    assert (summed.cost, summed.cost_per_high, summed.cost_per_won) == (90, 30, None)
    assert [(one.label, one.contacts) for one in summed.label_mix] == [(1, 4)]


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """What a campaign's row says of costs."""

    cost: Decimal | None
    high_count: int
    won_count: int
    cost_per_high: Decimal | None
    cost_per_won: Decimal | None
    label_mix: list[LabelCount]
