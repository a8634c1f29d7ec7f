"""Exports: what was asked for, how far it is, who was left out and why, and the link to the file.

Those of a segment are asked for at the segment; those of label intervals, label events and reports here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError as RuleBroken
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field, inline_serializer
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from api.assignments import AssignmentFilterSet
from api.base.errors import InvalidParameter
from api.base.filtering import IdFilter, StrictFilterSet, WordFilter
from api.base.serializers import StrictBooleanField, StrictIntegerField, StrictModelSerializer, StrictSerializer
from api.base.viewsets import ReadViewSet
from api.export_body import BODY
from api.label_events import LabelEventFilterSet
from contacts.selectors.viewing import viewer_of
from labelcrm.core import jobs as core_jobs
from labelcrm.core.fields import MAX_LENGTH
from labelcrm.core.models import Job
from labelcrm.lib.strict_json import is_storable
from labelcrm.lib.text import is_blank
from reports.models import Segment
from reports.query import InvalidQuery, ReportQuery, parse_query
from reports.registry import REPORTS
from transfer import exports, jobs
from transfer.funnel import MOST_DAYS, MOST_HELD_OUT, Exclusions
from transfer.job_files import MADE, Download
from transfer.label_records import SOURCES
from transfer.layouts import LAYOUTS
from transfer.models import EXCLUSIONS, Export, ExportKind, export_kinds
from transfer.people_export import ExportOrder
from transfer.record_export import RecordOrder

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
    layout = serializers.ChoiceField(
        choices=sorted(LAYOUTS), read_only=True, help_text="What the file is for: more than its format says."
    )

    class Meta:
        model = Export
        fields = (
            "id", "kind", "segment", "name", "format", "layout", "state", "progress", "matched", "excluded", "rows",
            "sha256", "url", "expires_at", "computed_at", "created_at", "finished_at", "reason",
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


# -- Label intervals, label events and reports ------------------------------------------------------------------------

FILTERS: Mapping[ExportKind, type[StrictFilterSet]] = {
    ExportKind.INTERVALS: AssignmentFilterSet,
    ExportKind.EVENTS: LabelEventFilterSet,
}
RECORDS = [kind.value for kind in (*FILTERS, ExportKind.REPORT)]


class FilterValueField(serializers.Field[Any, Any, Any, Any]):
    """The value of a query parameter as JSON has it; its value is the text that the parameter would have."""

    default_error_messages = {
        "invalid": gettext_lazy("This cannot be a value."),
        "blank": gettext_lazy("Given without a value."),
    }

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str | int):
            self.fail("invalid")
        text = str(data).lower() if isinstance(data, bool) else str(data)
        if is_blank(text):
            self.fail("blank")
        if len(text) > MAX_LENGTH or not is_storable(text):
            self.fail("invalid")
        return text

    def to_representation(self, value: Any) -> Any:
        return value


class RecordExportSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=RECORDS)
    report = serializers.ChoiceField(choices=sorted(REPORTS), required=False, help_text="Which report, of that kind.")
    filters = serializers.DictField(
        child=FilterValueField(), default=dict,
        help_text="As `assignments/`, `label-events/` and `reports/<name>/` take them as query parameters.",
    )  # fmt: skip
    format = serializers.ChoiceField(choices=sorted(FORMATS))
    addresses = StrictBooleanField(
        default=False,
        help_text="Label intervals with `phone` and `lid`, which stay empty of who opted out.",
    )

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError(dict(_by_place(error.detail))) from None

    def validate(self, attrs: Any) -> Any:
        for name, kind in (("report", ExportKind.REPORT), ("addresses", ExportKind.INTERVALS)):
            if name in self.initial_data and attrs["kind"] != kind:
                problem = ErrorDetail(_("There is no such field."), code="unknown_field")
                raise serializers.ValidationError({name: [problem]})
        if attrs["kind"] == ExportKind.REPORT and "report" not in attrs:
            raise serializers.ValidationError({"report": [self.fields["report"].error_messages["required"]]})
        return attrs

    def start(self) -> Export:
        """Queue the export. Raises ValidationError for a filter that cannot be meant."""
        owner, kind = self.context["request"].user, ExportKind(self.validated_data["kind"])
        layout = LAYOUTS[FORMATS[self.validated_data["format"]]]
        if kind == ExportKind.REPORT:
            return jobs.export_report(self._query(), layout=layout, owner=owner)
        given = self.validated_data["filters"]
        order = RecordOrder(
            layout=layout, filters=given, sentence=_in_words(given), addresses=self.validated_data["addresses"]
        )
        return jobs.export_records(kind, self._rows(kind), order, owner=owner)

    def _query(self) -> ReportQuery:
        report, given = REPORTS[self.validated_data["report"]], self.validated_data["filters"]
        self._refuse_unknown(given, report.parameters)
        try:
            return parse_query(report, given, viewer=viewer_of(self.context["request"].user))
        except InvalidQuery as wrong:
            raise _wrong_filter(wrong.name, wrong.message, wrong.code) from None

    def _rows(self, kind: ExportKind) -> Any:
        request, given = self.context["request"], self.validated_data["filters"]
        self._refuse_unknown(given, FILTERS[kind].base_filters)
        rows: Any = SOURCES[kind].rows()
        filterset = FILTERS[kind](given, queryset=rows.visible_to(viewer_of(request.user)), request=request)
        for name, problems in filterset.form.errors.as_data().items():
            raise _wrong_filter(name, problems[0].messages[0], problems[0].code or "invalid")
        try:
            return filterset.qs
        except InvalidParameter as wrong:
            raise serializers.ValidationError(dict(_by_place({"filters": wrong.detail}))) from None

    @staticmethod
    def _refuse_unknown(given: Mapping[str, str], known: Collection[str]) -> None:
        for name in given.keys() - set(known):
            raise _wrong_filter(name, _("There is no such parameter here."), "unknown_parameter")


def _wrong_filter(name: str, message: str, code: str) -> serializers.ValidationError:
    return serializers.ValidationError({f"filters.{name}": [ErrorDetail(message, code=code)]})


def _in_words(given: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in given.items()) or _("the whole list: no filter is set")


# -- Exports ----------------------------------------------------------------------------------------------------------


class ExportFilterSet(StrictFilterSet):
    segment = IdFilter(field_name="segment")
    kind = WordFilter(choices=ExportKind.choices)

    class Meta:
        model = Export
        fields: tuple[str, ...] = ()


class MayExport(BasePermission):
    """Whoever may export anything; which exports they see follows from what."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and export_kinds(viewer_of(request.user)))


class ExportViewSet(ReadViewSet):
    """Exports, newest first: one's own; everybody's for owners."""

    permission_classes = (MayExport,)
    queryset = Export.objects.none()
    serializer_class = ExportSerializer
    filterset_class = ExportFilterSet

    def rows(self) -> Any:
        return Export.objects.select_related("job")

    def keyset(self, request: Any) -> tuple[str, ...]:
        return ("-id",)

    @extend_schema(request=BODY, responses={202: ExportSerializer})
    def create(self, request: Request) -> Response:
        """Export label intervals, label events or a report. A segment is exported at `segments/<id>/exports/`."""
        asked = RecordExportSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        if asked.validated_data["kind"] not in export_kinds(self.viewer):
            raise PermissionDenied
        return self._accepted(asked.start())

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
