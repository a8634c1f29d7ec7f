"""Which conversion can go to which target, and why another cannot: asked once, for pages, files and the API of Meta.

How old an event may be is what the targets say: Meta takes offline events of the last 62 days and messaging events of
the last 7 (Conversions API, "Parameters", `event_time`), Google takes conversions up to 90 days after the click (Google
Ads Help 7014069). What is older is counted as too old, not sent to be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Value, When

from labelcrm.core.viewer import Viewer
from labels.models import CleanSpell
from transfer.conversions.models import (
    HELD,
    HOLDS,
    Conversion,
    ConversionDelivery,
    ConversionEvent,
    DeliveryState,
    MetaConnection,
    Target,
)

READY, DELIVERED = "ready", "delivered"
OFFLINE_DAYS, MESSAGING_DAYS, CLICK_DAYS = 62, 7, 90
META, GOOGLE = Conversion.Network.META, Conversion.Network.GOOGLE
META_WAYS = (Target.META, Target.META_API)
_PURCHASE = ConversionEvent.MetaName.PURCHASE
_NO_VALUE = Q(event__meta_name=_PURCHASE, value__isnull=True)  # Meta refuses a purchase without one


def _before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)


def _meta(now: datetime) -> dict[str, Q]:
    return {
        "other_ad": ~Q(network=META),
        "no_phone": Q(contact__phone=""),
        "no_value": _NO_VALUE,
        "too_old": Q(occurred_at__lt=_before(now, OFFLINE_DAYS)),
    }


def _google(now: datetime) -> dict[str, Q]:
    return {
        "other_ad": ~Q(network=GOOGLE),
        "no_click": Q(click_id=""),
        "too_old": Q(touch_at__lt=_before(now, CLICK_DAYS)),
    }


def _google_leads(now: datetime) -> dict[str, Q]:
    """Google asks for all leads, whichever ad brought them, and finds its own (Google Ads API, "Enhanced Conversions").

    What it finds by the number alone has no limit but that of the click.
    """
    return {
        "no_phone": Q(contact__phone=""),
        "too_old": Q(touch_at__lt=_before(now, CLICK_DAYS)),
    }


def _meta_api(now: datetime) -> dict[str, Q]:
    connection = MetaConnection.objects.first()
    since = connection.enabled_at if connection is not None else None
    return {
        "other_ad": ~Q(network=META),
        "no_click": Q(click_id=""),
        "no_value": _NO_VALUE,
        "too_old": Q(occurred_at__lt=max(_before(now, MESSAGING_DAYS), since or now)),
    }


REFUSALS = {
    Target.META: _meta,
    Target.GOOGLE: _google,
    Target.GOOGLE_LEADS: _google_leads,
    Target.META_API: _meta_api,
}
REASONS = (*HOLDS, "other_ad", "no_click", "no_phone", "no_value", "too_old")


REACH = {
    Target.META: OFFLINE_DAYS,
    Target.GOOGLE: CLICK_DAYS,
    Target.GOOGLE_LEADS: CLICK_DAYS,
    Target.META_API: MESSAGING_DAYS,
}


def within_reach(rows: QuerySet[Any], target: str, *, now: datetime) -> QuerySet[Any]:
    """Those that are not too old for a target by their label alone: however many there are, this many are looked at."""
    return rows.filter(occurred_at__gte=_before(now, REACH[Target(target)]))


def counted_for_targets(rows: QuerySet[Any], *, now: datetime) -> QuerySet[Any]:
    """Those that any target could have by their age: what a page counts."""
    return rows.filter(occurred_at__gte=_before(now, max(REACH.values())))


def judged(rows: QuerySet[Any], target: str, *, now: datetime, again: bool = False) -> QuerySet[Any]:
    """`rows` with `verdict`: READY, DELIVERED, or the code of the first reason why the target does not get it.

    With `again` it does not matter that the target got it already. Meta gets each by one of its two ways.
    """
    ways = META_WAYS if target in META_WAYS else (target,)
    went = ConversionDelivery.objects.filter(conversion=OuterRef("pk"), target__in=ways)
    delivered = {} if again else {DELIVERED: Exists(went)}
    reasons = {**delivered, **HOLDS, **REFUSALS[Target(target)](now)}
    cases = [When(condition, then=Value(code)) for code, condition in reasons.items()]
    return rows.annotate(verdict=Case(*cases, default=Value(READY), output_field=CharField()))


def sendable(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those that may still go anywhere, whatever the target.

    Their label is still on record as they say, or somebody was told so already: a removal that came since may have made
    a mistap of it, which the next look takes back.
    """
    spells = CleanSpell.objects.filter(
        contact=OuterRef("contact"), label=OuterRef("label"), started_at=OuterRef("occurred_at")
    )
    told = ConversionDelivery.objects.filter(conversion=OuterRef("pk"), state=DeliveryState.DONE)
    return rows.exclude(HELD).filter(Exists(spells) | Exists(told))


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """How many conversions a target can have now and got already, and how many not, by reason."""

    target: Target
    ready: int
    delivered: int
    refused: Mapping[str, int] = field(default_factory=dict)


def counts(rows: QuerySet[Any], target: Target, *, now: datetime) -> TargetCounts:
    """Of these conversions, in one query."""
    grouped = judged(rows, target, now=now).order_by().values_list("verdict").annotate(n=Count("pk"))
    found = dict(grouped)
    refused = {code: found[code] for code in REASONS if found.get(code)}
    return TargetCounts(target, found.get(READY, 0), found.get(DELIVERED, 0), refused)


def conversions_of(viewer: Viewer) -> QuerySet[Any]:
    """All that the viewer sees."""
    return Conversion.objects.visible_to(viewer)
