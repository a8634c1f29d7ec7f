"""The audit trail says who did what to whom by id; what a customer is called or wrote is never in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from contacts.models import Contact
from contacts.services.contacts import edit_contact
from labelcrm.core import audit, edits
from labelcrm.core.models import AuditEntry
from labels.models import CleanSpell, Label
from labels.services.merging import merge
from labels.services.staleness import snooze
from tests.desk.conftest import Shop, client_of, other_shop, shop  # noqa: F401 - fixtures
from tests.factories import THEN, ContactFactory, UserFactory
from tests.transfer.test_exports import export

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]

NAME, PHONE = "Ratna Rahasia", "+6281298765432"
SECRETS = ("rahasia", "81298765432", "98765432")
OURS = ("contacts", "labels", "webhooks", "core", "reports")


def our_models() -> Iterator[type[models.Model]]:
    for label in OURS:
        yield from apps.get_app_config(label).get_models()


def about_people() -> list[type[models.Model]]:
    """Contacts and whatever points to one, and raw posts, which name them."""
    found: set[type[models.Model]] = {Contact, apps.get_model("webhooks", "InboundEvent")}
    points = {model: {f.related_model for f in model._meta.fields if f.is_relation} for model in our_models()}
    while more := {model for model, targets in points.items() if targets & found} - found:
        found |= more
    return sorted(found, key=lambda model: model._meta.label_lower)


def everything_written() -> str:
    """All that the trail and Django's own log hold, in lower case."""
    rows = [*AuditEntry.objects.values_list("object_name", "details"), *LogEntry.objects.values_list("object_repr")]
    return json.dumps(rows + list(LogEntry.objects.values_list("change_message")), ensure_ascii=False).lower()


def assert_no_secret(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text.lower()], text


def filled(model: type[models.Model]) -> models.Model:
    """A row of the model with the secret in every column that holds text."""
    row = model(pk=7)
    for field in model._meta.fields:
        if isinstance(field, (models.CharField, models.TextField)) and not field.primary_key:
            setattr(row, field.name, NAME)
    return row


# -- The rule ---------------------------------------------------------------------------------------------------------


def test_nothing_about_a_person_has_a_name_in_the_trail() -> None:
    assert {model._meta.label_lower for model in about_people()} & audit.NAMED == set()
    assert {"contacts.contact", "contacts.message", "contacts.note", "labels.labelevent"} <= {
        model._meta.label_lower for model in about_people()
    }


def test_every_model_that_has_a_name_in_the_trail_exists() -> None:
    assert {apps.get_model(name)._meta.label_lower for name in audit.NAMED} == audit.NAMED


@pytest.mark.parametrize("model", about_people(), ids=lambda model: model._meta.label_lower)
def test_no_row_about_a_person_brings_words_into_the_trail(model: type[models.Model]) -> None:
    words: dict[str, Any] = {
        "changes": {"name": [NAME, "x"], "assigned_to": [1, 2]},
        "evidence": NAME,
        "file": f"{NAME}.csv",
        "filters": {"q": [NAME], "phone": [PHONE], "phone__contains": ["6281298765432"], "label": ["12"], NAME: ["1"]},
        "note": {"text": NAME, "id": 3},
        "reason": NAME,
        "values": {"name": NAME, "phone": PHONE},
    }
    row = audit.record(actor=None, action=f"{model._meta.model_name}.changed", obj=filled(model), **words)
    row.refresh_from_db()
    assert (row.object_type, row.object_id, row.object_name) == (model._meta.label_lower, 7, "")
    assert_no_secret(json.dumps(row.details))
    assert row.details["changes"]["assigned_to"] == [1, 2]
    assert row.details["note"] == {"text": audit.HIDDEN, "id": 3}
    assert row.details["filters"] == {
        "q": [audit.HIDDEN], "phone": [audit.HIDDEN], "phone__contains": [audit.HIDDEN], "label": ["12"],
    }  # fmt: skip


