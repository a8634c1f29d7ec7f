"""Regular expressions that people write for first messages, held to what cannot run away.

Python's engine goes back and tries again, and a careless pattern may try for years on one message: `(a+)+b` does. The
drain would stand still meanwhile, and nothing can interrupt it. So a pattern is read before it is kept, and the ways
it can go through a text are counted from its structure: a choice adds its branches, what follows one another
multiplies, and what repeats does both. A way costs as many steps as it is long. Above `MOST_WAYS`, or `MOST_STEPS` in
all of them, it is refused. With texts cut at `LONGEST_TEXT` every accepted pattern is decided within two seconds,
on any text; a usual one within microseconds.

Look-arounds, references to groups and flags are refused: nobody needs them to recognise a code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

LONGEST_PATTERN = 200
LONGEST_TEXT = 250  # characters of a message that are looked at
MOST_WAYS = 65_000  # two parts without a limit, such as ".*", and a little more
MOST_STEPS = 3_000_000  # of these two and 40 letters around them; about 0.3 µs each, measured
# No word goes on across it: there is no letter and no digit on one of its sides. Of "_" Python thinks otherwise.
_EDGE = r"(?:(?<![^\W_])|(?![^\W_]))"


class PatternRefused(ValueError):
    """A pattern that is not kept; `code` says why: broken, long, runaway, empty or feature."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code, self.detail = code, detail


def check(pattern: str) -> None:
    """Raises PatternRefused for a pattern that is broken, could run away, or says nothing.

    >>> check(r"kaos ?\\d{1,3}")
    >>> check("(a+)+b")
    Traceback (most recent call last):
    contacts.rules.patterns.PatternRefused: runaway
    """
    if len(pattern) > LONGEST_PATTERN:
        raise PatternRefused("long")
    try:
        tree = parser.parse(pattern)
        re.compile(_whole(pattern))
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternRefused("broken", str(error)) from error
    if tree.state.flags & ~re.UNICODE.value:
        raise PatternRefused("feature")
    ways = _ways(tree)
    if ways > MOST_WAYS or ways * _steps(tree) > MOST_STEPS:
        raise PatternRefused("runaway")
    if tree.getwidth()[0] == 0:
        raise PatternRefused("empty")


def compiled(pattern: str, *, whole_words: bool) -> re.Pattern[str]:
    """A checked pattern, ready for folded texts; `whole_words`: what it finds begins and ends where words do.

    `re` keeps what it compiled.
    """
    return re.compile(_whole(pattern) if whole_words else pattern, re.IGNORECASE)


def find(pattern: str, folded_text: str, *, whole_words: bool) -> str | None:
    """The first part of a folded text that a checked pattern finds; None when there is none."""
    found = compiled(pattern, whole_words=whole_words).search(folded_text[:LONGEST_TEXT])
    return found[0] if found else None


def _whole(pattern: str) -> str:
    return f"{_EDGE}(?:{pattern}){_EDGE}"


def _ways(tree: Any) -> int:
    """In how many ways what was parsed can go through a text of LONGEST_TEXT characters, at most MOST_WAYS + 1."""
    ways = 1
    for op, value in tree:
        ways = min(ways * _ways_of(op, value), MOST_WAYS + 1)
    return ways


def _ways_of(op: Any, value: Any) -> int:
    if op in _SINGLE:
        return 1
    if op not in _WAYS:
        raise PatternRefused("feature")
    return _WAYS[op](value)


def _of_group(value: Any) -> int:
    _number, flags_on, flags_off, body = value
    if flags_on or flags_off:
        raise PatternRefused("feature")
    return _ways(body)


def _of_repeat(value: Any) -> int:
    """Once for each number of times, with all the ways of each time."""
    least, most, body = value
    each = _ways(body)
    most = min(int(most), max(int(least), LONGEST_TEXT))
    if each == 1:
        return most - int(least) + 1
    total, power = 0, 1
    for times in range(most + 1):
        total += power if times >= least else 0
        power *= each
        if max(total, power if times < most else 0) > MOST_WAYS:
            return MOST_WAYS + 1
    return total


def _steps(tree: Any) -> int:
    """How many steps of the engine the longest way through what was parsed takes, whatever the text is."""
    return sum(1 if op in _SINGLE else _STEPS[op](value) for op, value in tree)


def _steps_of_repeat(value: Any) -> int:
    _least, most, body = value
    most = min(int(most), LONGEST_TEXT)
    if [op in _SINGLE for op, _ in body] == [True]:
        return most if _least == most else 1  # the engine runs over letters without a step for each
    return most * (_steps(body) + _REPEATED)


_GROUP, _REPEATED = 4, 2  # steps that a group costs, and each time that more than a letter is repeated
_SINGLE = {ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN, ops.AT, ops.RANGE, ops.CATEGORY}
_WAYS: dict[Any, Callable[[Any], int]] = {
    ops.SUBPATTERN: _of_group,
    ops.BRANCH: lambda value: sum(map(_ways, value[1])),
    ops.MAX_REPEAT: _of_repeat,
    ops.MIN_REPEAT: _of_repeat,
}
_STEPS: dict[Any, Callable[[Any], int]] = {
    ops.SUBPATTERN: lambda value: _steps(value[3]) + _GROUP,
    ops.BRANCH: lambda value: max(map(_steps, value[1])),
    ops.MAX_REPEAT: _steps_of_repeat,
    ops.MIN_REPEAT: _steps_of_repeat,
}
