"""Label activity: stored spells and spells joined anew say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils.timezone import localtime

from contacts.models import Contact, Team
from contacts.selectors.viewing import viewer_of
from labelcrm.core.viewer import Viewer
from labels.models import Label
from reports.selectors.home import read_tiles
from reports.selectors.periods import Period
from reports.selectors.spell_counts import FIGURES, count_days, count_spells, rows
from tests.crm_labels import label_in_the_crm
from tests.factories import UserFactory
from tests.reports.world import World, day

pytestmark = pytest.mark.django_db

EVERYTHING = Viewer(everything=True)


def teams(*names: str) -> Viewer:
    return viewer_of(UserFactory(role="cs_lead", teams=list(Team.objects.filter(name__in=names))))


@pytest.fixture(scope="module")
def world(rows_of_the_file: None) -> World:
    world = World(7, contacts=12, visits=3)
    world.play()
    return world


def test_who_sees_all_teams_one_by_one_counts_what_who_sees_everything_counts(world: World) -> None:
    periods = [Period(day(n), day(n + 3)) for n in range(0, 60, 3)]
    everything = count_spells(EVERYTHING, periods)
    assert everything == count_spells(teams("Sales", "Grosir"), periods)
    assert any(not one.is_empty for one in everything)


@pytest.mark.parametrize("names", [("Sales",), ("Grosir",)])
def test_a_team_counts_its_own_numbers_only(world: World, names: tuple[str, ...]) -> None:
    whole = Period(day(0), day(60))
    own, everything = count_spells(teams(*names), [whole])[0], count_spells(EVERYTHING, [whole])[0]
    assert 0 < own.added < everything.added


def test_the_rows_behind_a_number_are_as_many_as_it_says(world: World) -> None:
    for viewer in (EVERYTHING, teams("Sales")):
        for start in range(0, 60, 10):
            period = Period(day(start), day(start + 10))
            counted = count_spells(viewer, [period])[0]
            for what in FIGURES:
                assert len(rows(viewer, what, period, most=10_000)) == getattr(counted, what)


@pytest.mark.parametrize("names", [(), ("Sales",), ("Grosir",), ("Sales", "Grosir")])
def test_every_day_counts_what_the_list_behind_it_counts(world: World, names: tuple[str, ...]) -> None:
    """Also where teams see a part of somebody, and where a label exists in the CRM alone."""
    for n, contact in enumerate(Contact.objects.order_by("id")[:6]):
        label_in_the_crm(contact, day(n + 2.5))
    viewer = teams(*names) if names else EVERYTHING
    first = localtime(day(0)).date()
    periods = [Period(day(n), day(n + 1)) for n in range(60)]
    counted = [replace(counts, mistaps=0) for counts in count_spells(viewer, periods)]
    assert count_days(viewer, first, first + timedelta(days=60)) == counted
    assert sum(not one.is_empty for one in counted) >= 10


def test_the_days_of_nobodys_team_are_empty(world: World) -> None:
    first = localtime(day(0)).date()
    assert all(one.is_empty for one in count_days(teams(), first, first + timedelta(days=60)))


def test_rows_come_newest_first_and_at_most_as_many_as_asked_for(world: World) -> None:
    found = rows(EVERYTHING, "added", Period(day(0), day(60)), most=5)
    assert len(found) == 5
    assert [spell.started_at for spell in found] == sorted((s.started_at for s in found), reverse=True)


def test_rows_are_read_a_page_at_a_time(world: World) -> None:
    whole = Period(day(0), day(60))
    for viewer in (EVERYTHING, teams("Sales")):
        everything = rows(viewer, "added", whole, most=10_000)
        pages = [rows(viewer, "added", whole, most=7, after=after) for after in range(0, len(everything), 7)]
        assert [spell for page in pages for spell in page] == everything


def test_net_is_what_the_active_labels_changed_by(world: World) -> None:
    Label.objects.update(reviewed=True)  # each its own line
    tiles = read_tiles(EVERYTHING)
    active = sum(line.active for category in tiles.categories for line in category.labels)
    assert count_spells(EVERYTHING, [Period(day(-1), day(0) + timedelta(days=400))])[0].net == active
