"""What waits for a person, each line a link to its rows. The home page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from contacts.models import Channel, Contact
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel
from webhooks.models import InboundEvent, UnknownChannel

BROKEN = (Channel.Status.STOPPED, Channel.Status.FAILED, Channel.Status.PAIRING)


@dataclass(frozen=True, slots=True)
class Todo:
    """`rows` things of one kind, and where they are listed."""

    rows: int
    text: str
    link: str


def todos(viewer: Viewer) -> Iterator[Todo]:
    """Counts of what the viewer may see and act upon, zeros included."""
    if viewer.may("contacts.view_contact"):
        rows = Contact.objects.visible_to(viewer).filter(follow_up_at__lte=timezone.now()).count()
        text = ngettext("contact to follow up", "contacts to follow up", rows)
        yield Todo(rows, text, reverse("admin:contacts_contact_changelist") + "?follow_up=due")
    if viewer.may("labels.view_channellabel"):
        living = ChannelLabel.objects.visible_to(viewer).filter(hidden=False, deleted_at__isnull=True)
        rows = living.filter(label__reviewed=False).count()
        text = ngettext("WhatsApp label not mapped yet", "WhatsApp labels not mapped yet", rows)
        yield Todo(rows, text, reverse("admin:labels_channellabel_changelist") + "?state=undecided")
    if viewer.may("webhooks.view_inboundevent"):
        yield from _connection_todos(viewer)


def _connection_todos(viewer: Viewer) -> Iterator[Todo]:
    rows = InboundEvent.objects.visible_to(viewer).filter(state=InboundEvent.State.PARKED).count()
    yield Todo(rows, ngettext("parked event", "parked events", rows), reverse("system"))
    rows = Channel.objects.visible_to(viewer).filter(status__in=BROKEN).count()
    text = ngettext("WhatsApp number that does not work", "WhatsApp numbers that do not work", rows)
    yield Todo(rows, text, reverse("admin:contacts_channel_changelist"))
    if viewer.may("contacts.add_channel"):
        rows = UnknownChannel.objects.count()
        text = ngettext("unknown channel that posts here", "unknown channels that post here", rows)
        yield Todo(rows, text, reverse("admin:webhooks_unknownchannel_changelist"))
