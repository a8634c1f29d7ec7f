"""The labels WhatsApp knows, per number."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.base.lookups import WithLabelFilterSet
from api.base.serializers import StrictModelSerializer
from api.base.viewsets import ReadViewSet
from labels.models import ChannelLabel


class ChannelLabelFilterSet(WithLabelFilterSet):
    pass


class ChannelLabelSerializer(StrictModelSerializer):
    channel = serializers.CharField(source="channel.key", read_only=True)

    class Meta:
        model = ChannelLabel
        fields = (
            "id", "channel", "external_id", "generation", "name", "label", "color", "list_type", "hidden",
            "is_placeholder", "first_seen_at", "deleted_at",
        )  # fmt: skip
        read_only_fields = fields


class ChannelLabelViewSet(ReadViewSet):
    """The labels WhatsApp knows, per number, deleted generations included; `label` is what each means now."""

    queryset = ChannelLabel.objects.none()
    serializer_class = ChannelLabelSerializer
    filterset_class = ChannelLabelFilterSet

    def rows(self) -> Any:
        return ChannelLabel.objects.select_related("channel")
