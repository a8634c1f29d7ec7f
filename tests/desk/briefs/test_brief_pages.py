"""One's own brief on a page, the owner's page of all, and who may do what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import StaffNumber
from labelcrm.core.models import AuditEntry, User
from tests.factories import ChannelFactory, ContactFactory, UserFactory
from tests.transfer.briefs.readers import PHONE, reader, switch_on
from tests.webhooks.gateways.sending import FakeGateway, answers_as, fake_gateway
from transfer.briefs.models import BriefMessage, BriefPlan, BriefSettings

pytestmark = pytest.mark.django_db

MINE, ALL = "/admin/my-brief/", "/admin/briefs/"
SAVED = {"hour": "6", "weekdays": ["0", "4"]}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeGateway]:
    with fake_gateway(answers_as("waha")) as found:
        yield found


@pytest.fixture
def waha(server: FakeGateway) -> FakeGateway:
    server.answer = answers_as("waha")
    server.received.clear()
    return server


def as_user(client: Client, user: User) -> User:
    client.force_login(user)
    return user


def text(response: Any) -> str:
    return response.content.decode()


def test_a_brief_is_off_until_its_reader_switches_it_on(client: Client) -> None:
    as_user(client, UserFactory(role="cs", first_name="Rina"))
    page = text(client.get(MINE))
    assert "Good morning, Rina" in page
    assert "Send me today" not in page
    assert not BriefPlan.objects.exists()


def test_a_number_is_confirmed_and_the_brief_switched_on(client: Client, waha: FakeGateway) -> None:
    switch_on(waha)
    rina = as_user(client, UserFactory(role="cs"))
    assert "on its way" in text(client.post(reverse("admin:my-brief-number"), {"phone": "08123456789"}, follow=True))
    code = re.findall(r"\d{6}", json.loads(waha.received[0].body)["text"])[0]
    assert "That is not the code" in text(client.post(reverse("admin:my-brief-confirm"), {"code": "x"}, follow=True))
    client.post(reverse("admin:my-brief-confirm"), {"code": code})
    client.post(MINE, SAVED | {"by_whatsapp": "on"})
    plan = BriefPlan.objects.get(user=rina)
    assert (plan.hour, plan.weekdays, plan.by_mail, plan.by_whatsapp) == (6, [0, 4], False, True)
    assert "Mon, Fri 06:00 · WhatsApp" in " ".join(text(client.get(MINE)).split())
    entry = AuditEntry.objects.get(action="briefplan.changed")
    assert (entry.actor, entry.details["user"], entry.details["weekdays"]) == (rina, rina.pk, [0, 4])
    client.post(MINE, SAVED | {"by_whatsapp": "on"})
    assert AuditEntry.objects.filter(action="briefplan.changed").count() == 1, "nothing changed"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hour": "4"}, "Choose an hour in the morning."),
        ({"hour": "²"}, "Choose an hour in the morning."),
        ({"hour": "23"}, "Choose an hour in the morning."),
        ({"by_whatsapp": "on"}, "An owner has to switch briefs by WhatsApp on first."),
        ({"by_mail": "on"}, "You have no e-mail address here"),
        ({"by_mail": "on", "weekdays": ["9", "x", ""]}, "Choose at least one day."),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_saved(client: Client, given: dict[str, Any], said: str) -> None:
    as_user(client, UserFactory(role="cs"))
    response = client.post(MINE, SAVED | given)
    assert response.status_code == 200
    assert said in text(response)
    assert not BriefPlan.objects.exists()


def test_whatsapp_needs_a_confirmed_number(client: Client, waha: FakeGateway) -> None:
    switch_on(waha)
    rina = as_user(client, UserFactory(role="cs"))
    StaffNumber.objects.create(user=rina, phone=PHONE)
    assert "Confirm your number first." in text(client.post(MINE, SAVED | {"by_whatsapp": "on"}))


def test_nobody_asks_for_a_code_while_whatsapp_is_off(client: Client, waha: FakeGateway) -> None:
    as_user(client, UserFactory(role="cs"))
    assert client.post(reverse("admin:my-brief-number"), {"phone": PHONE}).status_code == 403
    assert waha.received == []


def test_a_contacts_number_is_refused_with_the_reason(client: Client, waha: FakeGateway) -> None:
    switch_on(waha)
    as_user(client, UserFactory(role="cs"))
    ContactFactory(phone=PHONE)
    page = text(client.post(reverse("admin:my-brief-number"), {"phone": PHONE}, follow=True))
    assert "never writes to contacts" in page
    assert waha.received == []


def test_who_has_become_a_contact_reads_why_the_brief_stopped(client: Client, waha: FakeGateway) -> None:
    switch_on(waha)
    as_user(client, reader())
    ContactFactory(phone=PHONE)
    page = text(client.get(MINE))
    assert "never writes to contacts" in page
    assert "stopped" in page


def test_forgetting_ones_number_and_asking_for_a_brief_at_once(client: Client, waha: FakeGateway) -> None:
    switch_on(waha)
    user = as_user(client, reader())
    assert "on its way" in text(client.post(reverse("admin:my-brief-now"), follow=True))
    assert BriefMessage.objects.get().asked
    client.post(reverse("admin:my-brief-remove"))
    user.staff_number.refresh_from_db()
    assert user.staff_number.phone == ""


@pytest.mark.parametrize("role", ["analyst", "auditor", None])
def test_who_does_not_work_with_chats_has_no_brief(client: Client, role: str | None) -> None:
    as_user(client, UserFactory(role=role))
    assert client.get(MINE).status_code == 403
    for name in ("number", "confirm", "remove", "now"):
        assert client.post(reverse(f"admin:my-brief-{name}")).status_code == 403


# -- The owner's ------------------------------------------------------------------------------------------------------


def test_an_owner_switches_whatsapp_on_for_a_number_that_can_send(client: Client, waha: FakeGateway) -> None:
    owner = as_user(client, UserFactory(role="owner"))
    ready = ChannelFactory(gateway="waha", base_url=waha.address, api_key="x")
    lacking = ChannelFactory(gateway="gowa")
    deaf = ChannelFactory(gateway="generic")
    for channel, said in ((None, "Choose the number"), (deaf, "Choose the number"), (lacking, "API key")):
        page = text(client.post(ALL, {"whatsapp": "on", "channel": channel.pk if channel else ""}))
        assert said in page
        assert not BriefSettings.objects.exists()
    client.post(ALL, {"whatsapp": "on", "channel": ready.pk})
    assert BriefSettings.objects.get().channel == ready
    entry = AuditEntry.objects.get(action="briefsettings.changed")
    assert (entry.actor, entry.details) == (owner, {"whatsapp": True, "channel": ready.pk})


def test_the_owner_sees_who_gets_one_but_not_their_numbers(client: Client, waha: FakeGateway) -> None:
    switch_on(waha)
    rina = reader()
    BriefMessage.objects.create(
        user=rina, day=date(2026, 3, 2), way="whatsapp", number=rina.staff_number, state="failed", error="is_contact",
        due_at=timezone.now(),
    )  # fmt: skip
    owner = as_user(client, UserFactory(role="owner"))
    page = text(client.get(ALL))
    assert "…6789" in page
    assert "A contact has this number now" in page
    listed = text(client.get(reverse("admin:transfer_briefmessage_changelist") + "?state__exact=failed"))
    assert "a contact has this number now" in listed
    for shown in (page, listed):
        assert "8123456" not in shown.replace("-", "")
    client.post(reverse("admin:briefs-stop", args=[rina.brief_plan.pk]))
    plan = BriefPlan.objects.get()
    assert (plan.is_on, AuditEntry.objects.get(action="briefplan.changed").actor) == (False, owner)


def test_the_page_costs_as_many_queries_for_many_readers(client: Client, waha: FakeGateway) -> None:
    switch_on(waha)
    as_user(client, UserFactory(role="owner"))
    counts = []
    for n in range(2):
        for each in range(1 + n * 3):
            reader(phone=f"+62812345670{n}{each}")
        with CaptureQueriesContext(connection) as queries:
            client.get(ALL)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("role", "reads", "changes"),
    [("owner", True, True), ("auditor", True, False), ("cs_lead", False, False), ("cs", False, False),
     ("marketing", False, False), ("analyst", False, False)],
)  # fmt: skip
def test_who_may_read_and_change_everybodys_briefs(client: Client, role: str, reads: bool, changes: bool) -> None:
    as_user(client, UserFactory(role=role))
    plan = reader(phone="", email="x@y.id", by_mail=True).brief_plan
    assert (client.get(ALL).status_code == 200) == reads
    assert (client.get(reverse("admin:transfer_briefmessage_changelist")).status_code == 200) == reads
    assert (client.post(ALL, {"channel": ""}).status_code == 302) == changes
    client.post(reverse("admin:briefs-stop", args=[plan.pk]))
    plan.refresh_from_db()
    assert plan.is_on != changes


@pytest.mark.parametrize(("role", "has"), [("cs", True), ("cs_lead", True), ("marketing", False), ("auditor", False)])
def test_only_who_has_a_brief_is_led_to_it(role: str, has: bool) -> None:
    client = Client()
    client.force_login(UserFactory(role=role), backend="contacts.access.StaffBackend")
    assert (f'href="{MINE}"' in client.get("/admin/password_change/").content.decode()) is has
    assert client.get(MINE).status_code == (200 if has else 403)
