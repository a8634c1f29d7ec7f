"""Which background processes (worker, beat) are alive: what the system page and /readyz read."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from labelcrm.core.models import Heartbeat


def note(*names: str) -> None:
    """Say that the named processes ("worker", "slow", "beat") are alive now."""
    for name in names:
        Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})


def note_start(name: str) -> None:
    """The same from a process that has just started; its connection is closed, because forks must not share it."""
    note(name)
    connection.close()
