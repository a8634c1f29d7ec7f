"""Walking a list: every row once, in both directions, whatever happens meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from api.base.pagination import Cursor, InvalidCursor
from contacts.models import Campaign, Contact
from tests.api.conftest import get
from tests.api.story import Story
from tests.factories import THEN, ContactFactory

pytestmark = pytest.mark.django_db


def walk(client: APIClient, url: str, *, link: str = "next") -> list[list[int]]:
    pages = []
    while url:
        page = client.get(url).json()
        pages.append([row["id"] for row in page["results"]])
        url = page[link]
    return pages


def test_pages_show_every_row_once_in_both_directions(owner: APIClient, db: None) -> None:
    ids = [Campaign.objects.create(code=f"c{n}", name=f"C{n}").pk for n in range(7)]
    assert walk(owner, "/api/v1/campaigns/?page_size=3") == [ids[:3], ids[3:6], ids[6:]]
    last = owner.get(owner.get("/api/v1/campaigns/?page_size=6").json()["next"]).json()
    before = owner.get(last["previous"]).json()
    assert [row["id"] for row in before["results"]] == ids[:6]
    assert before["previous"] is None
    assert owner.get(before["next"]).json()["results"] == last["results"]


@pytest.mark.parametrize("path", ["contacts/?page_size=2&updated_since=2020-01-01", "contacts/?page_size=2"])
def test_rows_of_the_same_moment_are_not_skipped(owner: APIClient, db: None, path: str) -> None:
    ids = [ContactFactory(updated_at=THEN).pk for _ in range(5)]
    assert walk(owner, f"/api/v1/{path}") == [ids[:2], ids[2:4], ids[4:]]


def test_a_row_changed_meanwhile_comes_again_and_none_is_missed(owner: APIClient, db: None) -> None:
    first, second, third = (ContactFactory(updated_at=THEN).pk for _ in range(3))
    page = owner.get("/api/v1/contacts/?page_size=1&updated_since=2020-01-01").json()
    Contact.objects.filter(pk=first).update(updated_at=timezone.now())
    assert walk(owner, page["next"]) == [[second], [third], [first]]


def test_newest_first_lists_are_walked_too(owner: APIClient, story: Story) -> None:
    contact = story.contact()
    ids = [story.message(contact).pk for _ in range(5)][::-1]
    assert walk(owner, f"/api/v1/messages/?contact={contact.pk}&page_size=2") == [ids[:2], ids[2:4], ids[4:]]
    last = owner.get(f"/api/v1/messages/?contact={contact.pk}&page_size=4").json()["next"]
    back = owner.get(owner.get(last).json()["previous"]).json()
    assert [row["id"] for row in back["results"]] == ids[:4]


def test_nothing_is_counted_and_nothing_skipped_by_offset(owner: APIClient, db: None) -> None:
    for n in range(4):
        ContactFactory(name=str(n))
    url = owner.get("/api/v1/contacts/?page_size=2").json()["next"]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        owner.get(url)
    statements = " ".join(query["sql"].upper() for query in queries)
    assert "COUNT(" not in statements
    assert "OFFSET" not in statements


def test_changes_are_walked_by_the_index(owner: APIClient, db: None) -> None:
    ContactFactory(), ContactFactory()
    url = owner.get("/api/v1/contacts/?page_size=1&updated_since=2020-01-01").json()["next"]
    with CaptureQueriesContext(connection) as queries:
        owner.get(url)
    page = next(query["sql"] for query in queries if 'ORDER BY "contacts_contact"."updated_at" ASC' in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {page}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "contact_by_update" in plan
    assert "ROW(" in plan


@pytest.mark.parametrize(("asked", "given_"), [("1", 1), ("3", 3), ("1001", 4), ("9" * 400, 4), ("007", 4)])
def test_the_page_size_is_capped_not_refused(owner: APIClient, db: None, asked: str, given_: int) -> None:
    for _ in range(4):
        ContactFactory()
    assert len(get(owner, "contacts", page_size=asked)["results"]) == given_


def test_the_cap_is_a_thousand(owner: APIClient, db: None) -> None:
    Campaign.objects.bulk_create(Campaign(code=f"c{n}", name="C") for n in range(1001))
    page = get(owner, "campaigns", page_size=5000)
    assert len(page["results"]) == 1000
    assert len(owner.get(page["next"]).json()["results"]) == 1


@pytest.mark.parametrize(
    "cursor",
    ["x", "W10", "WzEsIm5vcGUiXQ", "WzEsdHJ1ZV0", "WzEsIDk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ", "A" * 301, "💥", "Wz" * 90],
)
def test_a_cursor_of_ones_own_making_is_refused(owner: APIClient, db: None, cursor: str) -> None:
    response = owner.get("/api/v1/contacts/", {"cursor": cursor})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_cursor")


def test_a_cursor_of_another_order_is_refused(owner: APIClient, db: None) -> None:
    cursor = Cursor((5,)).encode()
    response = owner.get("/api/v1/contacts/", {"cursor": cursor, "updated_since": "2026-01-01"})
    assert response.json()["error"]["code"] == "invalid_cursor"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.one_of(st.text(max_size=80), st.binary(max_size=60).map(lambda raw: raw.decode("latin1"))))
def test_no_text_is_a_cursor_by_accident(text: str) -> None:
    fields: list[Any] = [Contact._meta.get_field("updated_at"), Contact._meta.get_field("id")]
    with pytest.raises(InvalidCursor):
        Cursor.decode(text, fields)
