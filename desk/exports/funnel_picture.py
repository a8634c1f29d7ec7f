"""The funnel of an export as a picture: a bar and a number per step, and where its people are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from transfer.funnel import FunnelCounts
from transfer.models import EXCLUSIONS, Reason

MATCHED = "matched"
TITLES: dict[str, str | Promise] = {
    MATCHED: _("Matched"),
    Reason.COMPLAINT.code: _("Open complaint"),
    Reason.OPTED_OUT.code: _("Opted out"),
    Reason.RECENTLY_EXPORTED.code: _("Exported recently"),
    Reason.NO_PHONE.code: _("No number"),
    Reason.NOT_NEW.code: _("Was in an earlier file"),
    Reason.HOLD_OUT.code: _("Held out to compare"),
    Reason.FILE.code: _("In the file"),
}
ALWAYS_SHOWN = frozenset({Reason.OPTED_OUT})  # that nobody of them is in it is worth saying, too


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelStep:
    """One line: how many, what is left after it, in per cent of all, and how much of that it took away."""

    code: str
    title: str | Promise
    count: int
    left: str
    taken: str
    url: str
    is_exclusion: bool


def reason_of(code: str) -> Reason | None:
    """The reason that an address names. Raises KeyError for none; None is everybody."""
    return None if code == MATCHED else {reason.code: reason for reason in (Reason.FILE, *EXCLUSIONS)}[code]


def steps(counts: FunnelCounts, url: Callable[[str], str], *, shown: frozenset[Reason]) -> list[FunnelStep]:
    """The lines of a funnel; of exclusions those that are in use, `shown`, or took somebody away."""
    return list(_steps(counts, url, shown | ALWAYS_SHOWN))


def _steps(counts: FunnelCounts, url: Callable[[str], str], shown: frozenset[Reason]) -> Iterator[FunnelStep]:
    left = counts.matched

    def step(code: str, count: int, taken: int) -> FunnelStep:
        return FunnelStep(
            code=code,
            title=TITLES[code],
            count=count,
            left=_percent(left, counts.matched),
            taken=_percent(taken, counts.matched),
            url=url(code) if count else "",
            is_exclusion=code not in _ENDS,
        )

    yield step(MATCHED, counts.matched, 0)
    for reason in EXCLUSIONS:
        count = counts.excluded.get(reason.code, 0)
        left -= count
        if count or reason in shown:
            yield step(reason.code, count, count)
    yield step(Reason.FILE.code, counts.rows, 0)


_ENDS = (MATCHED, Reason.FILE.code)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "0%"


def in_use(exclusions: Any) -> frozenset[Reason]:
    """The exclusions that were asked for."""
    asked = {
        Reason.COMPLAINT: exclusions.complaint,
        Reason.RECENTLY_EXPORTED: exclusions.exported_days,
        Reason.NO_PHONE: exclusions.no_phone,
        Reason.NOT_NEW: exclusions.only_new,
        Reason.HOLD_OUT: exclusions.hold_out,
    }
    return frozenset(reason for reason, is_asked in asked.items() if is_asked)
