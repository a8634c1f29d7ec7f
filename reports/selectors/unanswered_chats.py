"""Who waits for an answer now, the most valuable label first (docs/metrics.md, "Unanswered").

A chat is worth what the best of the contact's labels is (`labels.rules.urgency`); of chats of one value who has waited
longest comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contacts.models import Contact, Message
from contacts.selectors.unanswered import WAITS
from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import NOBODY, Viewer
from labels.models import Label, LabelAssignment
from labels.rules.label_suggesting import LabelKnowledge
from labels.selectors.stale_contacts import last_messages, value_of
from labels.selectors.suggestions import Known, LabelSuggestion, knowledge_now, suggestions_for
from reports.selectors import unanswered

UNLABELLED = 0  # what a chat without a label is worth; also asks for those


@dataclass(frozen=True, slots=True)
class UnansweredPlace:
    """Where a page ends: value, time of the last message and contact of its last line."""

    value: int
    at: datetime
    contact: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnansweredFilters:
    """`label` (id, or UNLABELLED) is on the contact; `agent` (id) answers them, or owns the `numbers` (ids)."""

    label: int | None = None
    agent: int | None = None
    numbers: Collection[int] = ()


@dataclass
class UnansweredChat:
    """A contact who waits since `at`, with the labels of now, the last message and a suggestion, where there are such.

    `channels` are the ids of the numbers that the contact waits on.
    """

    contact: Contact
    at: datetime
    value: int
    channels: list[int]
    labels: list[Label] = field(default_factory=list)
    last: Message | None = None
    suggestion: LabelSuggestion | None = None


def count(viewer: Viewer, *, now: datetime) -> int:
    """How many contacts wait for an answer, of those the viewer sees. One query."""
    [(contacts,)] = fetch(
        f"SELECT count(*) FROM ({_waiting(viewer, UnansweredFilters())}) AS waiting",  # noqa: S608
        _values(viewer, UnansweredFilters(), now),
    )
    return int(contacts)


def page(
    viewer: Viewer,
    *,
    now: datetime,
    size: int,
    filters: UnansweredFilters | None = None,
    place: UnansweredPlace | None = None,
    forward: bool = True,
    known: Known | None = None,
) -> tuple[list[UnansweredChat], bool, int]:
    """The next `size` chats beyond a place, whether there are more that way, and how many there are in all.

    Six queries, two for an empty list; one less where `knowledge_now` is known.
    """
    filters = filters or UnansweredFilters()
    labels, knowledge = known or knowledge_now()
    worth = {pk: value_of(label) for pk, label in labels.items()}
    values = _values(viewer, filters, now) | {"labels": list(worth), "worths": list(worth.values()), "limit": size + 1}
    if place is not None:
        values |= {"value": place.value, "at": place.at, "after": place.contact}
    rows = fetch(_page(viewer, filters, place, forward=forward), values)
    found = rows[:size] if forward else rows[:size][::-1]
    return _chats(found, viewer, labels, knowledge, now=now), len(rows) > size, rows[0][4] if rows else 0


def _page(viewer: Viewer, filters: UnansweredFilters, place: UnansweredPlace | None, *, forward: bool) -> str:
    less, more, up, down = ("<", ">", "ASC", "DESC") if forward else (">", "<", "DESC", "ASC")
    beyond = f"value {less} %(value)s OR value = %(value)s AND (at, contact_id) {more} (%(at)s, %(after)s)"
    return f"""
        WITH waiting AS ({_waiting(viewer, filters)}),
        valued AS MATERIALIZED (
            SELECT w.contact_id, w.at, w.channels, coalesce(max(v.worth), {UNLABELLED}) AS value
            FROM waiting w
            LEFT JOIN labels_labelassignment a ON a.contact_id = w.contact_id AND a.removed_at IS NULL
             {"" if viewer.everything else "AND a.channel_id = ANY(%(label_channels)s::bigint[])"}
             AND EXISTS (SELECT FROM labels_channellabel h WHERE h.id = a.channel_label_id AND NOT h.hidden)
            LEFT JOIN unnest(%(labels)s::bigint[], %(worths)s::int[]) AS v (label, worth) ON v.label = a.label_id
            GROUP BY w.contact_id, w.at, w.channels {_having(filters)})
        SELECT contact_id, at, value, channels, (SELECT count(*) FROM valued) FROM valued
        {f"WHERE {beyond}" if place is not None else ""}
        ORDER BY value {down}, at {up}, contact_id {up} LIMIT %(limit)s
    """  # noqa: S608 - SQL from this module


def _having(filters: UnansweredFilters) -> str:
    if filters.label is None:
        return ""
    return "HAVING count(a.id) = 0" if filters.label == UNLABELLED else "HAVING bool_or(a.label_id = %(label)s)"


def _waiting(viewer: Viewer, filters: UnansweredFilters) -> str:
    """Each contact who waits once, with the numbers and since when; as one list where they wait on several."""
    seen = "" if viewer.everything else "AND k.channel_id = ANY(%(channels)s::bigint[])"
    of_agent = (
        "(c.assigned_to_id = %(agent)s OR c.assigned_to_id IS NULL AND k.channel_id = ANY(%(numbers)s::bigint[]))"
    )
    return f"""
        SELECT k.contact_id, min(k.last_inbound_at) AS at, array_agg(k.channel_id ORDER BY k.channel_id) AS channels
        FROM contacts_contactchannel k
        JOIN contacts_contact c ON c.id = k.contact_id AND c.deleted_at IS NULL
        WHERE {WAITS} {seen} {"" if filters.agent is None else f"AND {of_agent}"}
        GROUP BY k.contact_id
    """  # noqa: S608 - SQL from this package


def _values(viewer: Viewer, filters: UnansweredFilters, now: datetime) -> dict[str, Any]:
    channels = sorted(viewer.channels)
    return {
        **unanswered.PARAMETERS,
        "now": now,
        "channels": channels,
        "label_channels": [*channels, viewer.crm] if viewer.crm != NOBODY else channels,
        "label": filters.label,
        "agent": filters.agent,
        "numbers": sorted(filters.numbers),
    }


def _chats(
    found: Sequence[Sequence[Any]],
    viewer: Viewer,
    labels: Mapping[int, Label],
    knowledge: LabelKnowledge,
    *,
    now: datetime,
) -> list[UnansweredChat]:
    ids = [row[0] for row in found]
    if not ids:
        return []
    contacts = Contact.objects.select_related("assigned_to").in_bulk(ids)
    last = last_messages(ids, viewer)
    suggested = suggestions_for(ids, viewer, now=now, known=(labels, knowledge))
    chats = {
        pk: UnansweredChat(contacts[pk], at, value, channels, last=last.get(pk), suggestion=suggested.get(pk))
        for pk, at, value, channels, _all in found
        if pk in contacts
    }
    for contact, label in _labels_now(ids, viewer):
        if contact in chats and labels[label] not in chats[contact].labels:
            chats[contact].labels.append(labels[label])
    for chat in chats.values():
        chat.labels.sort(key=value_of, reverse=True)
    return list(chats.values())


def _labels_now(contacts: Sequence[int], viewer: Viewer) -> list[tuple[int, int]]:
    rows = LabelAssignment.objects.visible_to(viewer).active().filter(contact__in=contacts)
    return list(rows.order_by("added_at", "id").values_list("contact_id", "label_id"))
