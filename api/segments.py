"""Segments: who is meant by a definition, counted and listed as the reader sees them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.base.bulk_reading import count_people
from api.base.errors import Conflict
from api.base.filtering import ArchivableFilterSet
from api.base.pagination import CURSOR, PAGE_SIZE, KeysetPagination
from api.base.serializers import StrictModelSerializer, StrictSerializer, actor_name
from api.base.viewsets import ArchiveViewSet, Writes
from api.contacts import ContactSerializer, ContactViewSet
from api.exports import ExportOrderSerializer, ExportSerializer, start_export
from contacts.selectors.viewing import viewer_of
from reports.models import Segment
from reports.segments.definition import InvalidDefinition, definition_schema, parse_definition
from reports.segments.known import check_known
from reports.segments.members import SAMPLE, Members
from reports.services import segments
from transfer.people_export import RIGHTS as EXPORT_RIGHTS

SEE_CONTACTS = "contacts.view_contact"


@extend_schema_field(definition_schema())
class DefinitionField(serializers.JSONField):
    """A definition, kept as it was written once it is found to mean something."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            check_known(parse_definition(data), viewer=viewer_of(self.context["request"].user))
        except InvalidDefinition as error:
            place = f"definition.{error.place}" if error.place else "definition"
            raise serializers.ValidationError({place: [exceptions.ErrorDetail(error.message, error.code)]}) from None
        return data


class UnreadableSegment(Conflict):
    default_detail = _("This segment was saved in a form that cannot be read any more. Save its definition anew.")


class _PlacesMixin:
    # Errors of a definition stand beside those of other fields, under the place that they name.

    def to_internal_value(self: Any, data: Any) -> Any:
        try:
            return super().to_internal_value(data)  # type: ignore[misc]
        except serializers.ValidationError as error:
            detail: Any = error.detail
            if isinstance(detail.get("definition"), dict):
                raise serializers.ValidationError(detail.pop("definition") | detail) from None
            raise


class PreviewSerializer(_PlacesMixin, StrictSerializer):
    definition = DefinitionField()


class SegmentSerializer(_PlacesMixin, StrictModelSerializer):
    definition = DefinitionField()
    owner = serializers.SerializerMethodField()

    class Meta:
        model = Segment
        fields = ("id", "name", "definition", "shared", "owner", "created_at", "updated_at", "deleted_at")
        read_only_fields = ("created_at", "updated_at", "deleted_at")

    def get_owner(self, segment: Any) -> str | None:
        return actor_name(None, segment.owner)


PREVIEW = inline_serializer(
    "SegmentPreview",
    {
        "count": serializers.IntegerField(help_text="Exactly how many contacts, at `computed_at`."),
        "computed_at": serializers.DateTimeField(),
        "sample": ContactSerializer(many=True, help_text=f"The first {SAMPLE} of them."),
    },
)


class SegmentViewSet(ArchiveViewSet):
    """Saved definitions of whom one means. Everybody's is counted with the reader's own scope."""

    queryset = Segment.objects.none()
    serializer_class = SegmentSerializer
    filterset_class = ArchivableFilterSet
    action_permissions = ArchiveViewSet.action_permissions | {
        "preview": [SEE_CONTACTS],
        "contacts": [SEE_CONTACTS],
        "exports": list(EXPORT_RIGHTS),
    }
    parameters = {"contacts": {CURSOR, PAGE_SIZE}}
    writes = Writes(
        create=segments.create_segment,
        update=segments.update_segment,
        archive=segments.archive_segment,
        restore=segments.restore_segment,
    )

    def rows(self) -> Any:
        return Segment.all_objects.select_related("owner")

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        super().check_object_permissions(request, obj)
        if self.action in {"partial_update", "destroy", "restore"} and not segments.may_change(obj, self.viewer):
            raise PermissionDenied

    @extend_schema(request=PreviewSerializer, responses={200: PREVIEW}, filters=False)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """How many contacts a definition means, and the first of them. Nothing is saved."""
        asked = PreviewSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        members = self._members(asked.validated_data["definition"])
        ids = members.page(limit=SAMPLE)
        count_people(ids, user=request.user, resource=self.basename)
        sample = self._contacts().filter(pk__in=ids).order_by("id")
        return Response(
            {
                "count": members.count(),
                "computed_at": members.now.isoformat(),
                "sample": ContactSerializer(sample, many=True, context=self.get_serializer_context()).data,
            }
        )

    @extend_schema(responses=ContactSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=KeysetPagination)
    def contacts(self, request: Request, pk: str) -> Response:
        """The contacts whom the segment means now, in the order of their ids."""
        members = self._members(self.get_object().definition)
        rows = self._contacts().filter(pk__in=members.contacts())
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(rows, request)
        count_people((contact.pk for contact in page), user=request.user, resource=self.basename)
        found = ContactSerializer(page, many=True, context=self.get_serializer_context()).data
        return paginator.get_paginated_response(found)

    @extend_schema(request=ExportOrderSerializer, responses={202: ExportSerializer})
    @action(detail=True, methods=["post"])
    def exports(self, request: Request, pk: str) -> Response:
        """Export whom the segment means, as a file; `exports/<id>/` says how far it is. Who opted out is in no file."""
        segment = self.get_object()
        self._members(segment.definition)
        return start_export(segment, request, self.get_serializer_context())

    def _members(self, definition: Any) -> Members:
        try:
            return Members(parse_definition(definition), self.viewer, timezone.now())
        except InvalidDefinition:
            raise UnreadableSegment from None

    def _contacts(self) -> Any:
        return ContactViewSet(request=self.request).rows()
