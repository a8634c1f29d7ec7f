"""Endpoints of who: channels, contacts, agents, teams, campaigns and messages."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch, Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.base.serializers import StrictBooleanField, StrictIntegerField, StrictModelSerializer, VisibleField
from api.base.viewsets import ArchiveViewSet, EditViewSet, ReadViewSet, Writes
from api.contact_filters import (
    AgentFilterSet,
    CampaignFilterSet,
    ChannelFilterSet,
    ContactFilterSet,
    MessageFilterSet,
    TeamFilterSet,
    surviving_id,
)
from contacts.models import (
    Agent,
    Campaign,
    Channel,
    ChannelOwnership,
    Contact,
    ContactIdentity,
    IdentityKind,
    Message,
    Team,
)
from contacts.selectors.ownership import Ownerships
from contacts.services import agents, campaigns
from contacts.services.contacts import edit_contact
from labelcrm.lib.numbers import row_id
from labels.models import LabelAssignment

MAX_COST = 10**14 - 1  # Campaign.cost has 14 digits


# -- Channels ------------------------------------------------------------------------------------------------------


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


# -- Contacts ------------------------------------------------------------------------------------------------------


class ContactLabelSerializer(serializers.ModelSerializer[Any]):
    """A label that a contact has now on one channel."""

    id = serializers.IntegerField(source="label_id", read_only=True)
    name = serializers.CharField(source="label.name", read_only=True)
    category = serializers.SerializerMethodField()
    channel = serializers.CharField(source="channel.key", read_only=True)

    class Meta:
        model = LabelAssignment
        fields = ("id", "name", "category", "channel", "added_at")
        read_only_fields = ("added_at",)

    def get_category(self, assignment: Any) -> str | None:
        category = assignment.label.category
        return category.code if category is not None else None


class OptedOutField(StrictBooleanField):
    """Writes a boolean, reads the time behind it."""

    def get_attribute(self, instance: Any) -> bool:
        return instance.opted_out_at is not None


class ContactSerializer(StrictModelSerializer):
    phone = serializers.SerializerMethodField()
    lids = serializers.SerializerMethodField()
    username = serializers.SerializerMethodField()
    user_ids = serializers.SerializerMethodField()
    labels = ContactLabelSerializer(source="active_labels", many=True, read_only=True)
    campaign = serializers.PrimaryKeyRelatedField[Campaign](read_only=True, allow_null=True)
    campaign_name = serializers.SerializerMethodField()
    assigned_to = VisibleField(queryset=Agent.objects.all(), allow_null=True, required=False)
    assigned_to_name = serializers.SerializerMethodField()
    opted_out = OptedOutField(required=False)

    class Meta:
        model = Contact
        fields = (
            "id", "phone", "lids", "name", "labels", "campaign", "campaign_name", "opted_out", "assigned_to",
            "assigned_to_name", "follow_up_at", "first_seen_at", "first_inbound_at", "last_inbound_at",
            "last_outbound_at", "created_at", "updated_at", "username", "user_ids",
        )  # fmt: skip
        read_only_fields = (
            "first_seen_at", "first_inbound_at", "last_inbound_at", "last_outbound_at", "created_at", "updated_at",
        )  # fmt: skip

    @extend_schema_field({"type": "string", "nullable": True, "example": "+6281234567890"})
    def get_phone(self, contact: Any) -> str | None:
        return contact.phone or None

    def get_lids(self, contact: Any) -> list[str]:
        return [str(one) for one in contact.other_identities if one.kind == IdentityKind.LID]

    @extend_schema_field({"type": "string", "nullable": True, "example": "budi.kopi"})
    def get_username(self, contact: Any) -> str | None:
        return contact.username or None

    def get_user_ids(self, contact: Any) -> list[str]:
        return [str(one) for one in contact.other_identities if one.kind != IdentityKind.LID]

    def get_campaign_name(self, contact: Any) -> str | None:
        return contact.campaign.name if contact.campaign is not None else None

    def get_assigned_to_name(self, contact: Any) -> str | None:
        return contact.assigned_to.name if contact.assigned_to is not None else None


class ContactViewSet(EditViewSet):
    """People, with the labels they have now. The id of a merged contact answers with the one that survived."""

    queryset = Contact.objects.none()
    serializer_class = ContactSerializer
    filterset_class = ContactFilterSet
    person = "pk"
    http_method_names = ["get", "head", "patch"]
    writes = Writes(update=edit_contact)
    cursor_fields = ("updated_at", "id")

    def rows(self) -> Any:
        active = LabelAssignment.objects.visible_to(self.request.user).active()
        others = ContactIdentity.objects.exclude(kind=IdentityKind.PHONE).order_by("id")
        return (
            Contact.objects.filter(merged_into__isnull=True)
            .select_related("campaign", "assigned_to")
            .prefetch_related(
                Prefetch("identities", queryset=others, to_attr="other_identities"),
                Prefetch(
                    "assignments",
                    queryset=active.select_related("label__category", "channel").order_by("added_at", "id"),
                    to_attr="active_labels",
                ),
            )
        )

    def get_object(self) -> Any:
        self.kwargs["pk"] = surviving_id(row_id(self.kwargs["pk"]) or 0)
        return super().get_object()

    def keyset(self, request: Any) -> tuple[str, ...]:
        """Whoever asks for changes walks by time of change, so that a row changed meanwhile comes again."""
        return ("updated_at", "id") if "updated_since" in request.query_params else ("id",)


# -- Agents, teams, campaigns --------------------------------------------------------------------------------------


class TeamSerializer(StrictModelSerializer):
    class Meta:
        model = Team
        fields = ("id", "name", "created_at", "deleted_at")


class TeamViewSet(ArchiveViewSet):
    """Groups of agents and channels."""

    queryset = Team.objects.none()
    serializer_class = TeamSerializer
    filterset_class = TeamFilterSet
    writes = Writes(
        create=agents.create_team,
        update=agents.update_team,
        archive=agents.archive_team,
        restore=agents.restore_team,
    )

    def rows(self) -> Any:
        return Team.all_objects.all()


class AgentSerializer(StrictModelSerializer):
    # Only a team the user sees: whoever could move their own agent anywhere would see every team's rows.
    team = VisibleField(queryset=Team.objects.all(), allow_null=True, required=False)

    class Meta:
        model = Agent
        fields = ("id", "code", "name", "team", "user", "created_at", "deleted_at")
        read_only_fields = ("user", "created_at")  # who logs in as whom is decided in the admin


class AgentViewSet(ArchiveViewSet):
    """Customer-service agents."""

    queryset = Agent.objects.none()
    serializer_class = AgentSerializer
    filterset_class = AgentFilterSet
    writes = Writes(
        create=agents.create_agent,
        update=agents.update_agent,
        archive=agents.archive_agent,
        restore=agents.restore_agent,
    )

    def rows(self) -> Any:
        return Agent.all_objects.all()


class CampaignSerializer(StrictModelSerializer):
    cost = StrictIntegerField(min_value=0, max_value=MAX_COST, allow_null=True, required=False)

    class Meta:
        model = Campaign
        fields = (
            "id", "code", "name", "source", "cost", "starts_on", "ends_on", "created_at", "updated_at", "deleted_at",
        )  # fmt: skip


class CampaignViewSet(ArchiveViewSet):
    """What brought contacts here; `cost` in rupiah."""

    queryset = Campaign.objects.none()
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilterSet
    writes = Writes(
        create=campaigns.create_campaign,
        update=campaigns.update_campaign,
        archive=campaigns.archive_campaign,
        restore=campaigns.restore_campaign,
    )

    def rows(self) -> Any:
        return Campaign.all_objects.all()


# -- Messages ------------------------------------------------------------------------------------------------------


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
