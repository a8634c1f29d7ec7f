"""Any story, told in any order, in any cut and more than once, is what somebody sees who walks through it slowly.

Several numbers of several gateways speak of the same people, by phone and by LID; labels are saved, renamed, deleted
and live again; connections fail and replay; LIDs learn their phones somewhere in between. All of it goes through the
receiver, shuffled, in batches of any size, with deliveries and whole rows repeated. Intervals, names and meanings are
then compared with a walk over the story, projections with `tests.labels.oracle`, and everything with a rebuild.
`LABELCRM_STORIES=N` plays N stories, `LABELCRM_STORY=SEED` begins with that one.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import pytest

from contacts.models import Contact, ContactMerge
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAlias, LabelAssignment, LabelEvent
from labels.rules.naming import normalize
from labels.services import merging
from labels.services.canonical import update_label
from labels.services.channel_labels import name_placeholder
from labels.services.rebuilding import rebuild
from tests.adversarial.number import MON, Number
from tests.adversarial.test_crowds import in_threads
from tests.labels.test_projections import assert_in_step
from tests.services_plugin import is_full_run
from tests.webhooks.gateways.payloads import Post
from tests.work import do_work, remap_now
from webhooks.drain import inbox, lanes
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db

FIRST = int(os.environ.get("LABELCRM_STORY", "0"))
STORIES = int(os.environ.get("LABELCRM_STORIES", "60" if is_full_run() else "2"))
GATEWAYS = ("waha", "gowa", "wuzapi", "wuzapi-form", "evolution", "evolution-untimed", "generic")
TEACHING = ("gowa", "generic")  # label posts of these can tell phone and LID at once
REPLAYING = (
    "waha",
    "evolution",
    "evolution-untimed",
    "generic",
)  # the connection's time is told, so that it can come late
LABELS = ("1", "2", "3")
NAMES = ("Grade A", "grade a!", "Hot", "🔥 HOT", "Lunas", "Promo Lebaran", "promo lebaran ", "Komplain")
PEOPLE, HOURS = 5, 6
BURST_AT = timedelta(days=2)  # bursts have days of their own, so that nobody's work falls into their minute


def phone_of(person: int) -> str:
    return f"62813000{person:04}"


def lid_of(person: int) -> str:
    return f"{210000000000000 + person}"


@dataclass(frozen=True, order=True)
class Fact:
    """`what` is "on", "off", "save", "delete", "up" or "down"; `by` is "phone", "lid" or "both"."""

    at: datetime
    what: str
    label: str = ""
    person: int = -1
    by: str = "phone"
    name: str = ""


@dataclass
class Told:
    """One number and all that it tells."""

    number: Number
    facts: list[Fact] = field(default_factory=list)

    def hear(self, fact: Fact) -> None:
        """The receiver hears of `fact`; a number without a clock is heard in the moment itself."""
        answer = self.number.send(self.post(fact))
        assert answer.status in (200, 202), answer.body
        if self.number.hears_only and answer.status == 202:
            InboundEvent.objects.filter(pk=InboundEvent.objects.latest("id").pk).update(received_at=fact.at)

    def post(self, fact: Fact) -> Post:
        say = self.number.say
        if fact.what in ("up", "down"):
            return say.status(working=fact.what == "up", at=fact.at)
        if fact.what == "save":
            return say.label_saved(fact.label, name=fact.name, at=fact.at)
        if fact.what == "delete":
            return say.label_deleted(fact.label, at=fact.at)
        lid = f"{lid_of(fact.person)}@lid"
        chat = lid if fact.by == "lid" else phone_of(fact.person)
        if fact.by != "both":
            return say.label_on_chat(chat, fact.label, on=fact.what == "on", at=fact.at)
        if self.number.gateway == "gowa":
            return say.label_on_chat(chat, fact.label, on=fact.what == "on", at=fact.at, chat_lid=lid)
        kind = "label.added" if fact.what == "on" else "label.removed"
        return say.event(kind, at=fact.at, chat=lid, phone=chat, label={"id": fact.label})


# -- Making a story up ------------------------------------------------------------------------------------------------


def some_work(source: random.Random, gateway: str) -> list[Fact]:
    """Labels put on and taken off within a few hours, most of them at few moments, so that they tie and alternate."""
    moments = [MON + timedelta(seconds=source.randrange(HOURS * 3600)) for _ in range(source.randint(3, 30))]
    facts = []
    for _ in range(source.randint(10, 60)):
        by = source.choice(("phone", "phone", "lid", "both" if gateway in TEACHING else "lid"))
        what, label = source.choice(("on", "on", "off")), source.choice(LABELS)
        facts.append(Fact(source.choice(moments), what, label, source.randrange(PEOPLE), by))
    return facts


def some_definitions(source: random.Random) -> list[Fact]:
    """Names and deletions; no two names of a label at one time, for which of them would be later nobody could say."""
    facts = []
    for label in LABELS:
        named = source.sample(range(HOURS * 3600), source.choice((0, 1, 1, 2, 3)))
        facts += [Fact(MON + timedelta(seconds=at), "save", label, name=source.choice(NAMES)) for at in named]
        gone = [source.randrange(HOURS * 3600) for _ in range(source.choice((0, 0, 0, 1, 1, 2, 3)))]
        facts += [Fact(MON + timedelta(seconds=at), "delete", label) for at in gone]
    return facts


def some_bursts(source: random.Random, number: int) -> list[Fact]:
    """The connection comes up, and a crowd has label 1 in its first minute, some at its very end, some after it."""
    facts = []
    for day in range(source.choice((0, 1, 1, 2))):
        up = MON + BURST_AT * (day + 1) + timedelta(hours=number)
        facts += [Fact(up - timedelta(seconds=source.randrange(1, 600)), "down"), Fact(up, "up")]
        for person in range(source.choice((8, 9, 9, 10, 10, 11, 14))):
            late = timedelta(seconds=source.choice((0, 0, 1, 30, 59, 60)))
            facts.append(Fact(up + late, "on", "1", 100 + person))
        for person in range(source.randrange(3)):
            facts.append(Fact(up + timedelta(seconds=61), "on", "2", 100 + person))
        for person in range(source.randrange(4)):
            facts.append(Fact(up + timedelta(seconds=source.randrange(120)), "off", "1", 100 + person))
    return facts


def make_up(source: random.Random, *, gateways: Sequence[str] = GATEWAYS) -> list[Told]:
    story = []
    for n, gateway in enumerate(source.sample(gateways, source.randint(1, 3))):
        zone = {"timezone": ""} if gateway == "evolution-untimed" else {}
        number = Number(gateway.removesuffix("-untimed"), f"cs{n}", own=f"62812000000{n:02}", agent=f"agen{n}", **zone)
        facts = some_work(source, gateway) + some_definitions(source)
        if gateway in REPLAYING:
            facts += some_bursts(source, n)
        story.append(Told(number, facts))
    return story


# -- Telling it -------------------------------------------------------------------------------------------------------


def tell(story: list[Told], source: random.Random) -> None:
    """Every post of every number, in one order of arrival or another, drained and told again at any moment."""
    arriving = [(told, fact) for told in story for fact in told.facts]
    arriving += source.sample(arriving, len(arriving) // 5)
    late = source.choice((0, 60, 3600, 10**7))  # seconds by which posts may change places
    arriving.sort(key=lambda one: one[1].at.timestamp() + source.uniform(0, late))
    pause = source.choice((1, 5, 30, len(arriving)))
    for told, fact in arriving:
        told.hear(fact)
        if source.random() < 1 / pause:
            drain_some(source.choice(story), source)
        if source.random() < 0.01:
            tell_rows_again(source)
    drain_all(story, source)


def drain_some(told: Told, source: random.Random) -> None:
    lanes.drain_batch(told.number.channel.pk, size=source.choice((1, 2, 7, 1000)))


def drain_all(story: list[Told], source: random.Random) -> None:
    waiting = list(story)
    while waiting:
        told = source.choice(waiting)
        drain_some(told, source)
        if not inbox.has_pending(told.number.channel.pk):
            waiting.remove(told)


def tell_rows_again(source: random.Random) -> None:
    ids = list(InboundEvent.objects.values_list("id", flat=True))
    inbox.replay(InboundEvent.objects.filter(id__in=source.sample(ids, min(len(ids), 20))), actor=None)


# -- Walking through it ----------------------------------------------------------------------------------------------

Life = tuple[datetime | None, datetime | None]  # of a label id: after, up to


def lives(facts: Iterable[Fact]) -> list[Life]:
    """The generations of one label id: a deletion ends one that was alive, and the first deletion ends the first."""
    found: list[Life] = []
    start: datetime | None = None
    alive = False
    for at, now in groupby(sorted(facts, key=lambda fact: fact.at), key=lambda fact: fact.at):
        kinds = {fact.what for fact in now}
        alive = alive or bool(kinds & {"on", "save"})
        if "delete" in kinds and (alive or not found):
            found.append((start, at))
            start, alive = at, False
    return [*found, (start, None)] if alive or not found else found


def generation_of(at: datetime, among: list[Life]) -> int:
    for number, (_, end) in enumerate(among, start=1):
        if end is None or at <= end:
            return number
    return len(among)


def whose(person: int, by: str, linked: set[int]) -> str:
    return lid_of(person) if by == "lid" and person not in linked else f"+{phone_of(person)}"


def found_times(told: Told) -> Callable[[Fact], bool]:
    """Whether an add of this number was found: ten people or more in the minute after the connection came up."""
    windows = []
    for fact in told.facts:
        if fact.what == "up":
            end = fact.at + timedelta(seconds=60)
            crowd = {(f.person, f.label) for f in told.facts if f.what == "on" and fact.at <= f.at <= end}
            if len(crowd) >= 10:
                windows.append((fact.at, end))
    return lambda fact: any(start <= fact.at <= end for start, end in windows)


Row = tuple[str, str, str, int, datetime, datetime | None, str, str, str]


def walk(story: list[Told]) -> list[Row]:
    """(number, contact, label id, generation, added, removed, reason, origin, name) of every interval."""
    linked = {fact.person for told in story for fact in told.facts if fact.by == "both"}
    rows: list[Row] = []
    for told in story:
        was_found = found_times(told)
        for label in LABELS:
            of_label = [fact for fact in told.facts if fact.label == label]
            among = lives(of_label)
            chats: dict[tuple[str, int], list[Fact]] = defaultdict(list)
            for fact in of_label:
                if fact.what in ("on", "off"):
                    generation = generation_of(fact.at, among)
                    if not (among[generation - 1][1] and fact.at > (among[generation - 1][1] or fact.at)):
                        chats[whose(fact.person, fact.by, linked), generation].append(fact)
            for (who, generation), facts in chats.items():
                names = names_of(of_label, among[generation - 1])
                for opener, end, reason in spans(facts, among[generation - 1][1]):
                    origin = "resync" if was_found(opener) else "live"
                    called = name_at(names, end) or f"Label {label} ({told.number.channel.name})"
                    key = (told.number.channel.key, who, label, generation)
                    rows.append((*key, opener.at, end, reason, origin, called))
    return sorted(rows, key=repr)


def spans(facts: list[Fact], deleted: datetime | None) -> list[tuple[Fact, datetime | None, str]]:
    found: list[tuple[Fact, datetime | None, str]] = []
    opener: Fact | None = None
    for fact in sorted(facts, key=lambda fact: (fact.at, fact.what == "off")):
        if fact.what == "on":
            opener = opener or fact
        elif opener is not None:
            found.append((opener, fact.at, "removed"))
            opener = None
    if opener is not None:
        found.append((opener, deleted, "label_deleted" if deleted else ""))
    return found


def names_of(facts: Iterable[Fact], life: Life) -> list[Fact]:
    start, end = life
    return sorted(
        f for f in facts if f.what == "save" and (start is None or f.at > start) and (end is None or f.at <= end)
    )


def name_at(names: list[Fact], end: datetime | None) -> str:
    """The name just before `end`; the first one holds from the beginning."""
    before = [fact for fact in names if end is None or fact.at < end] or names[:1]
    return before[-1].name if before else ""


def meanings(story: list[Told]) -> set[tuple[str, str, int, str, datetime | None]]:
    """(number, label id, generation, spelling, since) of every named generation: a new spelling is a new meaning."""
    found = set()
    for told in story:
        for label in LABELS:
            of_label = [fact for fact in told.facts if fact.label == label]
            for generation, life in enumerate(lives(of_label), start=1):
                last = None
                for fact in names_of(of_label, life):
                    spelling = normalize(fact.name)
                    if spelling != last:
                        since = None if last is None else fact.at
                        found.add((told.number.channel.key, label, generation, spelling, since))
                    last = spelling
    return found


# -- What is known ----------------------------------------------------------------------------------------------------


def known_intervals() -> list[Row]:
    rows = LabelAssignment.objects.select_related("channel", "contact", "channel_label")
    return sorted(
        (
            (
                row.channel.key, row.contact.phone or row.contact.lid, row.channel_label.external_id,
                row.channel_label.generation, row.added_at, row.removed_at, row.removed_reason, row.origin,
                row.channel_label_name,
            )
            for row in rows
        ),
        key=repr,
    )  # fmt: skip


def known_meanings() -> set[tuple[str, str, int, str, datetime | None]]:
    rows = ChannelLabelMeaning.objects.select_related("channel_label__channel", "label")
    found = set()
    for row in rows:
        label = row.channel_label
        if label.is_placeholder:
            continue
        spelling = normalize(row.name)
        assert LabelAlias.objects.get(normalized=spelling).label_id == row.label_id
        found.add((label.channel.key, label.external_id, label.generation, spelling, row.since))
    return found


def check(story: list[Told]) -> None:
    assert known_intervals() == walk(story)
    told = meanings(story)
    living = set(ChannelLabel.objects.values_list("channel__key", "external_id", "generation"))
    assert known_meanings() == {meaning for meaning in told if meaning[:3] in living}
    assert_in_step()
    assert rebuild(write=False) == 0
    for origin, agent in LabelEvent.objects.values_list("origin", "actor_agent__code").distinct():
        assert (agent is None) == (origin == "resync")
    assert not InboundEvent.objects.filter(state__in=["parked", "pending"]).exists()
    merged = set(ContactMerge.objects.values_list("merged_id", flat=True))
    assert set(Contact.all_objects.filter(deleted_at__isnull=False).values_list("id", flat=True)) == merged


def facts_known() -> dict[str, list[Any]]:
    return {"intervals": known_intervals(), "events": sorted(LabelEvent.objects.values_list("id", "effect", "origin"))}


SEEDS = pytest.mark.parametrize("seed", range(FIRST, FIRST + STORIES))


@SEEDS
def test_any_story_in_any_order_is_what_a_slow_walk_through_it_sees(seed: int) -> None:
    source = random.Random(seed)
    story = make_up(source)
    tell(story, source)
    check(story)
    before = facts_known()
    inbox.replay(InboundEvent.objects.all(), actor=None)
    drain_all(story, source)
    assert facts_known() == before
    assert rebuild(write=False) == 0


def interfere(source: random.Random) -> None:
    """What a person may do at any moment: say what a label means or is called, part two people, move a step."""
    row = ChannelLabel.objects.order_by("?").first()
    label = source.choice(list(Label.objects.filter(step__isnull=False)))
    merge = ContactMerge.objects.filter(undone_at__isnull=True).first()  # the last one: others may stand on it
    deed = source.randrange(4)
    if deed == 0 and row is not None:
        since = source.choice((None, MON + timedelta(seconds=source.randrange(HOURS * 3600))))
        remap_now(channel_label=row, label=label, since=since, actor=None)
    elif deed == 1 and row is not None and row.is_placeholder:
        name_placeholder(channel_label=row, name=source.choice(NAMES), actor=None)
    elif deed == 2 and merge is not None:
        merging.unmerge(record=merge, actor=None)
    else:
        update_label(label, actor=None, origin="admin", step=source.randint(1, 5))
        do_work()


@SEEDS
def test_any_story_in_which_people_interfere_leaves_nothing_to_mend(seed: int) -> None:
    source = random.Random(seed)
    story = make_up(source)
    arriving = [(told, fact) for told in story for fact in told.facts]
    source.shuffle(arriving)
    for told, fact in arriving:
        told.hear(fact)
        if source.random() < 0.2:
            drain_some(source.choice(story), source)
        if source.random() < 0.1:
            interfere(source)
            assert rebuild(write=False) == 0
    drain_all(story, source)
    assert_in_step()
    assert rebuild(write=False) == 0
    assert not InboundEvent.objects.filter(state__in=["parked", "pending"]).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + (STORIES + 3) // 4))
def test_any_story_whose_lanes_are_drained_side_by_side_is_the_same(seed: int) -> None:
    """While all of it arrives, two workers per number, replays, a rebuild and a self-check are at work."""
    source = random.Random(seed)
    # A number without a clock could not be dated before a worker takes what it said.
    story = make_up(source, gateways=[name for name in GATEWAYS if name != "evolution-untimed"])
    arrived = threading.Event()

    def arrive(told: Told) -> None:
        facts = told.facts * 2
        random.Random(f"{seed} {told.number.channel.key}").shuffle(facts)
        for fact in facts:
            told.hear(fact)

    def work(told: Told) -> None:
        while not arrived.is_set() or inbox.has_pending(told.number.channel.pk):
            lanes.drain(told.number.channel.pk, seconds=0)
            time.sleep(0.01)

    def disturb() -> None:
        while not arrived.is_set():
            tell_rows_again(source)
            rebuild(write=True)

    workers = [partial(work, told) for told in story] * 2
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(in_threads, disturb, *workers)
        in_threads(*(partial(arrive, told) for told in story))
        arrived.set()
        others.result()
    check(story)
