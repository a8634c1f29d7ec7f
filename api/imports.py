"""Files of contacts, campaigns and label mappings, written by jobs: asked for, watched, and taken back."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, OuterRef, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from api.base.errors import Conflict
from api.base.parsers import StrictMultiPartParser
from api.base.serializers import FormBooleanField, StrictSerializer
from api.base.viewsets import ReadViewSet
from labelcrm.core.models import Job
from labelcrm.lib.spreadsheets import MAX_BYTES, UploadRefused
from transfer import import_job, jobs
from transfer.imports import refusal
from transfer.job_files import PROBLEMS, link
from transfer.jobs import IMPORTS, KIND_OF_IMPORT

SEES_ALL_WORK = "core.view_job"


class MayImport(BasePermission):
    """Who may import anything, and who sees everybody's work; what is in the file decides about each import."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        if not user.is_authenticated:
            return False
        allowed = any(user.has_perms(source.rights) for _kind, source in IMPORTS.values())
        return allowed or (request.method in ("GET", "HEAD") and user.has_perm(SEES_ALL_WORK))


class NotUndoable(Conflict):
    default_detail = _("This import cannot be taken back: it wrote nothing, is not over, or was taken back already.")


class AskedImportSerializer(StrictSerializer):
    file = serializers.FileField(allow_empty_file=True, help_text="CSV or XLSX, at most 20 MB and 200,000 rows.")
    kind = serializers.ChoiceField(choices=list(IMPORTS))
    dry_run = FormBooleanField(
        default=False, help_text="Count what would happen and which rows would be refused; write nothing."
    )


class UndoneSerializer(serializers.Serializer[Any]):
    """How far taking an import back is; `kept` are rows that somebody changed since, or that are known otherwise."""

    state = serializers.ChoiceField(choices=Job.State.choices)
    undone = serializers.IntegerField()
    kept = serializers.IntegerField()


class ImportSerializer(serializers.ModelSerializer[Any]):
    """An import, or a look at one (`dry_run`); rows are counted as they are handled."""

    kind = serializers.SerializerMethodField()
    created = serializers.SerializerMethodField()
    changed = serializers.SerializerMethodField()
    unchanged = serializers.SerializerMethodField()
    failed = serializers.SerializerMethodField()
    errors_url = serializers.SerializerMethodField()
    dry_run = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()
    undo = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id", "kind", "state", "progress", "total", "created", "changed", "unchanged", "failed", "errors_url",
            "dry_run", "reason", "created_at", "undo",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=list(IMPORTS)))
    def get_kind(self, job: Any) -> str:
        return KIND_OF_IMPORT[job.kind]

    def get_created(self, job: Any) -> int:
        return import_job.counts_of(job)["created"]

    def get_changed(self, job: Any) -> int:
        return import_job.counts_of(job)["changed"]

    def get_unchanged(self, job: Any) -> int:
        return import_job.counts_of(job)["unchanged"]

    def get_failed(self, job: Any) -> int:
        return import_job.counts_of(job)["failed"]

    @extend_schema_field(
        serializers.URLField(
            allow_null=True, help_text="The refused rows with reasons, for a week; of one that failed for a day."
        )
    )
    def get_errors_url(self, job: Any) -> str | None:
        if not job.is_finished or not import_job.counts_of(job)["failed"] or not self._may_read_rows(job):
            return None
        address = link(job, PROBLEMS)
        return self.context["request"].build_absolute_uri(address) if address else None

    def _may_read_rows(self, job: Any) -> bool:
        """Whoever sees everybody's work, such as an auditor, does not get with it the rows that others uploaded."""
        user = self.context["request"].user
        return bool(job.owner_id == user.pk or user.has_perms(jobs.source_of(job).rights))

    def get_dry_run(self, job: Any) -> bool:
        return import_job.is_dry(job)

    @extend_schema_field(serializers.CharField(allow_null=True, help_text="Why it failed."))
    def get_reason(self, job: Any) -> str | None:
        return str(job.result.get("sentence") or job.error) if job.state == Job.State.FAILED else None

    @extend_schema_field(UndoneSerializer(allow_null=True))
    def get_undo(self, job: Any) -> dict[str, Any] | None:
        if job.undo_state is None:
            return None
        told = job.undo_result if "undone" in job.undo_result else job.undo_cursor
        return {"state": job.undo_state, "undone": told.get("undone", 0), "kept": told.get("kept", 0)}


class ImportViewSet(ReadViewSet):
    """Imports of files: one's own, and everybody's for owners. Rows are understood as the page of imports does."""

    queryset = Job.objects.none()
    serializer_class = ImportSerializer
    permission_classes = (MayImport,)
    parser_classes = (StrictMultiPartParser,)
    http_method_names = ["get", "head", "post"]

    def get_queryset(self) -> Any:
        undo = Job.objects.filter(pk=OuterRef("undo_id"))
        rows = Job.objects.filter(kind__in=KIND_OF_IMPORT).annotate(
            undo_id=Cast(KeyTextTransform("undo", "result"), BigIntegerField()),
            undo_state=Subquery(undo.values("state")),
            undo_result=Subquery(undo.values("result")),
            undo_cursor=Subquery(undo.values("cursor")),
        )
        return rows if self.request.user.has_perm(SEES_ALL_WORK) else rows.filter(owner=self.request.user.pk)

    def keyset(self, request: Any) -> tuple[str, ...]:
        return ("-id",)

    @extend_schema(request=AskedImportSerializer, responses={202: ImportSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Import a file. What can be told at once is refused; else the import fails with a `reason`."""
        asked = AskedImportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        kind, source = IMPORTS[asked.validated_data["kind"]]
        if not request.user.has_perms(source.rights):
            self.permission_denied(request)
        file = asked.validated_data["file"]
        try:
            raw = file.read(MAX_BYTES + 1)
            import_job.check_upload(raw, source)
            job = import_job.start(
                kind, raw, owner=request.user, dry_run=asked.validated_data["dry_run"], name=file.name or ""
            )
        except UploadRefused as refused:
            detail = ErrorDetail(refusal(refused), code=refused.code)
            raise serializers.ValidationError({"file": [detail]}) from None
        return self._answer(job.pk)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str | None = None) -> Response:
        """Take an import back: what nothing else changed since. `undo` says how far that is and what was kept."""
        job = self.get_object()
        theirs = job.owner_id == request.user.pk or request.user.has_perm("core.change_job")
        if not theirs or not request.user.has_perms(jobs.source_of(job).rights):
            self.permission_denied(request)
        if jobs.undo_import(job, actor=request.user) is None:
            raise NotUndoable
        return self._answer(job.pk)

    def _answer(self, pk: int) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=pk)).data, status=status.HTTP_202_ACCEPTED)
