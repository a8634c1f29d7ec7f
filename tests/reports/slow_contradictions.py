"""Which labels contradict each other, the slow way: of each contact every two labels, one pair after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from typing import Any

PROSPECT = ("new", "cold", "hot", "grade", "waiting")


@dataclass(frozen=True)
class SlowFinding:
    """Labels of a contact that a rule forbids together, the oldest first; `channel` is that of the oldest."""

    contact: int
    rule: str
    labels: tuple[int, ...]
    since: datetime
    channel: int | None


def findings(slow: Any) -> list[SlowFinding]:
    """All that are open at the end of the period; a filter by label keeps those that it is one of."""
    by_contact: dict[int, list[Any]] = defaultdict(list)
    for spell in slow.outcome:
        by_contact[spell.contact].append(spell)
    found = [finding for spells in by_contact.values() for finding in _of_contact(slow, spells)]
    return [f for f in found if slow.labels is None or slow.labels & set(f.labels)]


def _of_contact(slow: Any, spells: list[Any]) -> Iterator[SlowFinding]:
    pairs: dict[tuple[str, str], list[tuple[Any, Any]]] = defaultdict(list)
    for a, b in permutations([s for s in spells if _on(slow, s)], 2):
        for rule in _broken(slow.label[a.label], slow.label[b.label], older=a.started_at < b.started_at):
            pairs[rule].append((a, b))
        for number, pair in enumerate(slow.pairs):
            if {a.label, b.label} == pair:
                pairs["pair", str(number)].append((a, b))
    found = {rule: _joined(rule[0], those) for rule, those in pairs.items()}
    older = found.get(("older", ""))
    for (rule, _group), finding in found.items():
        won = any(slow.label[pk].meaning == "won" for pk in finding.labels)
        said = older is not None and set(finding.labels) <= set(older.labels)
        by_group = any(set(finding.labels) <= set(f.labels) for (r, _), f in found.items() if r == "exclusive")
        if not (rule in ("exclusive", "pair") and won and said) and not (rule == "pair" and by_group):
            yield finding


def _on(slow: Any, spell: Any) -> bool:
    """ "open at the end of the period", which is now while the period lasts"""
    if slow.end > slow.now:
        return spell.ended_at is None
    return bool(spell.started_at < slow.end and (spell.ended_at is None or spell.ended_at >= slow.end))


def _broken(one: Any, other: Any, *, older: bool) -> Iterator[tuple[str, str]]:
    """The rules that two labels break; `older`: the first was there first."""
    if one.exclusive_group and one.exclusive_group == other.exclusive_group:
        yield ("exclusive", one.exclusive_group)
    if one.meaning in PROSPECT and other.meaning == "won" and older:
        yield ("older", "")
    if (one.meaning, other.meaning) == ("loyal", "new"):
        yield ("loyal_new", "")


def _joined(rule: str, pairs: list[tuple[Any, Any]]) -> SlowFinding:
    spells = sorted({s for pair in pairs for s in pair}, key=lambda s: (s.started_at, s.label))
    since = min(max(a.started_at, b.started_at) for a, b in pairs)
    return SlowFinding(spells[0].contact, rule, tuple(s.label for s in spells), since, spells[0].channel)
