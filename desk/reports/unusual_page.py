"""Unusual activity: masses, quick undos and labels that went back and forth, each day of a CS as a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import date as format_date
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from desk.reports import report_downloads
from desk.reports.page_frame import address_with, asked_query, check_may_read, defined, frame
from labels.selectors.spell_inputs import limits_now
from reports.columns import written
from reports.registry import REPORTS
from reports.selectors.unusual import BATCH, FEWEST, FLIP_FLOP, HERE, KINDS, MISTAP, UnusualRow
from transfer.layouts import RECORD_LAYOUTS

KIND_NAMES = {
    BATCH: gettext_lazy("Mass labelling"),
    HERE: gettext_lazy("Set from here in masses"),
    MISTAP: gettext_lazy("Quick undos"),
    FLIP_FLOP: gettext_lazy("Back and forth"),
}
ALL_DAYS = "all"
MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class KindChoice:
    """A kind above the list, with how many days of it there are; "" is all kinds."""

    title: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class UnusualLine:
    """A day of a CS: its sentence, and what kind of thing it is."""

    row: UnusualRow
    kind: str
    sentence: str
    who: str


@require_safe
def unusual_page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/unusual/`; `?kind=` one of KINDS, `?show=all` days on which nothing stands out too."""
    check_may_read(request)
    query, problem = asked_query(request, REPORTS["unusual"])
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not problem:
        return report_downloads.download(request, query, code=code)
    shows_all = request.GET.get("show") == ALL_DAYS
    rows = [row for row in query.rows if shows_all or row.stands_out]
    kind = request.GET.get("kind", "")
    chosen = [row for row in rows if row.kind == kind] if kind in KINDS else rows
    context = {
        **frame(request, query, problem, title=_("Unusual activity"), kept=("kind", "show")),
        **defined(("taps", "batches", "mistaps", "flip_flops")),
        "kinds": _kinds(request, rows, kind),
        "lines": [_line(row) for row in chosen[:MOST_LINES]],
        "left_off": max(0, len(chosen) - MOST_LINES),
        "quiet_days": len(query.rows) - len(rows),
        "all_days": address_with(request, show=ALL_DAYS),
        "shows_all": shows_all,
        "standing_out": address_with(request, show=None),
        "fewest": FEWEST[MISTAP],
    }
    return TemplateResponse(request, "reports/unusual.html", context)


def _kinds(request: HttpRequest, rows: Sequence[UnusualRow], chosen: str) -> list[KindChoice]:
    counts = Counter(row.kind for row in rows)
    found = [("", _("All"), len(rows)), *((kind, str(KIND_NAMES[kind]), counts[kind]) for kind in KINDS)]
    chosen = chosen if chosen in KINDS else ""
    return [
        KindChoice(title, count, address_with(request, kind=kind or None), kind == chosen)
        for kind, title, count in found
    ]


def _line(row: UnusualRow) -> UnusualLine:
    return UnusualLine(row, str(KIND_NAMES[row.kind]), sentence(row), row.agent_name or _("Nobody known"))


def sentence(row: UnusualRow) -> str:
    """What happened, as one would say it to a colleague."""
    agent, day = row.agent_name or _("Somebody unknown"), format_date(row.day, "MONTH_DAY_FORMAT")
    words = {"agent": agent, "day": day, "n": _count(row.taps), "times": _count(row.times), "time": _time(row)}
    return f"{_SENTENCES[row.kind](row) % words}{_most(row)}"


def _batch(row: UnusualRow) -> str:
    if row.times == 1:
        return ngettext(
            "%(agent)s put %(n)s label on in %(time)s on %(day)s",
            "%(agent)s put %(n)s labels on in %(time)s on %(day)s",
            row.taps,
        )
    return _("%(agent)s put %(n)s labels on in %(times)s goes on %(day)s")


def _here(row: UnusualRow) -> str:
    return ngettext(
        "%(agent)s set %(n)s label from here at once on %(day)s",
        "%(agent)s set %(n)s labels from here at once on %(day)s",
        row.taps,
    )


def _mistap(row: UnusualRow) -> str:
    words = ngettext(
        "%(agent)s took %(n)s label off again within {limit} on %(day)s",
        "%(agent)s took %(n)s labels off again within {limit} on %(day)s",
        row.taps,
    )
    return words.replace("{limit}", written(limits_now().mistap.total_seconds(), "brief"))


def _flip_flop(row: UnusualRow) -> str:
    return ngettext(
        "%(agent)s put %(n)s label back that had been changed within 7 days, on %(day)s",
        "%(agent)s put %(n)s labels back that had been changed within 7 days, on %(day)s",
        row.taps,
    )


_SENTENCES = {BATCH: _batch, HERE: _here, MISTAP: _mistap, FLIP_FLOP: _flip_flop}


def _most(row: UnusualRow) -> str:
    """The label that most of them are, as the end of the sentence."""
    if row.taps == 1:
        return _(": “%(label)s”.") % {"label": row.label_name}
    if row.label_taps == row.taps:
        return _(", all of them “%(label)s”.") % {"label": row.label_name}
    return _(", %(n)s of them “%(label)s”.") % {"n": _count(row.label_taps), "label": row.label_name}


def _time(row: UnusualRow) -> str:
    return written(max(60.0, (row.last_at - row.first_at).total_seconds()), "seconds")


def _count(number: int) -> str:
    return str(number_format(number, force_grouping=True))
