"""Intervals: who had which label from when to when."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.base.filtering import MomentFilter, TrueFalseFilter
from api.base.lookups import OfContactFilterSet, WithLabelFilterSet
from api.base.serializers import StrictModelSerializer, actor_name
from api.base.viewsets import ReadViewSet
from labelcrm.lib import phones
from labels.models import LabelAssignment


class AssignmentFilterSet(OfContactFilterSet, WithLabelFilterSet):
    active = TrueFalseFilter(field_name="removed_at", lookup_expr="isnull")
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")


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
        return LabelAssignment.objects.shown().select_related(
            "contact", "label", "channel", "channel_label", "added_by", "added_by_user", "removed_by", "removed_by_user"
        )

    def keyset(self, request: Any) -> tuple[str, ...]:
        """Whoever asks for changes walks by time of change, so that a row changed meanwhile comes again."""
        return ("updated_at", "id") if "updated_since" in request.query_params else ("id",)
