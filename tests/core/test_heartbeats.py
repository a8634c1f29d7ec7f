"""Worker and scheduler are seen as soon as they are up, not only with beat's first tick."""

from __future__ import annotations

import pytest
from celery import signals
from django.utils import timezone

from labelcrm.core.models import Heartbeat


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("signal", "name"), [(signals.worker_ready, "worker"), (signals.beat_init, "beat")])
def test_a_process_that_came_up_has_given_a_sign_of_life(signal: signals.Signal, name: str) -> None:
    before = timezone.now()
    for _ in range(2):  # a restart finds the row of the last life
        assert [answer for _, answer in signal.send(sender=None) if isinstance(answer, Exception)] == []
    [beat] = Heartbeat.objects.all()
    assert beat.name == name
    assert beat.at >= before
