"""Roles follow what people did with them: what was taken out stays out, what was added stays in."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from labelcrm.core import roles
from labelcrm.core.models import RoleGrant
from labelcrm.core.roles import ANALYST, CS, MARKETING, PERMISSIONS, ROLES, covers, sync_roles

pytestmark = pytest.mark.django_db
remember = import_module("labelcrm.core.migrations.0005_role_grants").remember


def permission(code: str) -> Permission:
    app, codename = code.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def has(name: str) -> set[str]:
    rows = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


def take_out(name: str, code: str) -> None:
    Group.objects.get(name=name).permissions.remove(permission(code))


def test_a_new_installation_has_the_whole_table() -> None:
    known = {
        f"{app}.{codename}" for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    for name in ROLES:
        assert has(name) == {code for code in known if covers(PERMISSIONS[name], code)}, name


def test_what_was_taken_out_stays_out_over_every_migrate() -> None:
    take_out(MARKETING, "contacts.export_contact")
    for _ in range(2):
        call_command("migrate", verbosity=0, interactive=False)
    assert "contacts.export_contact" not in has(MARKETING)
    assert "contacts.change_contact" in has(MARKETING)


def test_what_was_added_stays_in() -> None:
    Group.objects.get(name=CS).permissions.add(permission("contacts.export_contact"))
    sync_roles()
    assert "contacts.export_contact" in has(CS)


def test_a_permission_that_is_new_in_a_version_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    take_out(CS, "contacts.add_note")
    monkeypatch.setitem(roles.PERMISSIONS, CS, [*PERMISSIONS[CS], "contacts.export_contact"])
    sync_roles()
    assert "contacts.export_contact" in has(CS)
    assert "contacts.add_note" not in has(CS)
    take_out(CS, "contacts.export_contact")
    sync_roles()
    assert "contacts.export_contact" not in has(CS)


def test_a_new_model_reaches_the_roles_whose_pattern_covers_it() -> None:
    made = Permission.objects.create(
        codename="view_thing", name="see", content_type=permission("contacts.view_note").content_type
    )
    sync_roles()
    assert made in Group.objects.get(name=CS).permissions.all()


def test_a_group_of_the_owners_own_is_left_alone() -> None:
    group = Group.objects.create(name="gudang")
    group.permissions.add(permission("contacts.view_contact"))
    sync_roles()
    assert has("gudang") == {"contacts.view_contact"}
    assert not RoleGrant.objects.filter(group=group).exists()


def test_a_role_that_was_deleted_comes_back_whole() -> None:
    before = has(CS)
    take_out(CS, "contacts.add_note")
    Group.objects.get(name=CS).delete()
    sync_roles()
    assert has(CS) == before


class TestUpgrade:
    """From a version without the memory: every migrate had given everything."""

    @pytest.fixture(autouse=True)
    def _no_memory_yet(self) -> None:
        RoleGrant.objects.all().delete()

    def test_what_was_taken_out_before_stays_out(self) -> None:
        take_out(MARKETING, "contacts.export_contact")
        remember(apps, None)
        sync_roles()
        assert "contacts.export_contact" not in has(MARKETING)

    def test_what_the_upgrade_brings_is_given(self) -> None:
        remember(apps, None)
        made = Permission.objects.create(
            codename="view_thing", name="see", content_type=permission("contacts.view_note").content_type
        )
        sync_roles()
        assert made in Group.objects.get(name=CS).permissions.all()

    def test_a_role_that_was_emptied_stays_empty(self) -> None:
        Group.objects.get(name=ANALYST).permissions.clear()  # a role that got nothing new since then
        remember(apps, None)
        sync_roles()
        assert has(ANALYST) == set()

    def test_a_new_installation_remembers_nothing_before_anything_was_given(self) -> None:
        for name in ROLES:
            Group.objects.get(name=name).permissions.clear()
        remember(apps, None)
        assert not RoleGrant.objects.exists()
