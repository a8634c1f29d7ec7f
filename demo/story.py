"""The whole story of Kaos Kita, from a seed: sixty days that end at `until`, and what is true of them.

It is written for a fixed calendar and then moved, so that every count is the same whenever it is played; only the
clock hours move with it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from demo import phrases
from demo.company import (
    AGENTS,
    EXCLUSIVE,
    HIGH,
    LOYAL,
    NUMBERS,
    PROSPECT,
    SOURCES,
    STALE_DAYS,
    WAITING,
    WON,
    Number,
    Source,
)
from demo.customers import Calendar, Customer, CustomerLabel, Happening, Life, cut, first_high, is_borderline
from demo.manifest import AgentTruth, Manifest
from demo.senders import SENDERS, ChatAddress, GatewayAccount, Sender, Tag, WebhookPost

SEED = 20
CONTACTS = 3000
DAYS = 60
ZONE = ZoneInfo("Asia/Jakarta")
END = datetime(2026, 1, 28, 16, 30, tzinfo=ZONE)  # a Wednesday
FOUND_FIRST, FOUND_LATER = 90, 25  # labelled chats that pairings bring to light
GROUPS = ("120363041234567890@g.us", "120363049876543210@g.us")


def _calendar() -> Calendar:
    start = END - timedelta(days=DAYS)
    return Calendar(
        start=start,
        end=END,
        handover=(start + timedelta(days=31)).replace(hour=8, minute=0),
        repaired=(start + timedelta(days=38)).replace(hour=3, minute=12),
        outage=((start + timedelta(days=22)).replace(hour=9, minute=5), (start + timedelta(days=23)).replace(hour=15)),
    )


@dataclass(frozen=True, slots=True)
class Story:
    """Happenings in order of time, and what is true of them."""

    happenings: list[Happening]
    customers: list[Customer]
    manifest: Manifest
    shift: timedelta

    def posts(self, senders: dict[str, Sender]) -> Iterator[tuple[str, datetime, WebhookPost]]:
        """Every webhook post, oldest first: whose it is (posts of one customer stay in order), its time, the post."""
        for one in self.happenings:
            at = one.at + self.shift
            yield one.whose or one.key, at, getattr(senders[one.key], one.verb)(**one.words, at=at)


def tell(*, until: datetime, seed: int = SEED, contacts: int = CONTACTS) -> Story:
    """The story that ends at `until` (aware), with about `contacts` people. The same arguments give the same story."""
    calendar = _calendar()
    customers = [_customer(seed, index, calendar) for index in range(contacts)]
    scale = max(contacts / CONTACTS, 0.15)
    incidents = [*_definitions(calendar), *_first_pairing(seed, customers, calendar, round(FOUND_FIRST * scale)),
                 *_second_pairing(seed, customers, calendar, round(FOUND_LATER * scale)), *_outage(calendar),
                 *_groups(seed, calendar, round(240 * scale)), *_opt_out(seed, customers, calendar),
                 *_twins(seed, customers, calendar)]  # fmt: skip
    happenings = [one for customer in customers for one in customer.happenings] + incidents
    happenings.sort(key=lambda one: one.at)
    shift = until - END
    return Story(happenings, customers, _manifest(seed, customers, happenings, calendar, shift), shift)


def _draw(*parts: object) -> random.Random:
    """Chance that is the same every time, and its own for each customer: one life more changes no other."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - a story, not a secret


def senders_of_numbers(secrets: dict[str, str]) -> dict[str, Sender]:
    """The sender of each number, with the secrets its channel has."""
    return {
        number.key: SENDERS[number.gateway](
            GatewayAccount(
                key=number.key, phone=number.phone, lid=number.lid, secret=secrets[number.key], zone=number.zone
            )
        )
        for number in NUMBERS
    }


# -- Customers --------------------------------------------------------------------------------------------------------


