"""Label activity from the sums of whole days, where the filters leave what they sum up.

The sums say the same as the spells they are made of (`labels.services.day_sums`); of a long time, or of all that was
active before it, they cost far less to read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labelcrm.core.bulk import fetch
from labels.rules.scopes import WHOLE
from reports.selectors.filtered_spells import scopes_of
from reports.selectors.questions import Question

# How the sums are put in rows: an expression over a row of sums.
BY_LABEL = "label_id"
BY_SCOPE = "scope"
BY_DAY = "day"
_SUMS = ("added", "mistaps", "found", "removed", "lost")


def are_enough(question: Question) -> bool:
    """Whether sums can answer at all: of whole days, whoever put the labels on and whatever brought the contacts."""
    filters = question.filters
    return question.period.days is not None and not filters.by_opener and filters.campaigns is None


def scope_of(question: Question) -> int | None:
    """The scope that sees what the filter by channel leaves, where one does."""
    if question.filters.channels is None:
        return WHOLE
    scopes = scopes_of(question.filters.channels)["scopes"]
    return scopes[0] if len(scopes) == 1 else None


def changes(question: Question, by: str, *, scopes: Iterable[int]) -> dict[Any, dict[str, int]]:
    """What began and ended in the period, and what was active at its beginning, `active_from`, by row.

    By day, what changed before the period stands under its first day, as what was active then.
    """
    first, last = question.period.days or (None, None)
    row = f"greatest({by}, %(first)s)" if by == BY_DAY else by
    values = {**question.filtered.parameters, "scopes_summed": list(scopes), "first": first, "last": last}
    labels = "AND label_id = ANY(%(labels)s::bigint[])" if question.filters.labels is not None else ""
    found = fetch(_CHANGES.format(row=row, labels=labels), values)
    return {key: dict(zip((*_SUMS, "active_from"), counts, strict=True)) for key, *counts in found}


_IN_PERIOD = ", ".join(f"coalesce(sum({name}) FILTER (WHERE day >= %(first)s), 0)::int" for name in _SUMS)
_CHANGES = f"""
    SELECT {{row}} AS row, {_IN_PERIOD},
           coalesce(sum(added + found - removed - lost) FILTER (WHERE day < %(first)s), 0)::int
    FROM labels_labelday WHERE scope = ANY(%(scopes_summed)s::bigint[]) AND day < %(last)s {{labels}} GROUP BY row
"""  # noqa: S608 - names from this module


def added_again(question: Question) -> dict[int, int]:
    """How many spells of each label were added in the period whose contact had got it in the period before.

    Without them what was added are the contacts who got the label: of two years 30 ms instead of 800.
    """
    return dict(fetch(f"WITH {question.filtered.spells()} {_AGAIN}", question.spell_parameters))


_AGAIN = """
    SELECT label_id, count(*)::int FROM spell
    WHERE added_before >= %(start)s AND started_at >= %(start)s AND started_at < %(end)s GROUP BY label_id
"""
