"""Who waits for an answer now, the most valuable label first (docs/metrics.md, "Unanswered").

A chat is worth what the best of the contact's labels is (`labels.rules.urgency`); of chats of one value who has waited
longest comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contacts.models import Contact, Message
from contacts.selectors.unanswered import WAITS, waits
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


def count(viewer: Viewer, *, now: datetime, filters: UnansweredFilters | None = None) -> int:
    """How many contacts wait for an answer, of those the viewer sees. One query."""
    filters = filters or UnansweredFilters()
    chosen = "true" if filters.label is None else _labelled(viewer, filters)
    statement = f"""
        SELECT count(*) FROM (SELECT DISTINCT k.contact_id {_waiting(viewer, filters)} AND {chosen}) AS waiting
    """  # noqa: S608 - SQL from this module
    [(contacts,)] = fetch(statement, _values(viewer, filters, now))
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
) -> tuple[list[UnansweredChat], bool]:
    """The next `size` chats beyond a place, and whether there are more that way.

    Six queries, two for an empty list; one less where `knowledge_now` is known.
    """
    filters = filters or UnansweredFilters()
    labels, knowledge = known or knowledge_now()
    walk = _UnansweredWalk(viewer, filters, place, forward=forward)
    rows = fetch(*walk.query(labels.values(), _values(viewer, filters, now) | {"limit": size + 1}))
    found = rows[:size] if forward else rows[:size][::-1]
    return _chats(found, viewer, labels, knowledge, now=now), len(rows) > size


# -- SQL --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _UnansweredWalk:
    """The chats beyond a place, one value after the other, in the order in which they are met.

    Chats of one value are read along the index of who waits, as far as the page needs; a value is only looked at where
    those before it have not filled the page.
    """

    viewer: Viewer
    filters: UnansweredFilters
    place: UnansweredPlace | None
    forward: bool

    def query(self, labels: Iterable[Label], values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Columns: contact, since when they wait, value, the numbers that they wait on."""
        worth: dict[int, list[int]] = {UNLABELLED: []}
        for label in labels:
            worth.setdefault(value_of(label), []).append(label.pk)
        parts: dict[str, str] = {}
        given = dict(values)
        for value in self._values(worth):
            found = " + ".join(f"(SELECT count(*) FROM {name})" for name in parts)  # noqa: S608 - names from here
            parts[f"worth_{value}"] = self._part(value, f"{found or 0} < %(limit)s")
            given[f"of_{value}"] = worth.get(value, [])
            given[f"above_{value}"] = [pk for other, ids in worth.items() if other > value for pk in ids]
        if self.place is not None:
            given |= {"value": self.place.value, "at": self.place.at, "after": self.place.contact}
        named = ", ".join(f"{name} AS MATERIALIZED ({part})" for name, part in parts.items())
        together = " UNION ALL ".join(f"TABLE {name}" for name in parts)
        up, down = ("ASC", "DESC") if self.forward else ("DESC", "ASC")
        seen = _seen(self.viewer, self.filters)
        return (
            f"""
            WITH {named}
            SELECT f.contact_id, f.at, f.value, ARRAY(
                SELECT k.channel_id FROM contacts_contactchannel k JOIN contacts_contact c ON c.id = k.contact_id
                WHERE k.contact_id = f.contact_id AND {WAITS} AND {seen} ORDER BY k.channel_id)
            FROM (SELECT * FROM ({together}) AS every
                  ORDER BY value {down}, at {up}, contact_id {up} LIMIT %(limit)s) AS f
            ORDER BY value {down}, at {up}, contact_id {up}
            """,  # noqa: S608 - SQL from this module
            given,
        )

    def _values(self, known: Iterable[int]) -> list[int]:
        """The values in the order in which they are met, from that of the place on, which no label may have now."""
        place = self.place
        values = sorted({*known, *([place.value] if place else [])}, reverse=self.forward)
        if self.filters.label == UNLABELLED:
            values = [UNLABELLED]
        return [
            value for value in values if place is None or (value <= place.value) == self.forward or value == place.value
        ]

    def _part(self, value: int, is_needed: str) -> str:
        more, way = (">", "ASC") if self.forward else ("<", "DESC")
        seen = _seen(self.viewer, self.filters, "j")
        conditions = [is_needed, self._worth(value)]
        if self.filters.label not in (None, UNLABELLED):
            conditions.append(_labelled(self.viewer, self.filters))
        if self.place is not None and self.place.value == value:
            conditions += [
                f"k.last_inbound_at {more}= %(at)s",
                f"(k.last_inbound_at, k.contact_id) {more} (%(at)s, %(after)s)",
            ]
        return f"""
            SELECT k.contact_id, k.last_inbound_at AS at, {value} AS value {_waiting(self.viewer, self.filters)}
              AND NOT EXISTS (
                SELECT FROM contacts_contactchannel j
                WHERE j.contact_id = k.contact_id AND {waits("j")} AND {seen}
                  AND (j.last_inbound_at, j.channel_id) < (k.last_inbound_at, k.channel_id))
              AND {" AND ".join(conditions)}
            ORDER BY k.last_inbound_at {way}, k.contact_id {way} LIMIT %(limit)s
        """  # noqa: S608 - SQL from this module

    def _worth(self, value: int) -> str:
        """That the best label of the contact is worth that much."""
        if value == UNLABELLED:
            return f"NOT EXISTS ({_labels(self.viewer)})"
        best = f"EXISTS ({_labels(self.viewer)} AND a.label_id = ANY(%(of_{value})s::bigint[]))"
        return f"{best} AND NOT EXISTS ({_labels(self.viewer)} AND a.label_id = ANY(%(above_{value})s::bigint[]))"


