"""Nothing is deleted: rows are archived, found again, and restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from contacts.models import Agent, Campaign, Channel, Contact, Team
from labelcrm.core.models import AuditEntry
from labels.models import CleanSpell, Label, LabelDay, LabelSpell
from labels.services import projections
from tests.desk.conftest import Shop
from tests.factories import AgentFactory, CampaignFactory, ChannelFactory, ContactFactory, TeamFactory, UserFactory

ClientOf = Callable[..., Client]
ROWS: dict[type[Any], Callable[[], Any]] = {
    Agent: AgentFactory,
    Campaign: CampaignFactory,
    Channel: ChannelFactory,
    Contact: ContactFactory,
    Team: TeamFactory,
    Label: lambda: Label.objects.get(name="Purna jual"),
}


def run(client: Client, model: type[Any], action: str, *pks: int, **query: str) -> str:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    if query:
        url += f"?{urlencode(query)}"
    return client.post(url, {"action": action, "_selected_action": list(pks)}, follow=True).content.decode()


@pytest.mark.parametrize("model", ROWS)
def test_archive_and_restore_say_how_many_and_leave_audit_rows(client_of: ClientOf, model: type[Any]) -> None:
    row, client = ROWS[model](), client_of("owner")
    assert "1 row archived." in run(client, model, "archive_rows", row.pk)
    assert not model.objects.filter(pk=row.pk).exists()
    assert model.all_objects.get(pk=row.pk).is_archived
    assert "1 row restored." in run(client, model, "restore_rows", row.pk, archived="1")
    assert model.objects.filter(pk=row.pk).exists()
    entries = AuditEntry.objects.filter(object_id=row.pk, object_type=model._meta.label_lower)
    assert [entry.action.split(".")[1] for entry in entries.order_by("id")] == ["archived", "restored"]


def test_a_name_that_is_taken_by_now_stops_only_its_own_row(client_of: ClientOf) -> None:
    gone, free = TeamFactory(name="Sales"), TeamFactory(name="Support")
    client = client_of("owner")
    run(client, Team, "archive_rows", gone.pk, free.pk)
    TeamFactory(name="Sales")
    html = run(client, Team, "restore_rows", gone.pk, free.pk, archived="1")
    assert "1 row restored." in html
    assert Team.all_objects.get(pk=gone.pk).is_archived
    assert not Team.all_objects.get(pk=free.pk).is_archived


@pytest.mark.parametrize("role", ["cs", "cs_lead", "marketing", "analyst", "auditor"])
def test_only_who_may_delete_may_archive(client_of: ClientOf, shop: Shop, role: str) -> None:
    contact = shop.contact()
    run(client_of(role, shop), Contact, "archive_rows", contact.pk)
    assert Contact.objects.filter(pk=contact.pk).exists()


def test_no_page_deletes_business_rows(db: None) -> None:
    request = RequestFactory().get("/")
    request.user = UserFactory(is_superuser=True)
    deletable = {
        model._meta.label for model, page in admin.site._registry.items() if page.has_delete_permission(request)
    }
    assert deletable <= {"authtoken.TokenProxy"}


def test_archived_rows_are_not_offered_in_forms(client_of: ClientOf, shop: Shop) -> None:
    AgentFactory(name="Pergi", team=shop.team, deleted_at="2026-03-02T03:00Z")
    field = {"app_label": "contacts", "model_name": "contact", "field_name": "assigned_to", "term": ""}
    offered = client_of("cs_lead", shop).get(reverse("admin:autocomplete"), field).json()["results"]
    assert [row["text"] for row in offered] == ["CS Rina"]


def test_editing_keeps_an_archived_agent_who_is_still_named(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(assigned_to=shop.agent)
    Agent.objects.filter(pk=shop.agent.pk).update(deleted_at="2026-03-02T03:00Z")
    page = f"/admin/contacts/contact/{contact.pk}/"
    client = client_of("cs_lead", shop)
    assert f'value="{shop.agent.pk}" selected' in client.get(page).content.decode()
    client.post(f"{page}change/", {"name": "Baru", "assigned_to": shop.agent.pk})
    contact.refresh_from_db()
    assert (contact.name, contact.assigned_to_id) == ("Baru", shop.agent.pk)


def test_an_archived_contact_leaves_every_figure_at_once(client_of: ClientOf, shop: Shop) -> None:
    """Not only when the nightly check comes; restoring brings all of it back."""
    contact = shop.contact()
    shop.put(contact, shop.whatsapp_label("Grade A"), hours=3)
    projections.refresh([contact.pk])
    client = client_of("owner")

    def figures() -> tuple[int, int, int]:
        return (
            LabelSpell.objects.count(),
            CleanSpell.objects.count(),
            sum(day.added for day in LabelDay.objects.filter(scope=0)),
        )

    assert figures() == (1, 1, 1)
    run(client, Contact, "archive_rows", contact.pk)
    assert figures() == (0, 0, 0)
    run(client, Contact, "restore_rows", contact.pk, archived="1")
    assert figures() == (1, 1, 1)
