"""What the lists answer: the fields everybody may rely on, and nothing that should stay hidden."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from contacts.models import ContactIdentity, IdentityKind
from labels.models import Label
from tests.api.conftest import client_of, get, rows
from tests.api.story import Story
from tests.factories import CampaignFactory, ContactFactory, UserFactory

pytestmark = pytest.mark.django_db

# INTERFACE: fields that are always there.
FIELDS = {
    "inbox": "id gateway channel state reason received_at attempts",
    "channels": "id key session gateway name status last_event_at owner",
    "contacts": "id phone lids name labels campaign opted_out first_seen_at updated_at",
    "labels": "id name category color meaning high_quality step",
    "categories": "id code name color",
    "channel-labels": "id channel external_id generation name label deleted_at",
    "assignments": (
        "id contact phone lid label label_name channel_label_name channel external_label_id added_at added_at_source "
        "added_by added_by_method origin removed_at removed_by removed_reason"
    ),
    "label-events": (
        "id contact channel external_label_id kind occurred_at occurred_at_source received_at origin effect"
    ),
    "agents": "id code name team",
    "teams": "id name",
    "campaigns": "id code name cost",
    "messages": "id contact channel from_me text at",
}


@pytest.mark.parametrize("path", FIELDS)
def test_every_list_has_the_fields_it_promises(owner: APIClient, story: Story, path: str) -> None:
    contact = story.contact(campaign=CampaignFactory())
    story.put_on(contact, "Grade A")
    story.message(contact)
    story.post()
    page = get(owner, path)
    assert set(page) == {"next", "previous", "results"}
    assert set(FIELDS[path].split()) <= set(page["results"][0])
    detail = get(owner, f"{path}/{page['results'][0]['id']}")
    assert set(page["results"][0]) <= set(detail)


def test_a_contact_shows_who_it_is_and_the_labels_it_has_now(owner: APIClient, story: Story) -> None:
    campaign = CampaignFactory(name="Lebaran")
    contact = story.contact(name="Budi", phone="+6281200000001", lid="123456789", campaign=campaign)
    story.put_on(contact, "Grade A")
    story.put_on(contact, "Selesai")
    story.take_off(contact, "Selesai")
    [found] = rows(owner, "contacts")
    assert found | {"labels": []} == found | {
        "id": contact.pk,
        "phone": "+6281200000001",
        "lids": ["123456789@lid"],
        "name": "Budi",
        "labels": [],
        "campaign": campaign.pk,
        "campaign_name": "Lebaran",
        "opted_out": False,
        "first_seen_at": "2026-03-02T10:00:00+07:00",
    }
    assert found["labels"] == [
        {
            "id": story.label("Grade A").pk,
            "name": "Grade A",
            "category": "filter",
            "channel": "cs1",
            "added_at": "2026-03-02T11:00:00+07:00",
        }
    ]


def test_a_label_nobody_has_sorted_yet_has_no_category(owner: APIClient, story: Story) -> None:
    story.put_on(story.contact(), "Titipan Bu Ani")
    assert rows(owner, "contacts")[0]["labels"][0]["category"] is None


def test_a_contact_of_whom_only_a_lid_is_known_has_no_phone(owner: APIClient, story: Story) -> None:
    story.contact(phone="", lid="99887766554")
    [found] = rows(owner, "contacts")
    assert (found["phone"], found["lids"]) == (None, ["99887766554@lid"])


def test_system_lists_are_shown_as_nobodys_label(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    story.put_on(contact, "Favourites", list_type="favorites")
    assert rows(owner, "contacts")[0]["labels"] == []
    assert rows(owner, "assignments") == []
    assert rows(owner, "channel-labels")[0]["hidden"] is True
    assert len(rows(owner, "label-events")) == 1


def test_archived_contacts_and_their_intervals_are_not_listed(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    story.put_on(contact, "Grade A")
    story.message(contact)
    contact.deleted_at = timezone.now()
    contact.save()
    assert rows(owner, "contacts") == rows(owner, "assignments") == rows(owner, "messages") == []
    assert owner.get(f"/api/v1/contacts/{contact.pk}/").status_code == 404
    assert len(rows(owner, "label-events")) == 1


def test_an_interval_says_who_whom_and_when(owner: APIClient, story: Story) -> None:
    contact = story.contact(phone="+6281200000001", lid="123456789")
    story.put_on(contact, "Menunggu pembayaran")
    story.take_off(contact, "Menunggu pembayaran")
    [found] = rows(owner, "assignments")
    expected = {
        "contact": contact.pk,
        "phone": "+6281200000001",
        "lid": "123456789@lid",
        "label": Label.objects.get(name="Menunggu pembayaran").pk,
        "label_name": "Menunggu pembayaran",
        "channel_label_name": "Menunggu pembayaran",
        "channel": "cs1",
        "external_label_id": "menunggu-pembayaran",
        "added_at": "2026-03-02T11:00:00+07:00",
        "added_at_source": "whatsapp",
        "added_by": "CS Rina",
        "added_by_method": "channel_owner",
        "origin": "live",
        "removed_at": "2026-03-02T12:00:00+07:00",
        "removed_by": "CS Rina",
        "removed_reason": "removed",
    }
    assert found | expected == found


def test_an_open_interval_has_nothing_to_say_about_its_end(owner: APIClient, story: Story) -> None:
    story.put_on(story.contact(), "Grade A")
    [found] = rows(owner, "assignments")
    assert (found["removed_at"], found["removed_by"], found["removed_reason"]) == (None, None, None)


def test_a_label_set_by_a_user_without_an_agent_names_the_user(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    story.put_on(contact, "Grade A")
    assignment = story.assignment(contact, "Grade A")
    assignment.added_by, assignment.added_by_user = None, UserFactory(first_name="Sari", last_name="Dewi")
    assignment.save()
    assert rows(owner, "assignments")[0]["added_by"] == "Sari Dewi"


def test_every_recorded_event_is_listed_those_without_effect_too(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    story.take_off(contact, "Grade A")
    story.put_on(contact, "Grade A")
    found = [(row["kind"], row["effect"], row["external_label_id"]) for row in rows(owner, "label-events")]
    assert found == [("remove", "none", "grade-a"), ("add", "opened", "grade-a")]


def test_a_channel_names_its_owner_and_none_of_its_secrets(owner: APIClient, story: Story) -> None:
    story.channel.api_key, story.channel.verify_token = "kunci-rahasia", "token-rahasia"
    story.channel.base_url = "http://gateway.internal:3000"
    story.channel.save()
    [found] = rows(owner, "channels")
    assert found["owner"] == "CS Rina"
    detail = owner.get(f"/api/v1/channels/{found['id']}/").content.decode()
    assert "rahasia" not in detail
    assert "gateway.internal" not in detail


def test_a_channel_whose_owner_left_has_none(owner: APIClient, story: Story) -> None:
    story.channel.ownerships.update(until=timezone.now())
    assert rows(owner, "channels")[0]["owner"] is None


def test_the_id_of_a_merged_contact_answers_with_the_one_that_survived(owner: APIClient, story: Story) -> None:
    survivor, middle, merged = story.contact(), ContactFactory(), ContactFactory()
    middle.merged_into, merged.merged_into = survivor, middle
    middle.save()
    merged.save()
    story.put_on(survivor, "Grade A")
    assert get(owner, f"contacts/{merged.pk}")["id"] == survivor.pk
    assert [row["contact"] for row in rows(owner, "assignments", contact=merged.pk)] == [survivor.pk]
    assert [row["id"] for row in rows(owner, "contacts")] == [survivor.pk]


def test_the_inbox_is_listed_newest_first_and_shows_a_body_only_in_detail(owner: APIClient, story: Story) -> None:
    first, second = story.post(), story.post(state="parked", reason="no_such_label")
    assert [row["id"] for row in rows(owner, "inbox")] == [second.pk, first.pk]
    assert "body" not in rows(owner, "inbox")[0]
    assert get(owner, f"inbox/{second.pk}") == rows(owner, "inbox")[0] | {"body": '{"id": "1"}', "headers": {}}


def test_an_emptied_body_is_null(owner: APIClient, story: Story) -> None:
    assert get(owner, f"inbox/{story.post(body=b'').pk}")["body"] is None


def test_the_summary_counts_states_and_the_age_of_what_waits(owner: APIClient, story: Story) -> None:
    story.post()
    story.post(state="applied")
    summary = get(owner, "inbox/summary")
    assert {k: summary[k] for k in ("pending", "applied", "ignored", "duplicate", "parked")} == {
        "pending": 1, "applied": 1, "ignored": 0, "duplicate": 0, "parked": 0,
    }  # fmt: skip
    assert summary["oldest_pending_seconds"] >= 0
    assert get(owner, "inbox/summary", channel="cs1")["pending"] == 1


def test_messages_of_a_contact_come_by_their_time_newest_first(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    early, late = story.message(contact, "satu"), story.message(contact, "dua")
    older = story.message(contact, "nol", at=early.at.replace(year=2025))
    assert [row["text"] for row in rows(owner, "messages", contact=contact.pk)] == ["dua", "satu", "nol"]
    assert [row["id"] for row in rows(owner, "messages")] == [older.pk, late.pk, early.pk]


def test_the_standard_labels_and_categories_are_there(owner: APIClient, db: None) -> None:
    assert {row["code"] for row in rows(owner, "categories")} == {
        "lead", "filter", "transaction", "support", "retargeting",
    }  # fmt: skip
    hot = next(row for row in rows(owner, "labels") if row["name"] == "Prospek panas")
    assert (hot["category"], hot["meaning"], hot["high_quality"], hot["step"]) == ("filter", "hot", True, 2)


def test_a_label_without_category_says_null(owner: APIClient, db: None) -> None:
    label = Label.objects.create(name="Lain-lain")
    assert get(owner, f"labels/{label.pk}")["category"] is None


LISTS_THAT_GROW = ["contacts", "assignments", "label-events", "channel-labels", "messages", "channels", "inbox"]


@pytest.mark.parametrize("path", LISTS_THAT_GROW)
def test_more_rows_cost_no_more_queries(
    story: Story, path: str, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    client = client_of(UserFactory(role="cs_lead", teams=[story.channel.team]))

    def grow(number: int) -> None:
        contact = story.contact(campaign=CampaignFactory(), assigned_to=story.agent)
        ContactIdentity.objects.create(contact=contact, kind=IdentityKind.LID, value=f"5550000{number}")
        for name in ("Grade A", f"Label {number}"):
            story.put_on(contact, name)
        story.message(contact)
        story.post()
        Story(team=story.channel.team, key=f"cs-{number}", agent=f"CS {number}")

    grow(100)
    with django_assert_max_num_queries(12) as few:
        client.get(f"/api/v1/{path}/")
    for number in range(101, 106):
        grow(number)
    with django_assert_num_queries(len(few)):
        assert len(rows(client, path)) > 1
