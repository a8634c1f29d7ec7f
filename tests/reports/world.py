"""A small business at random: four numbers, people who own them, customers, campaigns, two months of chat."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import F

from contacts.models import Agent, CampaignCost, CampaignRule, CampaignTouch, ChannelGap, ChannelOwnership, Contact
from contacts.services.attribution import set_first_touch
from contacts.services.channels import agent_named
from labels.models import LabelEvent
from labels.services import projections
from labels.services.staleness import flag_stale
from tests.adversarial.number import Number
from tests.factories import CampaignFactory
from tests.webhooks.gateways.payloads import Ad
from tests.webhooks.generic import Bridge

DAY_0 = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # midnight in Jakarta
DAYS = 60
NAMES = ["Pertanyaan baru", "Prospek dingin", "Prospek panas", "Grade A", "Grade B", "Menunggu pembayaran", "Selesai",
         "Komplain", "Titipan Bu Ani"]  # fmt: skip


def day(n: float) -> datetime:
    return DAY_0 + timedelta(days=n)


class World:
    """Everything is drawn from `seed`; `play()` posts it and drains."""

    def __init__(self, seed: int, *, contacts: int = 20, visits: int = 4) -> None:
        self.random = random.Random(seed)
        self.people = [f"62812{seed % 1000:03d}{n:05d}" for n in range(contacts)]
        self.visits = visits
        self.bridges = [
            Bridge(key="cs1", agent="rina", team="Sales"),
            Bridge(key="cs2", agent="dewi", team="Sales"),
            Bridge(key="cs3", team="Grosir"),
            Bridge(key="cs4", team="Grosir"),
        ]
        self._owners()
        self._campaigns()

    def _owners(self) -> None:
        rina, sari, tono = (agent_named(code, team=None) for code in ("rina", "sari", "tono"))
        ChannelOwnership.objects.filter(channel=self.bridges[1].channel).update(until=day(25))
        ChannelOwnership.objects.create(channel=self.bridges[1].channel, agent=rina, since=day(25))
        shifts: list[tuple[Any, list[int], time, time]] = [
            (sari, [], time(8), time(17)),
            (tono, [0, 2, 4], time(16), time(2)),
        ]
        for agent, weekdays, hour_from, hour_to in shifts:
            ChannelOwnership.objects.create(
                channel=self.bridges[2].channel, agent=agent, weekdays=weekdays, hour_from=hour_from, hour_to=hour_to
            )
        # Two people of the same number at the same time: nobody can say who it was.
        ChannelOwnership.objects.create(channel=self.bridges[3].channel, agent=sari, since=day(10))
        ChannelOwnership.objects.create(channel=self.bridges[3].channel, agent=tono, since=day(40))

    def _campaigns(self) -> None:
        lebaran = CampaignFactory(code="lebaran", cost=3_000_000, starts_on="2026-03-05", ends_on="2026-03-24")
        payday = CampaignFactory(code="gajian", cost=500_000)
        bazaar = CampaignFactory(code="bazar")
        for first, last in (("2026-03-01", "2026-03-10"), ("2026-03-08", "2026-04-20"), ("2026-03-09", "2026-03-09")):
            CampaignCost.objects.create(campaign=bazaar, first_day=first, last_day=last, amount=100_001)
        CampaignFactory(code="sepi")
        CampaignRule.objects.create(campaign=lebaran, kind="ad", pattern="ad-1")
        CampaignRule.objects.create(campaign=payday, kind="keyword", pattern="gajian")

    def play(self) -> None:
        for bridge in self.bridges:
            for external, name in enumerate(NAMES, start=1):
                bridge.save(str(external), name, at=day(-1))
        for person in self.people:
            for _ in range(self.random.randint(1, self.visits)):
                self._visit(person)
            self._judge(person)
        self._before_connecting()
        self._accidents()
        for bridge in self.bridges:
            bridge.drain()
        self._by_hand()
        for n in (20, 31, 45, DAYS):
            flag_stale(day(n))
        LabelEvent.objects.update(received_at=F("occurred_at"))  # as live events are, and not all at once

    def _visit(self, person: str) -> None:
        bridge, at = self.random.choice(self.bridges), day(self.random.uniform(0, DAYS))
        if self.random.random() < 0.8:
            ad = self.random.choice([None, None, None, {"source_id": "ad-1"}, {"source_id": "ad-nobody-knows"}])
            text = self.random.choice(["halo", "promo gajian", "berapa harganya"])
            self._message(bridge, person, at, text=text, from_me=False, **({"ad": ad} if ad else {}))
            if self.random.random() < 0.5:
                self._message(bridge, person, at + timedelta(minutes=7), text="ya kak", from_me=True)
        for _ in range(self.random.randint(0, 3)):
            at += timedelta(hours=self.random.choice([0, 0.2, 0.9, 0.9, 3, 30, 24 * 8]) * self.random.random())
            self._label(bridge, person, at)

    def _judge(self, person: str) -> None:
        """A grade, and often a purchase some time later."""
        at, grade = day(self.random.uniform(0, 40)), self.random.choice(["2", "3", "4"])
        self.random.choice(self.bridges).label("added", grade, person, at=at)
        if self.random.random() < 0.6:
            bought = at + timedelta(days=self.random.uniform(0, 36))
            self.random.choice(self.bridges).label("added", "7", person, at=min(bought, day(DAYS)))

    def _message(self, bridge: Bridge, person: str, at: datetime, **message: Any) -> None:
        message["id"] = f"m{self.random.getrandbits(48)}"
        bridge.post("message", chat=person, at=at, message=message)

    def _label(self, bridge: Bridge, person: str, at: datetime) -> None:
        label = str(self.random.randint(1, len(NAMES)))
        bridge.label("added", label, person, at=at)
        if self.random.random() < 0.5:
            seconds = self.random.choice([0, 30, 90, 119, 3600, 86400 * 4])
            off = at + timedelta(seconds=seconds)
            bridge.label("removed", label, person, at=off)
            if self.random.random() < 0.3:
                bridge.label("added", label, person, at=off + timedelta(seconds=self.random.choice([60, 300])))

    def _before_connecting(self) -> None:
        """A number in the Business app: chats from before it was connected, and what came since; some is told twice."""
        number, chance = Number("cloudapi", "cs5", agent="rina", team="Sales"), random.Random(len(self.people))
        gajian = CampaignFactory(code="nomor-lima")
        number.channel.default_campaign = gajian
        number.channel.save()
        for n, person in enumerate(self.people[2:]):
            for i in range(chance.randint(0, 3)):
                at, sender = day(chance.uniform(0, DAYS)), chance.choice([person, person, None])
                said = {"text": chance.choice(["halo", "promo gajian"]), "message_id": f"b{n}.{i}", "at": at}
                ad = chance.choice([None, Ad(source_id="ad-1")]) if sender else None
                past = number.say.past(**said, sender=sender, **({"referral": {"source_id": "ad-1"}} if ad else {}))
                live = number.say.message(person, from_me=sender is None, ad=ad, **said)
                told = [number.say.history(number.say.thread(person, past)), live]
                number.hear(*chance.choice([told[:1], told[:1], told[1:], told, told[::-1]]))
        number.drain()

    def _accidents(self) -> None:
        """A label deleted, one that changes its meaning, a pairing that brings old labels, a move to another number."""
        self.bridges[0].post("label.deleted", label={"id": "5"}, at=day(33.3))
        self.bridges[1].save("4", "Selesai", at=day(28))
        self.bridges[3].post("status", status="working", at=day(22))
        for n, person in enumerate(self.people[:12]):
            self.bridges[3].label("added", "3", person, at=day(22) + timedelta(seconds=n))
        self._cut_off()
        for person in self.people[3:7]:
            self.bridges[0].label("added", "7", person, at=day(30.5))
            self.bridges[1].label("added", "7", person, at=day(30.6))
            self.bridges[0].label("removed", "7", person, at=day(40))

    def _cut_off(self) -> None:
        """Numbers that are away: for a day, for minutes, for good, half repaired, until all labels are told again."""
        for bridge, at, status in (
            (0, 12.2, "stopped"), (0, 12.9, "stopped"), (0, 13.4, "working"), (0, 20, "stopped"),
            (0, 20.002, "working"), (1, 2, "working"), (1, 8, "stopped"), (1, 10, "working"), (2, 53, "stopped"),
            (3, 21.5, "stopped"),
        ):  # fmt: skip
            self.bridges[bridge].post("status", status=status, at=day(at))
        noted = ChannelGap(channel=self.bridges[1].channel, reason="silent")
        for start, end, repaired in ((7.9, 9.1, day(11)), (30, 31.5, None)):
            noted.pk, noted.started_at, noted.ended_at, noted.repaired_at = None, day(start), day(end), repaired
            noted.save()

    def _by_hand(self) -> None:
        """What no gateway tells: a campaign set by hand, a contact archived."""
        first, last = Contact.objects.order_by("id").first(), Contact.objects.order_by("-id").first()
        assert first is not None
        assert last is not None
        campaign = CampaignFactory(code="mulut-ke-mulut")
        CampaignTouch.objects.create(contact=first, campaign=campaign, at=day(35), method="manual")
        set_first_touch([first.pk])
        last.deleted_at = day(DAYS)
        last.save()
        projections.refresh([last.pk])


def agent(code: str) -> Agent:
    return Agent.objects.get(code=code)
