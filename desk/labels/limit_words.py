"""What a limit counts, and what starts its clock anew, in words."""

from __future__ import annotations

from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labels.models import FreeDay, Label, StaleClock


def restarts(label: Label) -> str:
    """What starts the clock of a label, and what starts it anew."""
    if label.stale_reset_by_inbound:
        return _(
            "The clock starts when the label comes on. “Still right” and a message from the contact start it anew."
        )
    return _("The clock starts when the label comes on. Only “still right” starts it anew.")


def clock() -> str:
    """Which time counts: every day, or the working hours of the business."""
    hours = StaleClock.objects.filter(working_time=True).first()
    if hours is None:
        return _("Limits count every day, day and night.")
    words = _("Limits count working days, %(days)s, %(opens)s–%(closes)s%(without)s.")
    return words % {
        "days": ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in sorted(hours.weekdays)),
        "opens": time_format(hours.opens, "H.i"),
        "closes": time_format(hours.closes, "H.i"),
        "without": _without(hours),
    }


def _without(hours: StaleClock) -> str:
    """The days that are left out, as the end of a sentence."""
    free = FreeDay.objects.filter(day__year=timezone.localdate().year).count()
    own = ngettext("%(n)d free day this year", "%(n)d free days this year", free) % {"n": free} if free else ""
    left_out = [part for part in (_("public holidays") if hours.public_holidays else "", own) if part]
    return _(", without %(what)s") % {"what": _(" and ").join(left_out)} if left_out else ""
