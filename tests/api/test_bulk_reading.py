"""Reading in pages for work is free; reading in bulk takes the right to export and is on record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from api.base import bulk_reading
from api.base.bulk_reading import BulkReadingRefused, count_people
from labelcrm.core.models import AuditEntry, PeopleServed
from tests.api.conftest import client_of, get
from tests.api.story import Story
from tests.factories import UserFactory

LISTS = ("contacts", "assignments", "label-events", "messages")


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """Ten people stand for a thousand."""
    monkeypatch.setattr(bulk_reading, "LIMIT", 10)
    monkeypatch.setattr(bulk_reading, "STEP", 10)
    return 10


@pytest.fixture
def crowd(story: Story) -> Story:
    """Twelve people, each with a label and two messages."""
    for number in range(12):
        contact = story.contact(name=f"Pelanggan {number}")
        story.put_on(contact, "Grade A")
        story.message(contact)
        story.message(contact)
    return story


def read(client: Any, path: str, **parameters: Any) -> Any:
    return client.get(f"/api/v1/{path}/", parameters)


def trail() -> list[dict[str, Any]]:
    return [entry.details for entry in AuditEntry.objects.filter(action="rows.read").order_by("id")]


@pytest.mark.django_db
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("role", ["cs", "auditor"])
def test_without_the_export_right_no_more_people_than_the_limit_are_sent(
    as_role: Callable[..., APIClient], crowd: Story, team: Any, limit: int, path: str, role: str
) -> None:
    client = as_role(role, team)
    assert read(client, path, page_size=6).status_code == 200
    refused = read(client, path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "export_right_required")
    seen = len(PeopleServed.objects.get().seen)
    assert seen <= 6, "messages of one person are one"
    for _ in range(3):
        assert read(client, path, page_size=6).status_code == 200, "whom they have read is read as often as they like"
    assert read(client, path, page_size=7).status_code == 200, "what is left of the day still works"
    assert seen <= len(PeopleServed.objects.get().seen) <= seen + 1
    assert trail() == []


@pytest.mark.django_db
def test_a_refusal_says_what_happened_what_still_works_and_whom_to_ask(
    as_role: Callable[..., APIClient], crowd: Story, team: Any, limit: int
) -> None:
    client = as_role("cs", team)
    read(client, "contacts", page_size=6)
    said = read(client, "contacts").json()["error"]["message"]
    for part in ("6 of the 10", "was not sent", "up to 4 more", "midnight", "ask an owner", "Can export contacts"):
        assert part in said


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["owner", "marketing", "analyst", "cs_lead"])
def test_with_the_right_everything_is_read_and_each_thousand_is_on_record(
    as_role: Callable[..., APIClient], crowd: Story, team: Any, limit: int, role: str
) -> None:
    client = as_role(role, team)
    for _ in range(5):
        assert read(client, "contacts", q="Pelanggan", page_size=6).status_code == 200
    told = [(row["resource"], row["people"]) for row in trail()]
    assert told == [("contacts", 12), ("contacts", 24), ("contacts", 30)]
    assert set(trail()[0]) == {"resource", "people", "day"}
    entry = AuditEntry.objects.filter(action="rows.read").first()
    assert entry is not None
    assert (entry.actor_id, entry.object_name) == (PeopleServed.objects.get().user_id, "")


@pytest.mark.django_db
def test_all_lists_count_together_and_each_has_its_own_rows_on_record(
    as_role: Callable[..., APIClient], crowd: Story, team: Any, limit: int
) -> None:
    client = as_role("owner")
    for path in LISTS:
        read(client, path, page_size=6)
    by_resource = PeopleServed.objects.get().by_resource
    assert by_resource == {"contacts": 6, "assignments": 6, "label-events": 6, "messages": 3}
    assert [(row["resource"], row["people"]) for row in trail()] == [("assignments", 6)]


@pytest.mark.django_db
def test_people_are_counted_and_not_their_messages(
    as_role: Callable[..., APIClient], crowd: Story, team: Any, limit: int
) -> None:
    client = as_role("cs", team)
    first = get(client, "contacts", page_size=1)["results"][0]["id"]
    for _ in range(3):
        assert len(get(client, "messages", contact=first)["results"]) == 2
    assert PeopleServed.objects.get().seen == [first]


@pytest.mark.django_db
def test_one_contact_and_one_post_count_as_one_person(crowd: Story, owner: APIClient) -> None:
    pk = get(owner, "contacts")["results"][0]["id"]
    get(owner, f"contacts/{pk}")
    get(owner, f"inbox/{crowd.post().pk}")
    get(owner, "inbox")
    assert PeopleServed.objects.get().by_resource == {"contacts": 13, "inbox": 1}


@pytest.mark.django_db
def test_lists_without_people_are_not_counted(owner: APIClient, crowd: Story) -> None:
    for path in ("labels", "categories", "channel-labels", "agents", "teams", "campaigns", "channels", "inbox"):
        get(owner, path)
    assert not PeopleServed.objects.exists()


@pytest.mark.django_db
def test_a_session_counts_like_a_token(crowd: Story, team: Any, limit: int) -> None:
    user = UserFactory(role="cs", teams=[team])
    browser = Client()
    browser.force_login(user)
    assert read(browser, "contacts", page_size=6).status_code == 200
    assert read(client_of(user), "contacts").status_code == 403


@pytest.mark.django_db
def test_the_count_starts_again_at_midnight_of_the_business(
    as_role: Callable[..., APIClient], crowd: Story, team: Any, limit: int
) -> None:
    client = as_role("cs", team)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        assert [read(client, "contacts", page_size=size).status_code for size in (6, 11)] == [200, 403]
    with time_machine.travel(midnight, tick=False):
        assert read(client, "contacts", page_size=10).status_code == 200
    assert PeopleServed.objects.count() == 2


@pytest.mark.django_db
def test_counting_a_page_is_one_statement(
    as_role: Callable[..., APIClient], crowd: Story, team: Any, django_assert_num_queries: Callable[[int], Any]
) -> None:
    user = UserFactory(role="cs", teams=[team])
    user.has_perm(bulk_reading.EXPORT)  # asked once per request, for the list itself
    with django_assert_num_queries(1):
        count_people([1, 2, 3], user=user, resource="contacts")


@pytest.mark.django_db(transaction=True)
def test_parallel_readers_never_get_more_than_the_limit() -> None:
    user = UserFactory(role="cs")
    served: list[int] = []

    def page(number: int) -> None:
        try:
            count_people(range(number * 100, number * 100 + 90), user=user, resource="contacts")
            served.append(90)
        except BulkReadingRefused:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=page, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(served) == 990
    assert len(PeopleServed.objects.get().seen) == 990
