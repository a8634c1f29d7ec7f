"""Rows in and out: unknown and read-only fields are refused, values have the type that the document names.

A JSON body says what it means: `true` is no 1 and 5 is no "5". DRF would take either for either, and a client that
sends the wrong one by mistake would never learn it. The fields below are what every serializer here maps to.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import models
from django.http import QueryDict
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.validators import UniqueValidator

from contacts.selectors.viewing import viewer_of
from labelcrm.core.dates import is_within_reach
from labelcrm.lib.numbers import LARGEST_ID
from labelcrm.lib.text import is_blank

ID_SCHEMA = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
# A year that `labelcrm.core.dates` lets people mean.
TIME_SCHEMA = {"type": "string", "format": "date-time", "pattern": "^(19|[2-8][0-9])[0-9]{2}-"}


class StrictTextMixin:
    # Text only, and where it may not be empty something that can be seen.

    def to_internal_value(self: Any, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if is_blank(data) and not self.allow_blank:
            self.fail("blank")
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictCharField(StrictTextMixin, serializers.CharField):
    pass


class StrictSlugField(StrictTextMixin, serializers.SlugField):
    pass


class StrictIntegerField(serializers.IntegerField):
    """A whole number, 5 or 5.0; not "5", not true."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != data // 1:
            self.fail("invalid")
        return super().to_internal_value(int(data))


class StrictBooleanField(serializers.BooleanField):
    """true or false; not "yes", 1 or "on"."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class FormBooleanField(serializers.BooleanField):
    """true or false in a form, once: what was left blank, or said twice, is not taken for the default."""

    def get_value(self, dictionary: Any) -> Any:
        if not isinstance(dictionary, QueryDict):  # a request without a form
            return empty
        given = dictionary.getlist(str(self.field_name))
        return given[0] if len(given) == 1 else given or empty


class StrictDateField(serializers.DateField):
    """`2026-03-02`."""

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or len(data) != len("2026-03-02"):
            self.fail("invalid", format="YYYY-MM-DD")
        found: date = super().to_internal_value(data)
        return found


@extend_schema_field(TIME_SCHEMA)
class StrictDateTimeField(serializers.DateTimeField):
    """ISO 8601; without an offset it is business time."""

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str):
            self.fail("invalid", format="ISO 8601")
        moment: datetime = super().to_internal_value(data)
        if not is_within_reach(moment):
            self.fail("invalid", format="ISO 8601")
        return moment


class CodeField(serializers.SlugRelatedField):
    """A row by its code."""

    def run_validation(self, data: Any = empty) -> Any:
        if data == "":  # DRF would read it as null
            self.fail("does_not_exist", slug_name=self.slug_field, value=data)
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("does_not_exist", slug_name=self.slug_field, value=data)
        return super().to_internal_value(data)


@extend_schema_field(ID_SCHEMA)
class VisibleField(serializers.PrimaryKeyRelatedField):
    """A row by id, among those the user may see: a foreign row does not exist."""

    def run_validation(self, data: Any = empty) -> Any:
        if data == "":  # DRF would read it as null
            self.fail("incorrect_type", data_type="str")
        return super().run_validation(data)

    def get_queryset(self) -> Any:
        queryset: Any = super().get_queryset()
        return queryset.visible_to(viewer_of(self.context["request"].user)) if queryset is not None else None

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("incorrect_type", data_type=type(data).__name__)
        if not 0 < data <= LARGEST_ID:
            self.fail("does_not_exist", pk_value=data)
        return super().to_internal_value(data)


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
    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.CharField: StrictCharField,
        models.TextField: StrictCharField,
        models.SlugField: StrictSlugField,
        models.IntegerField: StrictIntegerField,
        models.PositiveIntegerField: StrictIntegerField,
        models.PositiveSmallIntegerField: StrictIntegerField,
        models.SmallIntegerField: StrictIntegerField,
        models.BigIntegerField: StrictIntegerField,
        models.BooleanField: StrictBooleanField,
        models.DateField: StrictDateField,
        models.DateTimeField: StrictDateTimeField,
    }

    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[type[Any], dict[str, Any]]:
        """Whether a name is taken is for the service to say, under its lock and with a 409."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        others = [each for each in kwargs.pop("validators", ()) if not isinstance(each, UniqueValidator)]
        return field_class, kwargs | ({"validators": others} if others else {})


def actor_name(agent: Any, user: Any) -> str | None:
    """What people call whoever did it: the agent's name, else the user's; None when nobody is known."""
    if agent is not None:
        return str(agent.name)
    return (user.get_full_name() or user.get_username()) if user is not None else None
