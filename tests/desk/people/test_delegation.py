"""Nobody gives rights that they do not hold: not by a role, a password, a token or the rights of a role."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from labelcrm.core.models import User
from labelcrm.core.roles import ROLES
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
PASSWORD = "kata sandi lain yang panjang"


def page(name: str, *args: int) -> str:
    return reverse(f"admin:{name}", args=args)


@pytest.fixture
def office(client_of: ClientOf) -> Client:
    """Somebody who adds people and their tokens, and is no more than a CS otherwise."""
    client = client_of("cs")
    names = ("view_user", "add_user", "change_user", "view_tokenproxy", "add_tokenproxy", "view_group", "change_group")
    client.user.user_permissions.set(Permission.objects.filter(codename__in=names))  # type: ignore[attr-defined]
    return client


def offered(client: Client) -> set[str]:
    form = client.get(page("core_user_add")).context["adminform"].form
    return {group.name for group in form.fields["groups"].queryset}


def test_only_roles_within_ones_own_rights_are_offered(office: Client) -> None:
    assert offered(office) == {"cs"}


@pytest.mark.parametrize("role", ["owner", "root"])
def test_an_owner_and_a_superuser_give_every_role(client_of: ClientOf, role: str) -> None:
    assert offered(client_of(role)) == set(ROLES)


def test_nobody_makes_themselves_an_owner(office: Client) -> None:
    user: User = office.user  # type: ignore[attr-defined]
    form = {"username": user.username, "language": "id", "is_active": "on", "is_staff": "on"}
    answer = office.post(page("core_user_change", user.pk), form | {"groups": Group.objects.get(name="owner").pk})
    assert "groups" in answer.context["adminform"].form.errors
    assert [group.name for group in user.groups.all()] == ["cs"]


def test_a_person_with_more_rights_is_only_read(office: Client) -> None:
    for boss in (UserFactory(role="owner", is_active=False), UserFactory(is_superuser=True)):
        assert "Give a new password" not in office.get(page("core_user_change", boss.pk)).text
        assert office.post(page("core_user_change", boss.pk), {"username": "taken"}).status_code == 403
        new = {"password1": PASSWORD, "password2": PASSWORD}
        assert office.post(page("auth_user_password_change", boss.pk), new).status_code == 403
        boss.refresh_from_db()
        assert boss.username != "taken"
        assert not boss.check_password(PASSWORD)


def test_an_owner_does_not_become_a_superuser_by_their_password(client_of: ClientOf) -> None:
    root, client = UserFactory(is_superuser=True), client_of("owner")
    assert client.get(page("auth_user_password_change", root.pk)).status_code == 403
    assert client.get(page("auth_user_password_change", UserFactory(role="owner").pk)).status_code == 200


def test_a_colleague_of_the_same_rights_is_changed(office: Client) -> None:
    colleague = UserFactory(role="cs", username="rina")
    office.post(page("auth_user_password_change", colleague.pk), {"password1": PASSWORD, "password2": PASSWORD})
    colleague.refresh_from_db()
    assert colleague.check_password(PASSWORD)


def test_a_token_is_made_for_nobody_who_may_more(office: Client, client_of: ClientOf) -> None:
    owner, cs = UserFactory(role="owner"), UserFactory(role="cs")
    for user in (owner, cs):
        office.post(page("authtoken_tokenproxy_add"), {"user": user.pk})
    assert [token.user for token in Token.objects.all()] == [cs]
    client_of("owner").post(page("authtoken_tokenproxy_add"), {"user": UserFactory(is_superuser=True).pk})
    assert Token.objects.count() == 1


def test_a_role_gets_no_right_that_is_not_ones_own(office: Client) -> None:
    cs, lead = Group.objects.get(name="cs"), Group.objects.get(name="cs_lead")
    had = set(cs.permissions.all())
    export = Permission.objects.get(codename="export_contact")
    assert (
        "permissions"
        in office.post(page("auth_group_change", cs.pk), {"permissions": [export.pk]}).context["adminform"].form.errors
    )
    assert set(cs.permissions.all()) == had
    assert office.post(page("auth_group_change", lead.pk), {"permissions": []}).status_code == 403
    assert lead.permissions.exists()
