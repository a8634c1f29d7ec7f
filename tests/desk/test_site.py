"""The admin's list of all models is made for the pages that show it, and for no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.test import Client

from desk.site import DeskSite

pytestmark = pytest.mark.django_db


def test_the_list_of_models_is_made_only_for_the_page_that_shows_it(
    client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str | None] = []
    build = AdminSite._build_app_dict

    def count(site: AdminSite, request: Any, label: str | None = None) -> Any:
        made.append(label)
        return build(site, request, label)

    monkeypatch.setattr(AdminSite, "_build_app_dict", count)
    owner = client_of("owner")
    assert owner.get("/admin/contacts/contact/").status_code == 200
    assert made == []
    assert "/admin/contacts/contact/" in owner.get("/admin/contacts/").content.decode()
    assert made == ["contacts"]


def test_everything_registers_with_our_site(client_of: Callable[..., Client]) -> None:
    assert isinstance(admin.site, DeskSite) or isinstance(admin.site._wrapped, DeskSite)
    assert client_of("owner").get("/admin/no-such-app/").status_code == 404
