"""Before and after in a picture and in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from desk.reports.agent_pictures import percent, touches
from desk.reports.page_frame import GapLine
from desk.reports.pictures import Picture, share_point
from reports.columns import written
from reports.selectors.before_after import BeforeAfter, Side
from reports.selectors.medians import MedianDifference
from reports.selectors.shares import ShareDifference

HEIGHT = 280
# Where the parts of the distribution of times end, in seconds.
BANDS = (300, 900, 3600, 4 * 3600, 86400, 3 * 86400)


def picture(
    found: BeforeAfter, links: Sequence[str], *, title: str, day: date, gaps: Sequence[GapLine]
) -> Picture | None:
    """Of a share its weeks, of times how they are distributed; None where nobody is counted."""
    if found.metric.seconds:
        return _times(found, title, day)
    return _weeks(found, links, title, day, gaps)


# -- Shares -----------------------------------------------------------------------------------------------------------


def _weeks(found: BeforeAfter, links: Sequence[str], title: str, day: date, gaps: Sequence[GapLine]) -> Picture | None:
    values = [week.share for week in found.weeks if week.share is not None]
    if not any(value.n for value in values):
        return None
    names = [_short(timezone.localtime(week.period.start).date()) for week in found.weeks]
    shaded = [n for n, week in enumerate(found.weeks) if any(touches(gap, week.period) for gap in gaps)]
    return Picture(
        name="before-after",
        kind="shares",
        title=title,
        sentence=sentence(found, title, day),
        rows={
            "height": HEIGHT,
            "names": names,
            "lines": [share_point(value, *each) for value, *each in zip(values, names, links, strict=True)],
            "levels": _levels(found, len(names)),
            "gaps": [{"from": place, "to": place} for place in shaded],
        },
    )


def _short(day: date) -> str:
    return str(format_date(day, "MONTH_DAY_FORMAT"))


def _levels(found: BeforeAfter, weeks: int) -> list[dict[str, Any]]:
    """Where each side stands as a whole, over its weeks."""
    first_after = next(
        (n for n, week in enumerate(found.weeks) if week.period.start >= found.after.period.start), weeks
    )
    sides = ((found.before, _("before"), 0, first_after - 1), (found.after, _("after"), first_after, weeks - 1))
    return [
        {"from": start, "to": end, "value": side.share.value, "words": f"{name} {percent(side.share)}"}
        for side, name, start, end in sides
        if side.share is not None and side.share.value is not None and end >= start
    ]


# -- Times ------------------------------------------------------------------------------------------------------------


def _times(found: BeforeAfter, title: str, day: date) -> Picture | None:
    """The share of contacts in each part of the scale, so that sides of different sizes can be compared."""
    if not found.before.seconds and not found.after.seconds:
        return None
    return Picture(
        name="before-after",
        kind="stack",
        title=title,
        sentence=sentence(found, title, day),
        rows={
            "height": HEIGHT,
            "names": _bands(),
            "unit": "share",
            "beside": True,
            "series": [
                {"name": name, "paint": {"own": own}, "values": _distribution(side)}
                for side, name, own in ((found.before, _("before"), "low"), (found.after, _("after"), "main"))
            ],
        },
    )


def _bands() -> list[str]:
    up_to = [_("up to %(time)s") % {"time": written(seconds, "brief")} for seconds in BANDS]
    return [*up_to, _("longer")]


def _distribution(side: Side) -> list[float]:
    ends = [0.0, *map(float, BANDS), float("inf")]
    n = len(side.seconds) or 1
    return [round(sum(low <= each < high for each in side.seconds) / n, 4) for low, high in pairwise(ends)]


# -- In words ---------------------------------------------------------------------------------------------------------


def sentence(found: BeforeAfter, title: str, day: date) -> str:
    """Both sides and how far they are apart, as one would say it."""
    if _nobody(found.before) or _nobody(found.after):
        return _("There is nobody to compare: on one side of %(day)s no contact is counted.") % {"day": _day(day)}
    figures = {"title": title, "day": _day(day), "before": _figure(found.before), "after": _figure(found.after)}
    said = _("%(title)s: %(after)s from %(day)s on, %(before)s before.") % figures
    return f"{said} {_apart(found)}"


def verdict(found: BeforeAfter) -> tuple[str, str]:
    """Better, worse or neither, and how it looks."""
    words = {True: _("better"), False: _("worse"), None: _("no clear change")}
    return words[found.is_better], {True: "good", False: "bad", None: ""}[found.is_better]


def _nobody(side: Side) -> bool:
    return not side.seconds if side.share is None else not side.share.n


def _day(day: date) -> str:
    return str(format_date(day, "DATE_FORMAT"))


def _figure(side: Side) -> str:
    if side.share is not None:
        return percent(side.share)
    return _("half within %(time)s") % {"time": written(side.median_s, "seconds")}


def _apart(found: BeforeAfter) -> str:
    apart = found.difference
    if apart is None:
        return _("Too few to say more.")
    if isinstance(apart, ShareDifference):
        return _points_apart(found, apart)
    return _time_apart(found, apart)


def _points_apart(found: BeforeAfter, apart: ShareDifference) -> str:
    if not apart.is_clear:
        return _("No clear change: between %(low)s and %(high)s points.") % {
            "low": _points(apart.low),
            "high": _points(apart.high),
        }
    small, large = sorted((abs(apart.low), abs(apart.high)))
    size = round(100 * abs(apart.value))
    named = {"n": size, "small": _whole(small), "large": _whole(large)}
    if found.is_better:
        return (
            ngettext(
                "Better by %(n)d point (%(small)s to %(large)s).",
                "Better by %(n)d points (%(small)s to %(large)s).",
                size,
            )
            % named
        )
    return (
        ngettext(
            "Worse by %(n)d point (%(small)s to %(large)s).", "Worse by %(n)d points (%(small)s to %(large)s).", size
        )
        % named
    )


def _whole(fraction: float) -> str:
    """Points; less than one is not said to be none."""
    digits = 0 if round(100 * fraction) else 1
    return str(number_format(round(100 * fraction, digits), decimal_pos=digits)).replace("-", "\u2212")


def _points(fraction: float) -> str:
    return f"+{_whole(fraction)}" if fraction > 0 else _whole(fraction)


def _time_apart(found: BeforeAfter, apart: MedianDifference) -> str:
    if not apart.is_clear:
        return _("No clear change: between %(low)s and %(high)s.") % {
            "low": _signed(apart.low),
            "high": _signed(apart.high),
        }
    small, large = sorted((abs(apart.low), abs(apart.high)))
    named = {"time": _time(abs(apart.value)), "small": _time(small), "large": _time(large)}
    if found.is_better:
        return _("Sooner by %(time)s (%(small)s to %(large)s).") % named
    return _("Later by %(time)s (%(small)s to %(large)s).") % named


def _time(seconds: float) -> str:
    return written(seconds, "seconds")


def _signed(seconds: float) -> str:
    if seconds < 0:
        return _("%(time)s sooner") % {"time": _time(-seconds)}
    return _("%(time)s later") % {"time": _time(seconds)}
