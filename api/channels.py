"""WhatsApp numbers and the gateways they are reached through."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch, Q
from django.utils import timezone
from rest_framework import serializers

from api.base.filtering import ArchivableFilterSet, WordFilter
from api.base.serializers import StrictModelSerializer
from api.base.viewsets import ReadViewSet
from contacts.models import Channel, ChannelOwnership
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.ownership import Ownerships
from webhooks.gateways import GATEWAYS


class ChannelFilterSet(ArchivableFilterSet):
    gateway = WordFilter(choices=[(name, name) for name in (*GATEWAYS, CRM_GATEWAY)])
    status = WordFilter(choices=Channel.Status.choices)


class ChannelSerializer(StrictModelSerializer):
    owner = serializers.SerializerMethodField()

    class Meta:
        model = Channel
        # Addresses and credentials of the gateway are nobody's business here.
        fields = (
            "id", "key", "session", "gateway", "name", "status", "status_at", "last_event_at", "last_label_event_at",
            "owner", "team", "used_by_one", "timezone", "connected_at", "deleted_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_owner(self, channel: Any) -> str | None:
        owners = {row.agent_id: row.agent.name for row in channel.owned_now}
        now = Ownerships(tuple(channel.owned_now), ZoneInfo(settings.TIME_ZONE)).at(timezone.now())
        return None if now.agent_id is None else owners[now.agent_id]


class ChannelViewSet(ReadViewSet):
    """WhatsApp numbers and the gateways they are reached through; never their credentials."""

    queryset = Channel.objects.none()
    serializer_class = ChannelSerializer
    filterset_class = ChannelFilterSet

    def rows(self) -> Any:
        now = timezone.now()
        current = ChannelOwnership.objects.filter(
            Q(since__isnull=True) | Q(since__lte=now), Q(until__isnull=True) | Q(until__gt=now)
        ).select_related("agent")
        hidden = ("base_url", "api_key", "verify_token")
        return Channel.all_objects.defer(*hidden).prefetch_related(
            Prefetch("ownerships", queryset=current, to_attr="owned_now")
        )
