"""Reports through the API: the rows that the pages show, in one envelope."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.base.errors import InvalidParameter
from api.base.serializers import ID_SCHEMA, TIME_SCHEMA
from api.base.viewsets import StrictViewMixin
from contacts.selectors.viewing import viewer_of
from reports.query import InvalidQuery, ReportKind, ReportQuery, parse_query
from reports.registry import REPORTS
from reports.row_fields import as_plain
from reports.selectors import periods
from reports.selectors.campaigns import Basis, Touch
from reports.selectors.filtered_spells import hidden_contacts
from reports.selectors.labels import By

MAY_READ = "reports.view_report"


class MayReadReports(BasePermission):
    """Who may see reports at all; what they are made of depends on the channels one sees."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and request.user.has_perm(MAY_READ))


class PeriodSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        # "from" is no name that Python lets a class have.
        return {
            "from": serializers.DateTimeField(),
            "to": serializers.DateTimeField(),
            "time_zone": serializers.CharField(),
        }


class ReportSerializer(serializers.Serializer[Any]):
    period = PeriodSerializer()
    filters = serializers.DictField()
    computed_at = serializers.DateTimeField()
    hidden = serializers.IntegerField(help_text="Archived contacts: they are in no figure.")
    rows = serializers.ListField(child=serializers.DictField())
    cells = serializers.ListField(
        child=serializers.DictField(), required=False,
        help_text="Only of `movement`: contacts by where they came `from` (a label, null, new) and went `to`.",
    )  # fmt: skip
    numbers = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="Only of `label-budget`: each number in sum."
    )
    teams = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="Only of `label-budget`: each team in sum."
    )
    choices = serializers.ListField(
        child=serializers.DictField(), required=False,
        help_text="Only of `label-budget`: how many labels each CS chooses from.",
    )  # fmt: skip
    pairs = serializers.ListField(
        child=serializers.DictField(), required=False,
        help_text="Only of `label-budget`: two labels of a number that contacts have together.",
    )  # fmt: skip


# Each parameter's schema, description and allowed values.
PARAMETERS: dict[str, tuple[Any, str, list[Any] | None]] = {
    "from": (TIME_SCHEMA, "First moment of the period; a bare date is its midnight.", None),
    "to": (TIME_SCHEMA, "First moment after the period; default the end of today.", None),
    "period": (OpenApiTypes.STR, "A period by name, instead of `from` and `to`.", list(periods.PRESETS)),
    "channel": ({"type": "string", "maxLength": 60}, "The channel's key.", None),
    "team": (ID_SCHEMA, "Channels of this team.", None),
    "label": ({"type": "string", "maxLength": 200}, "Id, name or a spelling of a label.", None),
    "category": ({"type": "string", "maxLength": 30}, "Only labels of the category of this code.", None),
    "certain": (OpenApiTypes.BOOL, "Only labels whose labeller is known for sure.", None),
    "agent": (ID_SCHEMA, "Only this agent's row; of label activity, only what this agent put on.", None),
    "touch": (OpenApiTypes.STR, "Which touch of a contact counts.", [str(touch) for touch in Touch]),
    "basis": (OpenApiTypes.STR, "Period of the touch (cohort) or of the label (event).", [str(b) for b in Basis]),
    "campaign": (
        ID_SCHEMA,
        "Only this campaign's row; of label activity, only contacts whom this campaign touched first.",
        None,
    ),
    "step": (ID_SCHEMA, "Who reached this step; default that of the first label that means won.", None),
    "by": (OpenApiTypes.STR, "What the rows are of.", [str(by) for by in By]),
    "week": (OpenApiTypes.DATE, "Only the cohorts of the week that begins on this Monday.", None),
}


class ReportView(StrictViewMixin, APIView):
    """The figures of a period; each is defined in docs/metrics.md. A share is `{value, k, n, low, high}`.

    What happened in the last 15 minutes before `computed_at` may still change.
    """

    permission_classes = (MayReadReports,)
    report = REPORTS["labels"]

    def known_parameters(self) -> set[str]:
        return set(self.report.parameters)

    def get(self, request: Request) -> Response:
        try:
            query = parse_query(self.report, request.query_params.dict(), viewer=viewer_of(request.user))
        except InvalidQuery as wrong:
            raise InvalidParameter(wrong.name, wrong.message, code=wrong.code) from None
        return Response(answer_of(query))


def answer_of(query: ReportQuery, *, rows: bool = True) -> dict[str, Any]:
    """What is told of a report, as JSON: its period, what it was narrowed to, and its rows if they are wanted."""
    told = {
        "period": {
            "from": timezone.localtime(query.period.start).isoformat(),
            "to": timezone.localtime(query.period.end).isoformat(),
            "time_zone": settings.TIME_ZONE,
        },
        "filters": query.shown,
        "computed_at": timezone.localtime(query.now).isoformat(),
        "hidden": hidden_contacts(query.viewer),
    }
    if not rows:
        return told
    tables = {"rows": query.rows, **query.beside}
    return told | {name: [_plain(as_plain(row)) for row in found] for name, found in tables.items()}


def _plain(value: Any) -> Any:
    """Money as a JSON number, everything else as it is. A list without rows in it is of numbers that JSON has."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def described_parameters(report: ReportKind) -> list[OpenApiParameter]:
    """What the OpenAPI document says of the parameters of a report."""
    return [
        OpenApiParameter(parameter, schema, description=description, enum=choices)
        for parameter, (schema, description, choices) in PARAMETERS.items()
        if parameter in report.parameters
    ]


def _view(name: str) -> type[ReportView]:
    report = REPORTS[name]
    described = extend_schema_view(
        get=extend_schema(
            operation_id=f"reports_{name}".replace("-", "_"),
            parameters=described_parameters(report),
            responses=ReportSerializer,
            tags=["reports"],
        )
    )
    attributes: dict[str, Any] = {"report": report, "__doc__": ReportView.__doc__}
    made: type[ReportView] = described(type(f"{name.title().replace('-', '')}ReportView", (ReportView,), attributes))
    return made


urlpatterns = [path(f"{name}/", _view(name).as_view(), name=f"api-report-{name}") for name in REPORTS]
