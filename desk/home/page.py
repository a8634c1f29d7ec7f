"""The home page, the stream that keeps it moving, and the rows behind its numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from django.contrib import admin
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone, translation
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from contacts.models import Channel
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from desk.home.days_chart import days_chart
from desk.home.label_activity import label_activity
from desk.home.live import Full, Stream, live
from desk.home.todos import ANSWERS_CHATS, RIGHTS, RUNS_NUMBERS, has_work, stale_of, starts, todos
from labelcrm.core.models import User
from labelcrm.core.viewer import NOBODY, Viewer
from labelcrm.lib.numbers import row_id
from reports.selectors.feed import SHOWN, Feed, FeedRow
from reports.selectors.home import BROKEN, Tiles

MAY_READ = "labels.view_labelevent"
READS_POSTS = "webhooks.view_inboundevent"
HEARTBEAT_SECONDS = 15.0
STREAM_SECONDS = 300.0  # then the page comes again: who logged out or changed teams is noticed
RETRY_MILLISECONDS = 2000


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads the same home page: what its fragments depend on besides the figures.

    `viewer` has only the rights that the page asks for; `own` is the id of the reader's own agent, or NOBODY.
    """

    viewer: Viewer
    own: int = NOBODY

    @classmethod
    def of(cls, viewer: Viewer, *, own: int = NOBODY) -> Audience:
        return cls(replace(viewer, rights=viewer.rights & RIGHTS), own)

    @property
    def sight(self) -> Viewer:
        return self.viewer.sight

    @property
    def language(self) -> str:
        return self.viewer.language

    def is_still(self, user_id: int) -> bool:
        """Whether this user may see now what this audience sees; asks the database."""
        user = User.objects.filter(pk=user_id).select_related("agent").first()
        if user is None or _status(user) != 200:
            return False
        now = audience_of(user)
        return replace(now, viewer=replace(now.viewer, language=self.language)) == self


def audience_of(user: Any) -> Audience:
    """The audience that a user belongs to."""
    agent = getattr(user, "agent", None)
    return Audience.of(viewer_of(user), own=agent.pk if agent is not None else NOBODY)


