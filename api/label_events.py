"""Label events: every label put on or taken off as it was told."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.base.filtering import MomentFilter, WordFilter
from api.base.lookups import OfContactFilterSet
from api.base.serializers import StrictModelSerializer, actor_name
from api.base.viewsets import ReadViewSet
from labels.models import Effect, LabelEvent, Origin


class LabelEventFilterSet(OfContactFilterSet):
    kind = WordFilter(choices=LabelEvent.Kind.choices)
    effect = WordFilter(choices=Effect.choices)
    origin = WordFilter(choices=Origin.choices)
    since = MomentFilter(field_name="occurred_at", lookup_expr="gte")
    until = MomentFilter(field_name="occurred_at", lookup_expr="lt")


class LabelEventSerializer(StrictModelSerializer):
    channel = serializers.CharField(source="channel.key", read_only=True)
    external_label_id = serializers.CharField(source="channel_label.external_id", read_only=True)
    actor = serializers.SerializerMethodField()

    class Meta:
        model = LabelEvent
        fields = (
            "id", "contact", "channel", "channel_label", "external_label_id", "kind", "occurred_at",
            "occurred_at_source", "capped", "received_at", "actor", "actor_method", "origin", "effect", "inbox_id",
        )  # fmt: skip
        read_only_fields = fields

    def get_actor(self, event: Any) -> str | None:
        return actor_name(event.actor_agent, event.actor_user)


class LabelEventViewSet(ReadViewSet):
    """Every label put on or taken off as it was told, those without effect too."""

    queryset = LabelEvent.objects.none()
    serializer_class = LabelEventSerializer
    filterset_class = LabelEventFilterSet
    person = "contact_id"

    def rows(self) -> Any:
        return LabelEvent.objects.select_related("channel", "channel_label", "actor_agent", "actor_user")