def _customer(seed: int, index: int, calendar: Calendar) -> Customer:
    for attempt in count():
        draw = _draw(seed, index, attempt)
        source = draw.choices(SOURCES, [one.weight for one in SOURCES])[0]
        customer = _stranger(draw, index, _number(draw, source))
        customer.source = source
        Life(draw, customer, calendar, at=_arrival(draw, source, calendar)).live()
        cut(customer, end=calendar.end)
        if customer.happenings and not is_borderline(customer, end=calendar.end):
            return customer
    raise AssertionError("attempts do not end")


def _stranger(draw: random.Random, index: int, number: Number) -> Customer:
    phone = f"628{draw.choice(('12', '13', '21', '22', '52', '57', '77', '78', '95', '96'))}{10_000_000 + index * 7919}"
    lid = f"{200_000_000_000_000 + index * 104_729}" if number.gateway in ("gowa", "wuzapi") and index % 9 == 0 else ""
    first = draw.choice(phrases.FIRST)
    name = draw.choice(phrases.NICK).format(first=first, last=draw.choice(phrases.LAST) or first).strip()
    return Customer(number, ChatAddress(phone, lid), name)


def _number(draw: random.Random, source: Source) -> Number:
    if source.medium == "Instagram" and draw.random() < 0.6:
        return next(number for number in NUMBERS if number.key == "iklan-ig")
    return draw.choices(NUMBERS, [number.share for number in NUMBERS])[0]


def _arrival(draw: random.Random, source: Source, calendar: Calendar) -> datetime:
    """A day of the source's time, at an hour people write: mornings and evenings most, little at night."""
    last = min(source.until, calendar.end - calendar.start)
    day = calendar.start + draw.random() * (last - source.since) + source.since
    hour = draw.choices(range(24), [1, 1, 0, 0, 1, 2, 4, 7, 9, 11, 11, 9, 8, 8, 9, 9, 8, 7, 8, 10, 10, 8, 5, 2])[0]
    at = day.replace(hour=hour, minute=draw.randrange(60), second=draw.randrange(60), microsecond=0)
    first = calendar.start + timedelta(hours=1)
    return at if first <= at <= calendar.end else first + draw.random() * (calendar.end - first)


# -- Incidents --------------------------------------------------------------------------------------------------------


def _definitions(calendar: Calendar) -> Iterator[Happening]:
    """Every number's labels are saved before anybody wears one."""
    for number in NUMBERS:
        own = [tag for tag in (number.extra, number.twin) if tag]
        for place, tag in enumerate([*number.tags.values(), *number.unused, *own]):
            at = calendar.start + timedelta(milliseconds=100 * place)
            yield Happening(at, number.key, "label_saved", {"tag": tag})


def _first_pairing(seed: int, customers: list[Customer], calendar: Calendar, found: int) -> Iterator[Happening]:
    """The first pairing replays the labels of chats from before labelcrm."""
    number = _of_key(calendar.repaired_key)
    at = calendar.start + timedelta(seconds=20)
    yield Happening(at, number.key, "status", {"state": "paired"})
    yield from _replayed(_draw(seed, "first"), customers, number, at, range(found), first_index=50_000)


def _second_pairing(seed: int, customers: list[Customer], calendar: Calendar, found: int) -> Iterator[Happening]:
    """The phone is paired anew one night: everything that is on is told again, and a few that nobody had told."""
    number, at = _of_key(calendar.repaired_key), calendar.repaired
    yield Happening(at - timedelta(minutes=14), number.key, "status", {"state": "stopped"})
    yield Happening(at - timedelta(minutes=3), number.key, "status", {"state": "pairing"})
    yield Happening(at, number.key, "status", {"state": "paired"})
    known = [customer for customer in customers if customer.number is number]
    for place, (customer, label) in enumerate((p, label) for p in known for label in p.labels_at(at)):
        yield _label(customer, label.tag, at=at + timedelta(seconds=2 + place % 45))
    yield from _replayed(_draw(seed, "second"), customers, number, at, range(found), first_index=60_000)


