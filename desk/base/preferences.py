"""What one person chose last, remembered for their next time: `User.preferences`, a value by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction


def remember(user: Any, name: str, value_of: Callable[[Any], Any]) -> None:
    """Keep a value by its name; `value_of` makes it of what is kept by now, so that two tabs lose nothing."""
    with transaction.atomic():
        held = get_user_model().objects.select_for_update(of=("self",)).get(pk=user.pk)
        held.preferences = {**held.preferences, name: value_of(held.preferences.get(name))}
        held.save(update_fields=["preferences"])
