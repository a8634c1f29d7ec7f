"""What is behind a number of a report, through the API: as many rows as the number says, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.base.bulk_reading import count_people
from api.base.errors import InvalidParameter
from api.base.pagination import CURSOR, PAGE_SIZE, KeysetPagination
from api.base.viewsets import StrictViewMixin
from api.reports import MayReadReports, described_parameters
from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from reports.query import InvalidQuery, ReportKind, ReportQuery, parse_query
from reports.registry import REPORTS
from reports.selectors import facts
from reports.selectors.facts import FactRow, Facts

FIGURE, ROW = "figure", "row"
# What a cursor of these lists holds: contact, label (0 for none), time, and the place among rows that look the same.
FIELDS = (models.BigIntegerField(), models.BigIntegerField(), models.DateTimeField(), models.BigIntegerField())


class MaySeeContacts(BasePermission):
    """Who may see whom a number is about."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.has_perm("contacts.view_contact"))


class FactSerializer(serializers.Serializer[Any]):
    """Whom a number counts; `contact` is null for somebody whom the reader may not see."""

    def get_fields(self) -> dict[str, Any]:
        # "label" is what a serializer itself is called.
        return {
            "contact": serializers.IntegerField(allow_null=True),
            "label": serializers.IntegerField(allow_null=True, help_text="Null where no label is meant."),
            "at": serializers.DateTimeField(),
        }


class FactPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = FactSerializer(many=True)


class FactPagination(KeysetPagination):
    """Pages of the rows behind a number."""

    def position(self, row: FactRow) -> tuple[Any, ...]:
        return row.cursor

    def page_of(self, known: Facts, figure: str, values: dict[str, Any], **whose: Any) -> list[FactRow]:
        """The rows of a figure that the page of the request holds; `whose` as `facts.rows` takes it."""
        beyond: Any = self.cursor.position if self.cursor else None
        limit = self.size + 1
        return self.keep(
            facts.rows(known, figure, values, beyond=beyond, backward=not self.forward, limit=limit, **whose)
        )


class ReportRowsView(StrictViewMixin, APIView):
    """What is behind a number of the report: one row per thing that `figure` counts in the row `row`.

    `figure` is a count: a field of the report's rows that is a number of things, or one side of a share, such as
    `came_true_k` of `came_true_n`. `row` is the key of a row, `null` for the row of nobody; left away, all rows count.
    """

    permission_classes = (MayReadReports, MaySeeContacts)
    report = REPORTS["labels"]

    def known_parameters(self) -> set[str]:
        return {FIGURE, ROW, CURSOR, PAGE_SIZE, *self.report.parameters}

    def get(self, request: Request) -> Response:
        pages = FactPagination()
        pages.begin(request, FIELDS)
        try:
            query = parse_query(self.report, request.query_params.dict(), viewer=viewer_of(request.user))
            figure = _figure(query, request.query_params.get(FIGURE))
            whose = _whose(query, figure, request.query_params.get(ROW))
        except InvalidQuery as wrong:
            raise InvalidParameter(wrong.name, wrong.message, code=wrong.code) from None
        sources, values = query.facts
        found = pages.page_of(sources[figure], figure, values, **whose)
        return pages.get_paginated_response(_shown(found, request.user))


def _figure(query: ReportQuery, name: str | None) -> str:
    if name is None:
        raise InvalidQuery(FIGURE, _("Which number? Name a count of this report."), "required")
    if name not in query.facts[0]:
        raise InvalidQuery(FIGURE, _("This report has no count of this name."), "unknown_value")
    return name


def _whose(query: ReportQuery, figure: str, row: str | None) -> dict[str, Any]:
    """Whose rows are asked for; a parameter that leaves one row of the report leaves the rows behind that one."""
    if row is not None:
        return {"who": query.row(figure, row)}
    if query.key.name in query.only:
        return {"who": query.only[query.key.name]}
    return {"who": None, "everybody": True}


def _shown(found: Iterable[FactRow], user: Any) -> list[dict[str, Any]]:
    rows = list(found)
    contacts = Contact.objects.visible_to(viewer_of(user)).filter(pk__in={row.contact_id for row in rows})
    seen = set(contacts.values_list("pk", flat=True))
    count_people(seen, user=user, resource="report-rows")
    return [
        {
            "contact": row.contact_id if row.contact_id in seen else None,
            "label": row.label_id,
            "at": timezone.localtime(row.at).isoformat(),
        }
        for row in rows
    ]


def _view(report: ReportKind) -> type[ReportRowsView]:
    parameters = [
        OpenApiParameter(FIGURE, {"type": "string", "maxLength": 60}, description="The count.", required=True),
        OpenApiParameter(ROW, {"type": "string", "maxLength": 100}, description="The key of a row, or `null`."),
        *described_parameters(report),
        *(
            OpenApiParameter(each["name"], each["schema"], description=each["description"])
            for each in KeysetPagination.parameters_of(FIELDS)
        ),
    ]
    described = extend_schema_view(
        get=extend_schema(
            operation_id=f"reports_{report.name}_rows".replace("-", "_"),
            parameters=parameters,
            responses=FactPageSerializer,
            tags=["reports"],
        )
    )
    attributes: dict[str, Any] = {"report": report, "__doc__": ReportRowsView.__doc__}
    made: type[ReportRowsView] = described(
        type(f"{report.name.title().replace('-', '')}RowsView", (ReportRowsView,), attributes)
    )
    return made


urlpatterns = [
    path(f"{name}/rows/", _view(report).as_view(), name=f"api-report-{name}-rows")
    for name, report in REPORTS.items()
    if report.facts is not None
]
