"""Segments follow a merge of labels, also one that somebody saves at the same moment."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from labelcrm.core.bulk import fetch
from labels.models import Label, LabelMerge
from reports.models import Segment
from reports.services import segments
from reports.services.segment_labels import MENTION
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def named(*labels: Label) -> dict[str, Any]:
    return {"any": [{"all": [{"field": "label", "op": "active", "labels": [label.pk for label in labels]}]}]}


class Saving(threading.Thread):
    """Saves a segment, and ends its transaction when somebody waits for that, or after two seconds."""

    def __init__(self, segment: Segment, definition: dict[str, Any]) -> None:
        super().__init__()
        self.segment, self.definition, self.saved = segment, definition, threading.Event()

    def run(self) -> None:
        with transaction.atomic():
            owner = self.segment.owner
            segments.update_segment(self.segment, actor=owner, origin="test", definition=self.definition)
            self.saved.set()
            until = time.monotonic() + 2
            while not fetch(WAITING, [])[0][0] and time.monotonic() < until:
                time.sleep(0.02)
        connection.close()


def meanwhile(segment: Segment, definition: dict[str, Any], work: Any, merge: LabelMerge) -> None:
    saving = Saving(segment, definition)
    saving.start()
    assert saving.saved.wait(10)
    with transaction.atomic():
        work(merge)
    saving.join()
    segment.refresh_from_db()


def test_a_merge_and_its_undoing_keep_what_is_saved_meanwhile() -> None:
    source, target, other, third = Label.objects.order_by("id")[:4]
    segment = Segment.objects.create(name="X", definition=named(source), owner=UserFactory(role="owner"))
    merge = LabelMerge.objects.create(source=source, target=target, merged_at=timezone.now())
    meanwhile(segment, named(source, other), MENTION.move, merge)
    assert segment.definition == named(target, other)
    meanwhile(segment, named(target, third), MENTION.move_back, merge)
    assert segment.definition == named(target, third), "somebody said it anew"


def test_a_merge_is_undone_in_a_segment_that_nobody_touched() -> None:
    source, target, other = Label.objects.order_by("id")[:3]
    segment = Segment.objects.create(name="X", definition=named(source, other), owner=UserFactory(role="owner"))
    merge = LabelMerge.objects.create(source=source, target=target, merged_at=timezone.now())
    for work, definition in ((MENTION.move, named(target, other)), (MENTION.move_back, named(source, other))):
        with transaction.atomic():
            work(merge)
        segment.refresh_from_db()
        assert segment.definition == definition
