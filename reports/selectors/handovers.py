"""What became of the contacts of a handover: who was answered, moved forward, bought, and who still waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from contacts.selectors.counting import COUNTS
from labelcrm.core.bulk import fetch
from labels.models import Handover
from reports.selectors.questions import label_kinds, of_kind
from reports.selectors.shares import Share, share

WON, FORWARD, ANSWERED, RELABELLED, UNTOUCHED = "won", "forward", "answered", "relabelled", "untouched"
STATES = (UNTOUCHED, RELABELLED, ANSWERED, FORWARD, WON)
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOverRow:
    """One contact with something open: how far it went since, furthest first, and when that was.

    `label` is the one that was furthest along then.
    """

    contact: int
    agent: int
    label: int | None
    is_stale: bool
    is_unanswered: bool
    is_due: bool
    answered_at: datetime | None
    forward_at: datetime | None
    won_at: datetime | None
    relabelled_at: datetime | None

    @property
    def state(self) -> str:
        """One of STATES."""
        reached = {WON: self.won_at, FORWARD: self.forward_at, ANSWERED: self.answered_at,
                   RELABELLED: self.relabelled_at}  # fmt: skip
        return next((state for state, at in reached.items() if at is not None), UNTOUCHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverOutcome:
    """Of the contacts of one receiver (None: of all): how many came how far, and after how many days, in the middle."""

    agent: int | None
    contacts: int
    answered: Share
    forward: Share
    won: Share
    untouched: Share
    answered_days: float | None
    forward_days: float | None
    won_days: float | None


def followed(handover: Handover) -> list[HandedOverRow]:
    """The contacts that had something open, those with whom nothing was done since first, then in their order then."""
    values = {"handover": handover.pk, "at": handover.at, **label_kinds()}
    rows = [HandedOverRow(**dict(zip(_COLUMNS, row, strict=True))) for row in fetch(_FOLLOWED, values)]
    return sorted(rows, key=lambda row: STATES.index(row.state))


def outcomes(handover: Handover, rows: Sequence[HandedOverRow]) -> list[HandoverOutcome]:
    """All together, and then each receiver, who has most first."""
    receivers = {row.agent for row in rows}
    each = [_outcome(handover, [row for row in rows if row.agent == agent], agent) for agent in receivers]
    each.sort(key=lambda one: (-one.contacts, one.agent or 0))
    return [_outcome(handover, rows, None), *each]


def _outcome(handover: Handover, rows: Sequence[HandedOverRow], agent: int | None) -> HandoverOutcome:
    answered, forward, won = ([getattr(row, name) for row in rows] for name in ("answered_at", "forward_at", "won_at"))
    return HandoverOutcome(
        agent=agent,
        contacts=len(rows),
        answered=_share(answered),
        forward=_share(forward),
        won=_share(won),
        untouched=share(sum(row.state == UNTOUCHED for row in rows), len(rows)),
        answered_days=_days(handover, answered),
        forward_days=_days(handover, forward),
        won_days=_days(handover, won),
    )


def _share(moments: Sequence[datetime | None]) -> Share:
    return share(sum(at is not None for at in moments), len(moments))


def _days(handover: Handover, moments: Iterable[Any]) -> float | None:
    waited = [(at - handover.at) / DAY for at in moments if at is not None]
    return median(waited) if waited else None


_COLUMNS = (
    "contact", "agent", "label", "is_stale", "is_unanswered", "is_due", "answered_at", "forward_at", "won_at",
    "relabelled_at",
)  # fmt: skip
_FOLLOWED = f"""
    SELECT h.contact_id, h.to_agent_id, h.label_id, h.is_stale, h.is_unanswered, h.is_due,
           (SELECT min(m.at) FROM contacts_message m
            WHERE m.contact_id = h.contact_id AND m.from_me AND NOT m.history AND m.{COUNTS} AND m.at > %(at)s),
           (SELECT min(s.started_at) FROM labels_stagestay s
            WHERE s.contact_id = h.contact_id AND s.started_at > %(at)s AND NOT s.start_by_repair
              AND s.step > coalesce(h.step, 0)),
           (SELECT min(s.started_at) FROM labels_cleanspell s
            WHERE s.contact_id = h.contact_id AND s.started_at > %(at)s AND NOT s.found AND {of_kind("won", "s")}),
           (SELECT min(e.occurred_at) FROM labels_labelevent e
            WHERE e.contact_id = h.contact_id AND e.occurred_at > %(at)s AND e.origin IN ('live', 'crm')
              AND e.effect IN ('opened', 'closed'))
    FROM labels_handedovercontact h
    JOIN contacts_contact c ON c.id = h.contact_id AND c.deleted_at IS NULL
    WHERE h.handover_id = %(handover)s AND h.is_applied AND h.is_open
    ORDER BY h.id
"""  # noqa: S608
