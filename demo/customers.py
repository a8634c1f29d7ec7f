"""One contact's life: what is said, and what the CS does with labels while it happens.

Two clocks run forward and never back: one of the conversation, one of the labels, because CS label late.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from demo import phrases
from demo.company import (
    AFTER,
    COLD,
    COMPLAINT,
    HIGH,
    HIGH_QUALITY,
    HOT,
    LOW,
    LOYAL,
    MIDDLE,
    NEW,
    STALE_DAYS,
    WAITING,
    WON,
    Number,
    ShopAgent,
    Source,
)
from demo.senders import Ad, ChatAddress, Tag

OPEN_FROM, OPEN_UNTIL = 8, 21  # hours in which CS work, local time
MARGIN = timedelta(hours=3)  # nobody's label is this close to becoming stale when the story ends


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the story plays, and when what happened. All times are aware, in the business's zone."""

    start: datetime
    end: datetime
    handover: datetime
    repaired: datetime
    outage: tuple[datetime, datetime]
    outage_key: str = "marketplace"
    repaired_key: str = "toko-bandung"
    handover_key: str = "tim-malam"

    def agent(self, number: Number, at: datetime) -> ShopAgent:
        """Whose number it is at a time."""
        return number.heir if number.heir is not None and at >= self.handover else number.agent


class Happening(NamedTuple):
    """One thing a gateway tells: a method of its sender, and the words for it."""

    at: datetime
    key: str
    verb: str
    words: dict[str, Any]
    whose: str = ""  # the phone; posts of one customer stay in order


@dataclass(slots=True)
class CustomerLabel:
    """A label on a contact in `[since, until)`; `use` is what it is for, "" for a label of the CS's own."""

    tag: Tag
    use: str
    since: datetime
    by: str
    until: datetime | None = None
    found: bool = False
    mistap: bool = False


@dataclass(slots=True)
class Customer:
    """A contact, with everything that happened."""

    number: Number
    address: ChatAddress
    name: str
    source: Source | None = None
    first_at: datetime | None = None
    opted_out: bool = False
    labels: list[CustomerLabel] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)

    def labels_at(self, at: datetime) -> list[CustomerLabel]:
        """What is on at a time."""
        return [one for one in self.labels if one.since <= at and (one.until is None or one.until > at)]


