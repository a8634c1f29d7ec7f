"""Who waits for an answer (docs/metrics.md, "Unanswered"): by whose the number is now."""

from __future__ import annotations

from contacts.selectors.unanswered import AFTER, WAITS
from reports.selectors.agents import brought
from reports.selectors.facts import Facts
from reports.selectors.questions import Question


def facts_of(question: Question) -> Facts:
    """Contacts whose last message on a number is theirs and older than AFTER, each once for each owner.

    What they wrote before the number was connected was read by nobody here. `then_channel` and `then_agent` say whose a
    number is (`owners.then`).
    """
    narrowed = " AND k.channel_id = ANY(%(channels)s::bigint[])" if question.filters.channels is not None else ""
    return Facts(
        query=f"""
            SELECT o.agent_id AS who, k.contact_id, NULL::bigint AS label_id, max(k.last_inbound_at) AS at
            FROM unnest(%(then_channel)s::bigint[], %(then_agent)s::bigint[]) AS o (channel_id, agent_id)
            JOIN contacts_contactchannel k ON k.channel_id = o.channel_id AND {WAITS}
            JOIN contacts_contact c ON c.id = k.contact_id AND c.deleted_at IS NULL
            WHERE true {narrowed}
            GROUP BY o.agent_id, k.contact_id
        """,  # noqa: S608 - SQL from this package
        counts={"unanswered": "true"},
    )


def sources(question: Question) -> dict[str, Facts]:
    """The facts by their count, as the report of agents has its own."""
    found = brought(question, facts_of(question))
    return dict.fromkeys(found.counts, found)


PARAMETERS = {"unanswered_after": AFTER}
"""The values that these facts ask for besides those of the report of agents."""
