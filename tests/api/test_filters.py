"""Narrowing lists down: every spelling finds, nothing is ignored."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from contacts.models import Contact
from labels.models import Label, LabelAssignment
from tests.api.conftest import get, rows
from tests.api.story import Story
from tests.factories import CampaignFactory, ContactFactory
from webhooks.gateways import GATEWAYS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "spelling",
    [
        "+6281234567890", "6281234567890", "081234567890", "0812-3456-7890", "81234567890", "+62 812 3456 7890",
        " 6281234567890", "006281234567890", "+62 (0)812 3456 7890", "6281234567890@s.whatsapp.net",
        "6281234567890@c.us", "6281234567890:12@s.whatsapp.net",
    ],
)  # fmt: skip
def test_a_phone_is_found_by_any_spelling(owner: APIClient, story: Story, spelling: str) -> None:
    contact = story.contact(phone="+6281234567890")
    story.contact()
    story.put_on(contact, "Grade A")
    assert [row["id"] for row in rows(owner, "contacts", phone=spelling)] == [contact.pk]
    assert [row["contact"] for row in rows(owner, "assignments", phone=spelling)] == [contact.pk]


@pytest.mark.parametrize("spelling", ["123456789", "123456789@lid", "123456789:3@lid"])
def test_a_lid_is_found_by_either_form(owner: APIClient, story: Story, spelling: str) -> None:
    contact = story.contact(phone="", lid="123456789")
    story.contact()
    assert [row["id"] for row in rows(owner, "contacts", lid=spelling)] == [contact.pk]


def test_a_chat_that_whatsapp_shows_by_lid_is_found_by_its_jid(owner: APIClient, story: Story) -> None:
    contact = story.contact(phone="", lid="123456789")
    story.put_on(contact, "Grade A")
    story.put_on(story.contact(), "Grade A")
    assert [row["id"] for row in rows(owner, "contacts", phone="123456789@lid")] == [contact.pk]
    assert [row["contact"] for row in rows(owner, "assignments", phone="123456789:3@lid")] == [contact.pk]


@pytest.mark.parametrize(
    ("digits", "people"),
    [("6591234567", ("+6591234567", "+626591234567")), ("85291234567", ("+85291234567", "+6285291234567"))],
)
def test_digits_without_a_plus_find_either_reading(
    owner: APIClient, story: Story, digits: str, people: tuple[str, str]
) -> None:
    first, second = (story.contact(phone=phone) for phone in people)
    for contact in (first, second):
        story.put_on(contact, "Grade A")
    both = [first.pk, second.pk]
    assert sorted(row["id"] for row in rows(owner, "contacts", phone=digits)) == both
    assert sorted(row["contact"] for row in rows(owner, "assignments", phone=digits)) == both
    assert sorted(row["id"] for row in rows(owner, "contacts", q=digits)) == both
    assert [row["id"] for row in rows(owner, "contacts", phone=f"+{digits}")] == [first.pk]


@pytest.mark.parametrize("phone", ["+2904567", "+123456789012345", "+5215512345678", "+541123456789"])
def test_a_number_that_no_plan_lists_is_found_as_it_is_shown(owner: APIClient, story: Story, phone: str) -> None:
    contact = story.contact(phone=phone)
    for spelling in (phone, phone[1:]):
        assert [row["id"] for row in rows(owner, "contacts", phone=spelling)] == [contact.pk]


def test_two_numbers_in_one_value_are_no_phone(owner: APIClient) -> None:
    for value in ("081234567890/081234567891", "6281234567890 (2)"):
        assert owner.get("/api/v1/contacts/", {"phone": value}).status_code == 400


@pytest.mark.parametrize("pasted", ["\u202a+62 812\u20113456\u20117890\u202c", "wa.me/6281234567890", "'081234567890"])
def test_a_pasted_number_is_found(owner: APIClient, story: Story, pasted: str) -> None:
    contact = story.contact(phone="+6281234567890")
    assert [row["id"] for row in rows(owner, "contacts", phone=pasted)] == [contact.pk]
    assert [row["id"] for row in rows(owner, "contacts", q=pasted)] == [contact.pk]


def test_a_phone_nobody_has_finds_nobody(owner: APIClient, story: Story) -> None:
    story.contact()
    assert rows(owner, "contacts", phone="+6281999999999") == []


def test_an_identifier_of_a_merged_contact_finds_the_one_that_survived(owner: APIClient, story: Story) -> None:
    survivor, merged = story.contact(), ContactFactory(phone="", lid="123456789")
    merged.merged_into = survivor
    merged.save()
    assert [row["id"] for row in rows(owner, "contacts", lid="123456789@lid")] == [survivor.pk]


def test_contacts_with_a_label_are_those_who_have_it_now(owner: APIClient, story: Story) -> None:
    now, before, never = story.contact(), story.contact(), story.contact()
    for contact in (now, before):
        story.put_on(contact, "Hot")
    story.take_off(before, "Hot")
    story.put_on(never, "Grade A")
    hot = Label.objects.get(name="Prospek panas")
    for name in (hot.pk, "Prospek panas", "🔥 HOT!!", "hot prospect"):
        assert [row["id"] for row in rows(owner, "contacts", label=name)] == [now.pk]
    assert [row["contact"] for row in rows(owner, "assignments", label=hot.pk)] == [now.pk, before.pk]
    assert [row["name"] for row in rows(owner, "channel-labels", label=hot.pk)] == ["Hot"]


def test_a_campaign_is_found_by_id_and_by_code(owner: APIClient, story: Story) -> None:
    campaign = CampaignFactory(code="lebaran")
    contact = story.contact(campaign=campaign)
    story.contact(campaign=CampaignFactory())
    for name in (campaign.pk, "lebaran"):
        assert [row["id"] for row in rows(owner, "contacts", campaign=name)] == [contact.pk]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("budi", True),
        ("BUD", True),
        ("0812-3456", True),
        ("+62812", True),
        ("34567", True),
        ("siti", False),
        ("99", False),
    ],
)
def test_q_searches_names_and_digits(owner: APIClient, story: Story, q: str, found: bool) -> None:
    story.contact(name="Pak Budi", phone="+6281234567800")
    assert len(rows(owner, "contacts", q=q)) == found


def test_active_tells_open_intervals_from_closed_ones(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    story.put_on(contact, "Grade A")
    story.put_on(contact, "Selesai")
    story.take_off(contact, "Selesai")
    assert [row["label_name"] for row in rows(owner, "assignments", active="true")] == ["Grade A"]
    assert [row["label_name"] for row in rows(owner, "assignments", active="false")] == ["Selesai"]
    assert len(rows(owner, "assignments")) == 2


def test_channels_are_found_by_a_gateway_that_exists(owner: APIClient, story: Story) -> None:
    assert [row["key"] for row in rows(owner, "channels", gateway=story.channel.gateway)] == [story.channel.key]
    other = next(name for name in GATEWAYS if name != story.channel.gateway)
    assert rows(owner, "channels", gateway=other) == []
    assert owner.get("/api/v1/channels/", {"gateway": "whatsapp"}).status_code == 400


def test_rows_of_a_channel_are_found_by_its_key(owner: APIClient, story: Story) -> None:
    other = Story(team=story.channel.team, key="cs2")
    for each in (story, other):
        contact = each.contact()
        each.put_on(contact, "Grade A")
        each.message(contact)
        each.post()
    for path in ("assignments", "label-events", "channel-labels", "messages", "inbox"):
        assert [row["channel"] for row in rows(owner, path, channel="cs2")] == ["cs2"]


def test_whoever_asks_for_changes_gets_them_oldest_change_first(owner: APIClient, story: Story) -> None:
    first, second, third = (story.contact() for _ in range(3))
    since = timezone.now()
    for contact in (third, first):
        Contact.objects.filter(pk=contact.pk).update(updated_at=timezone.now())
    assert [row["id"] for row in rows(owner, "contacts", updated_since=since.isoformat())] == [third.pk, first.pk]
    assert second.pk in [row["id"] for row in rows(owner, "contacts")]


@pytest.mark.parametrize(
    "since",
    [
        "2026-03-02T10:00:00+07:00",
        "2026-03-02T10:00:00 07:00",
        "2026-03-02T03:00:00Z",
        "2026-03-02 10:00",
        "2026-03-02T10:00",
    ],
)
def test_a_time_without_offset_is_business_time(owner: APIClient, story: Story, since: str) -> None:
    contact = story.contact()
    story.put_on(contact, "Grade A")
    at = story.assignment(contact, "Grade A").added_at.replace(hour=3)  # 10:00 in Jakarta
    for seconds, found in ((-1, 0), (0, 1)):
        LabelAssignment.objects.update(updated_at=at + timezone.timedelta(seconds=seconds))
        assert len(rows(owner, "assignments", updated_since=since)) == found


def test_a_bare_date_begins_at_midnight_of_the_business(owner: APIClient, story: Story) -> None:
    message = story.message(story.contact())
    midnight = timezone.localtime(message.at).replace(hour=0, minute=0)
    message.at = midnight
    message.save()
    assert len(rows(owner, "messages", since="2026-03-02")) == 1
    assert rows(owner, "messages", since="2026-03-03") == []


@pytest.mark.parametrize(("path", "name"), [("messages", "since"), ("label-events", "until"), ("reports/labels", "to")])
def test_an_offset_that_no_place_has_is_a_time_all_the_same(owner: APIClient, db: None, path: str, name: str) -> None:
    """PostgreSQL fails on offsets of 16 hours and more."""
    assert owner.get(f"/api/v1/{path}/", {name: "2026-03-02T10:00:00-20:49"}).status_code == 200


def test_archived_rows_are_shown_to_whoever_asks_for_them(owner: APIClient, db: None) -> None:
    campaign = CampaignFactory(deleted_at=timezone.now())
    assert rows(owner, "campaigns") == []
    assert [row["id"] for row in rows(owner, "campaigns", archived="true")] == [campaign.pk]


REFUSED = [
    ("contacts", "nonsense=1", "nonsense", "unknown_parameter"),
    ("contacts", "channel=cs1", "channel", "unknown_parameter"),
    ("contacts", "phone=", "phone", "blank"),
    ("contacts", "phone=halo", "phone", "invalid"),
    ("contacts", "lid=halo", "lid", "invalid"),
    ("contacts", "label=999999", "label", "unknown_value"),
    ("contacts", "label=no-such-label", "label", "unknown_value"),
    ("contacts", "campaign=no-such-campaign", "campaign", "unknown_value"),
    ("contacts", "updated_since=kemarin", "updated_since", "invalid"),
    ("contacts", "updated_since=2026-02-30", "updated_since", "invalid"),
    ("contacts", "q=a&q=b", "q", "repeated_parameter"),
    ("contacts", "q=%00", "q", "invalid"),
    ("contacts", "page_size=0", "page_size", "invalid"),
    ("contacts", "page_size=-1", "page_size", "invalid"),
    ("contacts", "page_size=ten", "page_size", "invalid"),
    ("contacts", "format=json", "format", "unknown_parameter"),
    ("assignments", "active=maybe", "active", "invalid"),
    ("assignments", "active=1", "active", "invalid"),
    ("assignments", "contact=abc", "contact", "invalid"),
    ("assignments", "contact=-1", "contact", "invalid"),
    ("assignments", "contact=99999999999999999999", "contact", "max_value"),
    ("assignments", "channel=no-such-channel", "channel", "unknown_value"),
    ("label-events", "kind=wave", "kind", "invalid_choice"),
    ("inbox", "state=lost", "state", "invalid_choice"),
    ("inbox/summary", "state=parked", "state", "unknown_parameter"),
    ("inbox/summary", "channel=nope", "channel", "unknown_value"),
    ("labels", "category=nope", "category", "unknown_value"),
    ("agents", "team=999999", "team", "unknown_value"),
]


@pytest.mark.parametrize(("path", "query", "field", "code"), REFUSED)
def test_what_is_not_known_is_refused_and_named(
    owner: APIClient, db: None, path: str, query: str, field: str, code: str
) -> None:
    response = owner.get(f"/api/v1/{path}/?{query}")
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "invalid"
    assert error["message"].startswith(f"{field}: ")
    assert [problem["code"] for problem in error["fields"][field]] == [code]


def test_a_single_row_takes_no_parameters(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    assert owner.get(f"/api/v1/contacts/{contact.pk}/?phone=08123").status_code == 400
    assert get(owner, f"contacts/{contact.pk}")["id"] == contact.pk


def test_filters_are_joined_by_and(owner: APIClient, story: Story) -> None:
    budi, siti = story.contact(name="Budi"), story.contact(name="Siti")
    for contact in (budi, siti):
        story.put_on(contact, "Grade A")
    found: list[dict[str, Any]] = rows(owner, "contacts", label="Grade A", q="siti")
    assert [row["id"] for row in found] == [siti.pk]
