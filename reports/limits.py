"""The limits of docs/metrics.md that an installation may set, and how they are said."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Self

from django.conf import settings

from labels.selectors.spell_inputs import limits_now

_UNITS = [
    (timedelta(days=1), ("day", "days"), "hari"),
    (timedelta(hours=1), ("hour", "hours"), "jam"),
    (timedelta(minutes=1), ("minute", "minutes"), "menit"),
    (timedelta(seconds=1), ("second", "seconds"), "detik"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLimits:
    """Without arguments the defaults, which the documents tell."""

    mistap: timedelta = timedelta(seconds=120)
    hole: timedelta = timedelta(seconds=600)
    campaign: timedelta = timedelta(days=30)
    never_labelled: timedelta = timedelta(minutes=60)
    gap: timedelta = timedelta(seconds=300)

    @classmethod
    def now(cls) -> Self:
        """As this installation has set them."""
        stored = limits_now()
        return cls(
            mistap=stored.mistap,
            hole=stored.hole,
            campaign=timedelta(days=settings.CAMPAIGN_WINDOW_DAYS),
            never_labelled=timedelta(minutes=settings.NEVER_LABELLED_MINUTES),
            gap=timedelta(seconds=settings.GAP_SECONDS),
        )

    def in_words(self, *, english: bool) -> dict[str, str]:
        """Each limit in words, as texts name it: `{mistap}`."""
        return {each.name: in_words(getattr(self, each.name), english=english) for each in fields(self)}


def in_words(length: timedelta, *, english: bool) -> str:
    """A whole number of the largest unit that divides the length: "10 minutes", "10 menit"."""
    whole = (each for each in _UNITS if length >= each[0] and not length % each[0])
    unit, names, nama = next(whole, _UNITS[-1])
    count = length // unit
    return f"{count} {names[count != 1] if english else nama}"
