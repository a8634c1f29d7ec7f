"""The wizard and the connection page: rights, what they show and hide, and what they do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Agent, Channel, Team
from labelcrm.core.models import AuditEntry
from labels.models import ChannelLabel, LabelAssignment
from tests.desk.connection.conftest import SECRET, Number, client_of
from tests.factories import AgentFactory, TeamFactory, UserFactory
from webhooks.gateways import GATEWAYS
from webhooks.models import InboundEvent, UnknownChannel
from webhooks.receiver.store import forget_channels

pytestmark = pytest.mark.django_db

BUDI = "6281200000009"
ACTIONS = ("secret", "rotate", "owner", "usage", "timezone", "session", "label")


def page_of(number: Number) -> str:
    return reverse("channel-connection", args=[number.pk])


def action_url(number: Number, name: str) -> str:
    return reverse("channel-action", args=[number.pk, name])


# -- The wizard -------------------------------------------------------------------------------------------------------


def test_the_wizard_offers_every_gateway(owner: Client) -> None:
    html = owner.get(reverse("connect")).content.decode()
    for gateway in GATEWAYS.values():
        assert f"?gateway={gateway.name}" in html


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_a_name_is_enough_to_set_up_a_number(owner: Client, gateway: str) -> None:
    answer = owner.post(f"{reverse('connect')}?gateway={gateway}", {"name": "CS Rina Wati"})
    channel = Channel.objects.get(key="cs-rina-wati")
    assert answer["Location"] == reverse("channel-connection", args=[channel.pk])
    assert (channel.gateway, channel.session, channel.secrets.count()) == (gateway, "cs-rina-wati", 1)
    assert owner.get(answer["Location"]).status_code == 200


def test_everything_typed_into_the_wizard_is_kept(owner: Client) -> None:
    typed = {
        "name": "CS Rina", "key": "rina1", "new_agent": "Rina", "new_team": "Sales", "session": "sesi-1",
        "used_by_several": "on",
        "timezone": "Asia/Jakarta", "base_url": "http://127.0.0.1:8080/", "api_key": "kunci-rahasia",
    }  # fmt: skip
    owner.post(f"{reverse('connect')}?gateway=evolution", typed)
    channel = Channel.objects.get(key="rina1")
    assert (channel.session, channel.timezone, channel.base_url) == ("sesi-1", "Asia/Jakarta", "http://127.0.0.1:8080")
    assert (channel.api_key, channel.team.name, channel.used_by_one) == ("kunci-rahasia", "Sales", False)
    assert [row.agent.name for row in channel.ownerships.all()] == ["Rina"]


def test_a_known_agent_is_chosen_and_stays_who_they_are(owner: Client) -> None:
    agent = AgentFactory(code="r1", name="Rina Wati", team=None)
    team = TeamFactory(name="Support")
    owner.post(f"{reverse('connect')}?gateway=waha", {"name": "CS Rina", "agent": agent.pk, "team": team.pk})
    assert Channel.objects.get(key="cs-rina").ownerships.get().agent == agent
    agent.refresh_from_db()
    assert (agent.name, agent.code, agent.team) == ("Rina Wati", "r1", None)


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"name": ""}, "name"), ({"name": "✨"}, "key"), ({"name": "A", "key": "a b"}, "key"),
     ({"name": "A", "base_url": "ftp://x"}, "base_url"), ({"name": "A", "new_agent": "!!"}, "new_agent"),
     ({"name": "A", "key": "cs1"}, "key")],
)  # fmt: skip
def test_what_cannot_be_is_said_beside_its_field(owner: Client, typed: dict[str, str], field: str) -> None:
    Number("waha")
    answer = owner.post(f"{reverse('connect')}?gateway=waha", typed)
    assert answer.status_code == 200
    assert answer.context["form"].errors[field]
    assert Channel.objects.exclude(gateway="crm").count() == 1


def test_a_gateway_that_posts_already_is_adopted_with_one_click(owner: Client) -> None:
    UnknownChannel.objects.create(gateway="waha", key="cs9", count=3, last_at=datetime.now(UTC))
    listed = owner.get(reverse("admin:webhooks_unknownchannel_changelist")).content.decode()
    link = f"{reverse('connect')}?gateway=waha&amp;key=cs9"
    assert link in listed
    form = owner.get(link.replace("&amp;", "&")).content.decode()
    assert 'value="cs9"' in form
    owner.post(link.replace("&amp;", "&"), {"name": "CS Baru", "key": "cs9", "session": "cs9"})
    assert not UnknownChannel.objects.exists()
    assert Channel.objects.get(key="cs9").name == "CS Baru"


@pytest.mark.parametrize("role", ["cs_lead", "cs", "marketing", "analyst", "auditor"])
def test_only_who_may_add_channels_connects_one(role: str) -> None:
    client = client_of(UserFactory(role=role))
    assert client.get(reverse("connect")).status_code == 403
    assert client.post(f"{reverse('connect')}?gateway=waha", {"name": "X"}).status_code == 403


# -- The page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
@pytest.mark.parametrize("language", ["id", "en"])
def test_every_gateway_has_its_page_in_both_languages(gateway: str, language: str) -> None:
    number = Number(gateway)
    html = client_of(UserFactory(role="owner", language=language)).get(page_of(number)).content.decode()
    assert f"/hooks/{gateway}/cs1/" in html
    assert SECRET not in html


def test_another_team_does_not_find_the_page() -> None:
    number = Number("waha")
    outsider = client_of(UserFactory(role="cs_lead", teams=[Team.objects.create(name="Lain")]))
    assert outsider.get(page_of(number)).status_code == 404
    assert outsider.get(reverse("channel-check", args=[number.pk])).status_code == 404
    for name in ACTIONS:
        assert outsider.post(action_url(number, name)).status_code == 404


def test_who_is_not_logged_in_is_sent_to_the_login_page() -> None:
    number = Number("waha")
    assert "/login/" in Client().get(page_of(number))["Location"]
    assert "/login/" in Client().post(action_url(number, "secret"))["Location"]


def test_the_built_in_channel_has_no_connection(owner: Client) -> None:
    crm = Channel.objects.get_or_create(key="crm", defaults={"gateway": "crm", "name": "CRM"})[0]
    assert owner.get(reverse("channel-connection", args=[crm.pk])).status_code == 404


# What each action asks for beyond seeing the number.
@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize(("role", "allowed"), [
    ("owner", set(ACTIONS)), ("cs_lead", {"owner", "label"}), ("cs", set()), ("analyst", set()), ("auditor", set()),
])  # fmt: skip
def test_who_may_do_what(name: str, role: str, allowed: set[str]) -> None:
    number = Number("waha")
    client = client_of(UserFactory(role=role, teams=[Team.objects.get(name="Sales")]))
    answer = client.post(action_url(number, name))
    # Without its fields an allowed action is answered with the page, a redirect or "no such label".
    assert (answer.status_code != 403) == (name in allowed)


@pytest.mark.parametrize("name", ACTIONS)
def test_deeds_are_posted(owner: Client, name: str) -> None:
    assert owner.get(action_url(Number("waha"), name)).status_code == 405


def test_an_unknown_deed_is_not_found(owner: Client) -> None:
    assert owner.post(action_url(Number("waha"), "explode")).status_code == 404


# -- Secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_the_secret_is_shown_on_request_and_on_record(owner: Client, gateway: str) -> None:
    number = Number(gateway)
    answer = owner.post(action_url(number, "secret"))
    assert SECRET in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    shown = AuditEntry.objects.get(action="channel.secret_shown")
    assert (shown.actor.username, shown.object_id) == ("owner", number.pk)
    assert SECRET not in str(shown.details)


def test_a_new_secret_leaves_the_former_in_force_for_the_hours_asked_for(owner: Client) -> None:
    number = Number("waha")
    answer = owner.post(action_url(number, "rotate"), {"hours": "24"})
    new = number.channel.secrets.first().value
    assert new != SECRET
    assert new in answer.content.decode()
    forget_channels()
    assert number.post(number.said.message(BUDI)).status == 202
    ends = number.channel.secrets.get(expires_at__isnull=False).expires_at
    assert timedelta(hours=23) < ends - datetime.now(UTC) <= timedelta(hours=24)


def test_a_new_secret_can_end_the_former_at_once(owner: Client) -> None:
    number = Number("waha")
    owner.post(action_url(number, "rotate"), {"hours": "0"})
    assert number.channel.secrets.get(expires_at__isnull=False).expires_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("gateway", "secret"), [("gowa", "secret"), ("gowa", "pendek"), ("wuzapi", "kurang-dari-tiga-puluh-dua"),
                            ("evolution", "dengan/garis-miring")]
)  # fmt: skip
def test_a_secret_that_would_not_do_is_refused_with_the_reason(owner: Client, gateway: str, secret: str) -> None:
    number = Number(gateway)
    answer = owner.post(action_url(number, "rotate"), {"hours": "24", "secret": secret})
    assert answer.context["rotate_form"].errors["secret"]
    assert number.channel.secrets.get().value == SECRET


# -- Owners, usage, time zone, session, labels ------------------------------------------------------------------------


def test_a_change_of_owner_leaves_the_past_as_it_was(owner: Client) -> None:
    number = Number("gowa")
    number.post(number.said.label_on_chat(BUDI, "1", on=True, at=datetime.now(UTC) - timedelta(minutes=5)))
    number.drain()
    owner.post(action_url(number, "owner"), {"new_agent": "Dewi Lestari"})
    number.post(number.said.label_on_chat(BUDI, "2", on=True, at=datetime.now(UTC) + timedelta(seconds=1)))
    number.drain()
    names = list(LabelAssignment.objects.order_by("added_at").values_list("added_by__name", flat=True))
    assert names == ["Rina", "Dewi Lestari"]
    rows = list(number.channel.ownerships.values_list("agent__name", "until"))
    assert [(name, until is None) for name, until in rows] == [("Rina", False), ("Dewi Lestari", True)]


def test_an_owner_from_a_date_on(owner: Client) -> None:
    number = Number("gowa")
    owner.post(action_url(number, "owner"), {"new_agent": "Dewi", "since": "2026-03-02T08:00"})
    row = number.channel.ownerships.get(agent__name="Dewi")
    assert row.since == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    answer = owner.post(action_url(number, "owner"), {"new_agent": "Tono", "since": "2026-03-01T08:00"})
    assert answer.context["owner_form"].errors["since"]
    assert not Agent.objects.filter(name="Tono").exists()


def test_a_lead_names_owners_but_adds_no_agents() -> None:
    number = Number("gowa")
    lead = client_of(UserFactory(role="cs_lead", teams=[Team.objects.get(name="Sales")]))
    assert lead.post(action_url(number, "owner"), {"new_agent": "Siapa"}).context["owner_form"].errors["agent"]
    assert not Agent.objects.filter(name="Siapa").exists()
    dewi = AgentFactory(name="Dewi", team=Team.objects.get(name="Sales"))
    assert lead.post(action_url(number, "owner"), {"agent": dewi.pk}).status_code == 302
    assert number.channel.ownerships.last().agent.name == "Dewi"


def test_one_person_or_several(owner: Client) -> None:
    number = Number("waha")
    owner.post(action_url(number, "usage"), {"used_by": "several"})
    assert not number.channel.used_by_one
    owner.post(action_url(number, "usage"), {"used_by": "one"})
    assert number.channel.used_by_one


def test_the_time_zone_of_evolution(owner: Client) -> None:
    number = Number("evolution")
    owner.post(action_url(number, "timezone"), {"timezone": "Asia/Jakarta"})
    assert number.channel.timezone == "Asia/Jakarta"
    owner.post(action_url(number, "timezone"), {"timezone": "Mars/Olympus"})
    assert number.channel.timezone == "Asia/Jakarta"


def test_taking_over_the_session_uses_what_was_kept(owner: Client) -> None:
    number = Number("waha")
    number.post(Number("waha", key="cs2").said.label_on_chat(BUDI, "1", on=True))
    number.drain()
    assert InboundEvent.objects.get(channel=number.pk).state == "parked"
    owner.post(action_url(number, "session"), {"session": "cs2"})
    number.drain()
    assert number.channel.session == "cs2"
    assert LabelAssignment.objects.count() == 1
    assert number.verdict == "works"


def test_a_label_without_a_name_gets_one(owner: Client) -> None:
    number = Number("gowa")
    number.post(number.said.label_on_chat(BUDI, "9", on=True))
    number.drain()
    label = ChannelLabel.objects.get(channel=number.pk)
    assert "Label 9 on CS Rina" in owner.get(page_of(number)).content.decode()
    owner.post(action_url(number, "label"), {"label": label.pk, "name": "Grade A"})
    label.refresh_from_db()
    assert (label.name, label.is_placeholder, label.label.name) == ("Grade A", False, "Grade A")
    assert LabelAssignment.objects.get().label.name == "Grade A"
    assert AuditEntry.objects.filter(action="label.named", actor__username="owner").exists()


@pytest.mark.parametrize("label", ["", "0", "x", "999999"])
def test_naming_a_label_that_is_not_there_is_not_found(owner: Client, label: str) -> None:
    number = Number("gowa")
    assert owner.post(action_url(number, "label"), {"label": label, "name": "X"}).status_code == 404


# -- The fragment -----------------------------------------------------------------------------------------------------


def test_the_open_page_sees_the_first_event_arrive(owner: Client) -> None:
    number = Number("waha")
    fragment = reverse("channel-check", args=[number.pk])
    assert 'data-code="nothing"' in owner.get(fragment).content.decode()
    number.post(number.said.label_on_chat(BUDI, "1", on=True))
    number.drain()
    html = owner.get(fragment).content.decode()
    assert 'data-code="works"' in html
    assert "<html" not in html


def test_what_senders_wrote_is_text_on_the_page(owner: Client) -> None:
    number = Number("waha", key="cs1")
    number.post(number.said.event("<script>alert(1)</script>", {}))  # type: ignore[attr-defined]
    number.drain()
    assert "<script>alert" not in owner.get(page_of(number)).content.decode()


def test_the_page_takes_few_queries(owner: Client, django_assert_max_num_queries: Any) -> None:
    number = Number("waha")
    for n in range(30):
        number.post(number.said.label_on_chat(f"62812000{n:05d}", str(n), on=True))
    number.drain()
    owner.get(page_of(number))
    with django_assert_max_num_queries(30):
        owner.get(page_of(number))
