"""Conversions: who came by an ad and got a first good label, and where that was told."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.functional import cached_property
from django_filters import CharFilter
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.base.filtering import IdFilter, MomentFilter, StrictFilterSet, WordFilter, unknown_value
from api.base.lookups import surviving_id
from api.base.serializers import StrictModelSerializer
from api.base.viewsets import ReadViewSet
from contacts.models import Campaign
from transfer.conversions.models import Conversion, ConversionDelivery, ConversionEvent, ConversionState, Target

RIGHTS = ["contacts.view_contact", "reports.view_report"]


class DeliverySerializer(serializers.ModelSerializer[Any]):
    """That a target was told, or is about to be."""

    target = serializers.ChoiceField(choices=Target.choices, read_only=True)
    reason = serializers.CharField(source="error", read_only=True, help_text="Why it failed or waits: a code.")

    class Meta:
        model = ConversionDelivery
        fields = ("target", "round", "state", "reason", "done_at", "file")
        read_only_fields = fields


class ConversionSerializer(StrictModelSerializer):
    contact = serializers.IntegerField(source="person", read_only=True, help_text="Who the contact is now, if merged.")
    event = serializers.CharField(source="event.code", read_only=True)
    label_name = serializers.CharField(source="label.name", read_only=True)
    channel = serializers.CharField(source="channel.key", read_only=True)
    value = serializers.SerializerMethodField(help_text="In rupiah.")
    state = serializers.ChoiceField(choices=ConversionState.choices, read_only=True)
    deliveries = DeliverySerializer(many=True, read_only=True)

    class Meta:
        model = Conversion
        fields = (
            "id", "contact", "event", "label", "label_name", "channel", "occurred_at", "found", "network", "click_id",
            "ad_id", "touch_at", "campaign", "value", "state", "deliveries", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "integer", "minimum": 0, "nullable": True})
    def get_value(self, conversion: Any) -> int | None:
        return None if conversion.value is None else int(conversion.value)


class ConversionFilterSet(StrictFilterSet):
    contact = IdFilter(method="of_contact")
    event = CharFilter(method="of_event", label="The event's code.")
    state = WordFilter(choices=ConversionState.choices)
    campaign = IdFilter(method="of_campaign")
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Conversion
        fields: tuple[str, ...] = ()

    def of_contact(self, queryset: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        now = surviving_id(value)  # a merge leaves conversions where they are; whoever was merged before points there
        return queryset.filter(Q(contact_id=now) | Q(contact__merged_into_id=now))

    def of_event(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value not in self._events:
            raise unknown_value()
        return queryset.filter(event__code=value)

    def of_campaign(self, queryset: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        if not Campaign.all_objects.visible_to(self.viewer).filter(pk=value).exists():
            raise unknown_value()
        return queryset.filter(campaign_id=value)

    @cached_property
    def _events(self) -> set[str]:
        return set(ConversionEvent.objects.values_list("code", flat=True))


class ConversionViewSet(ReadViewSet):
    """The first good label of everybody who came by an ad, and which target was told."""

    queryset = Conversion.objects.none()
    serializer_class = ConversionSerializer
    filterset_class = ConversionFilterSet
    person = "person"
    cursor_fields = ("updated_at", "id")
    action_permissions = dict.fromkeys(("list", "retrieve"), RIGHTS)

    def rows(self) -> Any:
        told = Prefetch("deliveries", ConversionDelivery.objects.order_by("id"))
        listed = Conversion.objects.with_state().annotate(person=Coalesce("contact__merged_into_id", "contact_id"))
        return listed.select_related("event", "label", "channel").prefetch_related(told)

    def keyset(self, request: Any) -> tuple[str, ...]:
        """Whoever asks for changes walks by time of change, so that a row changed meanwhile comes again."""
        return ("updated_at", "id") if "updated_since" in request.query_params else ("id",)