def _labels(viewer: Viewer) -> str:
    """The labels of a waiting contact that the viewer sees, `a`."""
    seen = "" if viewer.everything else "AND a.channel_id = ANY(%(label_channels)s::bigint[])"
    return f"""
        SELECT FROM labels_labelassignment a
        WHERE a.contact_id = k.contact_id AND a.removed_at IS NULL {seen}
          AND EXISTS (SELECT FROM labels_channellabel h WHERE h.id = a.channel_label_id AND NOT h.hidden)
    """  # noqa: S608 - SQL from this module


def _labelled(viewer: Viewer, filters: UnansweredFilters) -> str:
    if filters.label == UNLABELLED:
        return f"NOT EXISTS ({_labels(viewer)})"
    return f"EXISTS ({_labels(viewer)} AND a.label_id = %(label)s)"


def _seen(viewer: Viewer, filters: UnansweredFilters, link: str = "k") -> str:
    """That the viewer sees the number of a link, and that the filtered agent answers on it."""
    seen = "true" if viewer.everything else f"{link}.channel_id = ANY(%(channels)s::bigint[])"
    if filters.agent is None:
        return seen
    numbers = f"c.assigned_to_id IS NULL AND {link}.channel_id = ANY(%(numbers)s::bigint[])"
    return f"{seen} AND (c.assigned_to_id = %(agent)s OR {numbers})"


def _waiting(viewer: Viewer, filters: UnansweredFilters) -> str:
    """From where contacts wait: a row for each number, `k`, of a contact, `c`."""
    return f"""
        FROM contacts_contactchannel k
        JOIN contacts_contact c ON c.id = k.contact_id AND c.deleted_at IS NULL
        WHERE {WAITS} AND {_seen(viewer, filters)}
    """


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
    ids = [contact for contact, *_rest in found]
    if not ids:
        return []
    contacts = Contact.objects.select_related("assigned_to").in_bulk(ids)
    last = last_messages(ids, viewer)
    suggested = suggestions_for(ids, viewer, now=now, known=(labels, knowledge))
    chats = {
        pk: UnansweredChat(contacts[pk], at, value, channels, last=last.get(pk), suggestion=suggested.get(pk))
        for pk, at, value, channels in found
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
