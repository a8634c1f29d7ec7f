"""Stored projections against the oracle, from LabelAssignment rows written here directly."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from contacts.models import Agent, Channel, Contact
from labels import tasks
from labels.models import (
    ChannelLabel,
    ChannelLabelMeaning,
    CleanSpell,
    Label,
    LabelAssignment,
    LabelDay,
    LabelSpell,
    ScopedCleanSpell,
    ScopedLabelSpell,
    ScopedStageStay,
    StageStay,
)
from labels.rules.scopes import ONE_CHANNEL, ONE_TEAM, WHOLE, of_channel, of_team
from labels.rules.spells import DatedMeaning, IntervalRow
from labels.selectors.scopes import counted_teams
from labels.selectors.spell_inputs import limits_now
from labels.services import day_sums, projections
from tests.factories import AgentFactory, ChannelFactory, ContactFactory, TeamFactory
from tests.labels import oracle
from tests.services_plugin import is_full_run

pytestmark = pytest.mark.django_db


class PersonFactory(ContactFactory):
    class Meta:
        skip_postgeneration_save = True


NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def label(name: str) -> Label:
    return Label.objects.get(name_en=name)


def channel_label(means: Label, channel: Channel | None = None) -> ChannelLabel:
    row = ChannelLabel.objects.create(
        channel=channel or ChannelFactory(), external_id=str(means.pk), name=means.name, label=means, first_seen_at=NOON
    )
    ChannelLabelMeaning.objects.create(channel_label=row, label=means, name=means.name)
    return row


def put_on(
    contact: Contact, on: ChannelLabel, start: float, end: float | None = None, **fields: Any
) -> LabelAssignment:
    removal = {} if end is None else {"removed_at": at(end), "removed_origin": "live", "removed_reason": "removed"}
    row = {
        "contact": contact, "channel": on.channel, "channel_label": on, "label": on.label,
        "channel_label_name": on.name, "added_at": at(start), "added_at_source": "whatsapp",
        "added_by_method": "unknown", "origin": "live", "updated_at": NOON,
    }  # fmt: skip
    return LabelAssignment.objects.create(**(row | removal | fields))


# -- What should be stored -------------------------------------------------------------------------------------------


def expected(channels: set[int] | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Every projection row of every living contact, over all intervals or those of `channels`, by the oracle."""
    steps = {pk: step for pk, step in Label.all_objects.values_list("id", "step") if step is not None}
    groups = {pk: group for pk, group in Label.all_objects.values_list("id", "exclusive_group") if group}
    meanings: dict[int, list[DatedMeaning]] = {}
    for row in ChannelLabelMeaning.objects.order_by("channel_label", "since"):
        meanings.setdefault(row.channel_label_id, []).append(DatedMeaning(row.since, row.label_id))
    for found in meanings.values():
        found.sort(key=lambda meaning: (meaning.since is not None, meaning.since))
    rows: dict[str, list[tuple[Any, ...]]] = {"spells": [], "clean_spells": [], "stays": []}
    for contact in Contact.objects.order_by("id"):
        intervals = [_interval(row) for row in contact.assignments.filter(channel_label__hidden=False)]
        intervals = [interval for interval in intervals if channels is None or interval.channel in channels]
        projection = oracle.project(intervals, meanings, steps=steps, limits=limits_now())
        for name, found_rows in oracle.with_returns(projection, groups)._asdict().items():
            rows[name] += found_rows
    return rows


def _interval(row: LabelAssignment) -> IntervalRow:
    return IntervalRow(
        row.contact_id, row.channel_id, row.channel_label_id, row.added_at, row.removed_at, row.origin, row.added_by_id,
        row.added_by_user_id, row.added_by_method, row.removed_by_id, row.removed_by_user_id, row.removed_origin,
        row.removed_reason,
    )  # fmt: skip


