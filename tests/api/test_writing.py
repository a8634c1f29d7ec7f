"""Changing things: through services, with an audit row, and never more than was asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from contacts.models import Agent, Campaign, Consent, Contact, Team
from labelcrm.core.models import AuditEntry
from labels.models import Label, LabelAlias, StageStay
from tests.api.conftest import client_of, get
from tests.api.story import Story
from tests.factories import AgentFactory, CampaignFactory, TeamFactory, UserFactory
from tests.work import do_work
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db


def send(client: APIClient, method: str, path: str, data: Any = None) -> Any:
    return getattr(client, method)(f"/api/v1/{path}/", data, format="json")


def audit_of(obj: Any) -> list[str]:
    entries = AuditEntry.objects.filter(object_type=obj._meta.label_lower, object_id=obj.pk).order_by("id")
    return list(entries.values_list("action", flat=True))


CREATED = [
    ("teams", {"name": "Support"}, Team),
    ("agents", {"code": "rina", "name": "CS Rina"}, Agent),
    ("campaigns", {"code": "lebaran", "name": "Lebaran", "cost": 1_500_000, "starts_on": "2026-03-01"}, Campaign),
    ("labels", {"name": "Reseller", "category": "lead", "meaning": "other", "step": 2}, Label),
]


@pytest.mark.parametrize(("path", "data", "model"), CREATED)
def test_a_row_is_created_changed_archived_and_restored_each_with_an_audit_row(
    owner: APIClient, path: str, data: dict[str, Any], model: Any
) -> None:
    created = send(owner, "post", path, data)
    assert created.status_code == 201
    assert created.json() | data == created.json()
    pk = created.json()["id"]
    changed = send(owner, "patch", f"{path}/{pk}", {"name": "Another name"})
    assert (changed.status_code, changed.json()["name"]) == (200, "Another name")
    assert send(owner, "delete", f"{path}/{pk}").status_code == 204
    assert not model.objects.filter(pk=pk).exists()
    assert send(owner, "patch", f"{path}/{pk}", {"name": "Third name"}).status_code == 404
    restored = send(owner, "post", f"{path}/{pk}/restore")
    assert (restored.status_code, restored.json()["deleted_at"]) == (200, None)
    name = model._meta.model_name
    row = model.objects.get(pk=pk)
    assert audit_of(row) == [f"{name}.{deed}" for deed in ("created", "changed", "archived", "restored")]
    entry = AuditEntry.objects.get(action=f"{name}.changed")
    assert entry.details == {"origin": "api", "changes": {"name": [data["name"], "Another name"]}, "private": []}


def test_a_change_that_changes_nothing_leaves_no_trace(owner: APIClient) -> None:
    team = TeamFactory(name="Sales")
    assert send(owner, "patch", f"teams/{team.pk}", {"name": "Sales"}).status_code == 200
    assert audit_of(team) == []


def test_a_name_that_is_taken_is_refused(owner: APIClient) -> None:
    TeamFactory(name="Sales")
    response = send(owner, "post", "teams", {"name": "Sales"})
    assert response.status_code == 409
    assert response.json()["error"]["fields"]["name"][0]["code"] == "unique"


def test_restoring_into_a_taken_name_is_refused(owner: APIClient) -> None:
    archived = TeamFactory(name="Sales", deleted_at=timezone.now())
    TeamFactory(name="Sales")
    assert send(owner, "post", f"teams/{archived.pk}/restore").status_code == 409
    archived.refresh_from_db()
    assert archived.is_archived


def test_a_category_can_be_added_and_renamed_but_not_removed(owner: APIClient) -> None:
    created = send(owner, "post", "categories", {"code": "vip", "name": "VIP"}).json()
    assert send(owner, "patch", f"categories/{created['id']}", {"name": "Penting"}).json()["name"] == "Penting"
    assert send(owner, "delete", f"categories/{created['id']}").status_code == 405


# -- Labels ----------------------------------------------------------------------------------------------------------


def test_the_names_of_a_new_label_become_its_spellings(owner: APIClient) -> None:
    pk = send(owner, "post", "labels", {"name": "Pengiriman", "name_en": "Shipping"}).json()["id"]
    assert set(LabelAlias.objects.filter(label=pk).values_list("normalized", flat=True)) == {"pengiriman", "shipping"}
    send(owner, "patch", f"labels/{pk}", {"name": "Kirim"})
    assert LabelAlias.objects.filter(label=pk, normalized__in=["kirim", "pengiriman"]).count() == 2


def test_a_label_cannot_take_the_spelling_of_another(owner: APIClient) -> None:
    response = send(owner, "post", "labels", {"name": "HOT 🔥"})
    assert response.status_code == 409
    assert response.json()["error"]["fields"]["name"][0]["code"] == "name_taken"
    assert "Prospek panas" in response.json()["error"]["message"]
    assert not Label.objects.filter(name="HOT 🔥").exists()
    assert not AuditEntry.objects.filter(action="label.created").exists()


def test_a_label_takes_over_the_spelling_of_an_archived_one(owner: APIClient) -> None:
    send(owner, "delete", f"labels/{Label.objects.get(name='Prospek panas').pk}")
    pk = send(owner, "post", "labels", {"name": "Hot"}).json()["id"]
    assert LabelAlias.objects.get(normalized="hot").label_id == pk


def test_a_label_is_not_high_and_low_at_once(owner: APIClient) -> None:
    hot = Label.objects.get(name="Prospek panas")
    response = send(owner, "patch", f"labels/{hot.pk}", {"low_quality": True})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")


def test_a_label_that_becomes_a_stage_restates_whoever_has_it(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    story.put_on(contact, "Komplain")
    assert not StageStay.objects.filter(contact=contact).exists()
    complaint = story.label("Komplain")
    assert send(owner, "patch", f"labels/{complaint.pk}", {"step": 3}).status_code == 200
    do_work()
    assert StageStay.objects.get(contact=contact).label_id == complaint.pk


def test_archiving_a_label_takes_it_off_nobody(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    story.put_on(contact, "Grade A")
    label = story.label("Grade A")
    send(owner, "delete", f"labels/{label.pk}")
    assert [shown["id"] for shown in get(owner, f"contacts/{contact.pk}")["labels"]] == [label.pk]
    assert owner.get(f"/api/v1/labels/{label.pk}/").status_code == 404
    assert [row["id"] for row in get(owner, "labels", archived="true")["results"]] == [label.pk]


# -- Contacts --------------------------------------------------------------------------------------------------------


def test_a_contact_is_assigned_named_and_followed_up(owner: APIClient, story: Story) -> None:
    contact = story.contact(name="628")
    data = {"name": "Bu Siti", "assigned_to": story.agent.pk, "follow_up_at": "2026-12-24T09:00:00+07:00"}
    changed = send(owner, "patch", f"contacts/{contact.pk}", data)
    assert changed.status_code == 200
    assert changed.json() | data == changed.json()
    assert changed.json()["assigned_to_name"] == "CS Rina"
    before = contact.updated_at
    contact.refresh_from_db()
    assert (contact.name_source, contact.updated_at > before) == (Contact.NameSource.PERSON, True)


def test_the_audit_trail_does_not_keep_what_people_are_called(owner: APIClient, story: Story) -> None:
    contact = story.contact(name="Rahasia Lama")
    send(owner, "patch", f"contacts/{contact.pk}", {"name": "Rahasia Baru", "assigned_to": story.agent.pk})
    entry = AuditEntry.objects.get(action="contact.changed")
    assert "Rahasia" not in str(entry.details)
    assert entry.details["changes"] == {"assigned_to": [None, story.agent.pk]}
    assert "name" in entry.details["private"]


def test_opting_out_and_in_again_is_recorded_as_consent(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    for opted_out in (True, True, False):
        changed = send(owner, "patch", f"contacts/{contact.pk}", {"opted_out": opted_out})
        assert changed.json()["opted_out"] is opted_out
    assert list(Consent.objects.order_by("id").values_list("given", flat=True)) == [False, True]
    assert audit_of(contact) == ["contact.changed", "contact.changed"]


def test_a_change_by_the_id_of_a_merged_contact_reaches_the_survivor(owner: APIClient, story: Story) -> None:
    survivor, merged = story.contact(), story.contact()
    Contact.objects.filter(pk=merged.pk).update(merged_into=survivor)
    assert send(owner, "patch", f"contacts/{merged.pk}", {"name": "Satu"}).json()["id"] == survivor.pk
    merged.refresh_from_db()
    assert merged.name != "Satu"


# -- Mass assignment ---------------------------------------------------------------------------------------------------

REFUSED = [
    ("contacts", {"phone": "+628"}, "phone", "read_only"),
    ("contacts", {"merged_into": 1}, "merged_into", "unknown_field"),
    ("contacts", {"deleted_at": None}, "deleted_at", "unknown_field"),
    ("contacts", {"labels": []}, "labels", "read_only"),
    ("contacts", {"campaign": 1}, "campaign", "read_only"),
    ("contacts", {"updated_at": "2026-01-01T00:00:00Z"}, "updated_at", "read_only"),
    ("contacts", {"opted_out": "yes"}, "opted_out", "invalid"),
    ("contacts", {"assigned_to": "1"}, "assigned_to", "incorrect_type"),
    ("contacts", {"assigned_to": True}, "assigned_to", "incorrect_type"),
    ("contacts", {"assigned_to": 10**30}, "assigned_to", "does_not_exist"),
    ("contacts", {"assigned_to": -1}, "assigned_to", "does_not_exist"),
    ("contacts", {"follow_up_at": "besok"}, "follow_up_at", "invalid"),
    ("contacts", {"name": "x" * 201}, "name", "max_length"),
    ("contacts", {"name": {"a": 1}}, "name", "invalid"),
    ("agents", {"user": 1}, "user", "read_only"),
    ("agents", {"deleted_at": None}, "deleted_at", "read_only"),
    ("agents", {"code": "a b"}, "code", "invalid"),
    ("campaigns", {"cost": -1}, "cost", "min_value"),
    ("campaigns", {"cost": 10**14}, "cost", "max_value"),
    ("campaigns", {"ends_on": "2026-02-30"}, "ends_on", "invalid"),
    ("labels", {"category": "nope"}, "category", "does_not_exist"),
    ("labels", {"category": ["lead"]}, "category", "does_not_exist"),
    ("labels", {"step": 10**9}, "step", "max_value"),
    ("labels", {"color": "#ff0000"}, "color", "invalid_choice"),
    ("labels", {"id": 7}, "id", "read_only"),
    ("labels", {"name": 0}, "name", "invalid"),
    ("labels", {"name": "\x1f\u3000"}, "name", "blank"),
    ("labels", {"name_en": 0}, "name_en", "invalid"),
    ("labels", {"category": 5}, "category", "does_not_exist"),
    ("labels", {"category": ""}, "category", "does_not_exist"),
    ("contacts", {"assigned_to": ""}, "assigned_to", "incorrect_type"),
    ("labels", {"reviewed": 0}, "reviewed", "invalid"),
    ("labels", {"high_quality": "yes"}, "high_quality", "invalid"),
    ("labels", {"step": "3"}, "step", "invalid"),
    ("labels", {"step": True}, "step", "invalid"),
    ("labels", {"step": 1.5}, "step", "invalid"),
    ("campaigns", {"code": 5}, "code", "invalid"),
    ("campaigns", {"cost": "5"}, "cost", "invalid"),
    ("campaigns", {"starts_on": 20260302}, "starts_on", "invalid"),
    ("campaigns", {"starts_on": "20260302"}, "starts_on", "invalid"),
    ("contacts", {"follow_up_at": 0}, "follow_up_at", "invalid"),
    ("contacts", {"follow_up_at": "9001-01-01T00:00:00Z"}, "follow_up_at", "invalid"),
]


@pytest.mark.parametrize(("path", "data", "field", "code"), REFUSED)
def test_a_field_that_cannot_be_written_so_is_refused(
    owner: APIClient, story: Story, path: str, data: dict[str, Any], field: str, code: str
) -> None:
    pk = {
        "contacts": story.contact,
        "agents": AgentFactory,
        "campaigns": CampaignFactory,
        "labels": lambda: Label.objects.get(name="Grade A"),
    }[path]().pk
    response = send(owner, "patch", f"{path}/{pk}", data)
    assert response.status_code == 400
    assert response.json()["error"]["fields"][field][0]["code"] == code
    assert not AuditEntry.objects.exists()


def test_a_campaign_does_not_end_before_it_starts(owner: APIClient) -> None:
    campaign = CampaignFactory(starts_on="2026-03-01")
    response = send(owner, "patch", f"campaigns/{campaign.pk}", {"ends_on": "2026-02-01"})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")


# -- Inbox -------------------------------------------------------------------------------------------------------------


def test_a_parked_post_is_processed_again(owner: APIClient, story: Story) -> None:
    event = story.post(state="parked", reason="not_understood")
    response = send(owner, "post", f"inbox/{event.pk}/replay")
    assert response.status_code == 202
    assert response.json() == {"id": event.pk, "state": "pending", "replayed": 1}
    assert InboundEvent.objects.get().state == "pending"


def test_a_post_whose_body_is_gone_is_not_processed_again(owner: APIClient, story: Story) -> None:
    event = story.post(body=b"", state="applied")
    assert send(owner, "post", f"inbox/{event.pk}/replay").json()["replayed"] == 0
    assert InboundEvent.objects.get().state == "applied"


# -- Bodies ------------------------------------------------------------------------------------------------------------

BODIES = [
    (b"", 400, "invalid"),
    (b"halo", 400, "not_json"),
    (b"null", 400, "invalid"),
    (b"[]", 400, "invalid"),
    (b'"x"', 400, "invalid"),
    (b'{"name": "a", "name": "b"}', 400, "duplicate_key"),
    (b'{"name": NaN}', 400, "bad_number"),
    (b'{"name": 1e400}', 400, "bad_number"),
    (b'{"name": ' + b"9" * 5000 + b"}", 400, "bad_number"),
    (b'{"name": "a\\u0000b"}', 400, "bad_text"),
    (b'{"name": "\\ud83d"}', 400, "bad_text"),
    (b'{"\\u0000": 1}', 400, "bad_text"),
    ('{"name": "é"}'.encode("latin1"), 400, "not_utf8"),
    ('{"name": "e"}'.encode("utf-16"), 400, "not_utf8"),
    (b"[" * 33 + b"]" * 33, 400, "too_deep"),
    (b"[" * 100_000, 400, "too_deep"),
    (b'{"name": "' + b"x" * 1024 * 1024 + b'"}', 413, "body_too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BODIES)
def test_a_body_that_cannot_be_meant_is_refused(owner: APIClient, body: bytes, status: int, code: str) -> None:
    response = owner.generic("POST", "/api/v1/teams/", body, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_only_json_is_taken(owner: APIClient, kind: str) -> None:
    response = owner.generic("POST", "/api/v1/teams/", b'{"name": "x"}', content_type=kind)
    assert (response.status_code, response.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_a_compressed_body_is_not_taken(owner: APIClient) -> None:
    response = owner.generic(
        "POST", "/api/v1/teams/", b"\x1f\x8b", content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert response.status_code == 415


def test_a_byte_order_mark_is_forgiven(owner: APIClient) -> None:
    body = b'\xef\xbb\xbf{"name": "Sales"}'
    assert owner.generic("POST", "/api/v1/teams/", body, content_type="application/json").status_code == 201


def test_a_browser_needs_the_csrf_token(db: None) -> None:
    user = UserFactory(role="owner")
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/api/v1/teams/").status_code == 200
    response = client.post("/api/v1/teams/", {"name": "Sales"}, format="json")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "permission_denied")
    assert client_of(user).post("/api/v1/teams/", {"name": "Sales"}, format="json").status_code == 201
