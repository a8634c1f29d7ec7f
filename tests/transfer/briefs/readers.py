"""Colleagues who want a brief, and the number that sends them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contacts.models import Channel, StaffNumber
from labelcrm.core.models import User
from tests.factories import ChannelFactory, UserFactory
from tests.webhooks.gateways.sending import FakeGateway
from transfer.briefs.models import BriefMessage, BriefPlan, BriefSettings

MONDAY_7 = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # 07:00 in Jakarta
PHONE = "+628123456789"
BEFORE = datetime(2026, 2, 1, tzinfo=UTC)


def switch_on(gateway: FakeGateway, *, name: str = "waha", **values: Any) -> Channel:
    """Briefs by WhatsApp go out through this gateway from now on."""
    channel: Channel = ChannelFactory(gateway=name, base_url=gateway.address, api_key="user:r4hasia", **values)
    BriefSettings.objects.update_or_create(pk=1, defaults={"whatsapp": True, "channel": channel})
    return channel


def reader(*, phone: str = PHONE, role: str = "cs", email: str = "", **plan: Any) -> User:
    """Somebody with a confirmed number who wants a brief each day at seven, by WhatsApp unless said otherwise."""
    user: User = UserFactory(role=role, email=email)
    if phone:
        StaffNumber.objects.create(user=user, phone=phone, verified_at=BEFORE)
    values = {"hour": 7, "weekdays": list(range(7)), "by_whatsapp": bool(phone), "by_mail": bool(email)} | plan
    BriefPlan.objects.create(user=user, changed_at=BEFORE, **values)
    return user


def outbox() -> list[tuple[str, str, str]]:
    return list(BriefMessage.objects.order_by("id").values_list("way", "state", "error"))