def stored(scope: int = WHOLE) -> dict[str, list[tuple[Any, ...]]]:
    """What a scope sees: the rows of contacts that it sees whole, and its own of the others."""
    models = {
        "spells": (LabelSpell, ScopedLabelSpell),
        "clean_spells": (CleanSpell, ScopedCleanSpell),
        "stays": (StageStay, ScopedStageStay),
    }
    tables = dict(zip(models, projections.TABLES, strict=True))
    seen = [pk for pk, team in counted_teams().items() if (team == scope if scope > 0 else pk == -scope)]
    found = {}
    for name, (model, scoped) in models.items():
        columns = list(tables[name].columns)[:-1]
        whole: Any = model._default_manager.all()
        if scope != WHOLE:
            whole = whole.filter(contact__in=_seen_whole(seen, reach=ONE_TEAM if scope > 0 else ONE_CHANNEL))
        rows = [*whole.values_list(*columns), *scoped._default_manager.filter(scope=scope).values_list(*columns)]
        found[name] = sorted(rows, key=lambda row: row[: tables[name].key])
    return found


def _seen_whole(channels: Any, *, reach: int) -> Any:
    """The contacts whose history is theirs alone; stays do not say on which channel they began."""
    return LabelSpell.objects.filter(channel__in=channels, reach__lte=reach).values("contact")


def stored_days(scope: int = WHOLE) -> dict[tuple[int, date], Counter[str]]:
    names = ("added", "mistaps", "found", "removed", "lost")
    days: defaultdict[tuple[int, date], Counter[str]] = defaultdict(Counter)
    for row in LabelDay.objects.filter(scope=scope):
        for name in names:
            days[row.label_id, row.day][name] += getattr(row, name)
    sums = {key: Counter({name: n for name, n in day.items() if n}) for key, day in days.items()}
    return {key: day for key, day in sums.items() if day}


def summed(figure: str, **fields: Any) -> int:
    """A figure of the whole business over the days and labels of these fields."""
    return sum(LabelDay.objects.filter(scope=WHOLE, **fields).values_list(figure, flat=True))


def assert_in_step() -> None:
    for scope, channels in _scopes().items():
        wanted = expected(channels)
        assert stored(scope) == {name: [tuple(row) for row in rows] for name, rows in wanted.items()}, scope
        days = oracle.day_sums(wanted["spells"], timezone.get_default_timezone())  # type: ignore[arg-type]
        assert stored_days(scope) == days, scope


def _scopes() -> dict[int, set[int] | None]:
    """Every scope there is, and its channels."""
    found: dict[int, set[int] | None] = {WHOLE: None}
    for channel, team in counted_teams().items():
        found[of_channel(channel)] = {channel}
        if team is not None:
            found.setdefault(of_team(team), set()).add(channel)  # type: ignore[union-attr]
    return found


def refresh(*contacts: Contact) -> int:
    return projections.refresh([contact.pk for contact in contacts])


@pytest.fixture
def contact() -> Contact:
    return PersonFactory()


@pytest.fixture
def hot() -> ChannelLabel:
    return channel_label(label("Hot prospect"))


# -- Examples --------------------------------------------------------------------------------------------------------


def test_an_interval_becomes_a_spell_a_clean_spell_a_stay_and_a_count(contact: Contact, hot: ChannelLabel) -> None:
    agent = AgentFactory()
    put_on(contact, hot, 0, added_by=agent, added_by_method="channel_owner")
    assert refresh(contact) == 3
    assert_in_step()
    day = LabelDay.objects.filter(scope=0).get()
    assert (day.label, day.day, day.added, day.removed) == (hot.label, date(2026, 3, 2), 1, 0)
    assert StageStay.objects.get().agent == agent


def test_a_second_refresh_finds_nothing(contact: Contact, hot: ChannelLabel) -> None:
    put_on(contact, hot, 0, 5000)
    refresh(contact)
    assert refresh(contact) == 0


def test_counting_writes_nothing(contact: Contact, hot: ChannelLabel) -> None:
    put_on(contact, hot, 0)
    assert projections.refresh([contact.pk], write=False) == 3
    assert not LabelSpell.objects.exists()
    assert not LabelDay.objects.exists()


def test_nobody_and_unknown_contacts_are_nothing() -> None:
    assert projections.refresh([]) == 0
    assert projections.refresh([987654]) == 0


def test_a_removal_changes_the_rows_in_place(contact: Contact, hot: ChannelLabel) -> None:
    interval = put_on(contact, hot, 0)
    refresh(contact)
    before = LabelSpell.objects.get().pk
    LabelAssignment.objects.filter(pk=interval.pk).update(
        removed_at=at(5000), removed_origin="live", removed_reason="removed"
    )
    assert refresh(contact) == 3
    assert LabelSpell.objects.get().pk == before
    assert_in_step()


