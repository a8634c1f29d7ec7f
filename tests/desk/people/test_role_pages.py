"""A role is shown as what one may do; the sentences follow the rights it has, and leave none of them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import translation

from desk.people.abilities import ABILITIES, areas, in_short, rights_by_role
from labelcrm.core.models import AuditEntry
from labelcrm.core.roles import PERMISSIONS, ROLES
from labelcrm.env import BASE_DIR
from tests.desk.conftest import Shop
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """The sentences are lazy, and a page of another test may have left its reader's language."""
    with translation.override("en"):
        yield


# Rights that pages ask for and that no sentence is made of.
UNSAID = {
    "webhooks.view_reconcilerun",  # nothing is pulled yet
    "labels.view_labelassignment",  # who sees labels sees where they are
    "labels.view_labelevent",  # who sees labels sees their changes
    "auth.view_permission",
    "contacts.view_optoutword",  # who sees contacts may know them
    "contacts.view_campaignrule",  # who sees campaigns may know what brings people to them
}


def rights_of(name: str) -> frozenset[str]:
    return rights_by_role(Group.objects.filter(name=name)).popitem()[1]


def may(name: str) -> list[str]:
    return [str(text) for area in areas(rights_of(name)) for text in area.may]


def may_not(name: str) -> list[str]:
    return [str(text) for area in areas(rights_of(name)) for text in area.may_not]


def test_what_the_roles_may_do_in_short() -> None:
    assert {name: in_short(rights_of(name)) for name in ROLES} == {
        "owner": "May do everything.",
        "cs_lead": "Sees their own teams, changes contacts, downloads contacts, decides what labels mean, "
        "reads reports.",
        "cs": "Sees their own teams, changes contacts.",
        "marketing": "Sees every team, changes contacts, downloads contacts, reads reports, adds campaigns.",
        "analyst": "Sees every team, downloads contacts, reads reports.",
        "auditor": "Sees every team, reads reports, reads the audit trail.",
    }
    assert in_short(frozenset()) == "May do nothing yet."


def test_everything_is_said_once_as_allowed_or_not() -> None:
    texts = [str(each.text) for _area, abilities in ABILITIES for each in abilities]
    own_teams = "see the contacts, chats and figures of the teams they are in"
    for name in ROLES:
        said = [*may(name), *may_not(name)]
        assert len(said) == len(set(said))
        assert set(texts) - set(said) <= {own_teams}, name


def test_who_sees_every_team_does_not_read_that_they_see_their_own() -> None:
    assert "see the contacts, chats and figures of every team" in may("marketing")
    assert not [text for text in [*may("marketing"), *may_not("marketing")] if "teams they are in" in text]
    assert "see the contacts, chats and figures of the teams they are in" in may("cs")
    assert "see the contacts, chats and figures of every team" in may_not("cs")


def test_a_right_that_was_taken_out_is_said_no_more() -> None:
    sentence = "download contacts with their phone numbers"
    assert sentence in may("marketing")
    Group.objects.get(name="marketing").permissions.remove(Permission.objects.get(codename="export_contact"))
    assert sentence in may_not("marketing")


def asked_for() -> Iterator[str]:
    """Every right that a page for people asks for: those of the code, and those of the admin's own pages."""
    quoted = re.compile(r'"((?:contacts|labels|webhooks|reports|core|auth|authtoken|axes)\.[a-z]+_[a-z]+)"')
    for path in (BASE_DIR / "desk").rglob("*.py"):
        if path.name != "abilities.py":
            yield from quoted.findall(path.read_text(encoding="utf-8"))
    for model in admin.site._registry:
        yield f"{model._meta.app_label}.view_{model._meta.model_name}"


def test_every_right_that_a_page_asks_for_has_its_sentence() -> None:
    said = {right for _area, abilities in ABILITIES for each in abilities for right in each.rights}
    asked = set(asked_for())
    known = {f"{app}.{name}" for app, name in Permission.objects.values_list("content_type__app_label", "codename")}
    assert len(asked & known) > 25
    assert (asked & known) - said - UNSAID == set()


def test_every_sentence_is_of_rights_that_there_are() -> None:
    known = {f"{app}.{name}" for app, name in Permission.objects.values_list("content_type__app_label", "codename")}
    said = {right for _area, abilities in ABILITIES for each in abilities for right in each.rights}
    assert said - known == set()
    assert PERMISSIONS.keys() == set(ROLES)


def test_the_list_of_roles_says_what_each_may_do_and_how_many_have_it(client_of: ClientOf) -> None:
    UserFactory(role="cs")
    UserFactory(role="cs", is_active=False)
    html = client_of("owner").get(reverse("admin:auth_group_changelist")).text
    assert "Sees their own teams, changes contacts." in html
    cs = Group.objects.get(name="cs")
    assert re.search(rf'href="/admin/core/user/\?groups__id__exact={cs.pk}">1</a>', html)


def test_the_page_of_a_role_is_sentences_and_the_people_who_have_it(client_of: ClientOf) -> None:
    UserFactory(first_name="Ratna", role="cs_lead")
    lead = Group.objects.get(name="cs_lead")
    page = reverse("admin:auth_group_change", args=(lead.pk,))
    html = client_of("owner").get(page).text
    assert "1 person has this role" in html
    assert "Ratna" in html
    assert "decide what a WhatsApp label means" in html
    assert "Can change" not in html
    assert "<select" not in html[html.index('id="content"') :]  # an owner may not change roles
    assert "<title> CS lead | labelcrm</title>" in html


def test_who_may_change_a_role_finds_the_single_rights_below(client_of: ClientOf, shop: Shop) -> None:
    client, lead = client_of("root"), Group.objects.get(name="cs_lead")
    page = reverse("admin:auth_group_change", args=(lead.pk,))
    html = client.get(page).text
    assert "campaign: change" in html
    assert "Can change" not in html
    kept = Permission.objects.filter(codename__in=["view_contact", "view_label"])
    client.post(page, {"name": "renamed", "permissions": [permission.pk for permission in kept]})
    lead.refresh_from_db()
    assert set(lead.permissions.all()) == set(kept)
    assert lead.name == "cs_lead"  # the program knows it by this name


def test_a_role_of_ones_own_is_added_and_described(client_of: ClientOf) -> None:
    """It begins as another, which the form describes in words; nobody picks from a list of permissions."""
    client = client_of("root")
    page = reverse("admin:auth_group_add")
    form = client.get(page).text
    assert "Sees their own teams, changes contacts." in form
    assert "Can change" not in form
    assert "campaign: change" not in form
    lead = Group.objects.get(name="cs_lead")
    client.post(page, {"name": "gudang", "like": lead.pk})
    own = Group.objects.get(name="gudang")
    assert set(own.permissions.all()) == set(lead.permissions.all())
    assert "gudang" in client.get(reverse("admin:auth_group_changelist")).text
    entry = AuditEntry.objects.get(action="group.created", object_id=own.pk)
    assert entry.details["like"] == ["cs_lead"]


def test_a_new_role_begins_as_one_that_may_no_more_than_who_adds_it(client_of: ClientOf) -> None:
    client = client_of("cs_lead")
    client.user.user_permissions.add(Permission.objects.get(codename="add_group"))  # type: ignore[attr-defined]
    page = reverse("admin:auth_group_add")
    owner = Group.objects.get(name="owner")
    answer = client.post(page, {"name": "gudang", "like": owner.pk})
    assert answer.status_code == 200
    assert not Group.objects.filter(name="gudang").exists()