class Life:
    """Writes a customer's life from the first message on."""

    def __init__(self, draw: random.Random, customer: Customer, calendar: Calendar, *, at: datetime) -> None:
        self.draw, self.customer, self.calendar = draw, customer, calendar
        self.wording = random.Random(f"wording of {customer.address.phone}")  # noqa: S311 - a story, no secret
        self.talk = self.mark = self._reachable(at)
        self.agent = calendar.agent(customer.number, self.talk)
        customer.first_at = self.talk

    def live(self) -> None:
        """From the first message to wherever it leads; what comes after the story's end is cut off by the caller."""
        source = self.customer.source
        assert source is not None
        buys = self.draw.random() < source.buys
        labels = self.draw.random() >= self.agent.never_labels
        self._first_talk(source)
        if labels:
            self._first_labels(buys=buys)
            if self.draw.random() < 0.025:
                self._mistap()
        if buys:
            self._buy(labels=labels)
        elif labels:
            self._give_up()

    # -- Chapters -------------------------------------------------------------------------------------------------

    def _first_talk(self, source: Source) -> None:
        opening = self._choose(phrases.OPENINGS)
        if source.keyword:
            opening = f"Halo kak, saya mau promo {source.keyword}. {opening}"
        self._say(opening, ad=self._ad(source))
        for _ in range(self.draw.choice((1, 1, 1, 2, 2, 3))):
            self._answer(phrases.ANSWERS)
            self._wait_talk(self.draw.expovariate(1 / 25))
            self._say(self._choose(phrases.QUESTIONS))
        if self.draw.random() < 0.9:
            self._answer(phrases.ANSWERS)

    def _first_labels(self, *, buys: bool) -> None:
        self._wait_mark(self._median(self.agent.label_minutes))
        if NEW in self.customer.number.tags:
            self._put(NEW)
            self.mark = max(self.mark, self.talk)
            self._wait_mark(self._median(self.agent.label_minutes / 2))
        grade = self._grade(buys=buys)
        self._put(grade)
        self._take(NEW)
        if self.customer.number.extra and self.draw.random() < 0.08:
            self._add_label(self.customer.number.extra, "")

    def _grade(self, *, buys: bool) -> str:
        """What the CS thinks of this contact, in the words the number has."""
        tags = self.customer.number.tags
        high = self.draw.random() < (self.agent.sees_buyers if buys else self.agent.false_hope)
        if high:
            both = [use for use in (HIGH, HOT) if use in tags]
            return self.draw.choice(both)
        others = [use for use in (MIDDLE, LOW, COLD) if use in tags]
        return self.draw.choice(others)

    def _buy(self, *, labels: bool) -> None:
        self._wait_talk(60 * 24 * self.draw.uniform(0.3, 6))
        self._say(self._choose(phrases.BUYING))
        self._answer(phrases.INVOICES)
        if labels:
            self._follow()
            self._put(WAITING)
            self._take(HIGH, HOT, MIDDLE, LOW, COLD)
        self._wait_talk(60 * 24 * self.draw.uniform(0.1, 2.5))
        self._say(self._choose(phrases.PAID))
        self._answer(phrases.THANKS)
        if labels:
            self._follow()
            self._put(WON)
            self._take(WAITING)
        self._afterwards(labels=labels)

    def _afterwards(self, *, labels: bool) -> None:
        chance = self.draw.random()
        if chance < 0.10:
            self._wait_talk(60 * 24 * self.draw.uniform(4, 12))
            self._say(self._choose(phrases.COMPLAINTS))
            self._answer(phrases.SORRY)
            self._care(COMPLAINT, labels=labels)
        elif chance < 0.28:
            self._wait_talk(60 * 24 * self.draw.uniform(8, 20))
            self._say(self._choose(phrases.AGAIN))
            self._answer(phrases.ANSWERS)
            if labels and LOYAL in self.customer.number.tags:
                self._follow()
                self._put(LOYAL)
        elif chance < 0.40:
            self._care(AFTER, labels=labels)

    def _care(self, use: str, *, labels: bool) -> None:
        if labels and use in self.customer.number.tags:
            self._follow()
            self._put(use)
            self._wait_mark(60 * 24 * self.draw.uniform(0.3, 3))
            self._take(use)

    def _give_up(self) -> None:
        """After some days a good CS takes a prospect off the list or marks it cold, and in the end forgets it."""
        self._wait_mark(60 * 24 * self.draw.uniform(2, 9))
        self._take(HIGH, HOT, MIDDLE, LOW)
        if COLD in self.customer.number.tags and self.draw.random() < 0.5:
            self._put(COLD)
        self._wait_mark(60 * 24 * self.draw.uniform(12, 26))
        self._take(COLD)

    def _mistap(self) -> None:
        """A label that this contact never gets for good, taken off again within two minutes."""
        free = [use for use in (COMPLAINT, LOYAL, AFTER) if use in self.customer.number.tags]
        use = self.draw.choice(free)
        label = self._add_label(self.customer.number.tags[use], use)
        label.mistap = True
        label.until = label.since + timedelta(seconds=self.draw.randint(15, 90))
        self.mark = label.until
        self._tell_label(label.tag, on=False, at=label.until)

    # -- Words and labels -----------------------------------------------------------------------------------------

    def _say(self, text: str, *, from_me: bool = False, ad: Ad | None = None) -> None:
        words = {"chat": self.customer.address, "text": text, "from_me": from_me, "message_id": self._message_id(),
                 "name": self.customer.name, "ad": ad}  # fmt: skip
        self._tell("message", words, at=self.talk)

    def _answer(self, texts: Sequence[str]) -> None:
        self._wait_talk(self._median(self.agent.reply_minutes), at_work=True)
        self._say(self._choose(texts), from_me=True)

    def _choose(self, texts: Sequence[str]) -> str:
        """What is said, in words of this customer's own."""
        meant = self.draw.choice(texts)
        return self.wording.choice((meant, *phrases.OTHERWISE.get(meant, ())))

    def _put(self, use: str) -> None:
        if all(one.until is not None and not one.mistap for one in self.customer.labels if one.use == use):
            self._add_label(self.customer.number.tags[use], use)

    def _add_label(self, tag: Tag, use: str) -> CustomerLabel:
        self._wait_mark(self.draw.uniform(0.1, 0.6))
        by = self.calendar.agent(self.customer.number, self.mark)
        label = CustomerLabel(tag, use, self.mark, by.code)
        self.customer.labels.append(label)
        self._tell_label(tag, on=True, at=self.mark)
        return label

    def _take(self, *uses: str) -> int:
        """Take these labels off, unless the CS forgets; how many came off."""
        taken = 0
        for one in self.customer.labels:
            if one.use in uses and one.until is None and self.draw.random() < self.agent.tidy:
                self._wait_mark(self.draw.uniform(0.1, 0.6))
                one.until = self.mark
                self._tell_label(one.tag, on=False, at=self.mark)
                taken += 1
        return taken

    def _tell_label(self, tag: Tag, *, on: bool, at: datetime) -> None:
        self._tell("label_on_chat", {"chat": self.customer.address, "tag": tag, "on": on}, at=at)

    def _tell(self, verb: str, words: dict[str, Any], *, at: datetime) -> None:
        happening = Happening(at, self.customer.number.key, verb, words, self.customer.address.phone)
        self.customer.happenings.append(happening)

    def _ad(self, source: Source) -> Ad | None:
        if not source.ad_id:
            return None
        return Ad(source.ad_id, source.headline, f"ARAk{self.draw.getrandbits(64):016x}", source.code)

    def _message_id(self) -> str:
        return f"3EB0{self.draw.getrandbits(72):018X}"

    # -- Time -----------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """The label clock catches up with the conversation, as late as this CS is."""
        self.mark = max(self.mark, self.talk)
        self._wait_mark(self._median(self.agent.label_minutes))

    def _wait_talk(self, minutes: float, *, at_work: bool = False) -> None:
        at = self.talk + timedelta(minutes=minutes, seconds=3)
        self.talk = self._at_work(at) if at_work else self._reachable(at)

    def _wait_mark(self, minutes: float) -> None:
        self.mark = self._at_work(self.mark + timedelta(minutes=minutes, seconds=3))

    def _median(self, minutes: float) -> float:
        return self.draw.lognormvariate(0, 0.7) * minutes

    def _at_work(self, at: datetime) -> datetime:
        """The time itself in working hours, else some time after the next opening; never in an outage."""
        if at.hour >= OPEN_UNTIL:
            at += timedelta(days=1)
        if not OPEN_FROM <= at.hour < OPEN_UNTIL or at.hour >= OPEN_UNTIL:
            at = at.replace(hour=OPEN_FROM) + timedelta(minutes=self.draw.uniform(0, 40))
        return self._reachable(at)

    def _reachable(self, at: datetime) -> datetime:
        """Nothing is told while the number is cut off; it is done soon after."""
        start, end = self.calendar.outage
        if self.customer.number.key == self.calendar.outage_key and start <= at < end:
            return end + timedelta(minutes=self.draw.uniform(3, 90))
        return at


def cut(customer: Customer, *, end: datetime) -> None:
    """Forget what would happen after the story's end."""
    customer.happenings = [one for one in customer.happenings if one.at <= end]
    customer.labels = [one for one in customer.labels if one.since <= end]
    for one in customer.labels:
        if one.until is not None and one.until > end:
            one.until = None


def is_borderline(customer: Customer, *, end: datetime) -> bool:
    """Whether minutes decide what is true of the customer at the end: such a life is drawn anew."""
    assert customer.first_at is not None
    ages = [(end - one.since, STALE_DAYS[one.use]) for one in customer.labels_at(end) if one.use in STALE_DAYS]
    if any(abs(age - timedelta(days=days)) < MARGIN for age, days in ages):
        return True
    half_a_mistap = any(one.mistap and one.until is None for one in customer.labels)
    return half_a_mistap or abs(end - customer.first_at - timedelta(hours=1)) < timedelta(minutes=20)


def first_high(customer: Customer) -> CustomerLabel | None:
    """The first high-quality label that somebody put on."""
    marks = (one for one in customer.labels if one.use in HIGH_QUALITY and not one.found and not one.mistap)
    return min(marks, key=lambda one: one.since, default=None)
