"""The feed: what it lists, in which order, and what a page may have missed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from contacts.models import Channel, Contact, Team
from contacts.selectors.viewing import viewer_of
from desk.home.page import row_html
from labelcrm.core.viewer import Viewer
from labels.models import LabelEvent
from reports.selectors import feed as feed_module
from reports.selectors.feed import FULL_AFTER, Feed, read_feed
from tests.desk.home.conftest import Company
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

EVERYTHING = Viewer(everything=True)
A, B = "6281200000001", "6281200000002"


def sales() -> Viewer:
    return viewer_of(UserFactory(role="cs_lead", teams=[Team.objects.get(name="Sales")]))


def kinds(feed: Feed) -> list[str]:
    return [row.event.kind for row in feed.rows]


def test_changes_come_newest_first_and_repeats_do_not_come_at_all(company: Company) -> None:
    company.label(company.sales, "1", A, ago=5)
    company.label(company.sales, "1", A, ago=4)  # on already
    company.label(company.sales, "1", A, on=False, ago=3)
    assert kinds(read_feed(EVERYTHING)) == ["remove", "add"]


def test_a_team_sees_its_own_numbers_only(company: Company) -> None:
    company.label(company.sales, "1", A)
    company.label(company.support, "1", B)
    assert len(read_feed(EVERYTHING).rows) == 2
    assert [row.event.channel.name for row in read_feed(sales()).rows] == ["CS Rina"]


def test_what_a_pairing_found_does_not_drown_the_feed(company: Company) -> None:
    now = timezone.now()
    company.sales.post("status", status="working", at=now)
    for n in range(12):
        company.sales.label("added", str(n), A, at=now + timedelta(seconds=1))
    company.sales.drain()
    assert set(LabelEvent.objects.values_list("origin", flat=True)) == {"resync"}
    assert read_feed(EVERYTHING).rows == ()


def test_archived_contacts_and_system_lists_are_left_out(company: Company) -> None:
    company.label(company.sales, "1", A)
    company.label(company.sales, "2", B)
    Contact.objects.filter(phone=f"+{A}").update(deleted_at=timezone.now())
    LabelEvent.objects.get(contact__phone=f"+{B}").channel_label.__class__.objects.filter(external_id="2").update(
        hidden=True
    )
    assert read_feed(EVERYTHING).rows == ()


def test_a_later_reading_adds_what_is_new_and_keeps_the_rest(company: Company) -> None:
    company.label(company.sales, "1", A)
    first = read_feed(EVERYTHING)
    company.label(company.sales, "1", B)
    second = read_feed(EVERYTHING, first)
    assert len(second.rows) == 2
    assert second.rows[1] is not None
    assert second.full_at == first.full_at


def test_a_lane_that_commits_late_is_not_missed(company: Company) -> None:
    """Its event has a lower number than one that was seen already."""
    company.label(company.sales, "1", A)
    company.label(company.sales, "2", A)
    late, seen = LabelEvent.objects.order_by("id")
    before = Feed(tuple(row for row in read_feed(EVERYTHING).rows if row.id == seen.pk), seen.pk, timezone.now())
    after = read_feed(EVERYTHING, before)
    assert [row.id for row in after.rows] == [seen.pk, late.pk]
    assert late.pk in [row.id for row in after.since(seen.pk, now=timezone.now())]


def test_an_erased_person_leaves_a_kept_feed_within_a_minute(company: Company, monkeypatch: object) -> None:
    company.label(company.sales, "1", A)
    kept = read_feed(EVERYTHING)
    Contact.objects.all().delete()
    old = Feed(kept.rows, kept.high, timezone.now() - FULL_AFTER - timedelta(seconds=1))
    assert read_feed(EVERYTHING, old).rows == ()


def test_the_feed_is_as_long_as_a_page_shows(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "SHOWN", 3)
    for n in range(5):
        company.sales.label("added", str(n), A)
    company.sales.drain()
    assert len(read_feed(EVERYTHING).rows) == 3


def test_a_reading_is_two_queries(company: Company, django_assert_num_queries: object) -> None:
    for n in range(5):
        company.sales.label("added", str(n), A)
    company.sales.drain()
    with django_assert_num_queries(2):
        feed = read_feed(EVERYTHING)
        for row in feed.rows:
            row_html(row, "id")


def test_a_row_says_who_whom_which_when_and_where(company: Company) -> None:
    company.name(company.sales, "1", "Grade A")
    company.label(company.sales, "1", A)
    html = row_html(read_feed(EVERYTHING).rows[0], "en")
    for part in ("Grade A", "+62 812-0000-0001", "Rina", "owner of the number", "CS Rina", "<time"):
        assert part in html


def test_what_was_told_late_says_how_late(company: Company) -> None:
    Channel.objects.update(connected_at=timezone.now() - timedelta(days=2))
    company.label(company.sales, "1", A, ago=9)
    company.label(company.sales, "1", B, ago=3 * 60)
    told_late, told_in_time = (row_html(row, "en") for row in read_feed(EVERYTHING).rows)
    assert "told 3 hours later" in told_late
    assert "later" not in told_in_time


def test_what_happened_before_its_number_was_connected_is_not_late(company: Company) -> None:
    Channel.objects.update(connected_at=timezone.now() - timedelta(hours=2))
    company.label(company.sales, "1", A, ago=3 * 60)
    assert "later" not in row_html(read_feed(EVERYTHING).rows[0], "en")


def test_a_row_is_honest_about_an_unknown_person(company: Company) -> None:
    company.sales.channel.ownerships.all().delete()
    company.label(company.sales, "1", A)
    assert "added by an unknown person" in row_html(read_feed(EVERYTHING).rows[0], "en")


def test_names_from_whatsapp_are_text_and_never_markup(company: Company) -> None:
    company.name(company.sales, "1", "<script>alert(1)</script>")
    company.sales.post(
        "message", chat=A, name="<b>Budi</b>", message={"id": "m1", "text": "x", "from_me": False}, at=timezone.now()
    )
    company.label(company.sales, "1", A)
    html = row_html(read_feed(EVERYTHING).rows[0], "en")
    assert "<script>" not in html
    assert "&lt;b&gt;Budi&lt;/b&gt;" in html
