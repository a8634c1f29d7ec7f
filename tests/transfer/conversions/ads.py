"""People who come by ads and get labels, told to the services as a drained webhook tells it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contacts.models import Contact, Message
from contacts.services.attribution import attribute
from tests.api.story import Story
from tests.factories import THEN
from transfer.conversions import collecting
from transfer.conversions.models import Conversion

NOW = THEN + timedelta(days=5)


def at(hours: float) -> datetime:
    return THEN + timedelta(hours=hours)


class AdShop(Story):
    """A number; `minute` of everything is told, and nothing waits for its hour."""

    def comes(self, hours: float = 0, *, contact: Contact | None = None, text: str = "Halo", **ad: Any) -> Contact:
        """Somebody writes first, by an ad unless `ad` is empty."""
        contact = contact or self.contact()
        message = Message.objects.create(
            contact=contact, channel=self.channel, external_id=f"M{next(self.ids)}", from_me=False, at=at(hours),
            received_at=at(hours), at_source="whatsapp", text=text, ad=ad or None,
        )  # fmt: skip
        first = min(filter(None, (contact.first_inbound_at, message.at)))
        Contact.objects.filter(pk=contact.pk).update(first_inbound_at=first)
        contact.refresh_from_db()
        attribute([message.pk])
        return contact

    def labelled(self, contact: Contact, name: str, hours: float, *, until: float | None = None) -> None:
        """`name` comes on at THEN + `hours`, and goes off again at `until`."""
        self._at(hours)
        self.put_on(contact, name)
        if until is not None:
            self._at(until)
            self.take_off(contact, name)

    def _at(self, hours: float) -> None:
        self.now = at(hours) - timedelta(hours=1)  # each thing that is told comes an hour after the one before


def ctwa(n: int = 1) -> dict[str, str]:
    """An ad that leads into a chat, as gateways tell it."""
    return {"source_id": f"12000000{n}", "click_id": f"ARAkLkA8rmlFeiCktEJQ-QTwRiyYHAFDLMNDBH0CD{n}"}


def look(now: datetime = NOW, **how: Any) -> collecting.Collected:
    return collecting.collect(now, **how)


def conversions() -> list[tuple[int, str, datetime]]:
    """(contact, event, time) of each, in order."""
    rows = Conversion.objects.order_by("contact_id", "event__position")
    return list(rows.values_list("contact_id", "event__code", "occurred_at"))
