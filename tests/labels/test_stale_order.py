"""The stale list finds the most urgent by sums and by indexes: as if it had read and sorted all there is."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
import time_machine
from django.db.models import QuerySet

from contacts.models import Contact, ContactChannel
from contacts.selectors.viewing import viewer_of
from labelcrm.core.viewer import Viewer
from labels.models import CleanSpell, Label, StaleFlag, StaleSum
from labels.selectors import stale_contacts
from labels.selectors.stale_contacts import (
    AGE,
    DAY,
    EPOCH,
    FEW_SEEN,
    NEAR,
    SILENCE,
    URGENCY,
    Part,
    Place,
    count,
    value_of,
)
from labels.services import canonical, merging, staleness
from reports.selectors.home import open_stale
from tests.factories import AgentFactory, ChannelFactory, ContactFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 20, 3, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PEOPLE = 30


@pytest.fixture(autouse=True)
def _at_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(params=range(2))
def world(request: pytest.FixtureRequest) -> random.Random:
    """Two teams that share contacts; up to four stale labels each, many of one moment, some of an archived contact."""
    dice = random.Random(request.param)
    labels = list(Label.objects.filter(stale_after_days__isnull=False).order_by("pk"))
    channels = [ChannelFactory(team=TeamFactory()) for _ in range(2)]
    agents = [AgentFactory(team=channel.team) for channel in channels]
    for _ in range(PEOPLE):
        seen = NOW - timedelta(days=dice.choice((300, 300, dice.randrange(1, 300))))
        contact = ContactFactory(first_seen_at=seen, deleted_at=NOW if dice.random() < 0.05 else None)
        for channel in dice.choice((channels[:1], channels[1:], channels)):
            ContactChannel.objects.create(contact=contact, channel=channel, first_seen_at=seen)
        for label in dice.sample(labels, dice.choice((1, 1, 2, 3, 4))):
            limit = dice.choice((label.stale_after_days or 1, 3))
            over = dice.choice((timedelta(days=5), timedelta(days=9), timedelta(seconds=dice.randrange(1, 10**7))))
            number = dice.randrange(2)
            clock = NOW - over - timedelta(days=limit)
            StaleFlag.objects.create(
                contact=contact, label=label, owner=dice.choice((agents[number], None)), spell_started_at=clock,
                clock_started_at=clock, limit_days=limit, worth=value_of(label), flagged_at=NOW,
                escalated_at=dice.choice((NOW, None)),
            )  # fmt: skip
            CleanSpell.objects.create(
                contact=contact, label=label, channel=channels[number], started_at=clock, found=False, method="roster"
            )
    return dice


def slowly(flags: QuerySet[StaleFlag], order: str) -> list[int]:
    """Who comes after whom, from the definition."""
    scores: dict[int, list[int]] = defaultdict(list)
    for flag in flags.select_related("label", "contact"):
        said = (flag.contact.first_seen_at, flag.contact.last_inbound_at, flag.contact.last_outbound_at)
        scores[flag.contact_id].append(
            {
                URGENCY: max(NOW - flag.clock_started_at - timedelta(days=flag.limit_days), timedelta())
                // MICROSECOND
                * value_of(flag.label),
                AGE: (NOW - flag.clock_started_at) // MICROSECOND,
                SILENCE: (NOW - max(at for at in said if at)) // MICROSECOND,
            }[order]
        )
    score = {contact: (sum if order == URGENCY else max)(each) for contact, each in scores.items()}
    return sorted(score, key=lambda contact: (score[contact], contact), reverse=True)


def walked(flags: QuerySet[StaleFlag], viewer: Viewer, order: str, part: Part) -> list[int]:
    """Everybody, page by page to the end and back again."""

    def turn(place: Place, *, forward: bool) -> tuple[list[Any], bool]:
        return stale_contacts.page(flags, viewer=viewer, place=place, size=5, forward=forward, order=order, part=part)

    pages, place, more = [], Place(NOW), True
    while more:
        lines, more = turn(place, forward=True)
        pages.append([line.contact.pk for line in lines])
        place = Place(NOW, lines[-1].score, lines[-1].contact.pk) if lines else place
        firsts = [Place(NOW, lines[0].score, lines[0].contact.pk)] if lines else []
    for page in pages[-2::-1]:
        lines, more = turn(firsts[0], forward=False)
        assert [line.contact.pk for line in lines] == page
        firsts = [Place(NOW, lines[0].score, lines[0].contact.pk)]
    assert len(pages) < 2 or not more
    return [pk for page in pages for pk in page]


FILTERS: dict[str, Callable[[QuerySet[StaleFlag]], QuerySet[StaleFlag]]] = {
    "all": lambda flags: flags,
    "a label": lambda flags: flags.filter(label=flags.order_by("pk").values("label")[:1]),
    "a CS": lambda flags: flags.filter(owner__isnull=False),
    "the old": lambda flags: flags.filter(clock_started_at__lt=NOW - timedelta(days=40)),
    "the old with the lead": lambda flags: flags.filter(
        escalated_at__isnull=False, clock_started_at__lt=NOW - timedelta(days=12)
    ),
    "nobody": lambda flags: flags.filter(contact=0),
}


@pytest.mark.usefixtures("world")
def test_every_order_equals_a_sort_of_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    team = ContactChannel.objects.order_by("channel").last()
    assert team is not None
    users = (
        UserFactory(role="owner"),
        UserFactory(role="cs_lead", teams=[team.channel.team]),
        UserFactory(role="cs_lead"),
    )
    for viewer, (name, narrow), order in product(map(viewer_of, users), FILTERS.items(), (URGENCY, AGE, SILENCE)):
        flags = narrow(open_stale(viewer))
        expected = slowly(flags, order)
        assert bool(expected) == (bool(viewer.everything or viewer.teams) and name != "nobody")
        for part, near in product([Part.MANY, *([Part.ALL] if name == "all" else [Part.FEW])], (NEAR, (3, 12))):
            monkeypatch.setattr("labels.selectors.stale_contacts.NEAR", near)
            monkeypatch.setattr("labels.selectors.stale_contacts.FEW_SEEN", FEW_SEEN if near == NEAR else 0)
            assert walked(flags, viewer, order, part) == expected, (name, order, part, near)


@pytest.mark.usefixtures("world")
def test_counts_equal_counting_one_by_one() -> None:
    viewer = viewer_of(UserFactory(role="owner"))
    flags = list(open_stale(viewer))
    counted = count(open_stale(viewer))
    assert (counted.contacts, counted.labels) == (len({flag.contact_id for flag in flags}), len(flags))
    assert counted.escalated == sum(flag.escalated_at is not None for flag in flags)
    for column, found in (("owner_id", counted.per_owner), ("label_id", counted.per_label)):
        each: dict[int, set[int]] = defaultdict(set)
        for flag in flags:
            each[getattr(flag, column)].add(flag.contact_id)
        each.pop(None, None)  # type: ignore[call-overload]
        assert found == {pk: len(contacts) for pk, contacts in each.items()}
    assert count(open_stale(viewer_of(UserFactory(role="cs_lead")))).contacts == 0


def added_up() -> dict[int, tuple[int, int, int]]:
    sums: dict[int, tuple[int, int, int]] = {}
    for flag in StaleFlag.objects.filter(closed_at=None):
        due = flag.worth * ((flag.clock_started_at - EPOCH) // MICROSECOND + flag.limit_days * DAY)
        flags, worth, before = sums.get(flag.contact_id, (0, 0, 0))
        sums[flag.contact_id] = (flags + 1, worth + flag.worth, before + due)
    return sums


def kept() -> dict[int, tuple[int, int, int]]:
    return {row.contact_id: (row.flags, row.worth, row.due) for row in StaleSum.objects.all()}


def test_sums_follow_whatever_happens_to_flags(world: random.Random) -> None:
    owner = UserFactory(role="owner")
    people = list(Contact.objects.order_by("pk"))
    assert kept() == added_up() != {}
    label = Label.objects.get(name="Grade B")
    label = canonical.update_label(label, actor=owner, origin="test", high_quality=True)
    assert kept() == added_up()
    assert set(StaleFlag.objects.filter(label=label).values_list("worth", flat=True)) == {value_of(label)} == {6}
    for flag in world.sample([*StaleFlag.objects.filter(contact__in=people)], 5):
        staleness.snooze(contact=flag.contact, label=flag.label, actor=owner, reason="still right")
    assert kept() == added_up()
    with time_machine.travel(later := NOW + timedelta(days=3), tick=False):
        staleness.flag_stale(later)
        assert kept() == added_up()
        record = merging.merge(survivor_id=people[0].pk, merged_id=people[1].pk, reason="test", actor=owner)
        assert kept() == added_up()
        merging.unmerge(record=record, actor=owner)
        assert kept() == added_up()
    StaleFlag.objects.update(worth=2, limit_days=1)
    assert kept() == added_up()
    StaleFlag.objects.filter(contact=people[3]).delete()
    assert kept() == added_up()
    StaleFlag.objects.update(closed_at=NOW)
    assert kept() == added_up() == {}
    StaleFlag.objects.filter(pk__in=StaleFlag.objects.order_by("-pk").values("pk")[:5]).update(closed_at=None)
    assert kept() == added_up() != {}
