"""How the inbox is narrowed down."""

from __future__ import annotations

from typing import Any

from django_filters import CharFilter

from api.base.filtering import StrictFilterSet, WordFilter
from api.base.lookups import OfChannelFilterSet, visible_channel_ids
from webhooks.models import InboundEvent


class InboxFilterSet(OfChannelFilterSet):
    state = WordFilter(choices=InboundEvent.State.choices)


class SummaryFilterSet(StrictFilterSet):
    """Channels whose inbox is summed up."""

    channel = CharFilter(method="of_key", label="The channel's key.")

    def of_key(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(id__in=visible_channel_ids(self.user, value))
