"""Who waits for an answer (docs/metrics.md, "Unanswered"): by whose the number is now."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from contacts.models import ContactChannel, Message
from contacts.selectors.counting import COUNTS
from labelcrm.core.viewer import Viewer
from reports.selectors.agents import brought
from reports.selectors.facts import Facts
from reports.selectors.questions import Question

AFTER = timedelta(hours=1)
# Of a contact on a channel, `k`: the last message is theirs, waits for over AFTER, and came since it was connected.
WAITS = f"""
    k.last_inbound_at > coalesce(k.last_outbound_at, '-infinity')
    AND k.last_inbound_at + %(unanswered_after)s <= %(now)s
    AND (NOT k.has_history OR EXISTS (
        SELECT FROM contacts_message m
        WHERE m.contact_id = k.contact_id AND m.channel_id = k.channel_id AND m.at = k.last_inbound_at
          AND NOT m.from_me AND NOT m.history AND m.{COUNTS}))
"""


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


def waiting_links(viewer: Viewer, *, now: datetime) -> QuerySet[ContactChannel]:
    """The same, on the numbers that a viewer sees: where a contact's last message waits for an answer at `now`."""
    wrote = Message.objects.counted().filter(
        contact=OuterRef("contact"), channel=OuterRef("channel"), at=OuterRef("last_inbound_at"), from_me=False,
        history=False,
    )  # fmt: skip
    open_ended = Q(last_outbound_at__isnull=True) | Q(last_outbound_at__lt=F("last_inbound_at"))
    rows = ContactChannel.objects.filter(
        open_ended, Q(has_history=False) | Exists(wrote), last_inbound_at__lte=now - AFTER
    )
    return rows if viewer.everything else rows.filter(channel__in=viewer.channels)


def sources(question: Question) -> dict[str, Facts]:
    """The facts by their count, as the report of agents has its own."""
    found = brought(question, facts_of(question))
    return dict.fromkeys(found.counts, found)


PARAMETERS = {"unanswered_after": AFTER}
"""The values that these facts ask for besides those of the report of agents."""