def _replayed(
    draw: random.Random,
    customers: list[Customer],
    number: Number,
    at: datetime,
    places: Iterable[int],
    *,
    first_index: int,
) -> Iterator[Happening]:
    """People known only by a label that a pairing told."""
    for place in places:
        customer = _stranger(draw, first_index + place, number)
        use = draw.choices((WON, LOYAL, HIGH, WAITING), (6, 3, 2, 1))[0]
        seen = at + timedelta(seconds=2 + place % 45)
        customer.labels.append(CustomerLabel(number.tags[use], use, seen, "", found=True))
        customers.append(customer)
        yield _label(customer, number.tags[use], at=seen)


def _label(customer: Customer, tag: Tag, *, at: datetime) -> Happening:
    words = {"chat": customer.address, "tag": tag, "on": True}
    return Happening(at, customer.number.key, "label_on_chat", words, customer.address.phone)


def _outage(calendar: Calendar) -> Iterator[Happening]:
    for at, state in zip(calendar.outage, ("stopped", "working"), strict=True):
        yield Happening(at, calendar.outage_key, "status", {"state": state})


def _groups(seed: int, calendar: Calendar, messages: int) -> Iterator[Happening]:
    """Groups chatter too, and a label is put on one: all of it is nobody's business."""
    draw = _draw(seed, "groups")
    for _ in range(messages):
        at = calendar.start + draw.random() * (calendar.end - calendar.start)
        words = {"chat": draw.choice(GROUPS), "text": draw.choice(phrases.ANSWERS), "from_me": False,
                 "message_id": f"3EB0{draw.getrandbits(72):018X}", "name": "Grup produksi", "ad": None}  # fmt: skip
        yield Happening(at, draw.choice(("toko-bandung", "iklan-ig")), "message", words)
    tag = _of_key("iklan-ig").tags[WAITING]
    yield Happening(END - timedelta(days=9), "iklan-ig", "label_on_chat", {"chat": GROUPS[0], "tag": tag, "on": True})


def _opt_out(seed: int, customers: list[Customer], calendar: Calendar) -> Iterator[Happening]:
    """Somebody who bought long ago wants no more broadcasts, and is told that there will be none."""
    customer = next((one for one in customers if _is_old_buyer(one, calendar)), None)
    if customer is None:
        return
    customer.opted_out = True
    draw, at = _draw(seed, "opt out"), _opt_out_at(calendar)
    for minutes, text, from_me in ((0, phrases.STOP, False), (4, phrases.STOPPED, True)):
        words = {"chat": customer.address, "text": text, "from_me": from_me, "name": customer.name, "ad": None,
                 "message_id": f"3EB0{draw.getrandbits(72):018X}"}  # fmt: skip
        spoken = at + timedelta(minutes=minutes)
        yield Happening(spoken, customer.number.key, "message", words, customer.address.phone)


def _opt_out_at(calendar: Calendar) -> datetime:
    return (calendar.end - timedelta(days=2)).replace(hour=10, minute=12)


def _twins(seed: int, customers: list[Customer], calendar: Calendar) -> Iterator[Happening]:
    """Whoever puts the label of their own on a chat puts the other one that says the same on it too, but for a few."""
    for customer in customers:
        draw, twin = _draw(seed, "twin", customer.address.phone), customer.number.twin
        extra = next((one for one in customer.labels if twin and one.tag == customer.number.extra), None)
        if extra is None or twin is None or draw.random() < 0.04:
            continue
        at = extra.since + timedelta(seconds=draw.randint(4, 20))
        if at <= calendar.end:
            customer.labels.append(CustomerLabel(twin, "", at, extra.by))
            yield _label(customer, twin, at=at)


def _is_old_buyer(customer: Customer, calendar: Calendar) -> bool:
    """Whether all that is on is that they bought, for over 30 days, and nothing has happened since the day before."""
    on = customer.labels_at(calendar.end)
    at = _opt_out_at(calendar)
    bought = [one for one in on if one.use == WON and at - one.since > timedelta(days=30)]
    quiet = all(one.at < at - timedelta(days=1) for one in customer.happenings)
    return customer.first_at is not None and quiet and len(on) == len(bought) == 1


