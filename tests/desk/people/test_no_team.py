"""Somebody whose role shows teams and who is in none reads why they see nobody, on every page."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from contacts.models import Agent
from contacts.selectors.viewing import mark_sight, viewer_of
from labelcrm.core.models import User
from tests.desk.conftest import Shop
from tests.factories import THEN, AgentFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
PAGES = [
    "/admin/",
    "/admin/contacts/contact/",
    "/admin/labels/staleflag/",
    "/admin/reports/agents/",
    "/admin/system/",
    "/admin/jobs/",
    "/admin/password_change/",
]


def banner(client: Client, path: str = "/admin/") -> str:
    found = re.search(r'id="no-team">(.*?)</p>', client.get(path).content.decode(), re.DOTALL)
    return " ".join(unescape(re.sub(r"<span class=.*?</span>|<[^>]+>", "", found[1])).split()) if found else ""


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_it_once(client_of: ClientOf, path: str) -> None:
    UserFactory(username="sari", first_name="Sari", last_name="Rahmawati", role="owner")
    client = client_of("cs_lead")
    sentence = "You are in no team yet, so you see nobody. Ask Sari Rahmawati to add you to one."
    assert banner(client, path) == sentence
    assert client.get(path).content.decode().count('id="no-team"') == 1


@pytest.mark.parametrize("role", ["owner", "marketing", "analyst", "auditor", "root"])
def test_who_sees_every_team_needs_none(client_of: ClientOf, role: str) -> None:
    assert banner(client_of(role)) == ""


def test_who_is_in_a_team_reads_nothing_of_it(client_of: ClientOf, shop: Shop) -> None:
    assert banner(client_of("cs_lead", shop)) == ""


def test_who_has_no_role_is_told_that_and_not_about_teams(client_of: ClientOf) -> None:
    client = client_of("cs")
    client.user.groups.clear()  # type: ignore[attr-defined]
    assert banner(client) == ""
    assert "have no role yet" in client.get("/admin/").content.decode()


def test_a_cs_without_a_team_sees_whom_they_answer_and_reads_so(client_of: ClientOf) -> None:
    client = client_of("cs")
    AgentFactory(team=None, user=client.user)  # type: ignore[attr-defined]
    assert banner(client).startswith("You are in no team yet, so you see only contacts that are assigned to you.")


def test_the_archived_team_is_none(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)
    shop.team.deleted_at = THEN
    shop.team.save()
    assert banner(client) != ""


class TestWhoIsAsked:
    def asked(self, client_of: ClientOf) -> str:
        found = re.search(r"Ask (.*) to add you", banner(client_of("cs")))
        return found[1] if found else ""

    def test_an_owner_before_a_superuser(self, client_of: ClientOf) -> None:
        UserFactory(first_name="Root", is_superuser=True)
        UserFactory(first_name="Sari", role="owner")
        assert self.asked(client_of) == "Sari"

    def test_an_owner_with_a_name_before_a_login(self, client_of: ClientOf) -> None:
        UserFactory(username="admin", role="owner", last_login=THEN)
        UserFactory(first_name="Sari", role="owner")
        assert self.asked(client_of) == "Sari"

    def test_nobody_who_cannot_log_in(self, client_of: ClientOf) -> None:
        UserFactory(first_name="Gone", role="owner", is_active=False)
        UserFactory(username="admin", is_superuser=True)
        assert self.asked(client_of) == "admin"

    def test_the_owner_where_nobody_may_change_teams(self, client_of: ClientOf) -> None:
        UserFactory(first_name="Mega", role="marketing")
        assert banner(client_of("cs")).endswith("Ask the owner of this installation to add you to one.")


def test_home_is_no_first_run_for_who_only_lacks_a_team(client_of: ClientOf, shop: Shop) -> None:
    for role in ("cs", "cs_lead"):
        html = client_of(role).get("/admin/").content.decode()
        assert "Connect your first WhatsApp number" not in html
        assert "nothing has arrived yet" not in html
    client = client_of("cs_lead")
    TeamFactory().members.add(client.user)  # type: ignore[attr-defined]
    assert "No WhatsApp number yet" in client.get("/admin/").content.decode()


@pytest.mark.parametrize(
    "path",
    ["/admin/contacts/contact/", "/admin/contacts/channel/", "/admin/webhooks/inboundevent/", "/admin/reports/agents/"],
)
def test_an_empty_list_does_not_ask_them_to_set_anything_up(client_of: ClientOf, path: str) -> None:
    html = client_of("cs_lead").get(path).content.decode()
    assert "There may be some: you see them once you are in a team." in html
    assert not re.search(r"Connecting one takes|typed into the gateway|Add CS|Check on the System page", html)


def test_the_system_page_asks_only_who_may_connect_a_number(client_of: ClientOf) -> None:
    said = {
        role: "No number yet. Connect one" in client_of(role).get("/admin/system/").content.decode()
        for role in ("owner", "cs_lead", "analyst")
    }
    assert said == {"owner": True, "cs_lead": False, "analyst": False}


def everybody() -> dict[str, User]:
    """One user of every kind that the rule tells apart."""
    team, gone = TeamFactory(), TeamFactory(deleted_at=THEN)
    own = Group.objects.create(name="gudang")
    reports = Permission.objects.get(codename="view_report")
    users = {
        "owner": UserFactory(role="owner"),
        "root": UserFactory(is_superuser=True),
        "analyst": UserFactory(role="analyst"),
        "no role": UserFactory(),
        "member": UserFactory(role="cs_lead", teams=[team]),
        "member of an archived team": UserFactory(role="cs_lead", teams=[gone]),
        "teamless": UserFactory(role="cs_lead"),
        "agent": UserFactory(role="cs"),
        "agent without a team": UserFactory(role="cs"),
        "agent of an archived team": UserFactory(role="cs"),
        "switched off": UserFactory(role="cs", is_active=False),
        "with one right of their own": UserFactory(),
        "in a group that opens nothing": UserFactory(role="gudang"),
        "two roles of which one sees all": UserFactory(role="cs"),
    }
    own.permissions.add(Permission.objects.get(codename="view_user"))
    users["with one right of their own"].user_permissions.add(reports)
    users["two roles of which one sees all"].groups.add(Group.objects.get(name="marketing"))
    AgentFactory(team=team, user=users["agent"])
    AgentFactory(team=None, user=users["agent without a team"])
    AgentFactory(team=gone, user=users["agent of an archived team"])
    return users


def test_a_list_of_users_marks_whom_the_banner_is_for(django_assert_num_queries: Any) -> None:
    users = everybody()
    with django_assert_num_queries(1):
        marked = {row.pk: row for row in mark_sight(User.objects.all())}
    for name, user in users.items():
        row, viewer = marked[user.pk], viewer_of(User.objects.get(pk=user.pk))
        assert (row.is_in_no_team, row.sees_every_team) == (viewer.is_in_no_team, viewer.everything), name
    teamless = {name for name, user in users.items() if marked[user.pk].is_in_no_team}
    assert teamless == {
        "teamless", "member of an archived team", "agent without a team", "agent of an archived team",
        "with one right of their own",
    }  # fmt: skip


def test_who_has_left_is_not_marked() -> None:
    """They are out anyway."""
    user = UserFactory(role="cs")
    Agent.objects.filter(pk=AgentFactory(team=TeamFactory(), user=user).pk).update(deleted_at=THEN)
    assert not mark_sight(User.objects.filter(pk=user.pk)).get().is_in_no_team
