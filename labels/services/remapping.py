"""A person says what a WhatsApp label means."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.services import connections
from labelcrm.core import audit
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAlias
from labels.rules.naming import normalize
from labels.services.wording import update_intervals_and_figures


@transaction.atomic
def remap(*, channel_label: ChannelLabel, label: Label, since: datetime | None, actor: Any) -> set[int]:
    """A person says what a WhatsApp label means: always (`since` None), or from a time on.

    The times of intervals stay as they are; spells are split or restated. Its name becomes a spelling of `label`
    where it is none yet. Returns ids of the contacts whose figures may have changed.
    """
    connections.hold(channel_label.channel_id)
    row = ChannelLabel.objects.get(pk=channel_label.pk)
    old = row.meanings.all() if since is None else row.meanings.filter(since__gte=since)
    old.delete()
    ChannelLabelMeaning.objects.create(
        channel_label=row, label=label, name=row.name, since=since, decided_by=actor, decided_at=timezone.now()
    )
    row.label = label
    row.save(update_fields=["label"])
    LabelAlias.objects.get_or_create(normalized=normalize(row.name), defaults={"label": label, "text": row.name})
    audit.record(
        actor=actor, action="label.remapped", obj=row, label=label.pk, since=since.isoformat() if since else None
    )
    return update_intervals_and_figures({row.pk})
