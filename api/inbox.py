"""The inbox: accepted posts, their summary, and processing again."""

from __future__ import annotations

from typing import Any

from django_filters import CharFilter
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.base.filtering import StrictFilterSet, WordFilter
from api.base.lookups import OfChannelFilterSet, visible_channel_ids
from api.base.serializers import StrictModelSerializer
from api.base.viewsets import ReadViewSet
from contacts.models import Channel
from webhooks.drain.inbox import replay
from webhooks.models import InboundEvent
from webhooks.selectors import inbox_summary


class InboxFilterSet(OfChannelFilterSet):
    state = WordFilter(choices=InboundEvent.State.choices)


class SummaryFilterSet(StrictFilterSet):
    """Channels whose inbox is summed up."""

    channel = CharFilter(method="of_key", label="The channel's key.")

    def of_key(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(id__in=visible_channel_ids(self.viewer, value))


class InboundEventSerializer(StrictModelSerializer):
    gateway = serializers.CharField(source="channel.gateway", read_only=True)
    channel = serializers.CharField(source="channel.key", read_only=True)

    class Meta:
        model = InboundEvent
        fields: tuple[str, ...] = (
            "id", "gateway", "channel", "state", "reason", "received_at", "attempts", "settled_at",
        )  # fmt: skip
        read_only_fields = fields


class InboundEventDetailSerializer(InboundEventSerializer):
    """One post with what it said; `body` is null once it has been emptied."""

    body = serializers.SerializerMethodField()
    headers = serializers.JSONField(read_only=True)

    class Meta(InboundEventSerializer.Meta):
        fields = (*InboundEventSerializer.Meta.fields, "headers", "body")
        read_only_fields = fields

    def get_body(self, event: Any) -> str | None:
        return bytes(event.body).decode("utf-8", errors="replace") or None


class SummarySerializer(serializers.Serializer[Any]):
    pending = serializers.IntegerField()
    applied = serializers.IntegerField()
    ignored = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    parked = serializers.IntegerField()
    oldest_pending_seconds = serializers.FloatField(allow_null=True)


class ReplayedSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=InboundEvent.State.choices)
    replayed = serializers.IntegerField(help_text="Posts set to be processed again: 1, or 0 when there is nothing to.")


class InboxViewSet(ReadViewSet):
    """Every accepted post and what became of it, newest first."""

    queryset = InboundEvent.objects.none()
    serializer_class = InboundEventSerializer
    filterset_class = InboxFilterSet
    parameters = {"summary": {"channel"}}
    action_permissions = {"replay": ["%(app_label)s.change_%(model_name)s"]}

    @property
    def person(self) -> str:  # type: ignore[override]
        """A single post shows what it said, and so stands for one person; the list does not."""
        return "pk" if self.action == "retrieve" else ""

    def rows(self) -> Any:
        rows = InboundEvent.objects.select_related("channel")
        return rows if self.action == "retrieve" else rows.defer("body", "headers")

    def get_serializer_class(self) -> Any:
        return InboundEventDetailSerializer if self.action == "retrieve" else InboundEventSerializer

    def keyset(self, request: Any) -> tuple[str, ...]:
        return ("-id",)

    @extend_schema(parameters=[OpenApiParameter("channel", str)], responses=SummarySerializer, filters=False)
    @action(detail=False, pagination_class=None, filterset_class=None)
    def summary(self, request: Request) -> Response:
        """How much waits, for how long, and what became of the rest."""
        channels = SummaryFilterSet(request.query_params, Channel.all_objects.visible_to(self.viewer), request=request)
        return Response(SummarySerializer(inbox_summary(channels.qs)).data)

    @extend_schema(request=None, responses={202: ReplayedSerializer})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str | None = None) -> Response:
        """Process a post again. Safe to repeat: what it already did is not done twice."""
        event = self.get_object()
        replayed = replay(InboundEvent.objects.filter(pk=event.pk), actor=request.user)
        event.refresh_from_db(fields=["state"])
        answer = {"id": event.pk, "state": event.state, "replayed": replayed}
        return Response(ReplayedSerializer(answer).data, status=status.HTTP_202_ACCEPTED)
