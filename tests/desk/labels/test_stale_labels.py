"""The stale list: what is over its limit, and how a person says it is still right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from contacts.models import Contact
from labels.models import StaleFlag, StaleSnooze
from labels.services import staleness
from tests.factories import UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
LIST = "/admin/labels/staleflag/"


@pytest.fixture
def stale() -> StaleFlag:
    bridge = Bridge(agent="rina", team="Sales")
    now = datetime.now(UTC)
    bridge.save("1", "Grade A", at=now - timedelta(days=30))
    bridge.label("added", "1", "6281200000001", at=now - timedelta(days=9))
    bridge.label("added", "1", "6281200000002", at=now - timedelta(days=2))
    bridge.drain()
    staleness.flag_stale(now)
    return StaleFlag.objects.get()


def client(role: str, *teams: object) -> Client:
    browser = Client()
    browser.force_login(UserFactory(role=role, teams=list(teams)))
    return browser


def test_the_list_shows_what_is_over_its_limit_and_the_contact_filter_the_same(stale: StaleFlag) -> None:
    lead = client("cs_lead", Bridge("cs1", team="Sales").channel.team)
    assert lead.get(LIST).content.decode().count(str(stale.contact)) >= 1
    found = lead.get("/admin/contacts/contact/?stale=1").content.decode()
    assert "0000-0001" in found
    assert "0000-0002" not in found


def test_a_flag_is_called_by_its_label_and_contact_and_stands_out(stale: StaleFlag) -> None:
    lead = client("cs_lead", stale.owner.team)
    assert "lc-flag--warn" in lead.get(LIST).content.decode()
    page = lead.get(f"{LIST}{stale.pk}/change/").content.decode()
    assert f"Grade A · {stale.contact}" in page
    assert "9 days" in page


def test_other_teams_see_nothing_of_it(stale: StaleFlag) -> None:
    assert str(stale.contact) not in client("cs_lead").get(LIST).content.decode()


def test_still_right_asks_for_a_reason_and_restarts_the_clock(stale: StaleFlag) -> None:
    lead = client("cs_lead", stale.owner.team)
    action = {"action": "still_right", "_selected_action": [stale.pk]}
    lead.post(LIST, action)
    assert not StaleSnooze.objects.exists()
    lead.post(LIST, action | {"reason": "Menunggu gajian"})
    stale.refresh_from_db()
    assert (stale.closed_reason, StaleSnooze.objects.get().reason) == ("snoozed", "Menunggu gajian")
    staleness.flag_stale(datetime.now(UTC))
    assert not StaleFlag.objects.filter(closed_at__isnull=True).exists()
    assert Contact.objects.count() == 2
