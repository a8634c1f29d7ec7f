"""Rows in and out: unknown and read-only fields are refused, ids are numbers, references are what the user may see."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from labelcrm.lib.numbers import LARGEST_ID


class StrictFieldsMixin:
    # A field that cannot be written is an error, so that nobody believes to have changed it. (No docstring: it would
    # become the description of every schema.)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            errors = {name: [problem] for name in data if (problem := self._problem(name))}
            if errors:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)  # type: ignore[misc]

    def _problem(self, name: str) -> serializers.ErrorDetail | None:
        field = self.fields.get(name)  # type: ignore[attr-defined]
        if field is None:
            return serializers.ErrorDetail(_("There is no such field."), code="unknown_field")
        if field.read_only:
            return serializers.ErrorDetail(_("This field cannot be written."), code="read_only")
        return None


class StrictSerializer(StrictFieldsMixin, serializers.Serializer[Any]):
    pass


class StrictModelSerializer(StrictFieldsMixin, serializers.ModelSerializer[Any]):
    pass


class VisibleField(serializers.PrimaryKeyRelatedField):
    """A row by id, among those the user may see: a foreign row does not exist."""

    def get_queryset(self) -> Any:
        queryset: Any = super().get_queryset()
        return queryset.visible_to(self.context["request"].user) if queryset is not None else None

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("incorrect_type", data_type=type(data).__name__)
        if not 0 < data <= LARGEST_ID:
            self.fail("does_not_exist", pk_value=data)
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """true or false; not "yes", 1 or "on"."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data
