"""Contradictions, data health, what changed the past and learned limits, as people see them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import ChannelGap, Contact
from contacts.services.channels import edit_channel
from labelcrm.core import audit
from labelcrm.core.models import AuditEntry
from labels.models import Category, CleanSpell, Label, LabelEvent, LearnedLimit
from labels.services.archiving import archive_contact, restore_contact
from labels.services.canonical import update_label
from labels.services.remapping import decide
from tests.desk.conftest import Shop
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
NOW = datetime(2026, 3, 20, 3, 0, tzinfo=UTC)  # a Friday, 10:00 in Jakarta
CONTRADICTIONS = "/admin/reports/contradictions/"
HEALTH = "/admin/reports/data-health/"
LOG = "/admin/reports/restatements/"


@pytest.fixture(autouse=True)
def _on_friday() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def contradicting(shop: Shop, *names: str, days: float = 9, **values: Any) -> Contact:
    """A contact with these labels, each a day younger than the one before."""
    contact = shop.contact(**values)
    for n, name in enumerate(names):
        CleanSpell.objects.create(
            contact=contact, label=Label.objects.get(name=name), channel=shop.channel, started_at=ago(days - n),
            found=False, method="channel_owner",
        )  # fmt: skip
    return contact


def event(shop: Shop, *, days: float, late: timedelta = timedelta(), **values: Any) -> LabelEvent:
    """A label that was put on and told of that much later."""
    count = LabelEvent.objects.count()
    row = shop.whatsapp_label(f"Label {count}", label="Grade A")
    told = {
        "contact": shop.contact(), "channel": shop.channel, "channel_label": row, "kind": "add", "effect": "opened",
        "occurred_at": ago(days) - late, "received_at": ago(days), "occurred_at_source": "whatsapp",
        "event_key": f"e{count}", "actor_agent": shop.agent, "actor_method": "channel_owner",
    }  # fmt: skip
    return LabelEvent.objects.create(**told | values)


# -- Contradictions ---------------------------------------------------------------------------------------------------


def test_a_finding_says_who_which_labels_why_and_whose_it_is(client_of: ClientOf, shop: Shop) -> None:
    contradicting(shop, "Prospek panas", "Selesai", name="Ibu Ratna")
    shop.say(Contact.objects.get(), "sudah sampai kak")
    page = client_of("cs_lead", shop).get(CONTRADICTIONS)
    html = page.content.decode()
    assert "1 finding" in html
    for words in ("Ibu Ratna", "“Hot prospect” is older than “Done”", "CS Rina", "sudah sampai kak"):
        assert words in html


def test_filters_narrow_findings_and_hints_are_apart(client_of: ClientOf, shop: Shop) -> None:
    contradicting(shop, "Prospek panas", "Selesai")
    contradicting(shop, "Prospek panas", "Prospek dingin")
    contradicting(shop, "Selesai", "Grade A")
    client = client_of("cs_lead", shop)

    def rules(query: str) -> list[str]:
        return sorted(line.row.rule for line in client.get(CONTRADICTIONS + query).context["lines"])

    assert rules("") == ["exclusive", "older"]
    assert rules("?rule=older") == ["older"]
    assert rules("?rule=new_order") == ["new_order"]
    assert rules(f"?label={Label.objects.get(name='Prospek dingin').pk}") == ["exclusive"]
    assert rules(f"?agent={shop.agent.pk}") == ["exclusive", "older"]
    assert rules("?channel=rina&rule=nonsense&agent=99") == []
    assert "1 more may be a new order" in client.get(CONTRADICTIONS).content.decode()


def test_a_team_reads_its_own_contradictions_alone(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    contradicting(shop, "Prospek panas", "Selesai")
    contradicting(other_shop, "Prospek panas", "Selesai")
    assert len(client_of("cs_lead", shop).get(CONTRADICTIONS).context["lines"]) == 1
    assert len(client_of("owner").get(CONTRADICTIONS).context["lines"]) == 2


def test_findings_are_turned_and_cost_the_same_queries(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert client.get(CONTRADICTIONS).status_code == 200
        return len(found)

    contradicting(shop, "Prospek panas", "Selesai")
    few = queries()
    for n in range(59):
        contradicting(shop, "Prospek panas", "Selesai", days=10 + n / 100)
    assert queries() <= few
    pages = [client.get(CONTRADICTIONS)]
    while older := pages[-1].context["older"]:
        pages.append(client.get(CONTRADICTIONS + older))
    shown = [line.contact.pk for page in pages for line in page.context["lines"]]
    assert (len(pages), len(shown), len(set(shown))) == (3, 60, 60)
    assert client.get(f"{CONTRADICTIONS}?after=x").status_code == 400


# -- Data health ------------------------------------------------------------------------------------------------------


def test_the_calendar_shows_the_days_on_which_a_number_was_silent(client_of: ClientOf, shop: Shop) -> None:
    ChannelGap.objects.create(channel=shop.channel, started_at=ago(3), ended_at=ago(2.5), reason="silent")
    ChannelGap.objects.create(
        channel=shop.channel, started_at=ago(6), ended_at=ago(5.9), reason="silent", repaired_at=ago(5)
    )
    page = client_of("analyst").get(HEALTH, {"period": "last_7"})
    [line] = page.context["lines"]
    assert [(day.level, day.repaired) for day in line.days] == [
        (0, True), (0, False), (0, False), (3, False), (0, False), (0, False), (0, False)
    ]  # fmt: skip
    html = page.content.decode()
    assert "1 of 1 numbers was cut off, 12 h 0 min in all" in html
    assert "1 gap, 12 h 0 min · 2 h 24 min made good" in html


def test_a_number_that_is_cut_off_or_nobodys_says_what_to_do(client_of: ClientOf, shop: Shop) -> None:
    shop.channel.ownerships.all().delete()
    ChannelGap.objects.create(channel=shop.channel, started_at=ago(1), reason="silent")
    [line] = client_of("owner").get(HEALTH).context["lines"]
    connection_page = f"/admin/contacts/channel/{shop.channel.pk}/connection/"
    assert [(words[:14], url) for words, url in line.todo] == [
        ("It is cut off ", connection_page), ("It has no owne", connection_page)
    ]  # fmt: skip
    [line] = client_of("analyst").get(HEALTH).context["lines"]
    assert {url for _words, url in line.todo} == {""}


def test_every_count_opens_as_many_rows_as_it_says(client_of: ClientOf, shop: Shop) -> None:
    shop.channel.__class__.objects.update(connected_at=ago(60))
    event(shop, days=1, late=timedelta(hours=1))
    event(shop, days=2, capped=True)
    event(shop, days=3, actor_method="roster")
    event(shop, days=4, kind="remove", effect="none")
    client = client_of("owner")
    [line] = client.get(HEALTH).context["lines"]
    opened = {}
    for cell in line.cells:
        for url in filter(None, (cell.url, *(url for _text, url in cell.lines))):
            if "figure=" in url:
                page = client.get(url)
                opened[parse_qs(urlsplit(url).query)["figure"][0]] = page.context["total"]
    assert opened == {
        "late": 1, "capped": 1, "removals_never_seen": 1, "inferred": 1, "by_channel_owner": 2, "by_roster": 1
    }  # fmt: skip


def test_data_health_without_a_number_and_with_a_wrong_period(client_of: ClientOf) -> None:
    assert "nothing to judge" in client_of("owner").get(HEALTH).content.decode()
    assert "you see them once you are in a team" in client_of("cs_lead").get(HEALTH).content.decode()
    page = client_of("owner").get(HEALTH, {"from": "2026-03-10", "to": "2026-03-01"})
    assert "The last 30 days are shown instead" in page.content.decode()


def test_data_health_costs_the_same_queries_for_any_number(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    def queries(client: Client) -> int:
        client.get(HEALTH)
        with CaptureQueriesContext(connection) as found:
            client.get(HEALTH)
        return len(found)

    for _ in range(3):
        event(other_shop, days=1)
    assert queries(client_of("cs_lead", shop, other_shop)) <= queries(client_of("cs_lead", shop)) + 1


@pytest.mark.parametrize("address", [CONTRADICTIONS, HEALTH, LOG])
def test_who_may_not_read_reports_reads_none_of_these(client_of: ClientOf, shop: Shop, address: str) -> None:
    assert client_of("cs", shop).get(address).status_code == 403


@pytest.mark.parametrize("name", ["contradictions", "data-health"])
def test_the_file_of_a_page_has_the_rows_of_the_api(client_of: ClientOf, shop: Shop, name: str) -> None:
    contradicting(shop, "Prospek panas", "Selesai")
    client = client_of("owner")
    lines = client.get(f"/admin/reports/{name}/?format=csv").content.decode("utf-8-sig").splitlines()
    rows = client.get(f"/api/v1/reports/{name}/").json()["rows"]
    assert (len(lines) - 1, len(rows)) == (1, 1)
    assert lines[0].split(",") == list(rows[0])


# -- What changed the past --------------------------------------------------------------------------------------------


def logged(client: Client, query: str = "") -> list[str]:
    return [line.what for line in client.get(LOG + query).context["lines"]]


def test_settings_that_change_figures_are_logged_and_others_are_not(client_of: ClientOf, shop: Shop) -> None:
    user = UserFactory(first_name="Putri", last_name="Ayu")
    hot = Label.objects.get(name="Prospek panas")
    update_label(hot, actor=user, origin="desk", stale_after_days=9)
    update_label(hot, actor=user, origin="desk", color="red")
    edit_channel(shop.channel, actor=user, origin="desk", timezone="Asia/Singapore")
    edit_channel(shop.channel, actor=user, origin="desk", base_url="http://localhost:3000")
    page = client_of("owner").get(LOG)
    assert [(line.what, line.who) for line in page.context["lines"]] == [
        ("Number Rina: time zone of the gateway: – → Asia/Singapore", "Putri Ayu"),
        ("Prospek panas: stale after (days): 7 → 9", "Putri Ayu"),
    ]


def test_a_meaning_that_always_was_or_is_of_a_day_that_is_over_is_logged(client_of: ClientOf, shop: Shop) -> None:
    grade, hot = (Label.objects.get(name=name) for name in ("Grade A", "Prospek panas"))
    row = shop.whatsapp_label("VIP", label="Grade A")
    decide(row, label=hot, since=ago(-1), actor=None)
    decide(row, label=grade, since=ago(5), actor=None)
    decide(row, label=hot, since=None, actor=None)
    assert logged(client_of("owner"), "?topic=meaning") == [
        "“VIP” on Number Rina always meant “Hot prospect”",
        "“VIP” on Number Rina means “Grade A” from a day that was over",
    ]


def test_contacts_are_counted_by_day_and_named_to_who_sees_them(
    client_of: ClientOf, shop: Shop, other_shop: Shop
) -> None:
    mine = [shop.contact(name=f"Ibu {n}") for n in range(5)]
    theirs, user = other_shop.contact(name="Pak Lain"), UserFactory()
    for contact in (*mine, theirs):
        archive_contact(contact, actor=user, origin="desk")
    restore_contact(mine[0], actor=user, origin="desk")
    assert logged(client_of("owner")) == [
        "1 contact was restored and is in all figures again", "6 contacts were archived and left all figures"
    ]  # fmt: skip
    page = client_of("cs_lead", shop).get(LOG)
    [_restored, archived] = page.context["lines"]
    assert archived.what == "5 contacts were archived and left all figures"
    assert len(archived.contacts) == 3
    assert "Pak Lain" not in page.content.decode()


def test_late_events_are_counted_by_day_and_number(client_of: ClientOf, shop: Shop) -> None:
    shop.channel.__class__.objects.update(connected_at=ago(20))
    event(shop, days=1, late=timedelta(days=2))
    event(shop, days=1, late=timedelta(days=5))
    event(shop, days=1, late=timedelta(hours=23))
    event(shop, days=1, late=timedelta(days=3), effect="none")
    event(shop, days=2, late=timedelta(days=30))
    assert logged(client_of("owner"), "?topic=late") == [
        "Number Rina: 2 label events came late, by up to 5 days",
        "Number Rina was connected and told 1 label event of the 30 days before",
    ]
    assert logged(client_of("cs_lead"), "?topic=late") == []


def test_the_log_is_of_its_period_and_turns_pages(client_of: ClientOf, shop: Shop) -> None:
    hot = Label.objects.get(name="Prospek panas")
    for n in range(60):
        audit.record(actor=None, action="label.changed", obj=hot, changes={"step": [n, n + 1]})
    AuditEntry.objects.filter(pk=AuditEntry.objects.latest("pk").pk).update(at=ago(40))
    client = client_of("owner")
    assert "59 changes" in client.get(LOG).content.decode()
    assert len(logged(client)) == 50
    assert len(logged(client, "?p=2")) == 9
    assert logged(client, "?period=last_90&p=2")[-1].startswith("Prospek panas")
    assert "Nothing changed the past" in client.get(LOG, {"topic": "late"}).content.decode()


def test_the_log_costs_the_same_queries_for_any_number_of_lines(client_of: ClientOf, shop: Shop) -> None:
    labels, categories = list(Label.objects.all()), [None, *Category.objects.values_list("pk", flat=True)]
    client = client_of("owner")

    def queries() -> int:
        client.get(LOG)
        with CaptureQueriesContext(connection) as found:
            client.get(LOG)
        return len(found)

    audit.record(actor=client.user, action="label.changed", obj=labels[0], changes={"category": [None, categories[1]]})  # type: ignore[attr-defined]
    few = queries()
    for n in range(12):
        changes = {"category": [categories[n % 5], categories[n % 5 + 1]]}
        audit.record(actor=UserFactory(), action="label.changed", obj=labels[n % 8], changes=changes)
    assert queries() == few
    assert "category: – → Lead" in " ".join(logged(client))


# -- Learned limits ---------------------------------------------------------------------------------------------------


def test_a_label_says_what_was_learned_and_takes_it_over(client_of: ClientOf, shop: Shop) -> None:
    hot = Label.objects.get(name="Prospek panas")
    client, address = client_of("owner"), f"/admin/labels/label/{hot.pk}/change/"
    assert "Too few contacts went on" in client.get(address).content.decode()
    LearnedLimit.objects.create(label=hot, stays=1320, p80=timedelta(days=10.5), computed_at=NOW)
    html = client.get(address).content.decode()
    assert "within 11 days (1,320 in the last 365 days)" in html
    assert "Use 11 days" in html
    answer = client.post(f"/admin/labels/label/{hot.pk}/learned/", {"back": "stale"}, follow=True)
    hot.refresh_from_db()
    assert hot.stale_after_days == 11
    assert "The limit of “Hot prospect” is 11 days now" in answer.content.decode()
    assert "Use 11 days" not in client.get(address).content.decode()


def test_the_stale_list_offers_learned_limits_that_differ(client_of: ClientOf, shop: Shop) -> None:
    hot, waiting = (Label.objects.get(name=name) for name in ("Prospek panas", "Menunggu pembayaran"))
    LearnedLimit.objects.create(label=hot, stays=60, p80=timedelta(days=10.5), computed_at=NOW)
    LearnedLimit.objects.create(label=waiting, stays=60, p80=timedelta(days=3), computed_at=NOW)
    html = client_of("owner").get("/admin/labels/staleflag/").content.decode()
    assert "1 limit differs from how long the label usually stays" in html
    assert "Use 11 days" in html
    assert "Use 3 days" not in html


def test_who_may_not_change_labels_is_not_offered_a_limit(client_of: ClientOf, shop: Shop) -> None:
    hot = Label.objects.get(name="Prospek panas")
    LearnedLimit.objects.create(label=hot, stays=60, p80=timedelta(days=10.5), computed_at=NOW)
    client = client_of("analyst")
    page = client.get(f"/admin/labels/label/{hot.pk}/change/").content.decode()
    assert "within 11 days" in page
    assert "Use 11 days" not in page
    assert client.post(f"/admin/labels/label/{hot.pk}/learned/").status_code == 403


def test_from_how_many_stays_it_was_learned_is_told_to_who_sees_all_teams(client_of: ClientOf, shop: Shop) -> None:
    hot = Label.objects.get(name="Prospek panas")
    LearnedLimit.objects.create(label=hot, stays=1320, p80=timedelta(days=10.5), computed_at=NOW)
    for page in (f"/admin/labels/label/{hot.pk}/change/", "/admin/labels/staleflag/"):
        for role in ("cs", "cs_lead"):
            html = client_of(role, shop).get(page).content.decode()
            assert "within 11 days." in html
            assert "1,320" not in html
        assert "within 11 days (1,320 in the last 365 days)" in client_of("owner").get(page).content.decode()
