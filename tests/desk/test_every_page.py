"""Every page for people opens for every role that may see it, keeps to our origin, and has no script of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from contacts.models import Note
from labelcrm.core.models import AuditEntry, Heartbeat, JobRun
from labelcrm.core.roles import ROLES
from reports.models import Segment
from tests.desk.conftest import Shop
from tests.factories import THEN, CampaignFactory
from webhooks.models import InboundEvent, ReconcileRun, UnknownChannel

ClientOf = Callable[..., Client]


@pytest.fixture
def rows(shop: Shop) -> None:
    """One row at least of everything that has a page."""
    contact = shop.contact(campaign=CampaignFactory(), assigned_to=shop.agent)
    shop.put(contact, shop.whatsapp_label("Grade A"), hours=3)
    shop.say(contact, "Halo")
    Note.objects.create(contact=contact, text="x")
    InboundEvent.objects.create(channel=shop.channel, body=b"{}")
    UnknownChannel.objects.create(gateway="waha", key="x", last_at=THEN)
    ReconcileRun.objects.create(channel=shop.channel, trigger="nightly", state="done")
    AuditEntry.objects.create(action="x", details={"a": [1]})
    JobRun.objects.create(job="stale", period="2026-03-02")
    Heartbeat.objects.create(name="worker", at=THEN)
    labelled = {"field": "labelled", "op": "now"}
    Segment.objects.create(name="X", shared="everyone", definition={"any": [{"all": [labelled]}]})


def pages(client: Client) -> Iterator[tuple[str, Any]]:
    for model, page in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for url in (reverse(f"{name}_changelist"), reverse(f"{name}_add")):
            yield url, client.get(url)
        first = page.model._base_manager.order_by("pk").first()
        if first is not None:
            yield (url := reverse(f"{name}_change", args=(first.pk,))), client.get(url)
    views = ("index", "segments", "segments-new", "password_change")
    for url in ("/admin/system/", "/admin/search/?q=grade", *(reverse(f"admin:{view}") for view in views)):
        yield url, client.get(url)
    for segment in Segment.objects.all():
        yield (url := reverse("admin:segments-edit", args=(segment.pk,))), client.get(url)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(("role", "language"), [*((role, "id") for role in ROLES), ("root", "id"), ("root", "en")])
def test_every_page_opens_or_says_no(client_of: ClientOf, shop: Shop, role: str, language: str) -> None:
    opened = 0
    for url, response in pages(client_of(role, shop, language=language)):
        assert response.status_code in {200, 302, 403}, url
        if response.status_code == 200 and "text/html" in response["Content-Type"]:
            opened += 1
            _check_html(url, response.content.decode())
    assert opened >= 8


def _check_html(url: str, html: str) -> None:
    for script in re.findall(r"<script\b[^>]*>", html):
        assert "src=" in script or "application/json" in script, f"{url}: {script}"
    assert not re.search(r"\son(click|load|error|submit|change|mouseover)=", html), url
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', html):
        assert not address.startswith(("http://", "https://", "//")), f"{url}: {address}"


@pytest.mark.usefixtures("rows")
def test_a_user_without_a_role_gets_nothing(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs", shop)
    client.user.groups.clear()  # type: ignore[attr-defined]
    for url, response in pages(client):
        allowed = url in {"/admin/", "/admin/search/?q=grade", reverse("admin:password_change")}
        assert response.status_code == (200 if allowed else response.status_code), url
        assert allowed or response.status_code in {302, 403}, url


def test_the_menu_holds_what_a_role_may_open(client_of: ClientOf, shop: Shop) -> None:
    lead, root = (client_of(role, shop).get("/admin/").content.decode() for role in ("cs_lead", "root"))
    for link in ("/admin/contacts/contact/", "/admin/labels/channellabel/", "/admin/system/"):
        assert f'href="{link}"' in lead
    assert 'href="/admin/core/user/"' not in lead
    assert 'href="/admin/core/user/"' in root
