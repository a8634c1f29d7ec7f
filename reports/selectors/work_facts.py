"""Facts of how agents work: first replies, labels put on in masses, and labels that went back and forth.

docs/metrics.md, "CS quality" (First reply) and "Label activity" (Batch, Flip-flop).
"""

from __future__ import annotations

from datetime import timedelta

from contacts.selectors.counting import COUNTS
from reports.selectors import owners
from reports.selectors.facts import Facts
from reports.selectors.questions import Question

BATCH = 15  # so many labels
BATCH_WINDOW = timedelta(minutes=5)
# A batch that began so long before the period is looked for no further back.
BATCH_LOOK_BACK = timedelta(days=1)
BACK_WITHIN = timedelta(days=7)

PARAMETERS = {
    "batch": BATCH,
    "batch_window": BATCH_WINDOW,
    "batch_look_back": BATCH_LOOK_BACK,
    "back_within": BACK_WITHIN,
}
"""The values that these facts ask for besides those of the question."""

ARRIVALS = """
    SELECT DISTINCT ON (o.agent_id, k.contact_id) o.agent_id AS who, k.contact_id, k.channel_id,
           k.first_inbound_at AS at, k.last_outbound_at
    FROM owned o
    JOIN contacts_contactchannel k ON k.channel_id = o.channel_id
     AND k.first_inbound_at >= o.since AND k.first_inbound_at < o.until
     AND (NOT k.has_history OR k.first_live_inbound_at = k.first_inbound_at)
    JOIN contacts_contact c ON c.id = k.contact_id AND c.deleted_at IS NULL
    ORDER BY o.agent_id, k.contact_id, k.first_inbound_at, k.channel_id
"""
"""Contacts whose first message in on a channel came while the agent owned it, over `owners.OWNED`.

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
        expressions=[question.filtered.spells()],
        query=f"""
            SELECT who, contact_id, label_id, at,
                   is_full AND at > coalesce(max(until) OVER (
                       PARTITION BY who ORDER BY at, contact_id, label_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '-infinity') AS is_first,
                   at < max(until) OVER (PARTITION BY who ORDER BY at) AS is_in
            FROM (
                SELECT *, held >= %(batch)s AS is_full,
                       CASE WHEN held >= %(batch)s THEN at + %(batch_window)s END AS until
                FROM (
                    SELECT s.agent_id AS who, s.contact_id, s.label_id, s.started_at AS at,
                           count(*) OVER (PARTITION BY s.agent_id ORDER BY s.started_at RANGE BETWEEN CURRENT ROW
                               AND {_WINDOW} FOLLOWING) AS held
                    FROM spell s
                    WHERE NOT s.found AND s.agent_id IS NOT NULL AND s.started_at >= %(start)s - %(batch_look_back)s
                      AND s.started_at < %(end)s + %(batch_window)s
                ) AS label
            ) AS label
        """,  # noqa: S608 - SQL from this module
        counts={"batches": f"{_PERIOD} AND is_first", "batch_labels": f"{_PERIOD} AND is_in"},
    )


_PERIOD = "at >= %(start)s AND at < %(end)s"
# The window's last moment is not in it; times have microseconds.
_WINDOW = "%(batch_window)s - interval '1 microsecond'"


def flip_flops(question: Question) -> Facts:
    """Returns to the stage, or to the label of an exclusive group, that a contact had before the last change.

    Credited to who made the return; one by a found or a lost label is nobody's. A return that is both, of the stage
    and in its group, is one. Labels and labellers choose returns, by the label returned to.
    """
    narrowed = "AND label_id = ANY(%(labels)s::bigint[])" if question.filters.labels is not None else ""
    if question.filters.agents is not None:
        narrowed += " AND who = ANY(%(agents)s::bigint[])"
    if question.filters.certain:
        narrowed += f" AND {_CERTAIN}"
    return Facts(
        expressions=[
            question.filtered.stays(),
            question.filtered.clean("member", labels=False, certain=False),
            question.filtered.clean("chosen"),
            *_MEMBERS,
        ],
        query=f"""
            SELECT DISTINCT ON (contact_id, label_id, at) who, contact_id, label_id, at
            FROM ({_RETURNS}) AS back
            WHERE {_PERIOD} {narrowed} ORDER BY contact_id, label_id, at, who
        """,  # noqa: S608 - SQL from this module
        counts={"flip_flops": "true"},
    )


# Put on by a known labeller; who took a label off is not a labeller.
_CERTAIN = """
    EXISTS (SELECT FROM chosen c WHERE c.contact_id = back.contact_id AND c.label_id = back.label_id
            AND c.started_at = back.at)
"""
# Whoever could have come back: the way there, or the way back, began with a label that was put on so lately. Read along
# the index of starts, this spares the histories of everybody else.
_RECENT = """
    recent AS MATERIALIZED (
        SELECT DISTINCT contact_id FROM member
        WHERE started_at >= %(start)s - %(back_within)s AND started_at < %(end)s
    )
"""
# Of each contact and exclusive group: at each change the label that came last, of those on.
_MEMBERS = (
    _RECENT,
    """
    grouped AS MATERIALIZED (
        SELECT s.contact_id, l.exclusive_group AS of, s.label_id, s.agent_id, s.started_at, s.ended_at, s.removed_by_id
        FROM recent JOIN member s USING (contact_id) JOIN labels_label l ON l.id = s.label_id
        WHERE l.exclusive_group <> ''
    )
    """,
    """
    moment AS MATERIALIZED (
        SELECT contact_id, of, started_at AS at FROM grouped WHERE started_at < %(end)s
        UNION
        SELECT contact_id, of, ended_at FROM grouped WHERE ended_at < %(end)s
    )
    """,
    """
    top AS (
        SELECT DISTINCT ON (m.contact_id, m.of, m.at) m.contact_id, m.of, m.at, s.label_id, s.agent_id, s.started_at
        FROM moment m
        JOIN grouped s ON s.contact_id = m.contact_id AND s.of = m.of AND s.started_at <= m.at
         AND (s.ended_at IS NULL OR s.ended_at > m.at)
        ORDER BY m.contact_id, m.of, m.at, s.started_at DESC, s.label_id
    )
    """,
)
# Who made a return by taking the other label off; whoever put this one on did nothing then.
_TAKEN_OFF = """
    (SELECT min(e.removed_by_id) FROM grouped e
     WHERE e.contact_id = change.contact_id AND e.of = change.of AND e.ended_at = change.at
       AND e.label_id = change.before)
"""
_STEPS = """
    SELECT *, lag(label_id) OVER own AS before, lag(label_id, 2) OVER own AS before_that, lag(at) OVER own AS left_at
    FROM ({changes}) AS change WINDOW own AS (PARTITION BY contact_id, of ORDER BY at)
"""
_CHANGES = """
    SELECT * FROM (
        SELECT *, lag(label_id) OVER (PARTITION BY contact_id, of ORDER BY at) IS DISTINCT FROM label_id AS is_new
        FROM ({members}) AS member
    ) AS member WHERE is_new
"""
_STAGES = """
    SELECT contact_id, '' AS of, started_at AS at, label_id, agent_id FROM recent JOIN stay USING (contact_id)
    WHERE started_at < %(end)s
"""
_RETURN = "before_that = label_id AND at - left_at < %(back_within)s"
_RETURNS = f"""
    SELECT contact_id, label_id, at, agent_id AS who
    FROM ({_STEPS.format(changes=_CHANGES.format(members=_STAGES))}) AS change WHERE {_RETURN}
    UNION ALL
    SELECT contact_id, label_id, at, CASE WHEN started_at = at THEN agent_id ELSE {_TAKEN_OFF} END AS who
    FROM ({_STEPS.format(changes=_CHANGES.format(members="SELECT * FROM top"))}) AS change WHERE {_RETURN}
"""  # noqa: S608 - SQL from this module