def _of_key(key: str) -> Number:
    return next(number for number in NUMBERS if number.key == key)


# -- What is true -----------------------------------------------------------------------------------------------------


def _manifest(
    seed: int, customers: list[Customer], happenings: list[Happening], calendar: Calendar, shift: timedelta
) -> Manifest:
    def told(at: datetime) -> str:
        return (at + shift).isoformat()

    manifest = Manifest(seed=seed, started_at=told(calendar.start), ended_at=told(calendar.end))
    manifest.agents = {agent.code: AgentTruth() for agent in AGENTS}
    manifest.unused_labels = [f"{number.key}/{tag.id}" for number in NUMBERS for tag in number.unused]
    manifest.twin_labels = [
        (f"{number.key}/{number.extra.id}", f"{number.key}/{number.twin.id}")
        for number in NUMBERS
        if number.extra and number.twin
    ]
    outage_from, outage_to = map(told, calendar.outage)
    manifest.outage = {"number": calendar.outage_key, "from": outage_from, "to": outage_to}
    manifest.resync = {"number": calendar.repaired_key, "first": told(calendar.start + timedelta(seconds=20)),
                       "at": told(calendar.repaired)}  # fmt: skip
    number = _of_key(calendar.handover_key)
    assert number.heir
    manifest.handover = {"number": number.key, "at": told(calendar.handover), "from": number.agent.code,
                         "to": number.heir.code}  # fmt: skip
    _count_happenings(manifest, happenings)
    for customer in customers:
        _count_customer(manifest, customer, calendar)
    return manifest


def _count_happenings(manifest: Manifest, happenings: list[Happening]) -> None:
    manifest.posts = len(happenings)
    for one in happenings:
        if isinstance(one.words.get("chat"), str):
            manifest.ignored += 1
        elif one.verb == "message":
            manifest.messages += 1
        elif one.verb == "label_on_chat":
            manifest.adds += one.words["on"]
            manifest.removes += not one.words["on"]


def _count_customer(manifest: Manifest, customer: Customer, calendar: Calendar) -> None:
    phone, end = customer.address.phone, calendar.end
    manifest.contacts += 1
    manifest.opted_out += [phone] if customer.opted_out else []
    _increase(manifest.contacts_by_number, customer.number.key)
    on = [one for one in customer.labels_at(end) if one.use]
    manifest.stale += [
        (phone, one.use)
        for one in on
        if one.use in STALE_DAYS and end - one.since > timedelta(days=STALE_DAYS[one.use])
    ]
    manifest.mistaps += [(phone, f"{customer.number.key}/{one.tag.id}") for one in customer.labels if one.mistap]
    if _contradicts(on):
        manifest.contradicting.append(phone)
    if customer.first_at is None:
        manifest.found.append(phone)
        return
    if customer.source is not None and customer.source.code:
        _increase(manifest.contacts_by_campaign, customer.source.code)
    _count_for_agent(manifest, customer, calendar)
    if not [one for one in customer.labels if not one.mistap] and end - customer.first_at > timedelta(hours=1):
        manifest.never_labelled.append(phone)


def _count_for_agent(manifest: Manifest, customer: Customer, calendar: Calendar) -> None:
    assert customer.first_at is not None
    receiver = manifest.agents[calendar.agent(customer.number, customer.first_at).code]
    receiver.contacts += 1
    receiver.unlabelled += not customer.labels
    high = first_high(customer)
    if high is None:
        return
    grader = manifest.agents[high.by]
    grader.graded_high += 1
    month = timedelta(days=30)
    if high.since + month <= calendar.end:
        grader.mature += 1
        grader.came_true += any(
            one.use == WON and high.since <= one.since < high.since + month for one in customer.labels
        )


def _contradicts(on: list[CustomerLabel]) -> bool:
    uses = {one.use for one in on}
    won = next((one.since for one in on if one.use == WON), None)
    older = won is not None and any(one.use in PROSPECT and one.since < won for one in on)
    return older or any(len(group & uses) > 1 for group in EXCLUSIVE)


def _increase(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1