def test_days_are_business_days(contact: Contact, hot: ChannelLabel) -> None:
    """17:00 UTC is midnight in Jakarta."""
    put_on(contact, hot, 12 * 3600 - 1, 12 * 3600)
    refresh(contact)
    assert {(row.day, row.added, row.removed) for row in LabelDay.objects.filter(scope=0)} == {
        (date(2026, 3, 2), 1, 0),
        (date(2026, 3, 3), 0, 1),
    }
    assert summed("mistaps", day=date(2026, 3, 2)) == 1


def test_a_meaning_from_a_date_on_splits_what_was_one(contact: Contact, hot: ChannelLabel) -> None:
    put_on(contact, hot, 0)
    refresh(contact)
    cold = label("Cold prospect")
    ChannelLabelMeaning.objects.create(channel_label=hot, label=cold, name="Cold", since=at(86400 * 3))
    refresh(contact)
    assert_in_step()
    assert summed("lost", label=hot.label, day=date(2026, 3, 5)) == 1
    assert summed("found", label=cold, day=date(2026, 3, 5)) == 1


def test_a_meaning_that_always_was_restates_the_past(contact: Contact, hot: ChannelLabel) -> None:
    put_on(contact, hot, 0, 5000)
    refresh(contact)
    cold = label("Cold prospect")
    ChannelLabelMeaning.objects.filter(channel_label=hot).update(label=cold)
    refresh(contact)
    assert_in_step()
    assert set(LabelSpell.objects.values_list("label", flat=True)) == {cold.pk}
    assert {key[0] for key in stored_days()} == {cold.pk}


def test_a_label_without_dated_meanings_means_its_label(contact: Contact, hot: ChannelLabel) -> None:
    ChannelLabelMeaning.objects.all().delete()
    put_on(contact, hot, 0)
    refresh(contact)
    assert LabelSpell.objects.get().label == hot.label


def test_an_archived_contact_is_in_no_figure_until_it_is_restored(contact: Contact, hot: ChannelLabel) -> None:
    other = PersonFactory()
    for each in (contact, other):
        put_on(each, hot, 0, 5000)
    refresh(contact, other)
    before = (stored(), stored_days())
    Contact.objects.filter(pk=contact.pk).update(deleted_at=NOON)
    assert refresh(contact) == 3
    assert_in_step()
    assert summed("added") == 1
    Contact.all_objects.filter(pk=contact.pk).update(deleted_at=None)
    refresh(contact)
    assert (stored(), stored_days()) == before


def test_system_lists_count_nowhere(contact: Contact, hot: ChannelLabel) -> None:
    ChannelLabel.objects.update(hidden=True)
    put_on(contact, hot, 0)
    assert refresh(contact) == 0


def test_archiving_a_label_closes_nothing(contact: Contact, hot: ChannelLabel) -> None:
    put_on(contact, hot, 0)
    refresh(contact)
    Label.objects.filter(pk=hot.label_id).update(deleted_at=NOON)
    assert refresh(contact) == 0


def test_a_new_step_restates_the_stages(contact: Contact, hot: ChannelLabel) -> None:
    put_on(contact, hot, 0)
    refresh(contact)
    Label.objects.filter(pk=hot.label_id).update(step=None)
    assert refresh(contact) == 1
    assert not StageStay.objects.exists()


def test_the_limits_are_settings(contact: Contact, hot: ChannelLabel, settings: Any) -> None:
    put_on(contact, hot, 0, 60)
    refresh(contact)
    assert LabelSpell.objects.get().mistap
    settings.MISTAP_SECONDS = 10
    refresh(contact)
    assert not LabelSpell.objects.get().mistap
    assert_in_step()


# -- Any history -----------------------------------------------------------------------------------------------------


