"""Canonical labels and their categories."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter

from api.base.filtering import ArchivableFilterSet, TrueFalseFilter, unknown_value
from api.base.serializers import CodeField, StrictModelSerializer
from api.base.viewsets import ArchiveViewSet, CreateMixin, EditViewSet, Writes
from labels.models import Category, Label
from labels.services import canonical


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


class LabelFilterSet(ArchivableFilterSet):
    category = CharFilter(method="of_category", label="The category's code.")
    reviewed = TrueFalseFilter()

    def of_category(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        category = Category.objects.filter(code=value).first()
        if category is None:
            raise unknown_value()
        return queryset.filter(category=category)


class LabelSerializer(StrictModelSerializer):
    category = CodeField(slug_field="code", queryset=Category.objects.all(), allow_null=True, required=False)

    class Meta:
        model = Label
        fields = (
            "id", "name", "name_en", "category", "color", "meaning", "high_quality", "low_quality", "step",
            "exclusive_group", "stale_after_days", "stale_reset_by_inbound", "escalate_after_days", "reviewed",
            "created_at", "updated_at",
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
