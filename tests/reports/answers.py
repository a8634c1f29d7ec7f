"""What API and home page should say, by the slow computation, and every figure in which they say something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from math import isclose
from typing import Any

from django.conf import settings

from contacts.models import Agent, Campaign, Channel
from labels.models import Label
from reports.selectors.home import Tiles
from tests.reports.recorded import ZONE
from tests.reports.slow import DAY, Slow, active
from webhooks.models import InboundEvent

Read = Callable[..., Any]
"""Path and parameters of a GET; gives the JSON of its answer."""

OUTCOMES = ("labelled", "high", "waiting", "won", "complaint")
JUDGED = ("came_true", "cold_yet_bought")


def disagreements(read: Read, periods: Iterable[dict[str, str]], filters: Iterable[dict[str, Any]]) -> list[str]:
    """Every figure of the agents' and the campaigns' report in which the API and the slow computation differ.

    `filters` are parameters of the agents' report; those that a campaign report takes are asked of it as well.
    """
    found: list[str] = []
    spans = list(periods)
    for chosen in filters:
        slow = slow_for(**chosen)
        for period in spans:
            found += _agents(read, slow, period | chosen)
            if not chosen.keys() & {"label", "certain"}:
                for touch, basis in product(("first", "last"), ("cohort", "event")):
                    found += _campaigns(read, slow, period | chosen | {"touch": touch, "basis": basis})
                for touch in ("first", "last"):
                    found += _curves(read, slow, period | chosen | {"touch": touch})
    return found


def slow_for(*, channel: str = "", team: int | None = None, label: str = "", certain: str = "") -> Slow:
    """All records, filtered as the API's parameters of these names say."""
    channels = Channel.objects.all()
    channels = channels.filter(key=channel) if channel else channels
    channels = channels.filter(team=team) if team else channels
    beginning = datetime.fromisoformat("2000-01-01T00:00+00:00")
    return Slow(
        beginning, beginning, beginning,
        channels=set(channels.values_list("id", flat=True)) if channel or team else None,
        labels={Label.objects.get(name=label).pk} if label else None,
        certain=bool(certain),
    )  # fmt: skip


def _asked(read: Read, report: str, slow: Slow, parameters: dict[str, Any]) -> tuple[Slow, list[dict[str, Any]], int]:
    body = read(f"/api/v1/reports/{report}/", **parameters)
    moments = (body["period"]["from"], body["period"]["to"], body["computed_at"])
    start, end, now = map(datetime.fromisoformat, moments)
    return slow.over(start, end, now), body["rows"], body["hidden"]


def _compared(question: str, got: dict[Any, dict[str, Any]], wanted: dict[Any, dict[str, Any]]) -> Iterator[str]:
    """A row that is not there stands for one of zeros."""
    for key, row in wanted.items():
        for name, value in row.items():
            said = got[key][name] if key in got else None
            if not same(said, value) and (key in got or (_says_something(value) and not name.endswith("_others"))):
                yield f"{question}: {name} of {key} is {said}, by the slow computation {value}"


def _says_something(value: Any) -> bool:
    return bool(value["n"] if isinstance(value, dict) else value)


def same(got: Any, wanted: Any) -> bool:
    """Equal, numbers with a point nearly, money to the hundredth."""
    if isinstance(wanted, Decimal) and got is not None:
        return abs(Decimal(str(got)) - wanted) <= Decimal("0.011")
    if isinstance(wanted, float) and isinstance(got, (int, float)):
        return isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-6)
    if isinstance(wanted, dict) and isinstance(got, dict):
        return got.keys() == wanted.keys() and all(same(got[name], wanted[name]) for name in wanted)
    return bool(got == wanted)


# -- CS quality -------------------------------------------------------------------------------------------------------


def _agents(read: Read, slow: Slow, parameters: dict[str, Any]) -> Iterator[str]:
    slow, rows, hidden = _asked(read, "agents", slow, parameters)
    if hidden != slow.hidden:
        yield f"agents {parameters}: {hidden} are hidden, by the slow computation {slow.hidden}"
    agents = {agent.pk: agent for agent in Agent.all_objects.all()}
    computed = {who: slow.agent(who) for who in (*agents, None)}
    wanted = {who: _agent(slow, who, computed) for who in computed}
    yield from _compared(f"agents {parameters}", {row["agent"]: row for row in rows}, wanted)
    for row in rows:
        if row["active_from"] + row["net"] != row["active_to"]:
            yield f"agents {parameters}: {row['name']} does not add up"


def _agent(slow: Slow, who: int | None, computed: dict[int | None, dict[str, Any]]) -> dict[str, Any]:
    mine = [s for s in slow.spells if s.agent == who]
    row = {name: share(*value) if isinstance(value, tuple) else value for name, value in computed[who].items()}
    row["net_by_people"] = row["added"] - row["removed"]
    row["added_contacts"] = len({s.contact for s in mine if slow.within(s.started_at) and not s.found})
    row["active_to_contacts"] = len({s.contact for s in mine if active(s, slow.end)})
    for name in JUDGED:
        others = [found[name] for agent, found in computed.items() if agent not in (who, None)]
        row[f"{name}_others"] = share(sum(k for k, _ in others), sum(n for _, n in others))
    return row


def share(k: int, n: int) -> dict[str, Any]:
    """A share with the ends of its interval found by trying: Wilson's are where p is 1.96 deviations from k / n."""
    if not n:
        return {"value": None, "k": k, "n": 0, "low": None, "high": None}
    return {"value": k / n, "k": k, "n": n, "low": _end(k, n, 0.0), "high": _end(k, n, 1.0)}


