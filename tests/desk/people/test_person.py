"""Adding a person is one page, and what decides whom they see is on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Agent
from desk.people.person_form import new_password
from labelcrm.core.models import AuditEntry, User
from tests.desk.conftest import Shop
from tests.factories import THEN, AgentFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
ADD, LIST = reverse("admin:core_user_add"), reverse("admin:core_user_changelist")


def role(name: str) -> int:
    return Group.objects.get(name=name).pk


def person(**values: Any) -> dict[str, Any]:
    form = {"name": "Rina Wati", "username": "rina", "language": "id", "groups": role("cs"), "password": ""}
    return form | values


def as_shown(user: User, **values: Any) -> dict[str, Any]:
    """What the page of a user would send back unchanged, but for `values`."""
    form = {"name": user.get_full_name(), "username": user.username, "language": "id"}
    return {**form, "is_active": "on", "is_staff": "on", **values}


def change(client: Client, user: User, **values: Any) -> Any:
    return client.post(reverse("admin:core_user_change", args=(user.pk,)), as_shown(user, **values), follow=True)


def errors(response: Any) -> dict[str, Any]:
    return dict(response.context["adminform"].form.errors)


class TestAdding:
    def test_one_page_gives_role_team_and_cs(self, client_of: ClientOf, shop: Shop) -> None:
        response = client_of("owner").post(ADD, person(teams=[shop.team.pk], agent=shop.agent.pk))
        assert response.status_code == 200
        user = User.objects.get(username="rina")
        assert (user.get_full_name(), user.is_staff, user.is_superuser) == ("Rina Wati", True, False)
        assert [group.name for group in user.groups.all()] == ["cs"]
        assert list(shop.team.members.all()) == [user]
        assert user.agent == shop.agent

    def test_a_cs_is_made_along_with_their_login(self, client_of: ClientOf, shop: Shop) -> None:
        client_of("owner").post(ADD, person(teams=[shop.team.pk], new_agent="on"))
        agent = Agent.objects.get(name="Rina Wati")
        assert (agent.team, agent.user.username, agent.code) == (shop.team, "rina", "rina-wati")

    def test_the_password_that_was_made_works_and_is_shown_once(self, client_of: ClientOf, shop: Shop) -> None:
        client = client_of("owner")
        response = client.post(ADD, person(teams=[shop.team.pk]))
        user = User.objects.get(username="rina")
        shown = [code for code in re.findall(r"<code>([^<]+)</code>", response.text) if user.check_password(code)]
        assert len(shown) == 1
        assert "no-store" in response["Cache-Control"]
        assert "messages" not in response.cookies
        for page in (LIST, reverse("admin:core_user_change", args=(user.pk,)), ADD):
            assert shown[0] not in client.get(page).text
        assert shown[0] not in str(list(AuditEntry.objects.values()))

    def test_a_typed_password_is_checked_and_leaves_no_trace(self, client_of: ClientOf) -> None:
        client = client_of("owner")
        assert list(errors(client.post(ADD, person(password="rina")))) == ["password"]
        response = client.post(ADD, person(password="kuda-terbang-77"))
        assert User.objects.get(username="rina").check_password("kuda-terbang-77")
        assert "kuda" not in response.text
        assert "kuda" not in str(list(AuditEntry.objects.values()))

    def test_name_and_role_are_asked_for(self, client_of: ClientOf) -> None:
        response = client_of("owner").post(ADD, person(name=" ", groups=""))
        assert list(errors(response)) == ["name", "groups"]
        assert not User.objects.filter(username="rina").exists()

    def test_a_cs_is_chosen_or_made_and_not_both(self, client_of: ClientOf, shop: Shop) -> None:
        response = client_of("owner").post(ADD, person(agent=shop.agent.pk, new_agent="on"))
        assert list(errors(response)) == ["new_agent"]

    def test_a_new_cs_is_never_one_that_there_is(self, client_of: ClientOf) -> None:
        AgentFactory(name="Rina Wati")
        assert list(errors(client_of("owner").post(ADD, person(new_agent="on")))) == ["new_agent"]

    def test_a_cs_who_has_a_login_is_not_offered(self, client_of: ClientOf, shop: Shop) -> None:
        taken = AgentFactory(name="Taken", user=UserFactory())
        client = client_of("owner")
        field = client.get(ADD).context["adminform"].form.fields["agent"]
        assert list(field.queryset) == [shop.agent]
        assert list(errors(client.post(ADD, person(agent=taken.pk)))) == ["agent"]

    def test_each_role_is_offered_with_what_it_may_do(self, client_of: ClientOf) -> None:
        html = client_of("owner").get(ADD).text
        shown = re.findall(r'<span class="truncate">\s*(.*?)<small class="lc-choice-help">(.*?)</small>', html)
        assert [title for title, _help in shown] == [
            "Owner", "CS lead", "CS", "Marketing", "Data analyst", "Auditor",
        ]  # fmt: skip
        assert dict(shown)["CS"] == "Sees their own teams, changes contacts."

    def test_it_is_on_record_who_came_in_and_where(self, client_of: ClientOf, shop: Shop) -> None:
        client_of("owner").post(ADD, person(teams=[shop.team.pk], agent=shop.agent.pk))
        entries = {entry.action: entry for entry in AuditEntry.objects.all()}
        assert entries["user.created"].details["groups"] == ["cs"]
        assert entries["team.members"].details["members"] == ["rina"]
        assert entries["agent.changed"].object_id == shop.agent.pk

    def test_who_may_not_change_teams_is_not_asked_for_any(self, client_of: ClientOf, shop: Shop) -> None:
        client = client_of("cs", shop)
        rights = ("add_user", "change_user", "view_user")
        client.user.user_permissions.set(Permission.objects.filter(codename__in=rights))  # type: ignore[attr-defined]
        assert not {"teams", "agent", "new_agent"} & client.get(ADD).context["adminform"].form.fields.keys()
        client.post(ADD, person(teams=[shop.team.pk], agent=shop.agent.pk))
        user = User.objects.get(username="rina")
        assert user not in shop.team.members.all()
        assert not Agent.objects.filter(user=user).exists()


def test_passwords_to_begin_with_are_long_and_never_the_same() -> None:
    made = {new_password() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"([a-hjkmnp-z2-9]{4}-){2}[a-hjkmnp-z2-9]{4}", each) for each in made)


class TestChanging:
    def test_another_role_takes_the_place_of_the_one_before(self, client_of: ClientOf, shop: Shop) -> None:
        user = UserFactory(role="cs", first_name="Rina", teams=[shop.team])
        change(client_of("owner"), user, groups=role("cs_lead"), teams=[shop.team.pk])
        assert [group.name for group in user.groups.all()] == ["cs_lead"]

    def test_none_of_several_roles_is_lost_by_saving(self, client_of: ClientOf) -> None:
        user = UserFactory(role="owner", first_name="Rina")
        user.groups.add(Group.objects.create(name="gudang"))
        client = client_of("owner")
        form = client.get(reverse("admin:core_user_change", args=(user.pk,))).context["adminform"].form
        change(client, user, groups=form["groups"].value())
        assert {group.name for group in user.groups.all()} == {"owner", "gudang"}

    def test_a_team_that_the_actor_does_not_see_is_kept(
        self, client_of: ClientOf, shop: Shop, other_shop: Shop
    ) -> None:
        user = UserFactory(role="cs", first_name="Rina", teams=[other_shop.team])
        client = client_of("cs_lead", shop)
        rights = ("change_user", "view_user", "change_team")
        client.user.user_permissions.set(Permission.objects.filter(codename__in=rights))  # type: ignore[attr-defined]
        change(client, user, groups=role("cs"), teams=[shop.team.pk])
        assert set(user.teams.all()) == {shop.team, other_shop.team}

    def test_a_cs_is_given_to_somebody_else(self, client_of: ClientOf, shop: Shop) -> None:
        old, new = UserFactory(role="cs", first_name="Old"), UserFactory(role="cs", first_name="New")
        shop.agent.user = old
        shop.agent.save()
        client = client_of("owner")
        change(client, old, groups=role("cs"), agent="")
        change(client, new, groups=role("cs"), agent=shop.agent.pk)
        shop.agent.refresh_from_db()
        assert shop.agent.user == new

    def test_the_name_of_a_cs_who_left_does_not_stand_in_the_way(self, client_of: ClientOf, shop: Shop) -> None:
        """One login is one CS: the archived one lets go of it."""
        user = UserFactory(role="marketing", first_name="Rina")
        gone = AgentFactory(user=user, deleted_at=THEN)
        change(client_of("owner"), user, groups=role("cs"), agent=shop.agent.pk)
        shop.agent.refresh_from_db()
        gone.refresh_from_db()
        assert (shop.agent.user, gone.user) == (user, None)

    def test_what_nobody_touched_stays(self, client_of: ClientOf, shop: Shop) -> None:
        user = UserFactory(role="cs", first_name="Rina", last_name="Wati", teams=[shop.team])
        shop.agent.user = user
        shop.agent.save()
        before = AuditEntry.objects.count()
        change(client_of("owner"), user, groups=role("cs"), teams=[shop.team.pk], agent=shop.agent.pk)
        user.refresh_from_db()
        assert (user.first_name, user.last_name, user.agent) == ("Rina", "Wati", shop.agent)
        assert list(user.teams.all()) == [shop.team]
        assert AuditEntry.objects.count() == before + 1  # that somebody saved the page


class TestWarning:
    def test_saving_says_that_they_see_nobody(self, client_of: ClientOf) -> None:
        user = UserFactory(role="cs", first_name="Budi")
        response = change(client_of("owner"), user, groups=role("cs"))
        said = [str(message) for message in response.context["messages"]]
        assert said[0].startswith("Budi is in no team and so sees no team")

    def test_their_page_says_it_until_they_are_in_one(self, client_of: ClientOf, shop: Shop) -> None:
        user, client = UserFactory(role="cs", first_name="Budi"), client_of("owner")
        page = reverse("admin:core_user_change", args=(user.pk,))
        assert "Budi is in no team" in client.get(page).text
        response = change(client, user, groups=role("cs"), teams=[shop.team.pk])
        assert len(response.context["messages"]) == 1
        assert "is in no team" not in client.get(page).text

    def test_who_was_just_added_without_one_is_warned_of(self, client_of: ClientOf) -> None:
        client = client_of("owner")
        assert "Rina Wati is in no team" in client.post(ADD, person()).text
        assert "is in no team" not in client.post(ADD, person(username="x", groups=role("marketing"))).text


class TestList:
    def cells(self, client: Client, username: str) -> dict[str, str]:
        """The row of a user, by column."""
        row = next(row for row in client.get(LIST).text.split("<tr") if f">{username}<" in row)
        found = re.findall(r'<t[dh][^>]*class="[^"]*field-(\w+)[^"]*"[^>]*>(.*?)</t[dh]>', row, re.DOTALL)
        return {name: " ".join(re.sub(r"<[^>]+>", " ", html).split()) for name, html in found}

    def test_it_says_role_teams_and_cs(self, client_of: ClientOf, shop: Shop) -> None:
        user = UserFactory(username="rina", first_name="Rina", role="cs", teams=[TeamFactory(name="Alpha")])
        shop.agent.user = user
        shop.agent.save()
        cells = self.cells(client_of("owner"), "rina")
        assert cells["who"] == "Rina rina"
        assert (cells["roles"], cells["teams_shown"], cells["agent_shown"]) == ("CS", "Alpha, Team Rina", "CS Rina")

    def test_it_marks_who_sees_nobody_and_who_may_nothing(self, client_of: ClientOf) -> None:
        UserFactory(username="budi", role="cs_lead")
        UserFactory(username="nobody")
        UserFactory(username="mega", role="marketing")
        client = client_of("owner")
        assert self.cells(client, "budi")["teams_shown"] == "in no team"
        assert self.cells(client, "nobody")["roles"] == "no role"
        assert self.cells(client, "mega")["teams_shown"] == "sees every team"

    def test_a_longer_list_costs_no_more_queries(self, client_of: ClientOf, shop: Shop) -> None:
        client = client_of("owner")

        def queries(more: int) -> int:
            for _ in range(more):
                AgentFactory(user=UserFactory(role="cs", teams=[shop.team, TeamFactory()]))
            with CaptureQueriesContext(connection) as asked:
                client.get(LIST)
            return len(asked)

        assert queries(2) == queries(8) <= 10

    def test_an_auditor_reads_a_user_and_changes_nothing(self, client_of: ClientOf, shop: Shop) -> None:
        user = UserFactory(username="rina", first_name="Rina", role="cs_lead", teams=[shop.team])
        client = client_of("auditor")
        html = client.get(reverse("admin:core_user_change", args=(user.pk,))).text
        assert "CS lead" in html
        assert "Team Rina" in html
        assert 'name="_save"' not in html
        assert change(client, user, groups=role("owner")).status_code == 403
