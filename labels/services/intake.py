"""One batch of what a channel told about labels, from definitions to projections, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from contacts.models import Channel
from contacts.selectors.ownership import NOBODY, Owner, Ownerships
from contacts.services.contact_rows import lock_contacts, touch
from labelcrm.core.bulk import fetch
from labels.services import definitions, folding, meanings, projections, recording, resync, rewording, staleness
from labels.services.definitions import Definition, Use
from labels.services.recording import Told

ASSIGNED = "assigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFact:
    """A label put on or taken off a known contact, its time already believed; `key` is unique in the channel."""

    contact_id: int
    identity_id: int
    external_id: str
    on: bool
    at: datetime
    at_source: str
    capped: bool
    received_at: datetime
    key: str
    inbox_id: int


@dataclass(slots=True)
class Taken:
    """What a batch did: keys of the events that told something new, and the contacts that changed."""

    news: set[str] = field(default_factory=set)
    contacts: set[int] = field(default_factory=set)


def take(
    channel: Channel,
    *,
    facts: Sequence[LabelFact],
    defined: Sequence[Definition] = (),
    statuses: Iterable[datetime] = (),
) -> Taken:
    """Record `facts` and `defined` of one channel and bring intervals and projections up to date.

    The caller holds the channel's lane and the locks of the contacts. `statuses` are times of the connection
    events of the same batch.
    """
    generations = definitions.apply(channel, defined, uses=_uses(facts))
    told = recording.unrecorded(_told(channel, facts, generations), channel_id=channel.pk)
    _find_actors(channel, told)
    remarked = resync.mark(told, channel_id=channel.pk, statuses=statuses)
    recording.give_ids(told)
    outcome = folding.append(told, dead=generations.dead)
    recording.record(told, effects=outcome.effects)
    lock_contacts(contact for contact, _ in remarked)  # those of the batch and of `generations.refold` are held already
    refolded = folding.refold(folding.late_keys(told, outcome) | generations.refold | remarked)
    contacts = outcome.contacts | refolded.contacts
    if generations.reworded:
        contacts |= rewording.refresh_wording(generations.reworded)
        meanings.archive_unused()
    projections.refresh(contacts)
    staleness.close_settled(timezone.now(), contact_ids=contacts)
    touch(contacts)
    repeats = outcome.repeats | refolded.repeats
    return Taken(generations.recorded | {event.key for event in told if event.id not in repeats}, contacts)


def _uses(facts: Iterable[LabelFact]) -> dict[str, list[Use]]:
    uses: dict[str, list[Use]] = {}
    for fact in facts:
        uses.setdefault(fact.external_id, []).append(Use(fact.at, fact.on))
    return uses


def _told(channel: Channel, facts: Iterable[LabelFact], generations: definitions.Generations) -> list[Told]:
    return [
        Told(
            contact_id=fact.contact_id,
            identity_id=fact.identity_id,
            channel_id=channel.pk,
            channel_label_id=generations.at(fact.external_id, fact.at).pk,
            on=fact.on,
            at=fact.at,
            at_source=fact.at_source,
            capped=fact.capped,
            received_at=fact.received_at,
            key=fact.key,
            inbox_id=fact.inbox_id,
        )
        for fact in facts
    ]


def _find_actors(channel: Channel, events: Sequence[Told]) -> None:
    """Say on `events` who did it: the owner of the channel at that time, else whom the contact is assigned to."""
    owners = Ownerships.of(channel.pk, zone=settings.TIME_ZONE)
    nobodys = []
    for event in events:
        owner = owners.at(event.at)
        event.agent_id, event.method = owner.agent_id, owner.method
        if owner is NOBODY:
            nobodys.append(event)
    assigned = _assigned({event.contact_id for event in nobodys})
    for event in nobodys:
        owner = assigned.get(event.contact_id, NOBODY)
        event.agent_id, event.method = owner.agent_id, owner.method


def _assigned(contact_ids: set[int]) -> dict[int, Owner]:
    rows = fetch(
        "SELECT id, assigned_to_id FROM contacts_contact WHERE id = ANY(%s) AND assigned_to_id IS NOT NULL",
        [sorted(contact_ids)],
    )
    return {contact: Owner(agent, ASSIGNED) for contact, agent in rows}
