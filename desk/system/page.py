"""The System page: is everything arriving, is anything stuck, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Min, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Channel
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from desk.base.reasons import sentence
from labelcrm.core.models import Heartbeat
from labelcrm.core.viewer import Viewer
from labelcrm.core.wakeups import broker_answers
from webhooks.models import InboundEvent, PostCounter, UnknownChannel
from webhooks.selectors import DUPLICATE_POST

SILENT_AFTER = timedelta(minutes=3)
LATE_AFTER = timedelta(minutes=2)
REFUSED_DAYS = 7
MOST = 50
PROCESSES = ("worker", "slow", "beat")


@dataclass(frozen=True, slots=True)
class ChannelLane:
    """What waits in one channel's lane."""

    channel: Channel
    pending: int
    oldest: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """A background process and when it was last seen."""

    name: str
    at: datetime | None
    alive: bool


def system(request: HttpRequest) -> HttpResponse:
    """Everything on it is limited to the channels the viewer sees."""
    if not request.user.has_perm("webhooks.view_inboundevent"):
        raise PermissionDenied
    now, viewer = timezone.now(), viewer_of(request.user)
    channels = list(Channel.objects.visible_to(viewer).exclude(gateway=CRM_GATEWAY).select_related("team"))
    context = {
        **admin.site.each_context(request),
        "title": _("System"),
        "now": now,
        "lanes": lanes(channels, now=now),
        "pulses": pulses(now=now),
        "broker": broker_answers(),
        "parked": parked(viewer),
        "refused": refused(channels, now=now),
        "refused_days": REFUSED_DAYS,
        "unknown": unknown(viewer),
    }
    context["late"] = any(lane.late for lane in context["lanes"])
    context["parked_total"] = sum(row["rows"] for row in context["parked"])
    return TemplateResponse(request, "admin/system.html", context)


def lanes(channels: list[Channel], *, now: datetime) -> list[ChannelLane]:
    """Every channel with its waiting events, the fullest first."""
    waiting = InboundEvent.objects.filter(state=InboundEvent.State.PENDING, channel__in=channels).order_by()
    found = {row["channel"]: row for row in waiting.values("channel").annotate(n=Count("id"), at=Min("received_at"))}
    rows = []
    for channel in channels:
        row: Any = found.get(channel.pk, {"n": 0, "at": None})
        late = row["at"] is not None and now - row["at"] > LATE_AFTER
        rows.append(ChannelLane(channel=channel, pending=row["n"], oldest=row["at"], late=late))
    return sorted(rows, key=lambda lane: -lane.pending)


def pulses(*, now: datetime) -> list[Pulse]:
    """The processes that must be alive, and any other that was ever seen."""
    seen = dict(Heartbeat.objects.values_list("name", "at"))
    names = [*PROCESSES, *sorted(set(seen) - set(PROCESSES))]
    return [Pulse(name, seen.get(name), bool(seen.get(name) and now - seen[name] < SILENT_AFTER)) for name in names]


def parked(viewer: Viewer) -> list[Any]:
    """Parked events by channel and reason, the most frequent first."""
    rows = InboundEvent.objects.visible_to(viewer).filter(state=InboundEvent.State.PARKED).order_by()
    grouped = rows.values("channel_id", "channel__name", "channel__session", "reason")
    grouped = grouped.annotate(rows=Count("id"), last=Max("received_at"))
    found = grouped.order_by("-rows", "channel__name", "reason")[:MOST]
    return [{**row, "why": sentence(row["reason"], session=row["channel__session"])} for row in found]


def refused(channels: list[Channel], *, now: datetime) -> list[Any]:
    """Posts of the last days that were turned away, by channel and outcome."""
    since = timezone.localdate(now) - timedelta(days=REFUSED_DAYS - 1)
    rows = PostCounter.objects.filter(channel__in=channels, day__gte=since).filter(~Q(outcome=DUPLICATE_POST))
    grouped = rows.order_by().values("channel_id", "channel__name", "outcome")
    return list(grouped.annotate(posts=Sum("count"), last=Max("last_at")).order_by("-posts")[:MOST])


def unknown(viewer: Viewer) -> list[UnknownChannel]:
    if not (viewer.everything or viewer.may("contacts.add_channel")):
        return []
    return list(UnknownChannel.objects.all()[:MOST])


urlpatterns = [path("system/", admin.site.admin_view(system), name="system")]