@pytest.mark.parametrize("model", about_people(), ids=lambda model: model._meta.label_lower)
def test_of_every_text_about_a_person_the_trail_says_only_that_it_changed(model: type[models.Model]) -> None:
    row = model(pk=7)
    texts = [
        field.name
        for field in model._meta.fields
        if isinstance(field, (models.CharField, models.TextField)) and not field.choices
    ]
    entry = edits.revise(row, actor=None, origin="test", **dict.fromkeys(texts, NAME))
    if texts:
        assert entry is not None
        assert entry.details == {"origin": "test", "changes": {}, "private": sorted(texts)}


def test_things_of_the_business_keep_their_names() -> None:
    label = edits.create(Label, actor=None, origin="test", name="Kelas Satu")
    edits.change(label, actor=None, origin="test", name="Kelas Dua")
    created, changed = AuditEntry.objects.order_by("id")
    assert (created.object_name, created.details["values"]) == ("Kelas Satu", {"name": "Kelas Satu"})
    assert changed.details["changes"] == {"name": ["Kelas Satu", "Kelas Dua"]}


# -- What people do ---------------------------------------------------------------------------------------------------


def test_a_name_is_nowhere_in_the_trail_whatever_is_done_to_a_contact(client_of: ClientOf, shop: Shop) -> None:  # noqa: F811
    client = client_of("root", shop)
    contact = shop.contact(name=NAME, phone=PHONE)
    label = Label.objects.get(name="Grade A")
    CleanSpell.objects.create(
        contact=contact, label=label, channel=shop.channel, started_at=THEN, method="unknown", found=False, lost=False
    )
    page = f"/admin/contacts/contact/{contact.pk}/"
    client.post(f"{page}change/", {"name": f"{NAME} II", "assigned_to": shop.agent.pk})
    client.post(f"{page}notes/", {"text": f"{NAME} menawar"})
    snooze(contact=contact, label=label, actor=None, reason=f"{NAME} masih menawar")
    edit_contact(contact, actor=None, origin="api", opted_out=True)
    for address in (f"?q={NAME}", f"?q={PHONE[3:]}", "?q=0812-9876-5432"):
        assert export(client, address).status_code == 200
    for action in ("archive_rows", "restore_rows"):
        client.post("/admin/contacts/contact/?archived=", {"action": action, "_selected_action": [contact.pk]})
        edits.archive(contact, actor=None, origin="x") if action == "archive_rows" else None
    merge(survivor_id=contact.pk, merged_id=ContactFactory(name=NAME).pk, reason="lid_learnt", actor=None)
    done = set(AuditEntry.objects.values_list("action", flat=True))
    assert {
        "contact.changed", "contact.note_added", "label.snoozed", "contacts.exported", "contact.archived",
        "contact.merged",
    } <= done  # fmt: skip
    assert AuditEntry.objects.get(action="contact.merged").details["reason"] == "lid_learnt"
    assert_no_secret(everything_written())
    assert not LogEntry.objects.exists(), "Django's own log is not written"


# -- Showing ----------------------------------------------------------------------------------------------------------


def test_the_trail_shows_what_a_contact_is_called_now_to_who_may_see_them(client_of: ClientOf, shop: Shop) -> None:  # noqa: F811
    contact = shop.contact(name="Nama Lama")
    edit_contact(contact, actor=None, origin="api", name=NAME)
    entry = AuditEntry.objects.get()
    for address in ("/admin/core/auditentry/", f"/admin/core/auditentry/{entry.pk}/change/"):
        html = client_of("auditor", shop).get(address).content.decode()
        assert NAME in html
        assert "Nama Lama" not in html


