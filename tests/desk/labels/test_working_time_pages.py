"""Which hours count for limits, free days, and limits of single teams, as people set them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from labelcrm.core.models import AuditEntry
from labels.models import CleanSpell, FreeDay, Label, StaleClock, StaleFlag, TeamLimit
from labels.services import staleness
from tests.desk.conftest import Shop

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
NOW = datetime(2026, 3, 20, 3, 0, tzinfo=UTC)
CLOCK, DAYS, LIST = "/admin/labels/staleclock/", "/admin/labels/freeday/", "/admin/labels/staleflag/"
HOURS = {"working_time": "on", "weekdays": ["1", "2", "3", "4", "5"], "opens": "08:00", "closes": "17:00"}


@pytest.fixture(autouse=True)
def _on_friday() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def test_a_lead_says_which_hours_count_and_the_list_says_so(client_of: ClientOf, shop: Shop) -> None:
    lead = client_of("cs_lead", shop)
    assert "Limits count every day" in lead.get(LIST).content.decode()
    assert lead.get(CLOCK, follow=True).redirect_chain == [(f"{CLOCK}1/change/", 302)]
    assert "Independence Day" in lead.get(f"{CLOCK}1/change/").content.decode()
    assert lead.post(f"{CLOCK}1/change/", {**HOURS, "public_holidays": "on"}).status_code == 302
    assert StaleClock.objects.get().weekdays == [1, 2, 3, 4, 5]
    assert AuditEntry.objects.filter(action="staleclock.changed").exists()
    FreeDay.objects.create(day=date(2026, 3, 23))
    html = lead.get(LIST).content.decode()
    assert (
        "working days, Mon, Tue, Wed, Thu, Fri, 08.00–17.00, without public holidays and 1 free day this year" in html
    )


@pytest.mark.parametrize(("field", "value"), [("closes", "08:00"), ("weekdays", ["9"]), ("weekdays", [])])
def test_hours_that_make_no_sense_are_refused(client_of: ClientOf, shop: Shop, field: str, value: Any) -> None:
    staleness.clock_row()
    answer = client_of("cs_lead", shop).post(f"{CLOCK}1/change/", HOURS | {field: value})
    assert answer.status_code == 200
    assert not StaleClock.objects.get().working_time


def test_free_days_are_added_and_removed_with_a_trace(client_of: ClientOf, shop: Shop) -> None:
    lead = client_of("cs_lead", shop)
    assert lead.post(f"{DAYS}add/", {"day": "2026-03-23", "name": "Cuti Lebaran"}).status_code == 302
    row = FreeDay.objects.get()
    lead.post(DAYS, {"action": "remove_days", "_selected_action": [row.pk]})
    assert not FreeDay.objects.exists()
    actions = AuditEntry.objects.filter(object_type="labels.freeday").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["freeday.created", "freeday.removed"]


@pytest.mark.parametrize("address", [f"{CLOCK}1/change/", f"{DAYS}add/"])
def test_a_cs_changes_none_of_it(client_of: ClientOf, shop: Shop, address: str) -> None:
    staleness.clock_row()
    assert client_of("cs", shop).post(address, {**HOURS, "day": "2026-03-23"}).status_code == 403
    assert not FreeDay.objects.exists()


def test_a_team_gets_a_limit_on_the_page_of_the_label(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    """Another team's limit is neither shown nor lost."""
    label, lead = Label.objects.get(name="Grade A"), client_of("cs_lead", shop)
    TeamLimit.objects.create(label=label, team=other_shop.team, stale_after_days=2)
    page = lead.get(f"/admin/labels/label/{label.pk}/change/")
    form = page.context["adminform"].form
    fields: dict[str, Any] = {
        name: form[name].value() for name in form.fields if form[name].value() not in (None, False)
    }
    for inline in page.context["inline_admin_formsets"]:
        managed = inline.formset.management_form
        fields |= {managed.add_prefix(name): managed[name].value() for name in managed.fields}
        for row in inline.formset.initial_forms:
            fields |= {row.add_prefix(name): row[name].value() for name in ("id", "label")}
    assert fields["team_limits-TOTAL_FORMS"] == 0
    fields |= {
        "team_limits-TOTAL_FORMS": 1, "team_limits-0-label": label.pk, "team_limits-0-team": shop.team.pk,
        "team_limits-0-stale_after_days": 30,
    }  # fmt: skip
    assert lead.post(f"/admin/labels/label/{label.pk}/change/", fields).status_code == 302
    assert set(TeamLimit.objects.values_list("team", "stale_after_days")) == {
        (shop.team.pk, 30), (other_shop.team.pk, 2),
    }  # fmt: skip
    entry = AuditEntry.objects.get(action="label.team_limit")
    assert entry.details == {"team": shop.team.name, "stale_after_days": 30}


def test_the_list_is_narrowed_to_a_team_and_to_what_is_with_the_lead(
    client_of: ClientOf, shop: Shop, other_shop: Shop
) -> None:
    label = Label.objects.get(name="Grade A")
    ours, theirs = shop.contact(), other_shop.contact()
    for contact, of in ((ours, shop), (theirs, other_shop)):
        CleanSpell.objects.create(
            contact=contact, label=label, channel=of.channel, started_at=NOW - timedelta(days=9), found=False,
            method="channel_owner",
        )  # fmt: skip
    staleness.flag_stale(NOW)
    owner = client_of("owner")

    def listed(query: str) -> set[int]:
        return {line.contact.pk for line in owner.get(LIST + query).context["lines"]}

    assert listed(f"?team={shop.team.pk}") == {ours.pk}
    assert listed("?team=99999") == set()
    assert listed("?escalated=1") == set()
    StaleFlag.objects.filter(contact=theirs).update(escalated_at=NOW)
    assert listed("?escalated=1") == {theirs.pk}
    html = owner.get(LIST).content.decode()
    assert "With the lead (1)" in html
    assert "with the lead since" in html
    assert "With the lead" not in client_of("cs_lead", shop).get(LIST).content.decode()


@pytest.mark.parametrize(
    ("language", "opens", "title"), [("id", "08.00", "Jam kerja"), ("en", "08:00", "Working hours")]
)
def test_the_hours_are_written_without_seconds(
    client_of: ClientOf, shop: Shop, language: str, opens: str, title: str
) -> None:
    html = client_of("cs_lead", shop, language=language).get(CLOCK, follow=True).content.decode()
    assert f'value="{opens}"' in html
    assert f"{title} | labelcrm" in html
