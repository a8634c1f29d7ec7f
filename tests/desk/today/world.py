"""A team on a Friday morning: one contact for each reason to stand on the Today page, and another team's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contacts.models import Contact, ContactChannel
from labels.models import CleanSpell, ContradictionFlag, ContradictionRule, Label
from labels.services import staleness
from tests.desk.conftest import Shop, make_shop

NOW = datetime(2026, 3, 20, 3, 0, tzinfo=UTC)  # a Friday, 10:00 in Jakarta


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


@dataclass
class Morning:
    """The contacts by name; `shop` is whose lead looks, `other` another team."""

    shop: Shop
    other: Shop
    people: dict[str, Contact] = field(default_factory=dict)

    def person(self, name: str, *, shop: Shop | None = None, inbound: Any = None, outbound: Any = None) -> Contact:
        """A contact who wrote and was answered then."""
        shop = shop or self.shop
        contact = shop.contact(name=name, first_inbound_at=inbound, last_inbound_at=inbound, last_outbound_at=outbound)
        ContactChannel.objects.filter(contact=contact).update(
            first_inbound_at=inbound, last_inbound_at=inbound, last_outbound_at=outbound
        )
        self.people[name] = contact
        return contact

    def put(self, contact: Contact, label: str, *, since: datetime) -> CleanSpell:
        return CleanSpell.objects.create(
            contact=contact, label=Label.objects.get(name=label), channel=self.shop.channel, started_at=since,
            found=False, method="channel_owner",
        )  # fmt: skip

    def contradiction(self, contact: Contact, *labels: str) -> None:
        rows = [Label.objects.get(name=name) for name in labels]
        ContradictionFlag.objects.create(
            contact=contact, rule=ContradictionRule.objects.get(kind="exclusive"),
            group=rows[0].exclusive_group,
            labels=[row.pk for row in rows], since=ago(days=2), flagged_at=ago(days=1),
        )  # fmt: skip


def make_morning() -> Morning:
    """Ani: hot and unanswered. Budi: has not paid. Cici: to be called. Dedi: never labelled. Eka: stale. Fina: both
    labels of a group. Gita: nothing. Hana: unanswered, of another team.
    """
    morning = Morning(make_shop("Rina"), make_shop("Budi"))
    ani = morning.person("Ani", inbound=ago(hours=30))
    morning.put(ani, "Grade A", since=ago(days=2))
    budi = morning.person("Budi", inbound=ago(days=9), outbound=ago(days=8))
    morning.put(budi, "Menunggu pembayaran", since=ago(days=9))
    cici = morning.person("Cici", inbound=ago(days=20), outbound=ago(days=19))
    Contact.objects.filter(pk=cici.pk).update(follow_up_at=ago(hours=5))
    morning.put(cici, "Selesai", since=ago(days=19))
    morning.person("Dedi", inbound=ago(hours=3), outbound=ago(hours=2))
    eka = morning.person("Eka", inbound=ago(days=30), outbound=ago(days=30))
    morning.put(eka, "Grade B", since=ago(days=30))
    fina = morning.person("Fina", inbound=ago(days=3), outbound=ago(hours=5))
    morning.put(fina, "Grade B", since=ago(days=3))
    morning.put(fina, "Grade C", since=ago(days=2))
    morning.contradiction(fina, "Grade B", "Grade C")
    gita = morning.person("Gita", inbound=ago(hours=2), outbound=ago(hours=1))
    morning.put(gita, "Selesai", since=ago(days=1))
    morning.person("Hana", shop=morning.other, inbound=ago(hours=4))
    staleness.flag_stale(NOW)
    return morning
