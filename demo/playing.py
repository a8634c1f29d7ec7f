"""Plays the story: sets up its numbers and campaigns, posts every webhook over HTTP, waits until all is processed.

A stamp in the settings table says what was played. A start that was interrupted plays the same story again: what
had arrived is answered as a repeat.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from django.db import transaction
from django.utils import timezone

from contacts.models import Campaign, CampaignRule, Channel, ChannelSecret
from contacts.models.channels import CRM_GATEWAY
from contacts.services.channels import connect
from demo import second_looks
from demo.company import NUMBERS, SOURCES, Number, Source
from demo.manifest import Manifest
from demo.senders import WebhookPost
from demo.story import CONTACTS, SEED, senders_of_numbers, tell
from labelcrm.core.models import Setting
from labels.services import contradictions, staleness
from transfer.conversions import collecting
from webhooks.drain.inbox import pending_channels
from webhooks.models import InboundEvent

STAMP = "demo"
CONNECTIONS = 8
TRIES = 30
REPORT_SECONDS = 5
LAST = 24  # posts that come one by one when all others are processed: the feed then ends with what happened last
PATIENCE = 180  # seconds without a row processed, after which nobody seems to process any
ENDS_BEFORE_NOW = timedelta(minutes=4)
Say = Callable[[str], None]


class DemoError(RuntimeError):
    """The demo cannot be played; the text is a sentence for the person who started it."""


def play(*, url: str, say: Say, seed: int = SEED, contacts: int = CONTACTS) -> Manifest | None:
    """Play the story into the site at `url`; None when it has been played already. Raises DemoError."""
    stamp = begin(seed=seed, contacts=contacts)
    if stamp["finished_at"]:
        return None
    story = tell(until=datetime.fromisoformat(stamp["until"]), seed=stamp["seed"], contacts=stamp["contacts"])
    say(f"Two months of {story.manifest.contacts:,} contacts on {len(NUMBERS)} numbers are on their way.")
    posts = [(whose, one) for whose, _, one in story.posts(senders_of_numbers(secrets()))]
    definitions = sum(one.verb == "label_saved" for one in story.happenings)
    post(posts[:-LAST], definitions=definitions, url=url, say=say)
    wait_until_processed(say=say)
    post_one_by_one([one for _, one in posts[-LAST:]], url=url, say=say)
    flagged = staleness.flag_stale(timezone.now())
    say(f"{flagged.open:,} labels are stale.")
    found = contradictions.flag_contradictions(timezone.now())
    say(f"{found.open:,} contacts have labels that contradict each other.")
    found_by_ads = collecting.collect(timezone.now())
    say(f"{found_by_ads.written:,} conversions: first good labels of contacts who came by an ad.")
    looks = second_looks.plant(timezone.now(), seed=stamp["seed"])
    say(f"{looks:,} grades were looked at a second time.")
    finish(story.manifest)
    return story.manifest


# -- Before ----------------------------------------------------------------------------------------------------------


def begin(*, seed: int, contacts: int) -> dict[str, Any]:
    """The stamp of this database; a new one sets up the numbers and campaigns. Raises DemoError where others live."""
    with transaction.atomic():
        known = Setting.objects.select_for_update().filter(key=STAMP).first()
        if known is not None:
            stamp: dict[str, Any] = known.value
            return stamp
        if Channel.all_objects.exclude(gateway=CRM_GATEWAY).exists():
            raise DemoError("This database has channels of its own: the demo is only played into an empty one.")
        until = (timezone.localtime() - ENDS_BEFORE_NOW).replace(second=0, microsecond=0)
        stamp = {"seed": seed, "contacts": contacts, "until": until.isoformat(), "finished_at": None}
        _set_up(tell(until=until, seed=seed, contacts=1).manifest)
        Setting.objects.create(key=STAMP, value=stamp)
        return stamp


def _set_up(manifest: Manifest) -> None:
    for number in NUMBERS:
        _connect(number)
        if number.heir is not None:
            _connect(number, heir_since=datetime.fromisoformat(manifest.handover["at"]))
    start = datetime.fromisoformat(manifest.started_at)
    for source in SOURCES:
        if source.code:
            _create_campaign(source, start)


def _connect(number: Number, *, heir_since: datetime | None = None) -> None:
    agent = number.heir if heir_since is not None and number.heir is not None else number.agent
    connect(
        gateway=number.gateway, key=number.key, name=number.name, agent=agent.code, team=number.team, since=heir_since,
        timezone=number.zone or None, actor=None,
    )  # fmt: skip


def _create_campaign(source: Source, start: datetime) -> None:
    campaign = Campaign.objects.create(
        code=source.code, name=source.name, source=source.medium, cost=source.cost,
        starts_on=(start + source.since).date(), ends_on=(start + source.until).date(),
    )  # fmt: skip
    if source.ad_id:
        CampaignRule.objects.create(campaign=campaign, kind=CampaignRule.Kind.AD, pattern=source.ad_id)
    if source.keyword:
        CampaignRule.objects.create(campaign=campaign, kind=CampaignRule.Kind.KEYWORD, pattern=source.keyword)


def finish(manifest: Manifest) -> None:
    """Stamp the database: nothing is played into it again."""
    row = Setting.objects.get(key=STAMP)
    row.value |= {"finished_at": timezone.now().isoformat(), "manifest": manifest.as_json()}
    row.save()


def secrets() -> dict[str, str]:
    """The secret of each of the demo's channels, by key."""
    keys = [number.key for number in NUMBERS]
    found = ChannelSecret.objects.filter(channel__key__in=keys).select_related("channel").order_by("id")
    return {secret.channel.key: secret.value for secret in found}


