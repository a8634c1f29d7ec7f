"""What it costs that a contact waits: the order of the Today page. Pure: no models, no settings.

Source: docs/metrics.md, "Follow-up and health", Today.
"""

from __future__ import annotations

from datetime import timedelta

MOST = 20.0  # limits: somebody who has waited this long is hardly kept by an hour less


def cost(*, value: int, over: timedelta, patience: timedelta) -> float:
    """The value of a contact's label (`labels.rules.urgency`) × how often its patience has passed, at most MOST times.

    `over` is how long something has been late, `patience` how late anything of its kind may be: a chat an hour, a
    label its limit. So an answer that is a day late comes before a label that is a week over its limit.

    >>> cost(value=6, over=timedelta(hours=3), patience=timedelta(hours=1))
    18.0
    >>> cost(value=6, over=timedelta(days=7), patience=timedelta(days=7))
    6.0
    >>> cost(value=4, over=timedelta(days=400), patience=timedelta(days=3))
    80.0
    """
    return value * min(max(over, timedelta()) / patience, MOST)
