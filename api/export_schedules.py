"""Scheduled exports: which segment is exported when, who gets the link, and every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.base.filtering import ArchivableFilterSet
from api.base.pagination import CURSOR, PAGE_SIZE, KeysetPagination
from api.base.serializers import StrictBooleanField, StrictCharField, StrictIntegerField, VisibleField, actor_name
from api.base.viewsets import ArchiveViewSet, Writes
from api.exports import FORMATS, ExportOrderSerializer, ExportSerializer
from contacts.selectors.viewing import viewer_of
from labelcrm.core.models import Job
from reports.models import Segment
from transfer import jobs, schedules
from transfer.funnel import Exclusions
from transfer.layouts import LAYOUTS
from transfer.models import ExportSchedule, RunRefusal, ScheduledRun
from transfer.people_export import RIGHTS, ExportOrder
from transfer.schedule_words import schedule_in_words

MOST_RECIPIENTS = 50


class ExportScheduleSerializer(ExportOrderSerializer):
    id = serializers.IntegerField(read_only=True)
    segment = VisibleField(queryset=Segment.objects.all())
    every = serializers.ChoiceField(choices=ExportSchedule.Every.choices)
    weekday = StrictIntegerField(
        default=0, min_value=0, max_value=6, help_text="Of a weekly one: 0 is Monday, 6 is Sunday."
    )
    day = StrictIntegerField(
        default=1, min_value=1, max_value=31,
        help_text="Of a monthly one; a day that a month lacks is its last one, so 31 is the last of every month.",
    )  # fmt: skip
    hour = StrictIntegerField(default=8, min_value=0, max_value=23, help_text="Of the business's clock.")
    recipients = serializers.ListField(
        child=StrictCharField(max_length=254), default=list, max_length=MOST_RECIPIENTS,
        help_text="E-mail addresses of users who get the link. They must be able to log in, may export, and see all of"
        " these contacts: the link needs no token.",
    )  # fmt: skip
    is_on = StrictBooleanField(default=True)
    name = serializers.CharField(read_only=True, help_text="Of the segment.")
    in_words = serializers.CharField(read_only=True, help_text="When it is due, in the reader's language.")
    next_due_at = serializers.DateTimeField(read_only=True, allow_null=True)
    paused_because = serializers.ChoiceField(
        choices=[("", ""), *RunRefusal.choices], read_only=True, help_text="Why it switched itself off; else empty."
    )
    owner = serializers.CharField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    deleted_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def to_representation(self, schedule: ExportSchedule) -> dict[str, Any]:
        time = serializers.DateTimeField().to_representation
        return {
            "id": schedule.pk,
            "segment": schedule.segment_id,
            "name": schedule.segment.name,
            "every": schedule.every,
            "weekday": schedule.weekday,
            "day": schedule.day,
            "hour": schedule.hour,
            "in_words": self._in_words(schedule),
            "is_on": schedule.is_on,
            "next_due_at": time(schedule.next_due_at) if schedule.next_due_at else None,
            "paused_because": schedule.paused_because,
            **_order_represented(schedule),
            "recipients": sorted(user.email for user in schedule.recipients.all() if user.email),
            "owner": actor_name(None, schedule.owner),
            "created_at": time(schedule.created_at),
            "updated_at": time(schedule.updated_at),
            "deleted_at": time(schedule.deleted_at) if schedule.deleted_at else None,
        }

    def _in_words(self, schedule: ExportSchedule) -> str:
        with translation.override(viewer_of(self.context["request"].user).language):
            return schedule_in_words(schedule)


def _order_represented(schedule: ExportSchedule) -> dict[str, Any]:
    """What is asked for, as `POST segments/<id>/exports/` takes it."""
    layout = LAYOUTS.get(schedule.layout)
    return {
        "format": layout.suffix if layout is not None else "csv",
        "columns": schedule.columns,
        "exclude": {
            "complaint": schedule.exclude_complaint, "opted_out": True, "exported_days": schedule.exported_days,
            "no_phone": schedule.exclude_no_phone,
        },
        "hold_out": schedule.hold_out,
        "only_new": schedule.only_new,
    }  # fmt: skip


class ScheduledRunSerializer(serializers.ModelSerializer[ScheduledRun]):
    state = serializers.ChoiceField(choices=Job.State.choices, read_only=True)
    reason = serializers.SerializerMethodField(help_text="Why it failed: a code; else empty.")
    export = ExportSerializer(read_only=True, allow_null=True)

    class Meta:
        model = ScheduledRun
        fields = ("id", "due_at", "by_hand", "missed", "state", "reason", "export")
        read_only_fields = fields

    def get_reason(self, run: Any) -> str:
        if run.refused or run.export is None or run.export.job is None or run.state != Job.State.FAILED:
            return str(run.refused)
        return str(run.export.job.error)


# -- Writing ----------------------------------------------------------------------------------------------------------

_ORDER = ("format", "columns", "exclude", "hold_out", "only_new")


def _create(*, actor: Any, origin: str, recipients: Sequence[str] = (), **asked: Any) -> ExportSchedule:
    order, values = _parted(asked, ExportOrder(layout=LAYOUTS["csv"]))
    users = _users(recipients, owner=actor)
    return schedules.create_schedule(actor=actor, origin=origin, order=order, recipients=users, **values)


def _update(
    schedule: ExportSchedule, *, actor: Any, origin: str, recipients: Sequence[str] | None = None, **asked: Any
) -> ExportSchedule:
    order, values = _parted(asked, schedules.order_of(schedule))
    users = _users(recipients, owner=schedule.owner) if recipients is not None else None
    return schedules.update_schedule(schedule, actor=actor, origin=origin, order=order, recipients=users, **values)


def _parted(asked: dict[str, Any], order: ExportOrder) -> tuple[ExportOrder, dict[str, Any]]:
    """The order, as it was and with what is asked for now, and the other values."""
    exclude = {name: value for name, value in asked.get("exclude", {}).items() if name != "opted_out"}
    exclude |= {name: asked[name] for name in ("hold_out", "only_new") if name in asked}
    exclusions: Exclusions = replace(order.exclusions, **exclude)
    layout = LAYOUTS[FORMATS[asked["format"]]] if "format" in asked else order.layout
    changed = replace(order, layout=layout, columns=tuple(asked.get("columns", order.columns)), exclusions=exclusions)
    return changed, {name: value for name, value in asked.items() if name not in _ORDER}


def _users(addresses: Sequence[str], *, owner: Any) -> list[Any]:
    """Who has these addresses, of those who may be named. Raises ValidationError, with the place, for any other."""
    allowed: dict[str, list[Any]] = {}
    for user in schedules.nameable(owner):
        allowed.setdefault(user.email.lower(), []).append(user)
    sentence = _("This is no address of somebody who may log in, may export and sees all of these contacts.")
    wrong = [n for n, address in enumerate(addresses) if not address.strip() or address.lower() not in allowed]
    if wrong:
        errors = {f"recipients[{n}]": [exceptions.ErrorDetail(sentence, "unknown_value")] for n in wrong}
        raise serializers.ValidationError(errors)
    return [user for address in addresses for user in allowed[address.lower()]]


class ExportScheduleViewSet(ArchiveViewSet):
    """Scheduled exports: one's own; everybody's for owners. Each run has the rights and the sight of who set it up."""

    queryset = ExportSchedule.objects.none()
    serializer_class = ExportScheduleSerializer
    filterset_class = ArchivableFilterSet
    action_permissions = {
        name: list(RIGHTS)
        for name in ("list", "retrieve", "create", "partial_update", "destroy", "restore", "run", "runs")
    }
    parameters = {"runs": {CURSOR, PAGE_SIZE}}
    writes = Writes(
        create=_create,
        update=_update,
        archive=schedules.archive_schedule,
        restore=schedules.restore_schedule,
    )

    def rows(self) -> Any:
        return ExportSchedule.all_objects.select_related("segment", "owner").prefetch_related("recipients")

    @extend_schema(request=None, responses={202: ScheduledRunSerializer})
    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """Export now, whatever the clock says; the next due time stays."""
        run = jobs.run_schedule_now(self.get_object(), actor=request.user)
        found = ScheduledRunSerializer(run, context=self.get_serializer_context())
        return Response(found.data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=ScheduledRunSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=KeysetPagination)
    def runs(self, request: Request, pk: str) -> Response:
        """Every time that it was due or was run by hand, the first one first."""
        rows = ScheduledRun.objects.filter(schedule=self.get_object()).select_related("export__job")
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(rows, request)
        found = ScheduledRunSerializer(page, many=True, context=self.get_serializer_context()).data
        return paginator.get_paginated_response(found)
