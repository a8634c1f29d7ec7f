"""The figures of the home page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from contacts.models import Contact, Team
from contacts.selectors.viewing import viewer_of
from desk.home.page import Audience, tiles_html
from labelcrm.core.viewer import Viewer
from labels.models import StaleFlag
from labels.services.staleness import flag_stale
from reports.selectors.home import never_labelled, read_tiles, today_until
from tests.desk.home.conftest import Company
from tests.factories import UserFactory
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db

EVERYTHING = Viewer(everything=True)
NOON = datetime(2026, 3, 9, 5, 0, tzinfo=UTC)  # a Monday, 12:00 in Jakarta
HOUR = timedelta(hours=1)
A, B, C = "6281200000001", "6281200000002", "6281200000003"


def sales() -> Viewer:
    return viewer_of(UserFactory(role="cs_lead", teams=[Team.objects.get(name="Sales")]))


@pytest.fixture
def monday() -> object:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def test_today_and_the_same_weekday_last_week_end_at_the_same_time_of_day(monday: object) -> None:
    today, before = today_until(NOON), today_until(NOON, weeks_ago=1)
    assert (today.start, today.end) == (datetime(2026, 3, 8, 17, 0, tzinfo=UTC), NOON)
    assert (before.start, before.end) == (today.start - timedelta(days=7), NOON - timedelta(days=7))


def test_what_happened_later_that_day_last_week_is_not_compared(monday: object, company: Company) -> None:
    for hours in (2, 7 * 24 + 2, 7 * 24 - 2):  # this morning, that morning, that afternoon
        company.sales.label("added", "1", f"62812000{hours:05d}", at=NOON - hours * HOUR)
    company.sales.drain()
    tiles = read_tiles(EVERYTHING)
    assert (tiles.today.added, tiles.before.added) == (1, 1)


def test_a_team_sees_figures_of_its_own_numbers(company: Company) -> None:
    company.name(company.sales, "1", "Grade A")
    company.name(company.support, "7", "Komplain")
    company.label(company.sales, "1", A)
    company.label(company.support, "7", A)
    company.label(company.support, "7", B)
    assert (read_tiles(EVERYTHING).labelled, read_tiles(sales()).labelled) == (2, 1)
    assert read_tiles(sales()).today.added == 1
    by_name = {line.label.name: line.active for row in read_tiles(sales()).categories for line in row.labels}
    assert (by_name["Grade A"], by_name["Komplain"]) == (1, 0)


def test_a_contact_with_two_labels_of_a_category_counts_once_in_it(company: Company) -> None:
    company.name(company.sales, "1", "Grade A")
    company.name(company.sales, "2", "Prospek panas")
    company.label(company.sales, "1", A)
    company.label(company.sales, "2", A)
    row = next(row for row in read_tiles(EVERYTHING).categories if row.category and row.category.code == "filter")
    assert row.active == 1
    assert sorted(line.active for line in row.labels)[-2:] == [1, 1]


def test_labels_that_nobody_has_mapped_are_one_row_whose_contacts_count_once(company: Company) -> None:
    company.name(company.sales, "1", "Titipan Bu Ani")
    company.name(company.sales, "2", "VIP???")
    for label, contact in (("1", A), ("2", A), ("2", B)):
        company.label(company.sales, label, contact)
    for viewer in (EVERYTHING, sales()):
        tiles = read_tiles(viewer)
        assert [(line.active, line.labels) for line in tiles.categories if line.unmapped] == [(2, ())]
        assert not [line for line in tiles.categories if line.category is None and not line.unmapped]
        said = tiles_html(tiles, Audience(viewer, "en", sees_inbox=False))
        assert 'category=unmapped"><span>Not mapped yet</span> <b data-number="category-unmapped">2</b>' in said
        assert "VIP???" not in said


def test_the_newest_figures_are_called_provisional(company: Company) -> None:
    for language, said in (("en", "The newest 15 minutes are provisional"), ("id", "15 menit terbaru masih sementara")):
        assert said in tiles_html(read_tiles(EVERYTHING), Audience(EVERYTHING, language, sees_inbox=True))


def test_never_labelled_needs_an_hour_and_no_label_ever(company: Company) -> None:
    company.message(company.sales, A, ago=61)
    company.message(company.sales, B, ago=59)
    company.message(company.sales, C, ago=90)
    company.label(company.sales, "1", C, ago=80)
    company.label(company.sales, "1", C, on=False, ago=70)
    now = datetime.now(UTC)
    assert [contact.phone for contact in never_labelled(Contact.objects.all(), now=now)] == [f"+{A}"]
    assert read_tiles(EVERYTHING).never_labelled == read_tiles(sales()).never_labelled == 1


def test_how_long_somebody_may_wait_for_a_label_is_a_setting(company: Company, settings: Any) -> None:
    company.message(company.sales, A, ago=61)
    assert read_tiles(EVERYTHING).never_labelled == 1
    settings.NEVER_LABELLED_MINUTES = 120
    tiles = read_tiles(EVERYTHING)
    assert tiles.never_labelled == 0
    for language, said in (("id", "menulis lebih dari 2 jam lalu"), ("en", "wrote over 2 hours ago")):
        assert said in tiles_html(tiles, Audience(EVERYTHING, language, sees_inbox=True))


def test_a_mistap_does_not_make_a_contact_labelled(company: Company) -> None:
    company.message(company.sales, A, ago=90)
    company.label(company.sales, "1", A, ago=80)
    company.label(company.sales, "1", A, on=False, ago=79)
    assert read_tiles(EVERYTHING).never_labelled == 1


def test_stale_and_parked_are_counted_for_whoever_sees_them(company: Company) -> None:
    company.name(company.support, "7", "Komplain")
    company.label(company.support, "7", A, ago=5 * 24 * 60)
    flag_stale(datetime.now(UTC))
    assert StaleFlag.objects.count() == 1
    company.support.post("label.sparkled")
    company.support.drain()
    assert InboundEvent.objects.filter(state="parked").count() == 1
    everything, own = read_tiles(EVERYTHING), read_tiles(sales())
    assert (everything.stale, everything.parked, own.stale, own.parked) == (1, 1, 0, 0)


def test_an_archived_contact_is_in_no_figure(company: Company) -> None:
    from labelcrm.core import edits
    from labels.services import projections

    company.label(company.sales, "1", A)
    contact = edits.archive(Contact.objects.get(), actor=None, origin="test")
    projections.refresh([contact.pk])
    assert read_tiles(Viewer()).hidden == 0
    for viewer in (EVERYTHING, sales()):
        tiles = read_tiles(viewer)
        assert (tiles.today.added, tiles.labelled, tiles.never_labelled, tiles.hidden) == (0, 0, 0, 1)
        said = tiles_html(tiles, Audience(viewer, "id", sees_inbox=False))
        assert "1 kontak disembunyikan" in said


def test_reading_everything_takes_few_queries(company: Company, django_assert_max_num_queries: object) -> None:
    company.label(company.sales, "1", A)
    viewer = sales()
    with django_assert_max_num_queries(13):
        read_tiles(EVERYTHING)
    with django_assert_max_num_queries(12):
        read_tiles(viewer)
