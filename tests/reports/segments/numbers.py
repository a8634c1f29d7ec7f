"""Who is behind a number of a report, the slow way: of one contact alone, is the number more than nothing?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from contacts.models import Agent, Campaign
from labels.models import StaleFlag
from tests.reports import slow_health
from tests.reports.activity import activity_rows, hours_of
from tests.reports.recorded import ZONE
from tests.reports.slow import Slow
from tests.reports.slow_health import COUNTS
from tests.reports.slow_stages import SlowStages

OUTCOMES = ("labelled", "high", "waiting", "won", "complaint")
ACTIVITY = ("added", "mistaps", "found", "removed", "lost", "active_from", "active_to", "instant_mistaps")
JUDGED = ("labelled_1h", "labelled_24h", "came_true", "cold_yet_bought")
# Counts whose people can be told one by one. Of a curve's days only cohorts that are old enough have all.
FIGURES: dict[str, list[str]] = {
    "labels": [*ACTIVITY],
    "heatmap": ["inbound", "added"],
    "stale": ["stale_open"],
    "stale-summary": ["flagged", "closed", "open"],
    "agents": [
        *ACTIVITY, "removed_by", "received", "already_labelled", "first_labelled", "unlabelled", "unlabelled_so_far",
        "stale_open", "contradictions", "graded_high_n", "graded_high_k",
        *(f"{name}_{part}" for name in JUDGED for part in "nk"),
        *(f"{name}_unknown" for name in JUDGED), "came_true_immature", "came_true_already",
    ],
    "campaigns": [
        "contacts", "immature", "unknown",
        *(f"{name}_{part}" for name in OUTCOMES for part in ("n", "k", "unknown", "all", "count", "already")),
    ],
    "events": [f"{name}_count" for name in OUTCOMES],
    "curves": ["contacts", "high_n", "won_n"],
    "movement": ["start", "new", "in", "in_by_repair", "out", "out_by_repair", "end", "contacts"],
    "moves": ["count", "by_repair"],
    "funnel": ["contacts", "reached", "went_through", "label_reached", "label_went_through"],
    "time-in-stage": ["ended", "by_repair", "open"],
    "cohorts": ["contacts", "reached_w0", "reached_w2"],
    "contradictions": ["contradictions"],
    "data-health": [*COUNTS],
}  # fmt: skip


# Who is behind these is compared with the slow computations of tests/reports/test_label_budget.py and test_unusual.py.
COMPARED_ALONE = ("label-budget", "unusual")


def period_of(condition: dict[str, Any], moment: Any, now: datetime) -> tuple[datetime, datetime]:
    """From and to; without one, the end of today."""
    tomorrow = now.astimezone(ZONE).date() + timedelta(days=1)
    end = moment(condition.get("to")) or datetime.combine(tomorrow, time.min, ZONE)
    return moment(condition["from"]), end


def is_behind(slow: Slow, condition: dict[str, Any]) -> bool:
    """Whether the only contact of `slow` is in the number of a row, or of any where none is named."""
    rows = _ROWS[condition["op"]](slow, condition)
    meant = rows.values() if "row" not in condition else [rows.get(condition["row"], {})]
    return any(row.get(condition["figure"], 0) > 0 for row in meant)


def _labels(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    rows = activity_rows(slow, condition.get("by", "label"))
    return {str(row) if isinstance(row, date) else row: counts for row, counts in rows.items()}


def _agents(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    agents = [*Agent.all_objects.values_list("id", flat=True), None]
    return {agent: _flat(slow.agent(agent)) for agent in agents}


def _flat(row: dict[str, Any]) -> dict[str, int]:
    counts = {name: value for name, value in row.items() if isinstance(value, int)}
    shares = {name: value for name, value in row.items() if isinstance(value, tuple)}
    return counts | {
        f"{name}_{part}": value[place] for name, value in shares.items() for place, part in enumerate("kn")
    }


def _campaigns(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    last, event = condition.get("touch") == "last", condition.get("basis") == "event"
    return dict(slow.campaigns(last=last, event=event))


def _curves(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    found: dict[Any, dict[str, int]] = {pk: {} for pk in (*Campaign.all_objects.values_list("id", flat=True), None)}
    for (who, week), row in slow.curves(last=condition.get("touch") == "last").items():
        if condition.get("week") in (None, week.isoformat()):
            found[who] = {"contacts": row["n"], "high_n": row["high_n"], "won_n": row["won_n"]}
    return found


def _movement(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    rows, cells = SlowStages(slow).board()
    return {**rows, **{_pair(pair): {"contacts": contacts} for pair, contacts in cells.items()}}


def _moves(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    return {_pair(pair): row for pair, row in SlowStages(slow).moves().items()}


def _funnel(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    steps = SlowStages(slow).funnel()
    if not condition["figure"].startswith("label_"):
        return steps
    labels = [each for row in steps.values() for each in row["labels"].items()]
    return {label: {"label_reached": reached, "label_went_through": went} for label, (reached, went) in labels}


def _time_in_stage(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    return SlowStages(slow).time_in_stage()


def _cohorts(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    """Who of a week reached the step counts whether or not the whole week is old enough for its cell."""
    stages = SlowStages(slow)
    step = condition.get("step") or next(label.step for label in slow.label.values() if label.meaning == "won")
    reached = {
        f"reached_w{n}": sum(stages.has_reached(contact, step, weeks=n + 1) for contact in stages.arrived)
        for n in (0, 2)
    }
    return {
        None if week is None else week.isoformat(): reached | {"contacts": row["contacts"]}
        for week, row in stages.cohorts(step).items()
    }


def _pair(stages: tuple[Any, ...]) -> str:
    return ":".join("null" if stage is None else str(stage) for stage in stages)


def _contradictions(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    found: dict[Any, dict[str, int]] = {}
    for finding in slow.contradictions():
        found[finding.contact] = {"contradictions": found.get(finding.contact, {}).get("contradictions", 0) + 1}
    return found


def _data_health(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    return dict(slow_health.counts(slow))


def _heatmap(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    figure = condition["figure"]
    return {24 * day + hour + 1: {figure: n} for (day, hour), n in hours_of(slow)[figure].items()}


def _flags(slow: Slow) -> Iterator[tuple[StaleFlag, bool]]:
    """Each, by the number that its label is on, and whether it is open at the end."""
    for flag in StaleFlag.objects.filter(contact__in=slow.contacts):
        spells = [s for s in slow.everywhere_of[flag.contact_id] if s.label == flag.label_id]
        here = {s.channel for s in spells if s.started_at == flag.spell_started_at}
        if slow.labels is not None and flag.label_id not in slow.labels:
            continue
        if slow.channels is None or here & slow.channels:
            yield flag, flag.flagged_at < slow.end and (flag.closed_at is None or flag.closed_at >= slow.end)


def _stale(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    found: dict[Any, dict[str, int]] = {}
    for flag, is_open in _flags(slow):
        row = found.setdefault(flag.contact_id, {"stale_open": 0})
        row["stale_open"] += is_open
    return found


def _stale_summary(slow: Slow, condition: dict[str, Any]) -> dict[Any, dict[str, int]]:
    """By label and owner."""
    found: dict[Any, dict[str, int]] = {}
    for flag, is_open in _flags(slow):
        row = found.setdefault(f"{flag.label_id}-{flag.owner_id or 'null'}", {"flagged": 0, "closed": 0, "open": 0})
        row["flagged"] += slow.within(flag.flagged_at)
        row["closed"] += slow.within(flag.closed_at)
        row["open"] += is_open
    return found


_ROWS = {
    "labels": _labels, "heatmap": _heatmap, "agents": _agents, "campaigns": _campaigns, "curves": _curves,
    "movement": _movement, "moves": _moves, "funnel": _funnel, "time-in-stage": _time_in_stage, "cohorts": _cohorts,
    "contradictions": _contradictions, "data-health": _data_health, "stale": _stale,
    "stale-summary": _stale_summary,
}  # fmt: skip
