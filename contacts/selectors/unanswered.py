"""Who waits for an answer (docs/metrics.md, "Unanswered"), in SQL and on querysets: one meaning for every list."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from contacts.models import ContactChannel, Message
from contacts.selectors.counting import COUNTS
from labelcrm.core.viewer import Viewer

AFTER = timedelta(hours=1)


def waits(link: str) -> str:
    """Of a contact on a channel: the last message is theirs, waits for over AFTER, and came since it was connected.

    `link` names the row. The first two lines are what the index of who waits holds.
    """
    return f"""
        {link}.last_inbound_at IS NOT NULL
        AND ({link}.last_outbound_at IS NULL OR {link}.last_outbound_at < {link}.last_inbound_at)
        AND {link}.last_inbound_at <= %(now)s - %(unanswered_after)s
        AND (NOT {link}.has_history OR EXISTS (
            SELECT FROM contacts_message m
            WHERE m.contact_id = {link}.contact_id AND m.channel_id = {link}.channel_id
              AND m.at = {link}.last_inbound_at AND NOT m.from_me AND NOT m.history AND m.{COUNTS}))
    """


WAITS = waits("k")


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
