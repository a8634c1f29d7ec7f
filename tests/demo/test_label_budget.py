"""The label budget finds the labels that the demo plants: those that nobody uses, and two that say the same."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.utils import timezone

from contacts.models import Channel
from demo import playing
from demo.manifest import Manifest
from demo.story import CONTACTS, SEED, senders_of_numbers, tell
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel
from reports.query import parse_query
from reports.registry import REPORTS
from reports.selectors.label_budget import Budget
from tests.demo.conftest import send
from tests.webhooks.conftest import _front_store as _front_store
from webhooks.drain import lanes

pytestmark = pytest.mark.django_db
TOLD = {"label_saved", "label_on_chat", "status"}


def played(only: str) -> Manifest:
    """The whole story, of which the labels of every number are told, and those on chats of one number."""
    stamp = playing.begin(seed=SEED, contacts=CONTACTS)
    story = tell(until=datetime.fromisoformat(stamp["until"]), seed=SEED)
    senders = senders_of_numbers(playing.secrets())
    for one in story.happenings:
        if one.verb == "label_saved" or (one.key == only and one.verb in TOLD):
            send(getattr(senders[one.key], one.verb)(**one.words, at=one.at + story.shift))
    for channel in Channel.objects.all():
        lanes.drain(channel.pk, seconds=600)
    return story.manifest


def found() -> Budget:
    return parse_query(REPORTS["label-budget"], {}, viewer=Viewer(everything=True), now=timezone.now()).budget


def name_in_story(pk: int) -> str:
    label = ChannelLabel.objects.select_related("channel").get(pk=pk)
    return f"{label.channel.key}/{label.external_id}"


def test_every_planted_unused_label_and_the_pair_are_found_and_nothing_else() -> None:
    """Of the number whose chats are told, the proposal is what is planted; of all, what is planted is in it."""
    manifest = played("tim-malam")
    budget = found()
    never = {name_in_story(row.channel_label) for row in budget.rows if row.proposal == "never"}
    assert never >= set(manifest.unused_labels) != set()
    on_number = {(name_in_story(row.channel_label), row.proposal) for row in budget.rows
                 if row.channel == "tim-malam" and row.proposal}  # fmt: skip
    [(extra, twin)] = manifest.twin_labels
    assert on_number == {("tim-malam/a8", "never"), (twin, "duplicate")}
    [pair] = [pair for pair in budget.pairs if pair.near_duplicate]
    assert {name_in_story(pair.first), name_in_story(pair.second)} == {extra, twin}
    assert (pair.together.k, pair.together.n) == (35, 37)