# -- Posting ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Progress:
    """How far the posting is, told by several threads; `failure` stops them all."""

    total: int
    done: list[int] = field(default_factory=lambda: [0] * CONNECTIONS)
    failure: Exception | None = None

    def check(self) -> None:
        """Raise DemoError when a post failed for good."""
        if self.failure is not None:
            raise DemoError(f"A webhook could not be posted: {self.failure}") from self.failure

    def sentence(self) -> str:
        return f"{sum(self.done):,} of {self.total:,} webhooks posted."


def post(posts: Sequence[tuple[str, WebhookPost]], *, definitions: int, url: str, say: Say) -> None:
    """Post over `CONNECTIONS` kept connections, whose posts they are beside them; each person's stay in order.

    The first `definitions` say what the labels are called and go before all others.
    """
    progress = _Progress(len(posts))
    _send([one for _, one in posts[:definitions]], url, progress, place=0)
    lanes: list[list[WebhookPost]] = [[] for _ in range(CONNECTIONS)]
    for whose, one in posts[definitions:]:
        lanes[crc32(whose.encode()) % CONNECTIONS].append(one)
    threads = [
        threading.Thread(target=_send, args=(lane, url, progress), kwargs={"place": place}, daemon=True)
        for place, lane in enumerate(lanes)
    ]
    for thread in threads:
        thread.start()
    _watch(threads, progress, say)
    progress.check()
    say(progress.sentence())


def post_one_by_one(posts: Sequence[WebhookPost], *, url: str, say: Say) -> None:
    """Post, each when the one before it has been processed, whichever number it came by."""
    progress = _Progress(len(posts))
    for one in posts:
        _send([one], url, progress, place=0)
        progress.check()
        wait_until_processed(say=say)


def _watch(threads: Iterable[threading.Thread], progress: _Progress, say: Say) -> None:
    due = time.monotonic() + REPORT_SECONDS
    for thread in threads:
        while thread.is_alive():
            thread.join(timeout=max(0.01, due - time.monotonic()))
            if time.monotonic() >= due:
                say(progress.sentence())
                due += REPORT_SECONDS


def _send(posts: Sequence[WebhookPost], url: str, progress: _Progress, *, place: int) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=30)
    try:
        for one in posts:
            if progress.failure is not None:
                return
            _deliver(connection, one)
            progress.done[place] += 1
    except Exception as error:  # noqa: BLE001 - told by the thread that waits for this one
        progress.failure = error
    finally:
        connection.close()


def _deliver(connection: HTTPConnection, one: WebhookPost) -> None:
    """Post until it is stored, as a good gateway does; what is refused for good ends the demo."""
    for attempt in range(TRIES):
        try:
            connection.request("POST", one.path, body=one.body, headers=one.headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            connection.close()
            if attempt == TRIES - 1:
                raise
            time.sleep(0.5)
            continue
        if answer.status in (200, 202):
            return
        if answer.status != 503:
            raise DemoError(f"the site answered {answer.status} {answer.reason}.")
        time.sleep(min(2.0, float(answer.headers.get("Retry-After", 1))))
    raise DemoError("the site went on answering 503.")


# -- After -----------------------------------------------------------------------------------------------------------


def wait_until_processed(*, say: Say) -> None:
    """Wait until the workers have drained the inbox; DemoError when nobody does."""
    best, since = _pending(), time.monotonic()
    due = since + REPORT_SECONDS
    while pending_channels():
        time.sleep(0.05)
        now = time.monotonic()
        if now < due:
            continue
        due = now + REPORT_SECONDS
        pending = _pending()
        say(f"{pending:,} webhooks wait to be processed.")
        if pending < best:
            best, since = pending, now
        elif now - since > PATIENCE:
            raise DemoError("Nobody processes the inbox: is a worker running?")


def _pending() -> int:
    return InboundEvent.objects.filter(state=InboundEvent.State.PENDING).count()
