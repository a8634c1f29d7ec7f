"""Signs of life of the processes behind the scenes, for the system page and /readyz."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from labelcrm.core.models import Heartbeat


def note(*names: str) -> None:
    """Say that the named processes ("worker", "beat") are alive now."""
    for name in names:
        Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})


def note_start(name: str) -> None:
    """The same from a process that has just come up, and whose forks must not share its connection."""
    note(name)
    connection.close()
