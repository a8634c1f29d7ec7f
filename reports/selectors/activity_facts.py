"""Facts of label activity for reports (docs/metrics.md, "Label activity"): what started, ended and was active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.selectors.facts import Facts, summarize
from reports.selectors.questions import Question
from reports.selectors.row_keys import IDS, KeyType

# Over the columns of a spell; "at t" means just before t.
COUNTS = {
    "added": "at >= %(start)s AND NOT found",
    "mistaps": "at >= %(start)s AND NOT found AND mistap",
    "found": "at >= %(start)s AND found",
    "removed": "ended_at < %(end)s AND NOT lost",
    "lost": "ended_at < %(end)s AND lost",
    "active_from": "at < %(start)s",
    "active_to": "ended_at IS NULL OR ended_at >= %(end)s",
}
CONTACTS = {
    "added_contacts": "count(DISTINCT contact_id) FILTER (WHERE at >= %(start)s AND NOT found)",
    "active_to_contacts": "count(DISTINCT contact_id) FILTER (WHERE ended_at IS NULL OR ended_at >= %(end)s)",
}

# All that started, ended or was active in the period.
_IN_PERIOD = "s.started_at < %(end)s AND (s.ended_at IS NULL OR s.ended_at >= %(start)s)"
_STARTED = "s.started_at >= %(start)s AND s.started_at < %(end)s"
_COLUMNS = "s.contact_id, s.label_id, s.started_at AS at, s.ended_at, s.found, s.lost, s.mistap"


def of_spells(question: Question, who: str, *, key: KeyType = IDS, spells: Sequence[str] = ()) -> Facts:
    """The spells the period meets; `who` says, as an expression over a spell `s`, which row of the report it is in.

    `spells` are the expressions that give the spells, the last of them named `spell`; by default those the filters
    leave.
    """
    return Facts(
        key=key,
        expressions=spells or [question.filtered.spells()],
        query=f"SELECT {who} AS who, {_COLUMNS} FROM spell s WHERE {_IN_PERIOD}",  # noqa: S608
        counts=COUNTS,
        measures=CONTACTS,
    )


def started(
    question: Question, who: str, *, key: KeyType = IDS, spells: Sequence[str] = (), only: str = "true"
) -> Facts:
    """Of `of_spells` those that began in the period, which are few where much is active; `only` chooses of them."""
    return Facts(
        key=key,
        expressions=spells or [question.filtered.spells()],
        query=f"SELECT {who} AS who, {_COLUMNS} FROM spell s WHERE {_STARTED} AND {only}",  # noqa: S608
        counts={name: COUNTS[name] for name in ("added", "mistaps", "found")},
        measures={"added_contacts": CONTACTS["added_contacts"]},
    )


def ended(question: Question, who: str, *, key: KeyType = IDS) -> Facts:
    """Of `of_spells` those that ended in the period, dated when they did."""
    return Facts(
        key=key,
        expressions=[question.filtered.spells()],
        query=f"""
            SELECT {who} AS who, s.contact_id, s.label_id, s.ended_at AS at, s.lost FROM spell s
            WHERE s.ended_at >= %(start)s AND s.ended_at < %(end)s
        """,  # noqa: S608
        counts={"removed": "NOT lost", "lost": "lost"},
    )


def active_at_end(question: Question, who: str) -> Facts:
    """Of `of_spells` those that were active at the end. What is still on and what ended later each have an index."""
    columns = f"{who} AS who, s.contact_id, s.label_id, s.started_at AS at"
    return Facts(
        expressions=[question.filtered.spells()],
        query=f"""
            SELECT {columns} FROM spell s WHERE s.started_at < %(end)s AND s.ended_at IS NULL
            UNION ALL
            SELECT {columns} FROM spell s WHERE s.started_at < %(end)s AND s.ended_at >= %(end)s
        """,  # noqa: S608
        counts={"active_to": "true"},
        measures={"active_to_contacts": "count(DISTINCT contact_id)"},
    )


def counted_in_parts(question: Question, who: str, parameters: Mapping[str, Any]) -> dict[Any, dict[str, Any]]:
    """What `of_spells` counts of each `who`, in three queries that each have an index.

    What was active before is what is active at the end, less what changed since. Of two million spells that are active
    and a few hundred thousand that changed, in half the time.
    """
    found: dict[Any, dict[str, Any]] = {}
    for part in (started(question, who), ended(question, who), active_at_end(question, who)):
        for row, counts in summarize(part, parameters).items():
            found.setdefault(row, {**NOTHING}).update(counts)
    return {row: counts | {"active_from": counts["active_to"] - net(counts)} for row, counts in found.items()}


def removals(question: Question) -> Facts:
    """Live removals in the period, by who did them."""
    return Facts(
        expressions=[question.filtered.spells()],
        query="""
            SELECT s.removed_by_id AS who, s.contact_id, s.label_id, s.ended_at AS at FROM spell s
            WHERE NOT s.lost AND s.ended_at >= %(start)s AND s.ended_at < %(end)s
        """,
        counts={"removed_by": "true"},
    )


def instant_mistaps(question: Question, who: str, *, key: KeyType = IDS) -> Facts:
    """Labels put on and taken off in the same second by the same person: mistaps that make no spell.

    `who` says, as an expression over an interval `a`, which row of the report it is in.
    """
    filters = question.filters
    asked = {
        "a.channel_id = ANY(%(channels)s::bigint[])": filters.channels,
        "a.label_id = ANY(%(labels)s::bigint[])": filters.labels,
        "a.added_by_id = ANY(%(agents)s::bigint[])": filters.agents,
        "c.campaign_id = ANY(%(campaigns)s::bigint[])": filters.campaigns,
        _CERTAIN: filters.certain or None,
    }
    conditions = [condition for condition, wanted in asked.items() if wanted is not None]
    return Facts(
        key=key,
        query=f"""
            SELECT {who} AS who, a.contact_id, a.label_id, a.added_at AS at FROM labels_labelassignment a
            JOIN labels_channellabel w ON w.id = a.channel_label_id AND NOT w.hidden
            JOIN contacts_contact c ON c.id = a.contact_id AND c.deleted_at IS NULL
            WHERE a.added_at >= %(start)s AND a.added_at < %(end)s
              AND a.removed_at - a.added_at < interval '1 second'
              AND date_trunc('second', a.removed_at) = date_trunc('second', a.added_at)
              AND a.origin IN ('live', 'crm') AND a.removed_origin IN ('live', 'crm') AND a.removed_reason = 'removed'
              AND CASE WHEN a.added_by_id IS NULL AND a.removed_by_id IS NULL
                       THEN a.added_by_user_id IS NOT DISTINCT FROM a.removed_by_user_id
                       ELSE a.added_by_id = a.removed_by_id END
              {"".join(f" AND {condition}" for condition in conditions)}
        """,  # noqa: S608 - conditions from this function
        counts={"instant_mistaps": "true"},
    )


def taps(question: Question) -> Facts:
    """All that each agent put on in the period, also what makes no spell, and what of it the same person undid soon."""
    spells, at_once = started(question, "s.agent_id"), instant_mistaps(question, "a.added_by_id")
    return Facts(
        expressions=spells.expressions,
        query=f"""
            SELECT who, contact_id, label_id, at, mistap AS undone FROM ({spells.query}) AS spells WHERE NOT found
            UNION ALL
            SELECT who, contact_id, label_id, at, true FROM ({at_once.query}) AS at_once
        """,  # noqa: S608
        counts={"mistap_rate_n": "true", "mistap_rate_k": "undone"},
    )


_CERTAIN = """
    (a.added_by_method = 'crm_user'
     OR (a.added_by_method = 'channel_owner' AND a.channel_id = ANY(%(single)s::bigint[])))
"""
NOTHING: dict[str, Any] = dict.fromkeys((*COUNTS, *CONTACTS), 0)


def net(found: Mapping[str, Any]) -> int:
    """Added + Found - Removed - Lost: what Active(from) needs to become Active(to)."""
    total: int = found["added"] + found["found"] - found["removed"] - found["lost"]
    return total
