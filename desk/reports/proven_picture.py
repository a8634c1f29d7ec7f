"""Whose high grades came true: the picture above CS quality, and a plain sentence about each CS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from desk.reports.campaign_charts import who_of
from desk.reports.pictures import Picture
from reports.columns import interval, written
from reports.selectors.agents import AgentRow
from reports.selectors.shares import Share, difference, share

MOST_LINES = 20  # that are drawn; the table has all
LINE_HEIGHT, MARGIN = 38, 56  # pixels of a line, and of the axis with the name of the team's line


@dataclass(frozen=True, slots=True)
class ProvenVerdict:
    """What one CS's high grades were worth: `counts` is a number of contacts, whose rows `link` opens."""

    name: str
    counts: str
    words: str
    look: str  # good, bad, or "" where nothing can be said
    link: str


@dataclass(frozen=True, slots=True)
class ProvenPicture:
    """The picture, the sentences in its order, and how many CS are in the table only."""

    picture: Picture
    verdicts: list[ProvenVerdict]
    more: int


def proven_picture(rows: Sequence[AgentRow], *, rows_url: str) -> ProvenPicture | None:
    """The surest first. None while nobody's high grades are old enough to be judged."""
    judged = [row for row in rows if row.came_true.n]
    if not judged:
        return None
    judged.sort(key=lambda row: (not row.came_true.few, row.came_true.low or 0.0), reverse=True)
    team = share(sum(row.came_true.k for row in judged), sum(row.came_true.n for row in judged))
    drawn = judged[:MOST_LINES]
    lines = [_line(row, rows_url) for row in drawn]
    reference = {"name": _("team %(share)s") % {"share": _percent(team)}, "value": team.value}
    picture = Picture(
        name="came-true",
        kind="dots",
        title=_("Whose high grades came true"),
        sentence=_sentence(drawn, team),
        rows={
            "unit": "share",
            "height": MARGIN + LINE_HEIGHT * len(lines),
            "lines": lines,
            "reference": reference if len(judged) > 1 else None,
        },
    )
    return ProvenPicture(picture, [_verdict(row, rows_url) for row in drawn], len(judged) - len(drawn))


def _percent(value: Share) -> str:
    return written(value, "share").partition(" ·")[0]


def _name(row: AgentRow) -> str:
    return row.name or _("Nobody known")


def _link(row: AgentRow, rows_url: str) -> str:
    return f"{rows_url}&figure=came_true_k&who={who_of(row.agent)}" if row.came_true.k else ""


def _line(row: AgentRow, rows_url: str) -> dict[str, Any]:
    value = row.came_true
    more = _("%(name)s: %(share)s, 95%% interval %(interval)s")
    return {
        "name": _name(row),
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "few": value.few,
        "words": _percent(value),
        "more": more % {"name": _name(row), "share": written(value, "share"), "interval": interval(value)},
        "link": _link(row, rows_url),
    }


def _sentence(rows: Sequence[AgentRow], team: Share) -> str:
    """The best of those about whom something can be said, beside the team."""
    together = _("Of %(n)s contacts graded high, %(k)s became buyers within 30 days.") % {
        "n": written(team.n, "count"),
        "k": written(team.k, "count"),
    }
    best = next((row for row in rows if _is_better(row) is True), None)
    if best is None:
        nobody = _("Nobody stands out: the intervals overlap.")
        return f"{together} {nobody}" if len(rows) > 1 else together
    stands_out = _("%(name)s stands out with %(share)s.")
    return f"{together} {stands_out % {'name': _name(best), 'share': _percent(best.came_true)}}"


def _is_better(row: AgentRow) -> bool | None:
    """Whether a CS does better than all others; None where chance may be the reason, or the contacts are few."""
    apart = None if row.came_true.few else difference(row.came_true, row.came_true_others)
    return apart.value > 0 if apart is not None and apart.is_clear else None


def _verdict(row: AgentRow, rows_url: str) -> ProvenVerdict:
    words = {True: _("better than the team"), False: _("less than the team"), None: _("about as the team")}
    looks = {True: "good", False: "bad", None: ""}
    better = _is_better(row)
    value = row.came_true
    counts = _("%(k)s of %(n)s became buyers") % {"k": written(value.k, "count"), "n": written(value.n, "count")}
    said = _("too few to say more") if value.few else words[better]
    if not value.few and not row.came_true_others.n:
        said = _("nobody to compare with")
    return ProvenVerdict(_name(row), counts, said, looks[better], _link(row, rows_url))
