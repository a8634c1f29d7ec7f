"""Fields for a day, with its time or without: people type it or choose it in a calendar (static/labelcrm/days.js).

One reader for both: what is typed is read here when the form is sent, and the page asks the same reader while it is
typed, to say under the field which day was understood. "Today" is the business's day, wherever the browser is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse
from django.template.defaultfilters import date as format_date
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET
from unfold.widgets import INPUT_CLASSES

from labelcrm.core.dates import is_within_reach, moment_of
from labelcrm.lib.typed_days import read_day, read_day_and_time

TEMPLATE = "includes/day_input.html"
LONGEST = 60


class DayInput(forms.TextInput):
    """A text with a calendar; `clock` is the time that counts when none is typed, None where none is asked."""

    clock: time | None = None

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(
            {"class": " ".join(INPUT_CLASSES), "autocomplete": "off", "maxlength": LONGEST} | (attrs or {})
        )

    def format_value(self, value: Any) -> str:
        """As this language writes it; a text that is no day as it was typed."""
        moment = _understood(value, self.clock)
        return _written(moment, self.clock) if moment else str(value or "")

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        context = self.get_context(name, value, attrs)
        example = _("such as %(day)s") % {"day": _written(timezone.localtime(), None)}
        context["widget"]["attrs"].setdefault("placeholder", example)
        today = timezone.localdate().isoformat()
        clock = self.clock.isoformat("minutes") if self.clock is not None else ""
        return render_to_string(TEMPLATE, context | {"today": today, "clock": clock, "address": reverse("day")})


class DayTimeInput(DayInput):
    def __init__(self, clock: time, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.clock = clock


class DayField(forms.DateField):
    """A day as people type it."""

    widget = DayInput
    default_error_messages = {
        "invalid": gettext_lazy("Write a day such as 29 Nov 2026, 29/11/2026 or “tomorrow”."),
    }

    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values:
            return None
        moment = _understood(value, None)
        if moment is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment.date()


class DayTimeField(forms.DateTimeField):
    """A day with a time; `clock` is the time of a day without one."""

    default_error_messages = {
        "invalid": gettext_lazy("Write a day such as 29 Nov 2026 or “tomorrow”, with a time or without: 29 Nov 14:30."),
    }

    def __init__(self, *, clock: time = time.min, **kwargs: Any) -> None:
        self.clock = clock
        super().__init__(**({"widget": DayTimeInput(clock)} | kwargs))

    def prepare_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        moment = _understood(value, self.clock)
        if moment is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The field shows no seconds: a time that only lacks them is the same."""
        typed = _understood(data, self.clock)
        if typed is None or not isinstance(initial, datetime):
            return super().has_changed(initial, data)
        return timezone.localtime(initial).replace(second=0, microsecond=0) != typed


def _understood(value: Any, clock: time | None) -> datetime | None:
    """The moment that a value means, in the business's time zone; None for what nobody can mean."""
    if isinstance(value, datetime):
        return timezone.localtime(value) if timezone.is_aware(value) else timezone.make_aware(value)
    if isinstance(value, date):
        return _at(value, time.min)
    text = str(value or "")[:LONGEST]
    day, told = read_day_and_time(text, today=timezone.localdate())
    if day is None:  # 2026-11-29T14:30+07:00, as links and programs write it
        moment = moment_of(text) if clock is not None else None
        return timezone.localtime(moment) if moment else None
    if not is_within_reach(day) or (clock is None and told is not None):
        return None
    return _at(day, told or clock or time.min)


def _at(day: date, clock: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, clock))


def _written(moment: datetime, clock: time | None) -> str:
    return str(format_date(moment, "DATE_FORMAT" if clock is None else "DATETIME_FORMAT"))


def typed_period(given: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a report page with its days as `reports.query` takes them.

    `from` is a day as people type it. `until` is the last day that counts; the query's `to` is the one after it. What
    is no day stays as it is, for the query to refuse.
    """
    asked = dict(given)
    for name, parameter, days in (("from", "from", 0), ("until", "to", 1)):
        text = asked.pop(name, "")
        if text:
            day = read_day(text, today=timezone.localdate())
            asked[parameter] = (day + timedelta(days=days)).isoformat() if day and is_within_reach(day) else text
    return asked


@require_GET
def day_view(request: HttpRequest) -> JsonResponse:
    """`?text=besok&clock=09:00`: the day that was understood, as the field and the line under it write it."""
    clock_text = request.GET.get("clock", "")
    clock = time.fromisoformat(clock_text) if clock_text in ("00:00", "09:00") else None
    moment = _understood(request.GET.get("text", ""), clock)
    if moment is None:
        return JsonResponse({"day": "", "text": "", "said": _("This is no day.")})
    weekday, written = format_date(moment, "l"), _written(moment, clock)
    return JsonResponse({"day": moment.date().isoformat(), "text": written, "said": f"{weekday}, {written}"})


urlpatterns = [path("day/", admin.site.admin_view(day_view), name="day")]
