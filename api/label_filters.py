"""How lists of labels, intervals and label events are narrowed down."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter

from api.base.filtering import (
    ArchivableFilterSet,
    MomentFilter,
    TrueFalseFilter,
    WordFilter,
    unknown_value,
)
from api.base.lookups import OfChannelFilterSet, OfContactFilterSet, label_id
from labels.models import Category, Effect, LabelEvent, Origin

LABEL_HELP = "Id, name or a spelling of a canonical label."


class LabelFilterSet(ArchivableFilterSet):
    category = CharFilter(method="of_category", label="The category's code.")
    reviewed = TrueFalseFilter()

    def of_category(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        category = Category.objects.filter(code=value).first()
        if category is None:
            raise unknown_value()
        return queryset.filter(category=category)


class WithLabelFilterSet(OfChannelFilterSet):
    """Rows with a canonical `label`."""

    label = CharFilter(method="of_label", label=LABEL_HELP)

    def of_label(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(label_id=label_id(value))


class ChannelLabelFilterSet(WithLabelFilterSet):
    pass


class AssignmentFilterSet(OfContactFilterSet, WithLabelFilterSet):
    active = TrueFalseFilter(field_name="removed_at", lookup_expr="isnull")
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")


class LabelEventFilterSet(OfContactFilterSet):
    kind = WordFilter(choices=LabelEvent.Kind.choices)
    effect = WordFilter(choices=Effect.choices)
    origin = WordFilter(choices=Origin.choices)
    since = MomentFilter(field_name="occurred_at", lookup_expr="gte")
    until = MomentFilter(field_name="occurred_at", lookup_expr="lt")
