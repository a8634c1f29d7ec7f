"""Users and tokens: who may do what is on record, and secrets are shown once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.authtoken.models import Token

from contacts.models import Agent
from labelcrm.core import audit
from labelcrm.core.models import AuditEntry
from tests.desk.conftest import Shop
from tests.factories import UserFactory

ClientOf = Callable[..., Client]


def test_a_new_role_of_a_user_is_audited_by_name(client_of: ClientOf, db: None) -> None:
    user, lead = UserFactory(username="budi"), Group.objects.get(name="cs_lead")
    client_of("root").post(
        reverse("admin:core_user_change", args=(user.pk,)),
        {"username": "budi", "language": "id", "is_active": "on", "is_staff": "on", "groups": [lead.pk]},
    )
    assert list(user.groups.all()) == [lead]
    entry = AuditEntry.objects.get(action="user.changed", object_id=user.pk)
    assert entry.details["groups"] == ["cs_lead"]


def test_team_membership_is_audited_because_it_decides_who_sees_what(client_of: ClientOf, shop: Shop) -> None:
    member = UserFactory(username="budi")
    url = reverse("admin:contacts_team_change", args=(shop.team.pk,))
    client_of("owner").post(url, {"name": shop.team.name, "members": [member.pk]})
    assert list(shop.team.members.all()) == [member]
    assert AuditEntry.objects.get(action="team.members").details["members"] == ["budi"]


def test_a_login_is_not_made_in_a_window_that_closes_over_its_password(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("owner")
    for page, row in (("contacts_team", shop.team), ("contacts_agent", shop.agent)):
        html = client.get(reverse(f"admin:{page}_change", args=(row.pk,))).content.decode()
        assert "/admin/core/user/add/" not in html


@pytest.mark.parametrize("archived", [False, True])
def test_a_lead_gives_an_agent_no_login_of_strangers(
    client_of: ClientOf, shop: Shop, other_shop: Shop, archived: bool
) -> None:
    """Neither another team's nor nobody's: as an archived agent's it would be shut out."""
    if archived:
        Agent.objects.filter(pk=shop.agent.pk).update(deleted_at=timezone.now())
    client, url = client_of("cs_lead", shop), reverse("admin:contacts_agent_change", args=(shop.agent.pk,))
    strangers = [
        UserFactory(username="rahasia1", role="cs_lead", teams=[other_shop.team]),
        UserFactory(username="rahasia2"),
        UserFactory(username="rahasia3", role="owner", teams=[shop.team]),
    ]
    for stranger in strangers:
        values = {"name": "Rina", "code": shop.agent.code, "team": shop.team.pk, "user": stranger.pk}
        assert "rahasia" not in client.post(url, values, follow=True).text
        shop.agent = Agent.all_objects.get(pk=shop.agent.pk)
        assert shop.agent.user is None


def test_a_lead_gives_an_agent_the_login_of_a_member(client_of: ClientOf, shop: Shop) -> None:
    client, url = client_of("cs_lead", shop), reverse("admin:contacts_agent_change", args=(shop.agent.pk,))
    member, values = UserFactory(role="cs", teams=[shop.team]), {"name": "Rina", "code": "rina", "team": shop.team.pk}
    client.post(url, values | {"user": member.pk})
    assert Agent.objects.get(pk=shop.agent.pk).user == member


def test_saving_an_agent_keeps_a_login_that_the_lead_could_not_give(client_of: ClientOf, shop: Shop) -> None:
    client, url = client_of("cs_lead", shop), reverse("admin:contacts_agent_change", args=(shop.agent.pk,))
    shop.agent.user = UserFactory(role="owner")
    shop.agent.save()
    client.post(url, {"name": "Rini", "code": "rina", "team": shop.team.pk, "user": shop.agent.user.pk})
    agent = Agent.objects.get(pk=shop.agent.pk)
    assert (agent.name, agent.user) == ("Rini", shop.agent.user)


def test_an_archived_agent_is_given_no_login(client_of: ClientOf, shop: Shop) -> None:
    Agent.objects.filter(pk=shop.agent.pk).update(deleted_at=timezone.now())
    url = reverse("admin:contacts_agent_change", args=(shop.agent.pk,))
    values = {"name": "Rina", "code": "rina", "team": shop.team.pk, "user": UserFactory(role="cs").pk}
    client_of("owner").post(url, values)
    agent = Agent.all_objects.get(pk=shop.agent.pk)
    assert (agent.name, agent.user) == ("Rina", None)


def test_a_token_is_shown_once_and_never_again(client_of: ClientOf, db: None) -> None:
    user, client = UserFactory(username="bot"), client_of("owner")
    html = client.post(reverse("admin:authtoken_tokenproxy_add"), {"user": user.pk}, follow=True).content.decode()
    key = Token.objects.get(user=user).key
    assert key in html
    for url in (
        reverse("admin:authtoken_tokenproxy_changelist"),
        reverse("admin:authtoken_tokenproxy_change", args=(user.pk,)),
    ):
        assert key not in client.get(url).content.decode()
    assert AuditEntry.objects.filter(action="token.created").exists()
    assert key not in str(list(LogEntry.objects.values()))


def test_a_token_is_taken_back(client_of: ClientOf, db: None) -> None:
    token = Token.objects.create(user=UserFactory(username="bot"))
    url = reverse("admin:authtoken_tokenproxy_delete", args=(token.user_id,))
    client_of("owner").post(url, {"post": "yes"})
    assert not Token.objects.exists()
    assert AuditEntry.objects.get(action="token.revoked").details["for_user"] == "bot"


def test_only_a_superuser_makes_superusers(client_of: ClientOf, db: None) -> None:
    user = UserFactory()
    form = {"username": user.username, "language": "id", "is_active": "on", "is_superuser": "on"}
    client_of("owner").post(reverse("admin:core_user_change", args=(user.pk,)), form)
    user.refresh_from_db()
    assert not user.is_superuser


def test_the_audit_trail_speaks_the_readers_language(client_of: ClientOf, shop: Shop) -> None:
    audit.record(actor=None, action="contact.merged", obj=shop.contact(name="", phone="+6281234567890"))
    page = client_of("root", language="id").get(reverse("admin:core_auditentry_changelist")).content.decode()
    rows = page.split('id="result_list"')[1]
    assert "digabung" in rows
    assert "contacts.contact" not in rows
    assert "+62 812-3456-7890" in rows
