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
from django.urls import NoReverseMatch, path, reverse
from django.utils import timezone, translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from contacts.models import Channel
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from desk.home.label_activity import label_activity
from desk.home.live import Full, Stream, live
from desk.home.todos import todos
from labelcrm.core.models import User
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from reports.definitions import definition
from reports.limits import in_words
from reports.selectors.feed import SHOWN, Feed, FeedRow
from reports.selectors.home import Tiles

MAY_READ = "labels.view_labelevent"
HEARTBEAT_SECONDS = 15.0
STREAM_SECONDS = 300.0  # then the page comes again: who logged out or changed teams is noticed
RETRY_MILLISECONDS = 2000


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads the same home page: what its fragments depend on besides the figures."""

    sight: Viewer
    language: str
    sees_inbox: bool

    @classmethod
    def of(cls, viewer: Viewer) -> Audience:
        return cls(viewer.sight, viewer.language, viewer.may("webhooks.view_inboundevent"))

    def is_still(self, user_id: int) -> bool:
        """Whether this user may see now what this audience sees; asks the database."""
        user = User.objects.filter(pk=user_id).select_related("agent").first()
        if user is None or _status(user) != 200:
            return False
        return replace(Audience.of(viewer_of(user)), language=self.language) == self


# -- The page ---------------------------------------------------------------------------------------------------------


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: what the home page shows."""

    viewer = viewer_of(request.user)
    context["title"] = _("Home")
    context["todos"] = [todo for todo in todos(viewer) if todo.rows]
    context["may_read"] = viewer.may(MAY_READ)
    if not context["may_read"]:
        return context
    audience = Audience.of(viewer)
    feed = live.feed.get(audience.sight)
    channels = _channels(viewer)
    return context | {
        "viewer": viewer,
        "channels": channels,
        "silent": [channel for channel in channels if channel.last_event_at is None],
        "heard": any(channel.last_event_at for channel in channels),
        "tiles_html": tiles_html(live.tiles.get(audience.sight), audience),
        "feed": feed,
        "feed_html": mark_safe("".join(row_html(row, audience.language) for row in feed.rows)),  # noqa: S308 - rendered
        "last": _last(feed),
    }


def _channels(viewer: Viewer) -> list[Channel]:
    return list(Channel.objects.visible_to(viewer).exclude(gateway=CRM_GATEWAY))


def _last(feed: Feed) -> int:
    return feed.rows[0].id if feed.rows else 0


@lru_cache(maxsize=1)
def links() -> dict[str, str]:
    """Where the numbers lead; the first address of each that exists."""
    candidates = {
        "stale": ("report-stale", "admin:labels_staleflag_changelist"),
        "contacts": ("admin:contacts_contact_changelist",),
        "inbox": ("admin:webhooks_inboundevent_changelist",),
        "activity": ("label-activity",),
    }
    return {name: _first_address(views) for name, views in candidates.items()}


def _first_address(views: tuple[str, ...]) -> str:
    for view in views:
        try:
            return reverse(view)
        except NoReverseMatch:
            continue
    return ""


# -- Fragments --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1000)
def row_html(row: FeedRow, language: str) -> str:
    """One line of the feed: kept by what it shows, so that a new name is a new line."""
    with translation.override(language):
        return render_to_string("home/feed_row.html", {"row": row})


@lru_cache(maxsize=64)
def tiles_html(tiles: Tiles, audience: Audience) -> str:
    """The tiles and the labels by category."""
    with translation.override(audience.language):
        words = {
            "never": definition("never_labelled", audience.language),
            "limit": in_words(tiles.never_after, english=audience.language == "en"),
        }
        return render_to_string("home/tiles.html", {"tiles": tiles, "audience": audience, "links": links(), **words})


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
    audience = Audience.of(viewer_of(request.user))
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
    audience = Audience.of(viewer_of(request.user))
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
