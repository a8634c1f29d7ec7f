"""Filters that every list shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Exists, QuerySet
from django.forms import Form
from django.forms.utils import ErrorDict
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from contacts.selectors.viewing import viewer_of
from desk.base.days import DayField, DayInput
from labelcrm.core.dates import is_within_reach
from labelcrm.lib.numbers import row_id
from labelcrm.lib.typed_days import read_day


def day_of(value: Any) -> date | None:
    """A day as links write it (2026-03-02) or as people do; None for what is no day that anybody means."""
    day = read_day(str(value or ""), today=timezone.localdate())
    return day if day and is_within_reach(day) else None


class DayRangeForm(Form):
    """From a day to a day, both included."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for end, words in (("_from", _("From")), ("_to", _("Until and including"))):
            self.fields[name + end] = DayField(
                label=words, required=False, widget=DayInput({"placeholder": words, "aria-label": words})
            )


class DayRangeFilter(RangeDateFilter):
    """From a day to a day, both included, in the time zone of the business; what is no day filters nothing."""

    form_class = DayRangeForm

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self._day("_from"), self._day("_to")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": _midnight(first)})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": _midnight(last + timedelta(days=1))})
        return queryset

    def _day(self, end: str) -> date | None:
        return day_of(self.used_parameters.get(f"{self.parameter_name}{end}"))


class OnlyVisible:
    """Put before a filter by a foreign key: what the reader may not see filters as if it were not there."""

    def queryset(self: Any, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = super().queryset(request, queryset)  # type: ignore[misc]
        pk = row_id(self.value())
        if pk is None:
            return found
        model = self.field.remote_field.model
        rows = getattr(model, "all_objects", model._default_manager)
        # Asked once per list and not per row: it depends on no row of it.
        return found.filter(Exists(rows.visible_to(viewer_of(request.user)).filter(pk=pk)))


class VisibleDropdownFilter(OnlyVisible, RelatedDropdownFilter):
    """A foreign key to a short table: its living rows that this user sees."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        rows = field.remote_field.model._default_manager.visible_to(viewer_of(request.user))
        return [(row.pk, str(row)) for row in rows]


class ChosenSelect(AutocompleteSelect):
    """The names of what was chosen are looked up once, however often they are shown."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        """Asked for by the list's chip and by the filter's form."""
        known: dict[tuple[str, ...], list[Any]] = self.__dict__.setdefault("_known", {})
        chosen = tuple(value)
        if chosen not in known:
            known[chosen] = super().optgroups(name, value, attr)
        return known[chosen]


class VisibleChoiceForm(AutocompleteDropdownForm):
    """Names what was chosen only to who may see it."""

    widget = ChosenSelect

    def __init__(self, *args: Any, request: HttpRequest, name: str, **kwargs: Any) -> None:
        super().__init__(*args, request=request, name=name, **kwargs)
        self.fields[name].queryset = self.fields[name].queryset.visible_to(viewer_of(request.user))

    def full_clean(self) -> None:
        """Nothing is checked, which would look the row up again: the filter itself judges what was chosen."""
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}


class AutocompleteFilter(OnlyVisible, AutocompleteSelectFilter):
    """A foreign key to a long table, chosen by typing."""

    form_class = VisibleChoiceForm

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The same form for the filter and for the chip above the list: what was chosen is looked up once."""
        if not hasattr(self, "_choices"):
            self._choices = list(super().choices(changelist))
        return iter(self._choices)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
