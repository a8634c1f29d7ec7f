"""How long a label usually stays on those who go on (docs/metrics.md, "Stale and contradictions", Learned limit).

Per stage label the 80th percentile of the stays of the last 365 days that began live and ended in a higher step. A
manual limit below it flags chats that are still on their way. Counted once a day: a year of stays is read whole.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from labelcrm.core.bulk import fetch
from labels.models import Label, LearnedLimit
from labels.services import canonical

WINDOW = timedelta(days=365)
ENOUGH = 50  # stays; of fewer nothing is said


def learn(now: datetime) -> int:
    """Write the limits as they are at `now`; returns of how many labels enough is known."""
    found = fetch(_STAYS, {"now": now, "since": now - WINDOW, "enough": ENOUGH})
    rows = [LearnedLimit(label_id=label, stays=stays, p80=p80, computed_at=now) for label, stays, p80 in found]
    with transaction.atomic():
        LearnedLimit.objects.exclude(label__in=[row.label_id for row in rows]).delete()
        LearnedLimit.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["label"], update_fields=["stays", "p80", "computed_at"]
        )
    return len(rows)


def use(label: Label, *, actor: Any, origin: str) -> Label:
    """Set a label's limit to the learned one. Raises ValidationError where nothing is learned of it."""
    learned = LearnedLimit.objects.filter(label=label).first()
    if learned is None:
        raise ValidationError(_("Too few contacts went on from this label to learn a limit."), code="nothing_learned")
    return canonical.update_label(label, actor=actor, origin=origin, stale_after_days=learned.days)


# A stay is followed by the one that begins when it ends. One that began with a label that was found is older than we
# know, so it says nothing.
_STAYS = """
    SELECT s.label_id, count(*), percentile_cont(0.8) WITHIN GROUP (ORDER BY s.ended_at - s.started_at)
    FROM labels_stagestay s
    JOIN labels_stagestay n ON n.contact_id = s.contact_id AND n.started_at = s.ended_at AND n.step > s.step
    JOIN contacts_contact c ON c.id = s.contact_id AND c.deleted_at IS NULL
    WHERE NOT s.start_by_repair AND s.ended_at >= %(since)s AND s.ended_at < %(now)s
    GROUP BY s.label_id HAVING count(*) >= %(enough)s
"""
