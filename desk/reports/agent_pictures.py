"""The pictures of one CS over time, from the rows of the table beside them, and the sentence over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from desk.reports.page_frame import GapLine
from desk.reports.pictures import Picture, share_point
from reports.columns import written
from reports.selectors.agent_history import AgentPeriod
from reports.selectors.periods import Period
from reports.selectors.shares import Share, ShareDifference, difference, share

HEIGHT = 260


@dataclass(frozen=True, slots=True)
class Timeline:
    """The periods that all pictures have in common: their figures, names, and the addresses of their rows."""

    found: Sequence[AgentPeriod]
    names: Sequence[str]
    addresses: Sequence[str]
    who: int
    gaps: Sequence[GapLine]

    def link(self, place: int, figure: str) -> str:
        """The rows behind a figure of one period."""
        return f"{self.addresses[place]}&{urlencode({'figure': figure, 'who': self.who})}"

    @property
    def shaded(self) -> list[dict[str, int]]:
        """The periods with a gap, as places on the axis."""
        touched = [any(touches(gap, each.period) for gap in self.gaps) for each in self.found]
        return [{"from": place, "to": place} for place, has_gap in enumerate(touched) if has_gap]


def pictures(line: Timeline) -> list[Picture]:
    """Activity, shares and habits over time; a picture of nothing is left out."""
    made = [
        _activity(line),
        _shares(line, "labelled_1h", team="labelled_1h_team", title=_("Labelled within 1 hour")),
        _shares(line, "came_true", team="came_true_team", title=_("Graded high, and came true")),
        _habits(line),
    ]
    return [picture for picture in made if picture is not None]


def touches(gap: GapLine, period: Period) -> bool:
    """Whether a gap lies in a period, or reaches into it."""
    return gap.since < period.end and (gap.until is None or gap.until > period.start)


# -- Bars -------------------------------------------------------------------------------------------------------------


def _activity(line: Timeline) -> Picture | None:
    if not any(each.added or each.removed for each in line.found):
        return None
    added, removed = sum(each.added for each in line.found), sum(each.removed for each in line.found)
    counts = {"added": written(added, "count"), "removed": written(removed, "count")}
    return Picture(
        name="own-activity",
        kind="stack",
        title=_("Labels added and removed"),
        sentence=_("%(added)s labels added, %(removed)s removed.") % counts,
        rows={
            "names": list(line.names),
            "series": [
                _bars(line, "added", name=_("added"), own="main"),
                _bars(line, "removed", name=_("removed"), own="low", sign=-1),
            ],
            "gaps": line.shaded,
        },
    )


def _habits(line: Timeline) -> Picture | None:
    if not any(each.mistaps or each.batches for each in line.found):
        return None
    mistaps, batches = sum(each.mistaps for each in line.found), sum(each.batches for each in line.found)
    counts = {"mistaps": written(mistaps, "count"), "batches": written(batches, "count")}
    return Picture(
        name="own-habits",
        kind="stack",
        title=_("Quick undos and mass labelling"),
        sentence=_("%(mistaps)s labels undone within moments, %(batches)s times many labels at once.") % counts,
        rows={
            "names": list(line.names),
            "series": [
                _bars(line, "mistaps", name=_("quick undos"), own="main"),
                _bars(line, "batches", name=_("mass labelling"), own="low"),
            ],
            "beside": True,
            "gaps": line.shaded,
        },
    )


def _bars(line: Timeline, figure: str, *, name: str, own: str, sign: int = 1) -> dict[str, Any]:
    values = [getattr(each, figure) for each in line.found]
    links = [line.link(place, figure) if value else "" for place, value in enumerate(values)]
    return {"name": name, "paint": {"own": own}, "values": [sign * value for value in values], "links": links}


# -- Shares -----------------------------------------------------------------------------------------------------------


def _shares(line: Timeline, figure: str, *, team: str, title: str) -> Picture | None:
    hers, everybody = ([getattr(each, name) for each in line.found] for name in (figure, team))
    if not any(one.n for one in hers):
        return None
    links = [line.link(place, f"{figure}_k") if one.k else "" for place, one in enumerate(hers)]
    return Picture(
        name=f"own-{figure.replace('_', '-')}",
        kind="shares",
        title=title,
        sentence=_compared(hers, everybody),
        rows={
            "height": HEIGHT,
            "names": list(line.names),
            "lines": [share_point(one, name, link) for one, name, link in zip(hers, line.names, links, strict=True)],
            "team": {"name": _("team"), "values": [one.value for one in everybody]},
            "gaps": line.shaded,
        },
    )


def _compared(hers: Sequence[Share], teams: Sequence[Share]) -> str:
    own, everybody = _pooled(hers), _pooled(teams)
    return _("%(own)s in all; the team together %(team)s.") % {
        "own": written(own, "share"),
        "team": written(everybody, "share"),
    }


def _pooled(values: Sequence[Share]) -> Share:
    return share(sum(one.k for one in values), sum(one.n for one in values))


# -- In one sentence --------------------------------------------------------------------------------------------------


def sentence(name: str, found: Sequence[AgentPeriod]) -> str:
    """How the newer half compares with the older, where chance is no likely reason; and whether her grades hold."""
    if not any(each.added or each.labelled_1h.n for each in found):
        return _("%(name)s put on no label in this time, and nobody wrote first on a number of theirs.") % {
            "name": name
        }
    half = len(found) // 2
    older, newer = (_pooled([each.labelled_1h for each in part]) for part in (found[:half], found[half:]))
    return " ".join(filter(None, (_over_time(name, older, newer), _proven(found))))


def _over_time(name: str, older: Share, newer: Share) -> str:
    if newer.value is None:
        return ""
    counts = {"name": name, "now": percent(newer), "then": percent(older)}
    apart = difference(newer, older)
    if apart is None:
        return _("%(name)s labelled %(now)s of new contacts within an hour.") % counts
    if not apart.is_clear:
        return (
            _(
                "%(name)s labelled %(now)s of new contacts within an hour in the newer half, %(then)s in the older: "
                "no clear change."
            )
            % counts
        )
    words = (
        _("%(name)s labels sooner than before: %(now)s of new contacts within an hour, %(then)s in the older half.")
        if apart.value > 0
        else _("%(name)s labels later than before: %(now)s of new contacts within an hour, %(then)s in the older half.")
    )
    return words % counts


def _proven(found: Sequence[AgentPeriod]) -> str:
    own, others = _pooled([e.came_true for e in found]), _pooled([e.came_true_others for e in found])
    if not own.n:
        return ""
    counts = {"k": written(own.k, "count"), "n": written(own.n, "count")}
    apart: ShareDifference | None = None if own.few else difference(own, others)
    if apart is None or not apart.is_clear:
        return _("Of %(n)s graded high, %(k)s became buyers.") % counts
    if apart.value > 0:
        return _("Of %(n)s graded high, %(k)s became buyers, better than the team.") % counts
    return _("Of %(n)s graded high, %(k)s became buyers, less than the team.") % counts


def percent(value: Share) -> str:
    """A share without its counts."""
    return written(value, "share").partition(" ·")[0]
