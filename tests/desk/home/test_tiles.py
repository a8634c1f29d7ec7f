"""The figures of the home page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from contacts.models import Channel, Contact, Team
from contacts.selectors.viewing import viewer_of
from desk.home.page import tiles_html
from labelcrm.core.viewer import Viewer
from labels.models import Label, StaleFlag
from labels.services.staleness import flag_stale
from reports.selectors.home import PostCounts, never_labelled, read_posts, read_tiles, rename_tiles, today_until
from tests.desk.home.conftest import Company, reader
from tests.factories import UserFactory
from webhooks.models import InboundEvent
from webhooks.receiver import store

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
        said = tiles_html(tiles, reader(viewer))
        assert 'category=unmapped"><span>Not mapped yet</span> <b data-number="category-unmapped">2</b>' in said
        assert "VIP???" not in said


def test_the_newest_figures_are_called_provisional(company: Company) -> None:
    for language, said in (("en", "The newest 15 minutes are provisional"), ("id", "15 menit terbaru masih sementara")):
        assert said in tiles_html(read_tiles(EVERYTHING), reader(EVERYTHING, language))


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
    company.message(company.sales, B, ago=121)
    assert read_tiles(EVERYTHING).never_labelled == 2
    settings.NEVER_LABELLED_MINUTES = 120
    tiles = read_tiles(EVERYTHING)
    assert tiles.never_labelled == 1
    for language, said in (("id", "menulis lebih dari 2 jam lalu"), ("en", "wrote over 2 hours ago")):
        assert said in tiles_html(tiles, reader(EVERYTHING, language))


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
    assert (everything.stale_flags, everything.posts.parked, own.stale_flags, own.posts.parked) == (1, 1, 0, 0)


def test_stale_labels_are_counted_by_whose_they_are(company: Company) -> None:
    """An agent whom the viewer does not see is not named, and what is theirs counts all the same."""
    company.name(company.sales, "1", "Komplain")
    company.name(company.support, "7", "Komplain")
    for bridge, label, chat in ((company.sales, "1", A), (company.sales, "1", B), (company.support, "7", C)):
        company.message(bridge, chat, ago=5 * 24 * 60)
        company.label(bridge, label, chat, ago=5 * 24 * 60)
    company.message(company.sales, C, ago=60)  # known to both teams
    flag_stale(datetime.now(UTC))
    found = {viewer: [(line.agent and line.agent.name, line.flags) for line in read_tiles(viewer).stale]
             for viewer in (EVERYTHING, sales())}  # fmt: skip
    assert list(found.values()) == [[("Rina", 2), ("Budi", 1)], [("Rina", 2), (None, 1)]]


def test_posts_that_wait_and_that_were_refused_today_are_counted(monday: object, company: Company) -> None:
    """At 06:30 in Jakarta the day of the business has begun 6.5 hours ago, and UTC's is yesterday's."""
    with time_machine.travel(datetime(2026, 3, 8, 23, 30, tzinfo=UTC), tick=False):
        store.count(company.sales.channel.pk, "no_token")
        store.count(company.sales.channel.pk, "duplicate")
        assert read_posts(EVERYTHING, now=timezone.now()).refused == 1
    with time_machine.travel(datetime(2026, 3, 8, 16, 30, tzinfo=UTC), tick=False):  # 23:30 the day before
        assert read_posts(EVERYTHING, now=timezone.now()).refused == 0
    company.sales.post("label.added", chat=A, label={"id": "1"})
    received = InboundEvent.objects.get().received_at
    for minutes, waiting in ((1, 0), (3, 1)):
        assert read_posts(sales(), now=received + timedelta(minutes=minutes)).pending == waiting
    assert read_posts(Viewer(), now=received + HOUR) == PostCounts()


def test_what_waits_is_of_this_moment_however_old_the_figures_are(company: Company) -> None:
    company.message(company.sales, A, ago=90)
    kept = read_tiles(sales())
    assert (kept.waiting.follow_ups, kept.waiting.numbers, kept.waiting.broken) == (0, 1, 0)
    Contact.objects.update(follow_up_at=timezone.now())
    Channel.objects.update(status=Channel.Status.STOPPED)
    waiting = rename_tiles(sales(), kept).waiting
    assert (waiting.follow_ups, waiting.numbers, waiting.broken) == (1, 1, 1)


def test_the_days_are_the_business_s_and_end_with_today(company: Company) -> None:
    midnight = datetime(2026, 3, 8, 17, 0, tzinfo=UTC)  # of Monday the 9th in Jakarta
    for at in (midnight - timedelta(minutes=1), midnight, midnight + 6 * HOUR):
        company.sales.label("added", "1", f"62812{at:%d%H%M}000", at=at)
    company.sales.drain()
    with time_machine.travel(midnight + 6.5 * HOUR, tick=False):  # 23:30 UTC on Sunday the 8th
        for viewer in (EVERYTHING, sales()):
            days = read_tiles(viewer).days
            assert [(day.isoformat(), counts.added) for day, counts in days][-3:] == [
                ("2026-03-07", 0), ("2026-03-08", 1), ("2026-03-09", 2),
            ]  # fmt: skip
            assert len(days) == 14


def test_the_bars_of_all_labels_share_one_scale(company: Company) -> None:
    company.name(company.sales, "1", "Grade A")
    company.name(company.sales, "2", "Komplain")
    for label, chat in (("1", A), ("1", B), ("1", C), ("2", A)):
        company.label(company.sales, label, chat)
    html = tiles_html(read_tiles(EVERYTHING), reader(EVERYTHING))
    widths = dict(re.findall(r'width="(\d+)%" height="5" rx="2"></rect></svg><b data-number="label-(\d+)', html))
    named = {str(label.pk): label.name for label in Label.objects.all()}
    assert {named[pk]: width for width, pk in widths.items() if width != "0"} == {"Grade A": "100", "Komplain": "33"}


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
        said = tiles_html(tiles, reader(viewer, "id"))
        assert "1 kontak disembunyikan" in said


def test_reading_everything_takes_few_queries(company: Company, django_assert_max_num_queries: object) -> None:
    company.label(company.sales, "1", A)
    viewer = sales()
    with django_assert_max_num_queries(15):
        tiles = read_tiles(EVERYTHING)
    with django_assert_max_num_queries(13):
        read_tiles(viewer)
    with django_assert_max_num_queries(4):
        rename_tiles(EVERYTHING, tiles)
