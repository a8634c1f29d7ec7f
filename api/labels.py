"""Endpoints of what: labels and categories, WhatsApp labels, intervals and the events behind them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.base.serializers import CodeField, StrictModelSerializer
from api.base.viewsets import ArchiveViewSet, CreateMixin, EditViewSet, ReadViewSet, Writes
from api.label_filters import AssignmentFilterSet, ChannelLabelFilterSet, LabelEventFilterSet, LabelFilterSet
from labelcrm.lib import phones
from labels.models import Category, ChannelLabel, Label, LabelAssignment, LabelEvent
from labels.services import canonical


def actor_name(agent: Any, user: Any) -> str | None:
    """What people call whoever did it: the agent's name, else the user's; None when nobody is known."""
    if agent is not None:
        return str(agent.name)
    return (user.get_full_name() or user.get_username()) if user is not None else None


# -- Labels and categories -----------------------------------------------------------------------------------------


class CategorySerializer(StrictModelSerializer):
    class Meta:
        model = Category
        fields = ("id", "code", "name", "name_en", "color", "position")


class CategoryViewSet(CreateMixin, EditViewSet):
    """Groups of labels."""

    queryset = Category.objects.none()
    serializer_class = CategorySerializer
    http_method_names = ["get", "head", "post", "patch"]
    writes = Writes(create=canonical.create_category, update=canonical.update_category)

    def rows(self) -> Any:
        return Category.objects.all()

    def get_queryset(self) -> Any:
        return self.rows()  # everybody's


class LabelSerializer(StrictModelSerializer):
    category = CodeField(slug_field="code", queryset=Category.objects.all(), allow_null=True, required=False)

    class Meta:
        model = Label
        fields = (
            "id", "name", "name_en", "category", "color", "meaning", "high_quality", "low_quality", "step",
            "exclusive_group", "stale_after_days", "stale_reset_by_inbound", "reviewed", "created_at", "updated_at",
            "deleted_at",
        )  # fmt: skip


class LabelViewSet(ArchiveViewSet):
    """Canonical labels: one per meaning, whatever each number calls it."""

    queryset = Label.objects.none()
    serializer_class = LabelSerializer
    filterset_class = LabelFilterSet
    writes = Writes(
        create=canonical.create_label,
        update=canonical.update_label,
        archive=canonical.archive_label,
        restore=canonical.restore_label,
    )

    def rows(self) -> Any:
        return Label.all_objects.select_related("category")


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


# -- Intervals and events ------------------------------------------------------------------------------------------


class AssignmentSerializer(StrictModelSerializer):
    phone = serializers.SerializerMethodField()
    lid = serializers.SerializerMethodField()
    label_name = serializers.CharField(source="label.name", read_only=True)
    channel = serializers.CharField(source="channel.key", read_only=True)
    external_label_id = serializers.CharField(source="channel_label.external_id", read_only=True)
    added_by = serializers.SerializerMethodField()
    removed_by = serializers.SerializerMethodField()
    removed_reason = serializers.SerializerMethodField()

    class Meta:
        model = LabelAssignment
        fields = (
            "id", "contact", "phone", "lid", "label", "label_name", "channel_label", "channel_label_name", "channel",
            "external_label_id", "added_at", "added_at_source", "added_by", "added_by_method", "origin", "removed_at",
            "removed_by", "removed_reason", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_phone(self, assignment: Any) -> str | None:
        return assignment.contact.phone or None

    def get_lid(self, assignment: Any) -> str | None:
        return phones.lid_address(assignment.contact.lid)

    def get_added_by(self, assignment: Any) -> str | None:
        return actor_name(assignment.added_by, assignment.added_by_user)

    def get_removed_by(self, assignment: Any) -> str | None:
        return actor_name(assignment.removed_by, assignment.removed_by_user)

    def get_removed_reason(self, assignment: Any) -> str | None:
        return assignment.removed_reason or None


class AssignmentViewSet(ReadViewSet):
    """Who had which label from when to when, and by whom. Open intervals are the labels that are on now."""

    queryset = LabelAssignment.objects.none()
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilterSet
    person = "contact_id"
    cursor_fields = ("updated_at", "id")

    def rows(self) -> Any:
        return LabelAssignment.objects.filter(
            channel_label__hidden=False, contact__deleted_at__isnull=True
        ).select_related(
            "contact", "label", "channel", "channel_label", "added_by", "added_by_user", "removed_by", "removed_by_user"
        )

    def keyset(self, request: Any) -> tuple[str, ...]:
        """Whoever asks for changes walks by time of change, so that a row changed meanwhile comes again."""
        return ("updated_at", "id") if "updated_since" in request.query_params else ("id",)


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
