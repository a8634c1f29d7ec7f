"""Facts of how agents work: first replies, labels put on in masses, and labels that went back and forth.

docs/metrics.md, "CS quality" (First reply) and "Label activity" (Batch, Flip-flop).
"""

from __future__ import annotations

from datetime import timedelta

from contacts.selectors.counting import COUNTS, is_living
from reports.selectors import owners
from reports.selectors.facts import Facts
from reports.selectors.questions import Question

BATCH = 15  # so many labels
BATCH_WINDOW = timedelta(minutes=5)
# A batch that began so long before the period is looked for no further back.
BATCH_LOOK_BACK = timedelta(days=1)

PARAMETERS = {
    "batch": BATCH,
    "batch_window": BATCH_WINDOW,
    "batch_look_back": BATCH_LOOK_BACK,
}
"""The values that these facts ask for besides those of the question."""

ARRIVALS = f"""
    SELECT DISTINCT ON (o.agent_id, k.contact_id) o.agent_id AS who, k.contact_id, k.channel_id,
           k.first_inbound_at AS at, k.last_outbound_at
    FROM owned o
    JOIN contacts_contactchannel k ON k.channel_id = o.channel_id
     AND k.first_inbound_at >= o.since AND k.first_inbound_at < o.until
     AND k.first_inbound_at >= %(start)s AND k.first_inbound_at < %(end)s
     AND (NOT k.has_history OR k.first_live_inbound_at = k.first_inbound_at)
    WHERE {is_living("k.contact_id")}
    ORDER BY o.agent_id, k.contact_id, k.first_inbound_at, k.channel_id
"""  # noqa: S608 - SQL from this package
"""Contacts whose first message in on a channel came while the agent owned it, over `owners.OWNED`.

The bounds of the period, in which every stretch lies, tell the planner how few these are.
A contact that arrived on two channels of one agent counts once, by the earlier. Who wrote there before the number was
connected did not arrive while anybody here could have answered.
"""


def first_replies() -> Facts:
    """Contacts who arrived, and the first message out on that channel, whoever wrote it."""
    seconds = "(ORDER BY extract(epoch FROM replied_at - at)::float8) FILTER (WHERE replied_at IS NOT NULL)"
    return Facts(
        expressions=[owners.OWNED],
        query=f"""
            SELECT a.who, a.contact_id, NULL::bigint AS label_id, a.at, reply.replied_at
            FROM ({ARRIVALS}) AS a
            CROSS JOIN LATERAL (
                SELECT min(m.at) AS replied_at FROM contacts_message m
                WHERE a.last_outbound_at >= a.at AND m.contact_id = a.contact_id AND m.channel_id = a.channel_id
                  AND m.from_me AND NOT m.history AND m.{COUNTS} AND m.at >= a.at
            ) AS reply
        """,  # noqa: S608 - SQL from this package
        counts={"first_replied": "replied_at IS NOT NULL", "unreplied": "replied_at IS NULL"},
        measures={
            "first_reply_median_s": f"percentile_cont(0.5) WITHIN GROUP {seconds}",
            "first_reply_p90_s": f"percentile_cont(0.9) WITHIN GROUP {seconds}",
        },
    )


def batches(question: Question) -> Facts:
    """Labels that an agent put on in masses: a row per label, of which one is the first of its batch.

    A window opens with a label and holds those of the next minutes; one with enough of them is a batch, and windows
    that overlap or touch are one.
    """
    return Facts(
        expressions=[question.filtered.spells(), _FULL_WINDOWS, _BATCHES],
        query=f"""
            SELECT s.agent_id AS who, s.contact_id, s.label_id, s.started_at AS at, s.method,
                   row_number() OVER (PARTITION BY b.who, b.since ORDER BY s.started_at, s.contact_id, s.label_id) = 1
                       AS is_first
            FROM batch b
            JOIN spell s ON s.agent_id = b.who AND s.started_at >= b.since AND s.started_at < b.until AND {_PUT_ON}
        """,  # noqa: S608 - SQL from this module
        counts={"batches": f"{_PERIOD} AND is_first", "batch_labels": _PERIOD},
    )


_PERIOD = "at >= %(start)s AND at < %(end)s"
_PUT_ON = """
    NOT s.found AND s.started_at >= %(start)s - %(batch_look_back)s AND s.started_at < %(end)s + %(batch_window)s
"""
# Few windows are full, so all that is done with everything an agent put on is to look as many labels ahead.
_FULL_WINDOWS = f"""
    full_window AS MATERIALIZED (
        SELECT DISTINCT who, since FROM (
            SELECT s.agent_id AS who, s.started_at AS since,
                   lead(s.started_at, %(batch)s - 1) OVER (PARTITION BY s.agent_id ORDER BY s.started_at) AS last_at
            FROM spell s WHERE s.agent_id IS NOT NULL AND {_PUT_ON}
        ) AS label
        WHERE last_at < since + %(batch_window)s
    )
"""  # noqa: S608 - SQL from this module
_BATCHES = """
    batch AS MATERIALIZED (
        SELECT who, min(since) AS since, max(since) + %(batch_window)s AS until
        FROM (
            SELECT *, count(*) FILTER (WHERE apart) OVER (PARTITION BY who ORDER BY since) AS number
            FROM (
                SELECT *, since > lag(since) OVER (PARTITION BY who ORDER BY since) + %(batch_window)s AS apart
                FROM full_window
            ) AS each
        ) AS numbered
        GROUP BY who, number
    )
"""


def flip_flops(question: Question) -> Facts:
    """Returns to the stage, or to the label of an exclusive group, that a contact had before the last change.

    Stays and clean spells are marked where they made one (`labels.rules.returns`). Credited to who made the return; one
    by a found or a lost label is nobody's. A return that is both, of the stage and in its group, is one. Labels and
    labellers choose returns, by the label returned to; who took the other label off is not a labeller.
    """
    narrowed = "AND label_id = ANY(%(labels)s::bigint[])" if question.filters.labels is not None else ""
    if question.filters.agents is not None:
        narrowed += " AND who = ANY(%(agents)s::bigint[])"
    if question.filters.certain:
        narrowed += f" AND {_KNOWN}"
    return Facts(
        expressions=[
            question.filtered.stays(),
            question.filtered.clean("member", labels=False, certain=False),
            question.filtered.clean("chosen"),
        ],
        query=f"""
            SELECT DISTINCT ON (contact_id, label_id, at) who, contact_id, label_id, at
            FROM ({_RETURNS}) AS back
            WHERE {_PERIOD} {narrowed} ORDER BY contact_id, label_id, at, who
        """,  # noqa: S608 - SQL from this module
        counts={"flip_flops": "true"},
    )


_KNOWN = """
    EXISTS (SELECT FROM chosen c WHERE c.contact_id = back.contact_id AND c.label_id = back.label_id
            AND c.started_at = back.at)
"""
_RETURNS = """
    SELECT agent_id AS who, contact_id, label_id, started_at AS at FROM stay WHERE is_return
    UNION ALL
    SELECT agent_id, contact_id, label_id, started_at FROM member WHERE is_return
    UNION ALL
    SELECT removed_by_id, contact_id, return_to_id, ended_at FROM member WHERE return_to_id IS NOT NULL
"""
