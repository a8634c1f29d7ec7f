"""Messages with contacts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.base.filtering import MomentFilter
from api.base.lookups import OfContactFilterSet
from api.base.serializers import StrictModelSerializer
from api.base.viewsets import ReadViewSet
from contacts.models import Message


class MessageFilterSet(OfContactFilterSet):
    since = MomentFilter(field_name="at", lookup_expr="gte")


class MessageSerializer(StrictModelSerializer):
    channel = serializers.CharField(source="channel.key", read_only=True)
    ad = serializers.JSONField(read_only=True, allow_null=True)

    class Meta:
        model = Message
        fields = (
            "id", "contact", "channel", "external_id", "from_me", "by_api", "kind", "text", "at", "at_source",
            "received_at", "ad",
        )  # fmt: skip
        read_only_fields = fields


class MessageViewSet(ReadViewSet):
    """Messages, newest first: of one contact by their time, of everybody by their arrival."""

    queryset = Message.objects.none()
    serializer_class = MessageSerializer
    filterset_class = MessageFilterSet
    person = "contact_id"
    cursor_fields = ("at", "id")

    def rows(self) -> Any:
        return Message.objects.filter(contact__deleted_at__isnull=True).select_related("channel")

    def keyset(self, request: Any) -> tuple[str, ...]:
        return ("-at", "-id") if {"contact", "phone", "lid"} & set(request.query_params) else ("-id",)
