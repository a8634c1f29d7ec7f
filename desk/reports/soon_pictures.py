"""How soon each CS labels and answers: coverage and speed as bars, beside the table of CS quality that has the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from desk.reports.campaign_charts import who_of
from desk.reports.pictures import Picture
from desk.reports.proven_picture import LINE_HEIGHT, MARGIN, MOST_LINES
from reports.columns import interval, written
from reports.selectors.agents import AgentRow
from reports.selectors.shares import Share, share

FIGURES = ("labelled_1h", "labelled_24h", "first_label_median_s", "first_reply_median_s")
SPEEDS = (("first_label", "first_labelled"), ("first_reply", "first_replied"))


def pictures(rows: Sequence[AgentRow], *, rows_url: str) -> list[Picture]:
    """Coverage and speed, each where somebody has a figure for it."""
    made = (_coverage(rows, rows_url), _speed(rows, rows_url))
    return [picture for picture in made if picture is not None]


def _name(row: AgentRow) -> str:
    return row.name or _("Nobody known")


def _link(rows_url: str, figure: str, row: AgentRow) -> str:
    return f"{rows_url}&figure={figure}&who={who_of(row.agent)}"


def _percent(value: Share) -> str:
    return written(value, "share").partition(" ·")[0]


# -- Coverage ---------------------------------------------------------------------------------------------------------


def _coverage(rows: Sequence[AgentRow], rows_url: str) -> Picture | None:
    judged = [row for row in rows if row.labelled_24h.n]
    if not judged:
        return None
    judged.sort(key=lambda row: (not row.labelled_1h.few, row.labelled_1h.low or 0.0), reverse=True)
    drawn = judged[:MOST_LINES]
    team = share(sum(row.labelled_1h.k for row in judged), sum(row.labelled_1h.n for row in judged))
    return Picture(
        name="coverage",
        kind="pairs",
        title=_("Labelled within 1 hour and within 24 hours"),
        sentence=_coverage_sentence(judged, team),
        rows={
            "height": MARGIN + LINE_HEIGHT * len(drawn),
            "names": [_("within 24 hours"), _("within 1 hour")],
            "lines": [_covered(row, rows_url) for row in drawn],
            "reference": _reference(team) if len(judged) > 1 else None,
        },
    )


def _reference(team: Share) -> dict[str, Any]:
    return {"name": _("team %(share)s") % {"share": _percent(team)}, "value": team.value}


def _covered(row: AgentRow, rows_url: str) -> dict[str, Any]:
    figures = [("labelled_24h", row.labelled_24h), ("labelled_1h", row.labelled_1h)]
    return {
        "name": _name(row),
        "words": f"{_percent(row.labelled_1h)} · {_percent(row.labelled_24h)}",
        "values": [value.value for _figure, value in figures],
        "few": row.labelled_1h.few,
        "more": "\n".join([_name(row), *(_window_words(name, value) for name, value in reversed(figures))]),
        "links": [_link(rows_url, f"{name}_k", row) if value.k else "" for name, value in figures],
    }


def _window_words(name: str, value: Share) -> str:
    window = _("within 1 hour") if name == "labelled_1h" else _("within 24 hours")
    said = _("%(window)s: %(share)s, 95%% interval %(interval)s")
    return said % {"window": window, "share": written(value, "share"), "interval": interval(value) or "–"}


def _coverage_sentence(rows: Sequence[AgentRow], team: Share) -> str:
    """All together, and between whom the others are."""
    together = _("Of %(n)s contacts who wrote first, %(share)s had a label within an hour.") % {
        "n": written(team.n, "count"),
        "share": _percent(team),
    }
    sure = [row for row in rows if not row.labelled_1h.few]
    if len(sure) < 2:
        return together
    between = _("%(best)s is soonest with %(high)s, %(last)s latest with %(low)s.") % {
        "best": _name(sure[0]),
        "high": _percent(sure[0].labelled_1h),
        "last": _name(sure[-1]),
        "low": _percent(sure[-1].labelled_1h),
    }
    return f"{together} {between}"


# -- Speed ------------------------------------------------------------------------------------------------------------


def _speed(rows: Sequence[AgentRow], rows_url: str) -> Picture | None:
    """From half of them to nine in ten, on a scale of which each part is some times the one before."""
    timed = [row for row in rows if row.first_labelled or row.first_replied]
    if not timed:
        return None
    timed.sort(key=lambda row: (row.first_label_median_s is None, row.first_label_median_s))
    drawn = timed[:MOST_LINES]
    return Picture(
        name="speed",
        kind="spans",
        title=_("Time to first label and to first reply"),
        sentence=_speed_sentence(timed),
        rows={
            "height": MARGIN + LINE_HEIGHT * len(drawn),
            "names": [_("first label"), _("first reply")],
            "ticks": _ticks(),
            "lines": [{"name": _name(row), "spans": [_span(row, *each, rows_url) for each in SPEEDS]} for row in drawn],
        },
    )


def _ticks() -> list[tuple[int, str]]:
    return [(seconds, written(seconds, "brief")) for seconds in (60, 300, 1200, 3600, 4 * 3600, 86400, 3 * 86400)]


def _span(row: AgentRow, time: str, count: str, rows_url: str) -> dict[str, Any] | None:
    median, ninth = getattr(row, f"{time}_median_s"), getattr(row, f"{time}_p90_s")
    if median is None:
        return None
    said = _("half within %(median)s, 9 in 10 within %(ninth)s (%(n)s contacts)") % {
        "median": written(median, "seconds"),
        "ninth": written(ninth, "seconds"),
        "n": written(getattr(row, count), "count"),
    }
    what = _("first label") if time == "first_label" else _("first reply")
    return {
        "value": median,
        "high": ninth,
        "words": written(median, "seconds"),
        "more": f"{_name(row)}, {what}: {said}",
        "link": _link(rows_url, count, row),
    }


def _speed_sentence(rows: Sequence[AgentRow]) -> str:
    labelled = [row for row in rows if row.first_label_median_s is not None]
    replied = sorted(
        (row for row in rows if row.first_reply_median_s is not None), key=lambda row: row.first_reply_median_s or 0
    )
    said = []
    if labelled:
        said.append(
            _("%(name)s labels soonest: half of the contacts within %(time)s.")
            % {"name": _name(labelled[0]), "time": written(labelled[0].first_label_median_s, "seconds")}
        )
    if replied:
        said.append(
            _("%(name)s answers soonest: half within %(time)s.")
            % {"name": _name(replied[0]), "time": written(replied[0].first_reply_median_s, "seconds")}
        )
    return " ".join(said)
