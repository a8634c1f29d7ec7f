"""One office's week, as facts that no gateway has touched yet, and what must be known when it is over."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.adversarial.number import MON, phone

CUSTOMERS, CHANGES = 60, 300
LABELS = {"1": "Pertanyaan baru", "2": "Prospek dingin", "3": "Hot", "4": "Menunggu pembayaran", "5": "Lunas"}
NOT_PEOPLE = ("120363000000000001@g.us", "1700000000@broadcast", "120363000000000002@newsletter", "status@broadcast")


@dataclass(frozen=True)
class Fact:
    """`what` is "on", "off", "name", "gone", "message label" or "message"; `who` is a number's digits or a JID."""

    at: datetime
    what: str
    label: str = ""
    who: str = ""
    name: str = ""


def lid_of(n: int) -> str:
    return f"{210900000000000 + n}@lid"


def week(*, seed: int = 7) -> list[Fact]:
    """About three hundred changes in order of time, whole minutes apart, no two at one time.

    Customers 0-9 are addressed by LID until Wednesday's message tells their phone. Label 2 is renamed, label 3 is
    deleted and its id lives again under another name.
    """
    source = random.Random(seed)
    times = iter([MON + timedelta(minutes=n) for n in range(1, CHANGES * 8, 7)])
    facts = [Fact(MON, "name", label, name=name) for label, name in LABELS.items()]
    on: set[tuple[int, str]] = set()
    for n in range(CHANGES):
        at = next(times)
        if n == 90:
            facts.append(Fact(at, "name", "2", name="Prospek panas banget"))
        elif n == 150:
            facts.append(Fact(at, "gone", "3"))
            on = {key for key in on if key[1] != "3"}
        elif n == 160:
            facts.append(Fact(at, "name", "3", name="Komplain"))
        elif 150 < n < 160 or n % 37 == 5:
            facts.append(Fact(at, "on", "1", who=source.choice(NOT_PEOPLE)))
        elif n % 41 == 7:
            facts.append(Fact(at, "message label", "4", who=phone(source.randrange(CUSTOMERS))))
        elif 100 <= n < 110:
            facts.append(Fact(at, "message", who=phone(n - 100)))
        else:
            key = (source.randrange(CUSTOMERS), source.choice(list(LABELS)))
            on ^= {key}
            who = lid_of(key[0]) if key[0] < 10 and n < 100 else phone(key[0])
            facts.append(Fact(at, "on" if key in on else "off", key[1], who=who))
    return facts


Span = tuple[datetime, datetime | None]


def intervals(facts: list[Fact]) -> dict[tuple[str, str], list[Span]]:
    """What every number should know: (phone, label id) to its intervals. The obvious way, one fact after another."""
    phones = {lid_of(n): phone(n) for n in range(10)}
    found: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for fact in sorted(facts, key=lambda fact: fact.at):
        if fact.who in NOT_PEOPLE:
            continue
        key = ("+" + phones.get(fact.who, fact.who), fact.label)
        if fact.what == "on":
            found[key].append((fact.at, None))
        elif fact.what == "off":
            found[key][-1] = (found[key][-1][0], fact.at)
        elif fact.what == "gone":
            for (_, label), spans in found.items():
                if label == fact.label and spans and spans[-1][1] is None:
                    spans[-1] = (spans[-1][0], fact.at)
    return {key: spans for key, spans in found.items() if spans}
