"""A small story, posted to the receiver as the demo posts the big one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import pytest
from django.utils import timezone

from contacts.models import Channel
from demo import playing
from demo.manifest import Manifest
from demo.senders import WebhookPost
from demo.story import senders_of_numbers, tell
from labels.services.staleness import StaleResult, flag_stale
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.posting import request
from webhooks.drain import lanes

CONTACTS = 120


@dataclass(frozen=True)
class Played:
    """What was planted, what the front door answered, and what the stale job said."""

    manifest: Manifest
    answers: Counter[int]
    stale: StaleResult


@pytest.fixture
def played(db: None) -> Played:
    """The small story, posted, drained and looked over for stale labels."""
    return play(seed=7, contacts=CONTACTS)


def play(*, seed: int, contacts: int) -> Played:
    """A story through the front door, as `manage.py play_demo` plays it over HTTP."""
    stamp = playing.begin(seed=seed, contacts=contacts)
    story = tell(until=datetime.fromisoformat(stamp["until"]), seed=seed, contacts=contacts)
    answers = Counter(send(post) for _, _, post in story.posts(senders_of_numbers(playing.secrets())))
    for channel in Channel.objects.all():
        lanes.drain(channel.pk, seconds=600)
    return Played(story.manifest, answers, flag_stale(timezone.now()))


def send(post: WebhookPost) -> int:
    """Post to the receiver; the status of its answer."""
    headers = {name.replace("-", "_"): value for name, value in post.headers.items() if name != "Content-Type"}
    return request(post.path, post.body, **headers).status
