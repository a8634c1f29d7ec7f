"""Exports of segments: what was asked for, how far it is, who was left out and why, and the link to the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError as RuleBroken
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field, inline_serializer
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.base.filtering import IdFilter, StrictFilterSet
from api.base.serializers import StrictBooleanField, StrictIntegerField, StrictModelSerializer, StrictSerializer
from api.base.viewsets import ReadViewSet
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import Job
from reports.models import Segment
from transfer import exports, jobs
from transfer.funnel import MOST_DAYS, MOST_HELD_OUT, Exclusions
from transfer.job_files import MADE, Download
from transfer.layouts import LAYOUTS
from transfer.models import EXCLUSIONS, Export
from transfer.people_export import RIGHTS, ExportOrder

# The API's files are read by programs: CSV without the mark that Excel needs.
FORMATS = {"csv": exports.PROGRAM_CSV, "xlsx": exports.XLSX}
COUNTS = inline_serializer(
    "ExcludedCounts", {reason.code: serializers.IntegerField(min_value=0) for reason in EXCLUSIONS}
)


class ExcludeSerializer(StrictSerializer):
    complaint = StrictBooleanField(default=True, help_text="Who has an open complaint.")
    opted_out = StrictBooleanField(default=True, help_text="Who opted out is left out, whatever is said here.")
    exported_days = StrictIntegerField(
        default=0,
        min_value=0,
        max_value=MOST_DAYS,
        help_text="Who was in any file of the last so many days; 0: nobody.",
    )
    no_phone = StrictBooleanField(default=True, help_text="Whose number is not known.")


class ExportOrderSerializer(StrictSerializer):
    format = serializers.ChoiceField(choices=sorted(FORMATS))
    columns = serializers.ListField(
        child=serializers.ChoiceField(choices=exports.COLUMNS), required=False, max_length=len(exports.COLUMNS),
        help_text="Besides phone, name and labels, which come first in every file.",
    )  # fmt: skip
    exclude = ExcludeSerializer(required=False)
    hold_out = StrictIntegerField(
        default=0,
        min_value=0,
        max_value=MOST_HELD_OUT,
        help_text="Per cent kept out of the file by chance, to compare.",
    )
    only_new = StrictBooleanField(default=False, help_text="Nobody who was in an earlier file of this segment.")

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError(dict(_by_place(error.detail))) from None

    def order(self) -> ExportOrder:
        """What was asked for, once it is valid."""
        asked = self.validated_data
        exclude = dict(asked.get("exclude", {}))
        exclude.pop("opted_out", None)
        return ExportOrder(
            layout=LAYOUTS[FORMATS[asked["format"]]],
            columns=asked.get("columns", ()),
            exclusions=Exclusions(**exclude, hold_out=asked["hold_out"], only_new=asked["only_new"]),
        )


def _by_place(detail: Any) -> Iterator[tuple[str, Any]]:
    """Errors within fields under the place that they name, such as `exclude.complaint` or `columns[1]`."""
    for name, problems in detail.items():
        if not isinstance(problems, dict):
            yield name, problems
            continue
        for inner, listed in problems.items():
            within = f"[{inner}]" if isinstance(inner, int) else "" if inner == "non_field_errors" else f".{inner}"
            yield f"{name}{within}", listed


class ExportSerializer(StrictModelSerializer):
    state = serializers.ChoiceField(choices=Job.State.choices, read_only=True)
    progress = serializers.SerializerMethodField(help_text="Per cent of the rows.")
    excluded = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField(help_text="Of the file; it needs no token, and ends at `expires_at`.")
    expires_at = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField(help_text="Why it failed: a code; else empty.")
    format = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = (
            "id", "segment", "name", "format", "state", "progress", "matched", "excluded", "rows", "sha256", "url",
            "expires_at", "computed_at", "created_at", "finished_at", "reason",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "integer", "minimum": 0, "maximum": 100})
    def get_progress(self, export: Any) -> int:
        if export.finished_at is not None:
            return 100
        job = export.job
        return min(99, job.progress * 100 // job.total) if job is not None and job.total else 0

    @extend_schema_field(COUNTS)
    def get_excluded(self, export: Any) -> dict[str, int]:
        return {reason.code: export.excluded.get(reason.code, 0) for reason in EXCLUSIONS}

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_url(self, export: Any) -> str | None:
        address = jobs.export_link(export)
        return self.context["request"].build_absolute_uri(address) if address else None

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_expires_at(self, export: Any) -> str | None:
        if export.finished_at is None or export.job is None:
            return None
        return serializers.DateTimeField().to_representation(Download(export.job, MADE).expires_at)

    def get_reason(self, export: Any) -> str:
        return export.job.error if export.job is not None and export.job.state == Job.State.FAILED else ""

    @extend_schema_field({"type": "string", "enum": sorted(FORMATS)})
    def get_format(self, export: Any) -> str:
        return LAYOUTS[export.layout].suffix


class ExportFilterSet(StrictFilterSet):
    segment = IdFilter(field_name="segment")

    class Meta:
        model = Export
        fields: tuple[str, ...] = ()


class ExportViewSet(ReadViewSet):
    """Exports of contacts, newest first: one's own; everybody's for owners."""

    queryset = Export.objects.none()
    serializer_class = ExportSerializer
    filterset_class = ExportFilterSet
    action_permissions = {name: list(RIGHTS) for name in ("list", "retrieve", "cancel")}

    def rows(self) -> Any:
        return Export.objects.select_related("job")

    def keyset(self, request: Any) -> tuple[str, ...]:
        return ("-id",)

    @extend_schema(request=None, responses={202: ExportSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Stop an export that is not done. Nothing of it stays."""
        export = self.get_object()
        if export.job is None or not core_jobs.cancel(export.job, actor=request.user):
            raise RuleBroken(_("It has ended in the meantime."), code="ended")
        return self._accepted(export)

    def _accepted(self, export: Export) -> Response:
        return Response(self.get_serializer(self.rows().get(pk=export.pk)).data, status=status.HTTP_202_ACCEPTED)


def start_export(segment: Segment, request: Request, context: Mapping[str, Any]) -> Response:
    """Queue what the body of `POST segments/<id>/exports/` asks for."""
    asked = ExportOrderSerializer(data=request.data, context=dict(context))
    asked.is_valid(raise_exception=True)
    export = jobs.export_segment(segment, asked.order(), owner=request.user)
    return Response(ExportSerializer(export, context=dict(context)).data, status=status.HTTP_202_ACCEPTED)