def _end(k: int, n: int, outside: float) -> float:
    inside, z = k / n, 1.959963984540054
    for _ in range(200):
        middle = (inside + outside) / 2
        if (k / n - middle) ** 2 <= z * z * middle * (1 - middle) / n:
            inside = middle
        else:
            outside = middle
    return inside


# -- Campaigns --------------------------------------------------------------------------------------------------------


def _campaigns(read: Read, slow: Slow, parameters: dict[str, Any]) -> Iterator[str]:
    slow, rows, _ = _asked(read, "campaigns", slow, parameters)
    last, event = parameters["touch"] == "last", parameters["basis"] == "event"
    found, mixes = slow.campaigns(last=last, event=event), slow.label_mix(last=last, event=event)
    all_high = sum(row.get("high_count", 0) for row in found.values())
    wanted = {}
    for campaign in (*Campaign.objects.all(), None):
        who = campaign.pk if campaign else None
        row = _campaign(found.get(who, {}), event=event) | _costs(slow, campaign, found.get(who, {}))
        row["high_of_all"] = share(row["high_count"], all_high)
        row["label_mix"] = mixes.get(who, [])
        wanted[who] = row
    got = {row["campaign"]: row for row in rows}
    for row in rows:
        row["label_mix"] = [(mix["label"], mix["contacts"]) for mix in row["label_mix"]]
    yield from _compared(f"campaigns {parameters}", got, wanted)


def _curves(read: Read, slow: Slow, parameters: dict[str, Any]) -> Iterator[str]:
    slow, rows, _ = _asked(read, "curves", slow, parameters)
    wanted = {(who, str(week)): row for (who, week), row in slow.curves(last=parameters["touch"] == "last").items()}
    got = {(row["campaign"], row["week"]): row for row in rows}
    if got.keys() != wanted.keys():
        yield f"curves {parameters}: rows {got.keys() ^ wanted.keys()} are not in both"
    yield from _compared(f"curves {parameters}", got, wanted)


def _campaign(found: dict[str, Any], *, event: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"contacts": None if event else found.get("contacts", 0)}
    row["immature"] = found.get("immature", 0)
    row["unknown"] = found.get("unknown", 0)
    row["so_far"] = row["immature"] > 0
    for name in OUTCOMES:
        k, n, everyone, count = (found.get(f"{name}_{part}", 0) for part in ("k", "n", "all", "count"))
        row |= {f"{name}_{part}": found.get(f"{name}_{part}", 0) for part in ("count", "already", "unknown")}
        row |= {name: None if event else share(k, n), f"{name}_so_far": None if event else share(count, everyone)}
    return row


def _costs(slow: Slow, campaign: Any, found: dict[str, Any]) -> dict[str, Any]:
    exact = None if campaign is None else slow.cost(campaign)
    cost = None if exact is None else Decimal(exact)
    row: dict[str, Any] = {"cost": cost}
    for name in ("high", "won"):
        count = found.get(f"{name}_count", 0)
        row[f"cost_per_{name}"] = cost / count if cost is not None and count else None
    return row


# -- Home -------------------------------------------------------------------------------------------------------------


def home_disagreements(tiles: Tiles, slow: Slow) -> list[str]:
    """Every figure of the home page of somebody who sees every team in which it and the slow computation differ."""
    at = tiles.now
    midnight = at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    now_on = [s for s in slow.everywhere if s.ended_at is None]
    wanted: dict[str, Any] = {
        "labelled": len({s.contact for s in now_on}),
        "never_labelled": len(_never_labelled(slow, at)),
        "stale_flags": len(slow.stale(at)),
        "hidden": slow.hidden,
    }
    got: dict[str, Any] = {name: getattr(tiles, name) for name in wanted}
    wanted["parked"], got["parked"] = InboundEvent.objects.filter(state="parked").count(), tiles.posts.parked
    for name, weeks in (("today", 0), ("before", 1)):
        sums = slow.over(midnight - weeks * 7 * DAY, at - weeks * 7 * DAY, at).activity(slow.spells)
        wanted[name] = {what: sums[what] for what in ("added", "mistaps", "found", "removed", "lost")}
        got[name] = asdict(getattr(tiles, name))
    for line in tiles.categories:
        of = {label.label.pk: label.active for label in line.labels}
        mine = [s for s in now_on if slow.label[s.label].category_id == (line.category.pk if line.category else None)]
        if line.category is None:
            mine = [s for s in mine if (slow.row_of(s.label) is None) == line.unmapped]
        row = f"category {line.category}, not mapped {line.unmapped}"
        got[row] = (line.active, {label: n for label, n in of.items() if n})
        counts = Counter(label for label, _ in {(s.label, s.contact) for s in mine})
        wanted[row] = (len({s.contact for s in mine}), {} if line.unmapped else dict(counts))
    rows = {(line.category.pk if line.category else None, line.unmapped) for line in tiles.categories}
    on = {(slow.label[s.label].category_id, slow.row_of(s.label) is None) for s in now_on}
    got["rows"], wanted["rows"] = on <= rows, True
    return [f"home: {name} is {got[name]}, by the slow computation {wanted[name]}" for name in wanted
            if got[name] != wanted[name]]  # fmt: skip


def _never_labelled(slow: Slow, at: datetime) -> set[int]:
    """ "oldest inbound over 1 h (setting) ago and no clean spell ever" """
    long_ago = at - timedelta(minutes=settings.NEVER_LABELLED_MINUTES)
    wrote = {m.contact_id for m in slow.messages if not m.from_me and m.at < long_ago}
    return wrote - {s.contact for s in slow.everywhere}
