"""Labels that are put on from here, without WhatsApp: on the built-in channel, whose labels are ours alone.

What a file says was there already: it is found, nobody is credited, and the time is that of the import. Taking back an
import ends the label the same way. What a person sets or takes off here is that person's doing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from contacts.models import Agent, Channel
from contacts.models.channels import CRM_GATEWAY
from contacts.services import channels, connections
from labelcrm.core.bulk import fetch, transpose
from labelcrm.core.models import User
from labels.models import ChannelLabel, Label, LabelAssignment, Method, Origin
from labels.services import channel_labels, folding, recording, remapping, wording
from labels.services.channel_labels import SAVED, Definition
from labels.services.figures import update_figures
from labels.services.recording import LabelFact

OnContact = tuple[int, int]  # (contact id, canonical label id)

_OPENED = """
SELECT k.contact, k.event, i.channel_label_id
  FROM unnest(%s::bigint[], %s::text[]) AS k (contact, event)
  JOIN labels_labelevent e ON e.channel_id = %s AND e.event_key = k.event AND e.contact_id = k.contact
  JOIN labels_labelassignment i ON i.added_event_id = e.id AND i.removed_at IS NULL
"""


def hold() -> Channel:
    """The built-in channel, locked until the end of the transaction: before any contact, as a lane holds its own."""
    return connections.hold(channels.crm_channel().pk)


def put_on(
    wanted: Collection[OnContact], *, channel: Channel, key: str, user: User | None = None
) -> dict[OnContact, str]:
    """Put labels on contacts who do not have them, on any channel; returns the event of each that was put on.

    `key` (at most 30 characters) names the import, or the act of `user`: one label of one contact is put on once by
    each. The caller holds the channel and the contacts.
    """
    missing = sorted(set(wanted) - active(wanted))
    if not missing:
        return {}
    now = timezone.now()
    ids = _channel_labels(channel, {label for _contact, label in missing}, now=now)
    events = {each: f"{key}:{each[0]}:{each[1]}" for each in missing}
    facts = [
        _fact(channel, contact, ids[label], events[contact, label], on=True, at=now, user=user)
        for contact, label in missing
    ]
    update_figures(_take(facts, channel=channel))
    return events


def take_off(
    put: Iterable[tuple[int, str]], *, channel: Channel, key: str, user: User | None = None
) -> set[tuple[int, str]]:
    """Take off what `put_on` put on, by contact and event, where it is still on; returns what was taken off.

    The caller holds the channel and the contacts.
    """
    now = timezone.now()
    rows = fetch(_OPENED, [*transpose(sorted(put), 2), channel.pk])
    facts = [
        _fact(channel, contact, channel_label, f"{key}:{contact}:{channel_label}", on=False, at=now, user=user)
        for contact, _event, channel_label in rows
    ]
    if facts:
        update_figures(_take(facts, channel=channel))
    return {(contact, event) for contact, event, _channel_label in rows}


def living_here(pairs: Collection[OnContact]) -> set[OnContact]:
    """Which of these labels are on these contacts now on the built-in channel and on no number of WhatsApp."""
    found: dict[OnContact, set[bool]] = {}
    for contact, label, gateway in _open(pairs).values_list("contact_id", "label_id", "channel__gateway"):
        found.setdefault((contact, label), set()).add(gateway == CRM_GATEWAY)
    return {pair for pair in pairs if found.get(pair) == {True}}


def remove(pairs: Collection[OnContact], *, channel: Channel, key: str, actor: User) -> set[OnContact]:
    """Somebody takes labels off contacts here; returns those that were on. Those of WhatsApp numbers stay.

    `key` (at most 30 characters) names the occasion. The caller holds the channel and the contacts.
    """
    now = timezone.now()
    agent = Agent.objects.filter(user=actor).values_list("pk", flat=True).first()
    rows = _open(pairs).filter(channel=channel).values_list("contact_id", "label_id", "channel_label_id")
    facts, removed = [], set()
    for contact, label, channel_label in rows:
        if (contact, label) not in pairs:
            continue
        event = f"{key}:{contact}:{channel_label}"
        fact = _fact(channel, contact, channel_label, event, on=False, at=now, user=actor)
        fact.agent_id = agent
        facts.append(fact)
        removed.add((contact, label))
    if facts:
        update_figures(_take(facts, channel=channel))
    return removed


def _open(pairs: Collection[OnContact]) -> QuerySet[LabelAssignment]:
    contacts, labels = {contact for contact, _ in pairs}, {label for _, label in pairs}
    on = LabelAssignment.objects.filter(contact__in=contacts, label__in=labels, removed_at__isnull=True)
    return on.filter(channel_label__hidden=False)


def active(pairs: Collection[OnContact]) -> set[OnContact]:
    """Which of these labels are on these contacts now, on whatever channel."""
    return set(_open(pairs).values_list("contact_id", "label_id"))


def labelled(contacts: Collection[int]) -> set[int]:
    """Which of these contacts have a label now, on whatever channel."""
    on = LabelAssignment.objects.filter(contact__in=contacts, removed_at__isnull=True, channel_label__hidden=False)
    return set(on.values_list("contact_id", flat=True).distinct().order_by())


def _fact(
    channel: Channel, contact: int, channel_label: int, key: str, *, on: bool, at: datetime, user: User | None
) -> LabelFact:
    origin, method = (Origin.CRM, Method.CRM_USER) if user is not None else (Origin.IMPORT, Method.UNKNOWN)
    return LabelFact(
        contact_id=contact, identity_id=None, channel_id=channel.pk, channel_label_id=channel_label, on=on, at=at,
        at_source="received", received_at=at, user_id=user.pk if user is not None else None, method=method.value,
        origin=origin.value, key=key,
    )  # fmt: skip


def _take(facts: list[LabelFact], *, channel: Channel) -> set[int]:
    """Record facts and fold them; returns the contacts whose intervals changed."""
    new = recording.unrecorded(facts, channel_id=channel.pk)
    recording.give_ids(new)
    outcome = folding.append(new)
    recording.record(new, effects=outcome.effects)
    return outcome.contacts | folding.refold(folding.late_keys(new, outcome)).contacts


def _channel_labels(channel: Channel, labels: Collection[int], *, now: datetime) -> Mapping[int, int]:
    """The labels of the built-in channel that mean these canonical ones, made where there is none yet."""
    living = ChannelLabel.objects.filter(channel=channel, label__in=labels, hidden=False, deleted_at__isnull=True)
    found = dict(living.order_by("-pk").values_list("label_id", "pk"))
    for label in Label.objects.filter(pk__in=set(labels) - found.keys()):
        found[label.pk] = _define(channel, label, now=now).pk
    return found


def _define(channel: Channel, label: Label, *, now: datetime) -> ChannelLabel:
    """A label of the built-in channel that means `label`, also where the name is a spelling of another one."""
    external_id = f"{label.pk}"
    if ChannelLabel.objects.filter(channel=channel, external_id=external_id).exists():
        external_id = f"{label.pk}-{now:%Y%m%d%H%M%S%f}"  # that one was given another meaning since
    said = Definition(
        external_id=external_id, kind=SAVED, name=label.name, at=now, at_source="received", received_at=now,
        key=f"crm:{external_id}",
    )  # fmt: skip
    generations = channel_labels.apply(channel, [said], uses={})
    row = generations.at(external_id, now)
    if row.label_id != label.pk:
        remapping.decide(row, label=label, since=None, actor=None)
        wording.archive_unused()
    return row
