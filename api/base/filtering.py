"""Query parameters, strictly: what is not known, empty, given twice or out of range is refused, never ignored.

A filter that is silently dropped answers with rows nobody asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import django_filters
from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from api.base.errors import InvalidParameter
from api.base.pagination import CURSOR, PAGE_SIZE
from api.base.serializers import ID_SCHEMA, TIME_SCHEMA
from contacts.selectors.viewing import viewer_of
from labelcrm.core.fields import MAX_LENGTH, IdField, MomentField, TrueFalseField
from labelcrm.core.viewer import Viewer
from labelcrm.lib import phones
from labelcrm.lib.strict_json import is_storable
from labelcrm.lib.text import is_blank
from webhooks.gateways import user_ids

# The spellings that are surely read, for the OpenAPI document; people's own are tried as well.
_LID = "[1-9][0-9]{4,19}"
LID_SCHEMA = {
    "type": "string",
    "pattern": f"^{_LID}(@lid)?$",
    "description": "`123456789@lid`, or its digits.",
}
PHONE_SCHEMA = {
    "type": "string",
    "pattern": rf"^(\+[1-9][0-9]{{6,14}}|[1-9][0-9]{{6,14}}@(c\.us|s\.whatsapp\.net)|{_LID}@lid)$",
    "example": "+6281234567890",
    "description": "Any spelling of a phone number, or a JID.",
}
USER_ID_SCHEMA = {"type": "string", "pattern": r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$", "example": "ID.1234567890"}
USERNAME_SCHEMA = {"type": "string", "pattern": r"^@?[a-z][a-z0-9._]{2,29}$", "example": "@budi.kopi"}


def check_parameters(request: Request, known: Collection[str]) -> None:
    """Raises InvalidParameter for the first query parameter that is not `known` or cannot be meant."""
    for name, values in request.query_params.lists():
        if name not in known:
            raise InvalidParameter(name, _("There is no such parameter here."), code="unknown_parameter")
        if len(values) > 1:
            raise InvalidParameter(name, _("Given more than once."), code="repeated_parameter")
        if is_blank(values[0]):
            raise InvalidParameter(name, _("Given without a value."), code="blank")
        if len(values[0]) > MAX_LENGTH or not is_storable(values[0]):
            raise InvalidParameter(name, _("This cannot be a value."), code="invalid")


class StrictFilterBackend(DjangoFilterBackend):
    """Filters lists by the view's `filterset_class`; a single row takes no parameters at all."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        return super().filter_queryset(request, queryset, view) if getattr(view, "detail", False) is False else queryset

    def known_parameters(self, view: Any) -> set[str]:
        """The parameters that the view's list understands."""
        filterset = getattr(view, "filterset_class", None)
        paging = {CURSOR, PAGE_SIZE} if view.pagination_class is not None else set()
        return paging | set(filterset.base_filters if filterset is not None else ())


class StrictFilterSet(django_filters.FilterSet):
    """A filter set whose filters may refuse a value by raising `unknown_value(...)`."""

    @property
    def viewer(self) -> Viewer:
        return viewer_of(self.request.user)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for name, value in self.form.cleaned_data.items():
            try:
                queryset = self.filters[name].filter(queryset, value)
            except forms.ValidationError as error:
                raise InvalidParameter(name, error.messages[0], code=error.code or "invalid") from None
        return queryset


def unknown_value() -> forms.ValidationError:
    """What a filter raises for a value that names nothing the viewer can see."""
    return forms.ValidationError(_("There is nothing of this name or id."), code="unknown_value")


# -- Values --------------------------------------------------------------------------------------------------------


class PhoneField(forms.Field):
    """Any spelling of a phone, a JID too; its value are the addresses it may mean, the likeliest first.

    An address is E.164, or `<digits>@lid` for the JID of a LID. Digits without a plus may be read in two ways: a
    number of the business's country, and one with its country code. Whoever looks for them means the one there is.
    """

    def to_python(self, value: Any) -> tuple[str, ...]:
        text = value or ""
        if text.startswith(" "):
            text = f"+{text.lstrip()}"  # a plus that the client did not escape
        if "@" in text and (lid := phones.lid_digits(text)):
            return (f"{lid}@lid",)
        found = phones.lookups(text, region=settings.PHONE_REGION)
        if text and not found:
            raise forms.ValidationError(_("Must be a phone number."), code="invalid")
        return found


class LidField(forms.CharField):
    """A LID, `<digits>@lid` or bare digits; its value is the digits."""

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        digits = phones.lid_digits(text)
        if text and digits is None:
            raise forms.ValidationError(_("Must be a LID such as 123456789@lid."), code="invalid")
        return digits or ""


class UserIdField(forms.CharField):
    """Meta's user id or parent id; its value is the id with its country in capitals."""

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        found = user_ids.read(text)
        if text and found is None:
            raise forms.ValidationError(_("Must be a user id such as ID.1234567890."), code="invalid")
        return found.value if found else ""


class UsernameField(forms.CharField):
    """A username, whose "@" may be missing; its value has none."""

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        found = user_ids.username(text)
        if text and found is None:
            raise forms.ValidationError(_("Must be a username such as @budi."), code="invalid")
        return found or ""


# -- Filters -------------------------------------------------------------------------------------------------------
# The base classes tell drf-spectacular which type a parameter has.


@extend_schema_field(ID_SCHEMA)
class IdFilter(django_filters.NumberFilter):
    field_class = IdField

    def get_max_validator(self) -> None:
        return None


class TrueFalseFilter(django_filters.BooleanFilter):
    field_class = TrueFalseField


@extend_schema_field(TIME_SCHEMA)
class MomentFilter(django_filters.IsoDateTimeFilter):
    field_class = MomentField


@extend_schema_field(PHONE_SCHEMA)
class PhoneFilter(django_filters.CharFilter):
    field_class = PhoneField


@extend_schema_field(LID_SCHEMA)
class LidFilter(django_filters.CharFilter):
    field_class = LidField


@extend_schema_field(USER_ID_SCHEMA)
class UserIdFilter(django_filters.CharFilter):
    field_class = UserIdField


@extend_schema_field(USERNAME_SCHEMA)
class UsernameFilter(django_filters.CharFilter):
    field_class = UsernameField


class WordFilter(django_filters.ChoiceFilter):
    """One of a closed vocabulary (`choices`)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"empty_label": None} | kwargs)


class ArchivableFilterSet(StrictFilterSet):
    """Living rows, unless `archived=true` asks for the others."""

    archived = TrueFalseFilter(method="leave_to_filter_queryset")

    def filter_queryset(self, queryset: Any) -> Any:
        queryset = super().filter_queryset(queryset)
        return queryset.archived() if self.form.cleaned_data["archived"] else queryset.living()

    def leave_to_filter_queryset(self, queryset: Any, name: str, value: bool) -> Any:
        return queryset
