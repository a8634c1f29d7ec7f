"""One batch of what a channel told about labels, from definitions to intervals, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from contacts.models import Channel
from contacts.selectors.ownership import NOBODY, Owner, Ownerships
from contacts.services.contact_rows import lock_contacts
from labelcrm.core.bulk import fetch
from labels.services import channel_labels, folding, recording, resync, wording
from labels.services.channel_labels import Definition, Use
from labels.services.recording import LabelFact

ASSIGNED = "assigned"


@dataclass(slots=True)
class Taken:
    """What a batch did: keys of the facts and definitions that were new, and the contacts whose figures must follow."""

    new_keys: set[str] = field(default_factory=set)
    contacts: set[int] = field(default_factory=set)


def take(
    channel: Channel,
    *,
    facts: Sequence[LabelFact],
    defined: Sequence[Definition] = (),
    statuses: Iterable[datetime] = (),
) -> Taken:
    """Record `facts` and `defined` of one channel and bring intervals up to date; the caller then updates figures.

    What the facts do not say yet (channel, channel label, actor, origin, id) is filled in here, in place. `statuses`
    are times of the connection events of the same batch. The caller holds the channel's lane and the contacts' locks.
    """
    generations = channel_labels.apply(channel, defined, uses=_uses(facts))
    for fact in facts:
        fact.channel_id, fact.channel_label_id = channel.pk, generations.at(fact.external_id, fact.at).pk
    new = recording.unrecorded(facts, channel_id=channel.pk)
    _find_actors(channel, new)
    remarked = resync.mark(new, channel_id=channel.pk, statuses=statuses)
    recording.give_ids(new)
    outcome = folding.append(new, dead=generations.dead)
    recording.record(new, effects=outcome.effects)
    lock_contacts(contact for contact, _ in remarked)  # those of the batch and of `generations.refold` are held already
    refolded = folding.refold(folding.late_keys(new, outcome) | generations.refold | remarked)
    contacts = outcome.contacts | refolded.contacts
    if generations.reworded:
        contacts |= wording.update_intervals(generations.reworded - generations.new)
        wording.archive_unused()
    repeats = outcome.repeats | refolded.repeats
    return Taken(generations.recorded | {fact.key for fact in new if fact.id not in repeats}, contacts)


def _uses(facts: Iterable[LabelFact]) -> dict[str, list[Use]]:
    uses: dict[str, list[Use]] = {}
    for fact in facts:
        uses.setdefault(fact.external_id, []).append(Use(fact.at, fact.on))
    return uses


def _find_actors(channel: Channel, facts: Sequence[LabelFact]) -> None:
    """Say on `facts` who did it: the owner of the channel at that time, else whom the contact is assigned to."""
    owners = Ownerships.of(channel.pk, zone=settings.TIME_ZONE)
    nobodys = []
    for fact in facts:
        owner = owners.at(fact.at)
        fact.agent_id, fact.method = owner.agent_id, owner.method
        if owner is NOBODY:
            nobodys.append(fact)
    assigned = _assigned({fact.contact_id for fact in nobodys})
    for fact in nobodys:
        owner = assigned.get(fact.contact_id, NOBODY)
        fact.agent_id, fact.method = owner.agent_id, owner.method


def _assigned(contact_ids: set[int]) -> dict[int, Owner]:
    rows = fetch(
        "SELECT id, assigned_to_id FROM contacts_contact WHERE id = ANY(%s) AND assigned_to_id IS NOT NULL",
        [sorted(contact_ids)],
    )
    return {contact: Owner(agent, ASSIGNED) for contact, agent in rows}