def test_a_contact_that_the_reader_may_not_see_is_a_number(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:  # noqa: F811
    hidden, erased = other_shop.contact(name=NAME), shop.contact(name=NAME)
    for contact in (hidden, erased):
        edit_contact(contact, actor=None, origin="api", name=f"{NAME} II")
    pk = erased.pk
    erased.delete()
    client = client_of("cs_lead", shop, language="en")
    client.user.user_permissions.add(_permission("core", "view_auditentry"))  # type: ignore[attr-defined]
    html = client.get("/admin/core/auditentry/").content.decode()
    assert NAME not in html
    assert f"contact #{hidden.pk}" in html
    assert f"contact #{pk}" in html


def test_the_trail_is_searched_by_id_by_deed_and_by_the_names_it_keeps(client_of: ClientOf, shop: Shop) -> None:  # noqa: F811
    contact = shop.contact(name=NAME)
    edit_contact(contact, actor=None, origin="api", name="Lain")
    edits.create(Label, actor=None, origin="test", name="Kelas Satu")
    client = client_of("auditor", shop)

    def found(term: str) -> list[str]:
        answer = client.get("/admin/core/auditentry/", {"q": term})
        return [entry.action for entry in answer.context["cl"].result_list]

    assert found(str(contact.pk)) == ["contact.changed"]
    assert found("Kelas") == ["label.created"]
    assert found("contact.") == ["contact.changed"]
    assert found(NAME) == []


def test_a_page_of_the_trail_looks_names_up_at_once(
    client_of: ClientOf,  # noqa: F811
    shop: Shop,  # noqa: F811
    django_assert_max_num_queries: Callable[[int], Any],
) -> None:
    client = client_of("auditor", shop)
    for number in range(20):
        edit_contact(shop.contact(name=f"x{number}"), actor=None, origin="api", name=f"y{number}")
    client.get("/admin/core/auditentry/")
    with django_assert_max_num_queries(12):
        assert client.get("/admin/core/auditentry/").content.decode().count(">y") >= 20


def test_a_history_names_only_agents_that_the_reader_sees(
    client_of: ClientOf,  # noqa: F811
    shop: Shop,  # noqa: F811
    other_shop: Shop,  # noqa: F811
) -> None:
    contact = shop.contact(name="Budi")
    other_shop.agent.name = "Agen Rahasia"
    other_shop.agent.save()
    edit_contact(contact, actor=None, origin="api", assigned_to=other_shop.agent)
    edit_contact(contact, actor=None, origin="api", assigned_to=shop.agent)
    address = f"/admin/contacts/contact/{contact.pk}/history/"
    assert "Agen Rahasia" not in client_of("cs_lead", shop).get(address).content.decode()
    assert "Agen Rahasia" in client_of("owner", shop).get(address).content.decode()


# -- What is stored already -------------------------------------------------------------------------------------------


def test_the_migration_cleans_what_is_stored_and_leaves_the_rest() -> None:
    from django.contrib.contenttypes.models import ContentType

    def stored(action: str, kind: str = "", name: str = "", **details: Any) -> AuditEntry:
        row = AuditEntry(action=action, object_type=kind, object_id=1, object_name=name, details=details)
        row.save()
        return row

    stored("contact.changed", "contacts.contact", NAME, origin="api")
    stored("label.snoozed", "contacts.contact", PHONE, label=3, reason=NAME)
    stored("contacts.imported", file=f"{NAME}.csv", rows=2)
    exported = stored("contacts.exported", filters={"q": [NAME], "label": ["12", "none"], "phone": [PHONE]}, rows=1)
    kept = stored("label.changed", "labels.label", "Grade A", changes={"name": ["A", "Grade A"]})
    LogEntry.objects.create(
        user=UserFactory(), content_type=ContentType.objects.get_for_model(Contact), object_repr=NAME,
        action_flag=2, change_message=NAME, action_time=timezone.now(),
    )  # fmt: skip
    module = import_module("labelcrm.core.migrations.0003_no_names_in_the_trail")
    with connection.schema_editor() as editor:
        module.clean(apps, editor)
    assert_no_secret(everything_written())
    exported.refresh_from_db()
    assert exported.details == {"filters": {"q": ["…"], "label": ["12", "none"], "phone": ["…"]}, "rows": 1}
    kept.refresh_from_db()
    assert (kept.object_name, kept.details) == ("Grade A", {"changes": {"name": ["A", "Grade A"]}})


def _permission(app: str, code: str) -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.get(content_type__app_label=app, codename=code)