# -- The page ---------------------------------------------------------------------------------------------------------


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: what the home page shows."""

    viewer = viewer_of(request.user)
    context["title"] = _("Home")
    context["may_read"] = viewer.may(MAY_READ)
    if not context["may_read"]:
        return context
    audience = audience_of(request.user)
    feed = live.feed.get(audience.sight)
    channels = _channels(viewer)
    return context | {
        "state": _state(viewer, channels),
        "channels": channels,
        "tiles_html": tiles_html(live.tiles.get(audience.sight), audience),
        "feed": feed,
        "feed_html": format_html_join("", "{}", ((row_html(row, audience.language),) for row in feed.rows)),
        "last": _last(feed),
        **(_trouble(channels) if viewer.may(*ANSWERS_CHATS) or viewer.may(READS_POSTS) else {}),
    }


def _channels(viewer: Viewer) -> list[Channel]:
    return list(Channel.objects.visible_to(viewer).exclude(gateway=CRM_GATEWAY))


def _state(viewer: Viewer, channels: list[Channel]) -> str:
    """What is missing before there is anything to show; "" when labels arrive."""
    if not channels:
        if viewer.is_in_no_team:
            return ""  # the banner of every page says so
        return "first_run" if viewer.may("contacts.add_channel") else "no_numbers"
    if any(channel.last_label_event_at for channel in channels):
        return ""
    return "unlabelled" if any(channel.last_event_at for channel in channels) else "waiting"


def _trouble(channels: list[Channel]) -> dict[str, list[Channel]]:
    """Numbers whose labels are missing from what the page shows."""
    silent = [channel for channel in channels if channel.last_event_at is None]
    return {
        "silent": silent if len(silent) < len(channels) else [],
        "cut_off": [channel for channel in channels if channel.status in BROKEN],
    }


def _last(feed: Feed) -> int:
    return feed.rows[0].id if feed.rows else 0


# -- Fragments --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1000)
def row_html(row: FeedRow, language: str) -> SafeString:
    """One line of the feed: kept by what it shows, so that a new name is a new line."""
    with translation.override(language):
        return render_to_string("home/feed_row.html", {"row": row})


@lru_cache(maxsize=256)
def tiles_html(tiles: Tiles, audience: Audience) -> str:
    """What to do next, what happened, and the labels by category."""
    viewer = audience.viewer
    with translation.override(audience.language):
        stale, more = stale_of(tiles, own=audience.own)
        context = {
            "tiles": tiles,
            "audience": audience,
            "todos": todos(tiles, viewer),
            "has_work": has_work(viewer),
            "stale": stale,
            "stale_more": more,
            "starts": starts(viewer),
            "runs_numbers": viewer.may(*RUNS_NUMBERS),
            "chart": days_chart(tiles.days),
        }
        return render_to_string("home/tiles.html", context)


def _rendered(rows: list[FeedRow], audience: Audience) -> list[dict[str, Any]]:
    """Rows for the page, oldest first: it puts each on top."""
    return [{"id": row.id, "html": row_html(row, audience.language)} for row in reversed(rows)]


# -- Live -------------------------------------------------------------------------------------------------------------


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """No redirect to the login page: the one who asks is a script."""
    status = _status(request.user)
    return None if status == 200 else HttpResponse(status=status)


def _status(user: Any) -> int:
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return 401
    return 200 if user.has_perm(MAY_READ) else 403


@never_cache
@require_GET
def live_feed(request: HttpRequest) -> HttpResponse:
    """What a page without a stream asks for every few seconds: rows after `since`, and the tiles."""
    refused = _refusal(request)
    if refused is not None:
        return refused
    audience = audience_of(request.user)
    feed = live.feed.get(audience.sight)
    rows = feed.since(row_id(request.GET.get("since")) or 0, now=timezone.now())
    tiles = tiles_html(live.tiles.get(audience.sight), audience)
    ids = [row.id for row in feed.rows]
    return JsonResponse({"rows": _rendered(rows, audience), "ids": ids, "last": _last(feed), "tiles": tiles})


@never_cache
@require_GET
def live_stream(request: HttpRequest) -> HttpResponseBase:
    """Server-sent events: `rows`, `ids`, `tiles` and `state`, until the page goes away or is asked to come again.

    A browser that comes again by itself says which event it heard last; it is told all rows, for names and rights
    may have changed while it was away.
    """
    refused = _refusal(request)
    if refused is not None:
        return refused
    if live.is_full():
        return HttpResponse(status=503, headers={"Retry-After": "60"})
    audience = audience_of(request.user)
    last = 0 if "Last-Event-ID" in request.headers else row_id(request.GET.get("since")) or 0
    user_id = request.user.pk or 0
    events = page_events(audience, user_id=user_id, last=last, still=partial(audience.is_still, user_id))
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


def page_events(
    audience: Audience, *, user_id: int, last: int, still: Callable[[], bool] = lambda: True
) -> Iterator[bytes]:
    """The stream of one page, whose reader is asked after by `still`. Between two events it holds no connection."""
    try:
        with live.stream(audience.sight, user_id=user_id, still=still) as stream:
            yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
            live.feed.get(audience.sight)
            live.tiles.get(audience.sight)
            _let_go()
            yield from _changes(audience, stream, last)
    except Full:
        return


def _changes(audience: Audience, stream: Stream, last: int) -> Iterator[bytes]:
    until = time.monotonic() + STREAM_SECONDS
    sent = SentRows(last)
    tiles: Tiles | None = None
    connected: bool | None = None
    seen = -1
    while time.monotonic() < until:
        heard = live.news.wait(seen, seconds=HEARTBEAT_SECONDS)
        if stream.ended.is_set():
            return
        if heard == seen:
            yield b": still here\nevent: beat\ndata: 1\n\n"
        seen = heard
        if connected != live.listener.connected:
            connected = live.listener.connected
            yield _event("state", {"live": connected})
        yield from _feed_events(audience, sent)
        latest = live.tiles.latest(audience.sight)
        if latest is not None and latest != tiles:
            tiles = latest
            yield _event("tiles", tiles_html(latest, audience))


@dataclass(slots=True)
class SentRows:
    """The rows of the feed that were sent to a page. It came with the rows up to event `last`."""

    last: int
    rows: dict[int, FeedRow] = field(default_factory=dict)
    begun: bool = False

    def news(self, feed: Feed, *, now: datetime) -> tuple[list[FeedRow], bool]:
        """Rows that are new to the page or look different now, and whether others left the list; then it knows."""
        since = feed.since(self.last, now=now)
        rows = [row for row in feed.rows if (self.rows[row.id] != row if row.id in self.rows else row in since)]
        listed = {row.id: row for row in feed.rows}
        oldest = feed.rows[-1].id if len(feed.rows) == SHOWN else 0  # what is older made room for newer ones
        left = not self.begun or any(pk not in listed for pk in self.rows if pk > oldest)
        self.rows, self.begun = listed, True
        return rows, left


def _feed_events(audience: Audience, sent: SentRows) -> Iterator[bytes]:
    feed = live.feed.latest(audience.sight)
    if feed is None:
        return
    rows, left = sent.news(feed, now=timezone.now())
    if rows:
        yield _event("rows", _rendered(rows, audience), number=max(row.id for row in feed.rows))
    if left:
        yield _event("ids", [row.id for row in feed.rows])


def _event(name: str, data: Any, *, number: int | None = None) -> bytes:
    head = f"event: {name}\n" + (f"id: {number}\n" if number is not None else "")
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _let_go() -> None:
    """Close this thread's database connections: nothing is asked of them while the stream waits."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:  # a test's transaction
            connection.close()


urlpatterns = [
    path("live/", live_stream, name="live"),
    path("live/feed/", live_feed, name="live-feed"),
    path("admin/activity/", admin.site.admin_view(label_activity), name="label-activity"),
]
