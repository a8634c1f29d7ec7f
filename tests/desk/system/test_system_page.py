"""The System page: is everything arriving, is anything stuck, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from labelcrm.core.models import Heartbeat, JobRun
from tests.desk.conftest import Shop
from tests.factories import THEN
from webhooks.models import InboundEvent, PostCounter, UnknownChannel

ClientOf = Callable[..., Client]
PAGE = "/admin/system/"


@pytest.fixture
def trouble(shop: Shop, other_shop: Shop) -> None:
    now = timezone.now()
    for where in (shop, other_shop):
        for state, reason in (("pending", ""), ("parked", f"not understood at {where.channel.name}")):
            row = InboundEvent.objects.create(channel=where.channel, body=b"{}", state=state, reason=reason)
            InboundEvent.objects.filter(pk=row.pk).update(received_at=now - timedelta(hours=3))
        PostCounter.objects.create(
            channel=where.channel, day=timezone.localdate(), outcome="wrong_signature", count=7, last_at=now
        )
        PostCounter.objects.create(
            channel=where.channel, day=timezone.localdate(), outcome="duplicate", count=99, last_at=now
        )
    UnknownChannel.objects.create(gateway="waha", key="cs-baru", count=3, last_at=now)
    Heartbeat.objects.create(name="worker", at=now)
    Heartbeat.objects.create(name="beat", at=now - timedelta(hours=1))


@pytest.mark.usefixtures("trouble")
def test_the_owner_sees_every_lane_and_reason(client_of: ClientOf) -> None:
    html = client_of("owner").get(PAGE).content.decode()
    for text in (
        "Number Rina", "Number Budi", "3 hours", "not understood at Number Rina", "wrong signature", "cs-baru",
        "Events wait too long", "alive", "silent",
    ):  # fmt: skip
        assert text in html
    assert "99" not in html.split("Refused posts")[1].split("Unknown numbers")[0]


@pytest.mark.usefixtures("trouble")
def test_a_lead_sees_the_own_numbers_only(client_of: ClientOf, shop: Shop) -> None:
    html = client_of("cs_lead", shop).get(PAGE).content.decode()
    assert "Number Rina" in html
    assert "Number Budi" not in html
    assert "cs-baru" not in html


@pytest.mark.usefixtures("trouble")
def test_a_parked_reason_leads_to_its_events(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("owner")
    row = next(row for row in client.get(PAGE).context["parked"] if row["channel_id"] == shop.channel.pk)
    query = {"state__exact": "parked", "channel__id__exact": row["channel_id"], "q": row["reason"]}
    assert len(client.get("/admin/webhooks/inboundevent/", query).context["cl"].result_list) == 1


def test_a_parked_code_is_shown_as_its_sentence(client_of: ClientOf, shop: Shop) -> None:
    shop.channel.inbox.create(state="parked", reason="session:cs2", body=b"{}", headers={})
    html = client_of("owner").get(PAGE).content.decode()
    assert "names the session “cs2”, this number&#x27;s is “" in html
    assert "q=session%3Acs2" in html


def test_all_is_well_on_a_quiet_day(client_of: ClientOf, shop: Shop) -> None:
    now = timezone.now()
    Heartbeat.objects.bulk_create(Heartbeat(name=name, at=now) for name in ("worker", "slow", "beat"))
    html = client_of("owner").get(PAGE).content.decode()
    assert "everything that arrived was understood" in html
    assert "Events wait too long" not in html
    assert "silent" not in html


@pytest.mark.parametrize(("role", "status"), [("cs", 403), ("marketing", 403), ("auditor", 200), ("cs_lead", 200)])
def test_who_may_see_it(client_of: ClientOf, role: str, status: int) -> None:
    assert client_of(role).get(PAGE).status_code == status


def test_strangers_are_asked_to_log_in(client: Client, db: None) -> None:
    assert client.get(PAGE)["Location"].startswith("/admin/login/")


def test_a_number_nobody_set_up_is_set_up_from_a_phone_too(client_of: ClientOf) -> None:
    UnknownChannel.objects.create(gateway="waha", key="lupa", count=3, last_at=THEN)
    client = client_of("owner")
    [row] = re.findall(
        r"<tr[^>]*>(?:(?!</tr>).)*lupa.*?</tr>", client.get("/admin/webhooks/unknownchannel/").text, re.DOTALL
    )
    assert re.search(r'class="[^"]*lc-at-end[^"]*"[^>]*><a [^>]*gateway=waha', row)
    assert ">WAHA<" in row
    assert ">WAHA<" in client.get("/admin/system/").text


def test_daily_jobs_are_named_by_what_they_do(client_of: ClientOf) -> None:
    JobRun.objects.create(job="flag-stale", period="2026-03-02", started_at=THEN, finished_at=THEN, ok=True)
    html = client_of("root").get("/admin/core/jobrun/").text
    assert "Look for stale labels" in html
    assert "flag-stale" not in html
