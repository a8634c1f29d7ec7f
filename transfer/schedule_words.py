"""When a schedule is due, in the reader's words."""

from __future__ import annotations

from datetime import time

from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

from transfer.models import ExportSchedule

SHORTEST_MONTH, LONGEST_MONTH = 28, 31  # days


def rhythm_in_words(schedule: ExportSchedule) -> str:
    """`every Monday 08:00`"""
    said = {"hour": time_format(time(schedule.hour)), "day": schedule.day, "weekday": WEEKDAYS[schedule.weekday]}
    if schedule.every == schedule.Every.DAILY:
        return _("every day %(hour)s") % said
    if schedule.every == schedule.Every.WEEKLY:
        return _("every %(weekday)s %(hour)s") % said
    if schedule.day == LONGEST_MONTH:
        return _("on the last day of every month %(hour)s") % said
    if schedule.day > SHORTEST_MONTH:
        return _("on day %(day)s of every month (in a shorter one on its last day) %(hour)s") % said
    return _("on day %(day)s of every month %(hour)s") % said


def schedule_in_words(schedule: ExportSchedule) -> str:
    """`every Monday 08:00, next on 30 Nov 2026`; of one that is off that it is."""
    rhythm = rhythm_in_words(schedule)
    if schedule.next_due_at is None:
        return _("%(rhythm)s, switched off") % {"rhythm": rhythm}
    day = date_format(timezone.localtime(schedule.next_due_at), "DATE_FORMAT")
    return _("%(rhythm)s, next on %(day)s") % {"rhythm": rhythm, "day": day}