class World:
    """Some contacts, numbers and labels, and random changes to who has what."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.contacts: list[Contact] = PersonFactory.create_batch(4)
        self.agents: list[Agent] = AgentFactory.create_batch(2)
        self.labels = list(Label.objects.all())
        sales, support = TeamFactory.create_batch(2)
        channels = [ChannelFactory(team=team) for team in (sales, sales, support, None)]
        self.keys = [channel_label(means, channel) for channel in channels for means in self.labels[:3]]

    def change(self) -> None:
        """Give a contact another history, or a label another meaning, or archive or restore somebody."""
        deed = self.random.choice([self.relabel, self.relabel, self.relabel, self.reword, self.archive, self.hide])
        deed()

    def relabel(self) -> None:
        contact = self.random.choice(self.contacts)
        for key in self.random.sample(self.keys, 3):
            LabelAssignment.objects.filter(contact=contact, channel_label=key).delete()
            times = sorted(self.moment() for _ in range(self.random.randint(0, 5)))
            for start, end in zip(times[::2], [*times[1::2], None], strict=False):
                put_on(contact, key, start, end, **self.facts(ended=end is not None))

    def moment(self) -> float:
        return self.random.choice([self.random.randint(0, 40) * 60, self.random.randint(0, 3 * 86400)])

    def facts(self, *, ended: bool) -> dict[str, Any]:
        actors = [None, *self.agents]
        origins = ["live", "live", "crm", "resync", "reconcile", "import"]
        facts = {"origin": self.random.choice(origins), "added_by": self.random.choice(actors)}
        if ended:
            facts["removed_by"] = self.random.choice(actors)
            facts["removed_reason"] = self.random.choice(["removed", "removed", "removed", "label_deleted"])
        return facts

    def reword(self) -> None:
        key = self.random.choice(self.keys)
        ChannelLabelMeaning.objects.update_or_create(
            channel_label=key, since=at(self.moment()), defaults={"label": self.random.choice(self.labels), "name": "x"}
        )

    def archive(self) -> None:
        contact = self.random.choice(self.contacts)
        contact.deleted_at = None if contact.deleted_at else NOON
        contact.save(update_fields=["deleted_at"])

    def hide(self) -> None:
        key = self.random.choice(self.keys)
        key.hidden = not key.hidden
        key.save(update_fields=["hidden"])


@pytest.mark.parametrize("seed", range(8) if is_full_run() else (1, 5, 7))
def test_after_any_changes_the_projections_are_what_the_oracle_sees(seed: int) -> None:
    world = World(seed)
    for _ in range(12):
        for _ in range(world.random.randint(1, 4)):
            world.change()
        counted = projections.refresh([contact.pk for contact in world.contacts], write=False)
        assert refresh(*world.contacts) == counted
        assert refresh(*world.contacts) == 0
        assert_in_step()
    assert projections.refresh_all(write=False).differences == 0


def test_what_a_former_version_stored_is_marked_by_the_migration() -> None:
    world = World(3)
    for _ in range(40):
        world.change()
    refresh(*world.contacts)
    marked = 0
    for model in (StageStay, CleanSpell, ScopedStageStay, ScopedCleanSpell):
        rows: Any = model._default_manager
        marked += rows.filter(is_return=True).update(is_return=False)
    for model in (CleanSpell, ScopedCleanSpell):
        rows = model._default_manager
        marked += rows.filter(return_to__isnull=False).update(return_to=None)
    assert marked > 0
    import_module("labels.migrations.0015_returns").fill(None, SimpleNamespace(connection=connection))
    assert projections.refresh_all(write=False).differences == 0


# -- Everybody -------------------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(hot: ChannelLabel) -> list[Contact]:
    """Five contacts in step but for: one without projections, one with a wrong row, one with a row too many, a sum."""
    contacts: list[Contact] = PersonFactory.create_batch(5)
    for contact in contacts[:4]:
        put_on(contact, hot, 0, 5000)
    refresh(*contacts)
    LabelSpell.objects.filter(contact=contacts[0]).delete()
    CleanSpell.objects.filter(contact=contacts[1]).update(ended_at=None)
    StageStay.objects.create(contact=contacts[4], label=hot.label, step=2, started_at=NOON)
    LabelDay.objects.update(added=7, lost=1)
    return contacts


def test_rebuilding_from_nothing_gives_the_same_as_keeping_in_step(hot: ChannelLabel) -> None:
    contacts = PersonFactory.create_batch(5)
    for number, contact in enumerate(contacts):
        put_on(contact, hot, number * 50000, number * 50000 + 5000)
    check = projections.refresh_all(write=True, chunk=2)
    assert (check.contacts, check.rows, check.days) == (5, 15, 0)
    assert_in_step()


@pytest.mark.parametrize("chunk", [1, 2, 2000])
def test_the_self_check_counts_and_mends(damaged: list[Contact], chunk: int) -> None:
    found = projections.refresh_all(write=False, chunk=chunk)
    assert (found.contacts, found.rows, found.days) == (5, 3, 3)
    assert projections.refresh_all(write=True, chunk=chunk).rows == 3
    assert_in_step()
    assert projections.refresh_all(write=True, chunk=chunk).differences == 0


def test_the_self_check_mends_sums_that_are_missing_or_too_many(contact: Contact, hot: ChannelLabel) -> None:
    put_on(contact, hot, 0, 5000)
    refresh(contact)
    LabelDay.objects.update(day=date(2020, 1, 1))
    assert projections.refresh_all(write=True).days == 6
    assert_in_step()


@pytest.mark.parametrize("most", [1, 2, 1000])
def test_compacting_changes_no_sum_and_leaves_one_row_of_each(hot: ChannelLabel, most: int) -> None:
    """Twice, so that new rows meet a sum that was made before; one of which becomes nothing."""
    hour = 3600
    for round_ in range(2):
        for n in range(3):
            person = PersonFactory()
            interval = put_on(person, hot, n * 10 + round_)
            refresh(person)
            LabelAssignment.objects.filter(pk=interval.pk).update(added_at=at(30 * hour))
            refresh(person)
        before = {scope: stored_days(scope) for scope in _scopes()}
        while day_sums.compact(most=most):
            pass
        assert {scope: stored_days(scope) for scope in _scopes()} == before
        rows = LabelDay.objects.values("scope", "label", "day")
        assert LabelDay.objects.count() == rows.distinct().count()
        assert not LabelDay.objects.filter(compacted=False).exists()
    assert_in_step()


def test_the_scheduled_compacting_takes_all_there_is(hot: ChannelLabel) -> None:
    person = PersonFactory()
    put_on(person, hot, 0, 10_000)
    refresh(person)
    tasks.compact_days()
    assert LabelDay.objects.exists()
    assert not LabelDay.objects.filter(compacted=False).exists()


@pytest.mark.django_db(transaction=True)
def test_a_lane_that_is_held_open_makes_no_other_wait(hot: ChannelLabel) -> None:
    """Two contacts get one label on one day; the first's transaction stays open while the second's commits."""
    one, other = PersonFactory(), PersonFactory()
    put_on(one, hot, 0)
    put_on(other, hot, 1)
    done = threading.Event()

    def second() -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '5s'")
            refresh(other)
        done.set()
        connection.close()

    with transaction.atomic():
        refresh(one)
        lane = threading.Thread(target=second)
        lane.start()
        lane.join(10)
        assert done.is_set(), "it waits for a row of the first"
    assert_in_step()


@pytest.mark.django_db(transaction=True)
def test_two_contacts_refreshed_at_once_lose_no_count(hot: ChannelLabel) -> None:
    """Differences to the day sums are appended, so nobody overwrites what another wrote."""
    contacts = PersonFactory.create_batch(12)
    for contact in contacts:
        put_on(contact, hot, 0, 90000)

    def work(mine: list[Contact]) -> None:
        try:
            for contact in mine:
                with transaction.atomic():
                    refresh(contact)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(contacts[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_in_step()
    assert sum(LabelDay.objects.filter(scope=0).values_list("added", flat=True)) == 12


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_many_contacts_are_brought_in_step_a_few_at_a_time(hot: ChannelLabel, chunk: int) -> None:
    contacts = PersonFactory.create_batch(5)
    for number, contact in enumerate(contacts):
        put_on(contact, hot, number, number + 5000)
    assert projections.refresh([contact.pk for contact in contacts], chunk=chunk) == 15
    assert summed("added") == 5
    assert_in_step()


def test_the_zone_of_days_is_the_business(contact: Contact, hot: ChannelLabel) -> None:
    """A request in another time zone must not move a count to another day."""
    assert settings.TIME_ZONE == "Asia/Jakarta"
    put_on(contact, hot, 12 * 3600)
    with timezone.override("America/New_York"):
        refresh(contact)
    assert LabelDay.objects.filter(scope=0).get().day == date(2026, 3, 3)
