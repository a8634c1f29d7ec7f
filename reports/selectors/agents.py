"""CS quality: how well each agent labels (docs/metrics.md, "Label activity" and "CS quality")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from contacts.models import Agent, Channel
from contacts.selectors.counting import COUNTS, first_live_inbound
from labelcrm.core.viewer import Viewer
from reports.selectors import (
    activity_facts,
    agreement,
    contradictions,
    facts,
    owners,
    stale_findings,
    work_facts,
)
from reports.selectors.facts import Facts
from reports.selectors.filtered_spells import BROUGHT
from reports.selectors.gaps import GAPS, gap_flags
from reports.selectors.questions import Question, of_kind
from reports.selectors.shares import Share, share

HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
PROVEN_AFTER = 30 * DAY  # how long a grade has to come true
UNLABELLED_AFTER = 7 * DAY
YOUNG_CHANNEL = 30 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent's figures; `agent` is None for what nobody, or somebody unknown, did.

    Counts are spells except where the name says contacts; what ends in `_s` are seconds; `*_others` is the sum over
    all other agents; `*_unknown` are not judged because their window overlaps a gap of the number.
    """

    agent: int | None
    name: str
    team: int | None
    archived: bool
    young_channel: bool
    received: int
    labelled_1h: Share
    labelled_1h_unknown: int
    labelled_24h: Share
    labelled_24h_unknown: int
    already_labelled: int
    first_label_median_s: float | None
    first_label_p90_s: float | None
    first_labelled: int
    unlabelled: int
    unlabelled_so_far: int
    first_reply_median_s: float | None
    first_reply_p90_s: float | None
    first_replied: int
    unreplied: int
    added: int
    added_contacts: int
    mistaps: int
    instant_mistaps: int
    mistap_rate: Share
    found: int
    removed: int
    removed_by: int
    lost: int
    net: int
    net_by_people: int
    active_from: int
    active_to: int
    active_to_contacts: int
    batches: int
    batch_labels: int
    flip_flops: int
    graded_high: Share
    came_true: Share
    came_true_immature: int
    came_true_already: int
    came_true_unknown: int
    came_true_others: Share
    cold_yet_bought: Share
    cold_yet_bought_immature: int
    cold_yet_bought_already: int
    cold_yet_bought_unknown: int
    cold_yet_bought_others: Share
    agreement: Share
    agreement_unsure: int
    agreement_changed: int
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    stale_open: int
    contradictions: int


def report(question: Question, *, agents: Iterable[Agent]) -> list[AgentRow]:
    """One row per agent of `agents` (by name), and for others only where they have figures; nobody comes last."""
    found = _summaries(question)
    listed = {agent.pk: agent for agent in agents}
    unlisted = {who for who in found if who is not None and who not in listed}
    listed |= {agent.pk: agent for agent in Agent.all_objects.filter(pk__in=unlisted)}
    rows = [_row(agent, found.get(agent.pk, {}), found) for agent in listed.values()]
    rows.sort(key=lambda row: (row.name.casefold(), row.agent or 0))
    return [*rows, _row(None, found[None], found)] if None in found else rows


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind every count of the report, by count."""
    known = [activity_facts.of_spells(question, "s.agent_id"), *_other_facts(question)]
    known = [brought(question, each) for each in known]
    known.append(activity_facts.taps(question))  # whose counts are sums of others in a row
    return {count: each for each in known for count in each.counts}


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    return {
        **question.parameters,
        **work_facts.PARAMETERS,
        **stale_findings.parameters(question),
        **question.contradicting,
        "hour": HOUR,
        "day": DAY,
        "week": UNLABELLED_AFTER,
        "proven_after": PROVEN_AFTER,
        "young_since": question.now - YOUNG_CHANNEL,
    }


def _summaries(question: Question) -> dict[int | None, dict[str, Any]]:
    values = parameters(question)
    found: dict[int | None, dict[str, Any]] = activity_facts.counted_in_parts(question, "s.agent_id", values)
    for each in _other_facts(question):
        for who, counts in facts.summarize(brought(question, each), values).items():
            found.setdefault(who, {}).update(counts)
    return {who: counts for who, counts in found.items() if any(counts.values())}


def brought(question: Question, each: Facts) -> Facts:
    """Facts of the contacts whom the campaigns touched first; those of spells are filtered already, and stay so."""
    if question.filters.campaigns is None:
        return each
    return replace(each, query=f"SELECT * FROM ({each.query}) AS everybody WHERE {BROUGHT}")  # noqa: S608


def _other_facts(question: Question) -> list[Facts]:
    """What is counted of agents besides `activity_facts.of_spells`."""
    return [
        _received(),
        _arrivals(),
        activity_facts.removals(question),
        activity_facts.instant_mistaps(question, "a.added_by_id"),
        _grades(question),
        agreement.facts_of(question),
        stale_findings.facts_of(question, who="who", count="stale_open"),
        work_facts.first_replies(),
        work_facts.batches(question),
        work_facts.flip_flops(question),
        contradictions.facts_of(question, who="who"),
    ]


# -- Facts ------------------------------------------------------------------------------------------------------------


def _received() -> Facts:
    """Contacts with a message in on a channel while the agent owned it.

    First and last message of a contact on a channel settle nearly all; only who wrote before and after a stretch, or
    before the number was connected, needs a look at the messages. Who wrote since the period began is found by the
    contact's own last message, on whatever channel: there is an index of it.
    """
    return Facts(
        expressions=[owners.OWNED],
        query=f"""
            SELECT o.agent_id AS who, k.contact_id, NULL::bigint AS label_id,
                   min(greatest({first_live_inbound("k")}, o.since)) AS at
            FROM owned o
            JOIN contacts_contactchannel k ON k.channel_id = o.channel_id
             AND k.last_inbound_at >= o.since AND k.first_inbound_at < o.until
             AND (NOT k.has_history AND (k.last_inbound_at < o.until OR k.first_inbound_at >= o.since) OR EXISTS (
                 SELECT FROM contacts_message m
                 WHERE m.contact_id = k.contact_id AND m.channel_id = k.channel_id AND NOT m.from_me
                   AND NOT m.history AND m.{COUNTS} AND m.at >= o.since AND m.at < o.until))
            JOIN contacts_contact c ON c.id = k.contact_id AND c.deleted_at IS NULL AND c.last_inbound_at >= %(start)s
            GROUP BY o.agent_id, k.contact_id
        """,  # noqa: S608
        counts={"received": "true"},
    )


def _arrivals() -> Facts:
    """Contacts who arrived, and their first live label.

    Labels of any channel count, whoever put them on: filters choose the arrivals only.
    """
    counts = {"already_labelled": "already"}
    for name, window in _SOON.items():
        old = f"NOT already AND at + %({window})s <= %(now)s"
        counts[f"{name}_n"] = f"{old} AND NOT {name}_gap"
        counts[f"{name}_k"] = f"{old} AND NOT {name}_gap AND labelled_at < at + %({window})s"
        counts[f"{name}_unknown"] = f"{old} AND {name}_gap"
    counts["first_labelled"] = "NOT already AND labelled_at IS NOT NULL"
    counts["unlabelled"] = "NOT already AND labelled_at IS NULL AND at + %(week)s <= %(now)s"
    counts["unlabelled_so_far"] = "NOT already AND labelled_at IS NULL AND at + %(week)s > %(now)s"
    seconds = "(ORDER BY extract(epoch FROM labelled_at - at)::float8) FILTER (WHERE NOT already)"
    unknown = gap_flags(**{f"{name}_gap": ("a.channel_id", "a.at", f"%({window})s") for name, window in _SOON.items()})
    return Facts(
        expressions=[owners.OWNED, GAPS],
        query=f"""
            SELECT a.who, a.contact_id, NULL::bigint AS label_id, a.at,
                   h.connected_at > %(young_since)s AS young, labelled.already, labelled.labelled_at, flags.*
            FROM ({work_facts.ARRIVALS}) AS a
            JOIN contacts_channel h ON h.id = a.channel_id
            CROSS JOIN LATERAL (
                SELECT coalesce(bool_or(s.started_at < a.at), false) AS already,
                       min(s.started_at) FILTER (WHERE s.started_at >= a.at AND NOT s.found) AS labelled_at
                FROM labels_cleanspell s
                WHERE s.contact_id = a.contact_id AND s.started_at < a.at + %(week)s
                  AND (s.started_at >= a.at OR s.ended_at IS NULL OR s.ended_at >= a.at)
            ) AS labelled
            {unknown}
        """,  # noqa: S608
        counts=counts,
        measures={
            "first_label_median_s": f"percentile_cont(0.5) WITHIN GROUP {seconds}",
            "first_label_p90_s": f"percentile_cont(0.9) WITHIN GROUP {seconds}",
            "young_channel": "coalesce(bool_or(young), false)",
        },
    )


_SOON = {"labelled_1h": "hour", "labelled_24h": "day"}


def _grades(question: Question) -> Facts:
    """Contacts the agent graded in the period, when first high and first low, and whether they bought after that."""
    counts = {"graded_high_n": "true", "graded_high_k": "high_at IS NOT NULL"}
    for name, kind in (("came_true", "high"), ("cold_yet_bought", "low")):
        old = f"{kind}_at + %(proven_after)s <= %(now)s AND NOT {kind}_already"
        counts[f"{name}_n"] = f"{old} AND NOT {kind}_gap"
        counts[f"{name}_k"] = f"{old} AND NOT {kind}_gap AND {kind}_won"
        counts[f"{name}_unknown"] = f"{old} AND {kind}_gap"
        counts[f"{name}_immature"] = f"{kind}_at + %(proven_after)s > %(now)s AND NOT {kind}_already"
        counts[f"{name}_already"] = f"{kind}_at IS NOT NULL AND {kind}_already"
    firsts = ", ".join(_FIRST.format(kind=kind, holds=of_kind(kind, "s")) for kind in ("high", "low"))
    windows = {f"{kind}_gap": (f"g.{kind}_channel", f"g.{kind}_at", "%(proven_after)s") for kind in ("high", "low")}
    outcome = question.filtered.clean("outcome", labels=False, certain=False)
    return Facts(
        expressions=[question.filtered.clean(), outcome, GAPS],
        query=f"""
            SELECT g.*, high.already AS high_already, high.won AS high_won, low.already AS low_already,
                   low.won AS low_won, flags.*
            FROM (
                SELECT s.agent_id AS who, s.contact_id, NULL::bigint AS label_id, min(s.started_at) AS at, {firsts}
                FROM clean s
                WHERE NOT s.found AND s.started_at >= %(start)s AND s.started_at < %(end)s
                  AND {of_kind("grading", "s")}
                GROUP BY s.agent_id, s.contact_id
            ) AS g
            CROSS JOIN LATERAL ({_WON_AROUND.format(at="high_at")}) AS high
            CROSS JOIN LATERAL ({_WON_AROUND.format(at="low_at")}) AS low
            {gap_flags(**windows)}
        """,  # noqa: S608
        counts=counts,
    )


_FIRST = """
    min(s.started_at) FILTER (WHERE {holds}) AS {kind}_at,
    (array_agg(s.channel_id ORDER BY s.started_at, s.channel_id) FILTER (WHERE {holds}))[1] AS {kind}_channel
"""
_WON_AROUND = f"""
    SELECT coalesce(bool_or(w.started_at < g.{{at}}), false) AS already,
           coalesce(bool_or(w.started_at >= g.{{at}}), false) AS won
    FROM outcome w
    WHERE w.contact_id = g.contact_id AND {of_kind("won", "w")} AND w.started_at < g.{{at}} + %(proven_after)s
      AND (w.started_at >= g.{{at}} OR w.ended_at IS NULL OR w.ended_at >= g.{{at}})
"""  # noqa: S608


# -- Rows -------------------------------------------------------------------------------------------------------------

_JUDGED = ("labelled_1h", "labelled_24h", "came_true", "cold_yet_bought")
_COUNTS = (
    "received", "already_labelled", "first_labelled", "unlabelled", "unlabelled_so_far", "instant_mistaps",
    "removed_by", "stale_open", "contradictions", "first_replied", "unreplied", "batches", "batch_labels", "flip_flops",
    "came_true_immature", "came_true_already", "cold_yet_bought_immature", "cold_yet_bought_already",
    "agreement_unsure", "agreement_changed",
    *(f"{name}_unknown" for name in _JUDGED), *activity_facts.COUNTS, *activity_facts.CONTACTS,
)  # fmt: skip
_SHARES = ("graded_high", "agreement", *_JUDGED)


def _row(agent: Any, found: Mapping[str, Any], everybody: Mapping[int | None, Mapping[str, Any]]) -> AgentRow:
    counts: dict[str, Any] = {name: found.get(name, 0) for name in _COUNTS}
    shares: dict[str, Any] = {name: share(found.get(f"{name}_k", 0), found.get(f"{name}_n", 0)) for name in _SHARES}
    taps = counts["added"] + counts["instant_mistaps"]
    who = None if agent is None else agent.pk
    judged = agreement.kappa_of(found)
    return AgentRow(
        agent=who,
        name="" if agent is None else agent.name,
        team=None if agent is None else agent.team_id,
        archived=agent is not None and agent.is_archived,
        young_channel=found.get("young_channel", False),
        first_label_median_s=found.get("first_label_median_s"),
        first_label_p90_s=found.get("first_label_p90_s"),
        first_reply_median_s=found.get("first_reply_median_s"),
        first_reply_p90_s=found.get("first_reply_p90_s"),
        mistap_rate=share(counts["mistaps"] + counts["instant_mistaps"], taps),
        net=activity_facts.net(counts),
        net_by_people=counts["added"] - counts["removed"],
        came_true_others=_others("came_true", who, everybody),
        cold_yet_bought_others=_others("cold_yet_bought", who, everybody),
        kappa=judged.value,
        kappa_low=judged.low,
        kappa_high=judged.high,
        **counts,
        **shares,
    )


def _others(name: str, who: int | None, everybody: Mapping[int | None, Mapping[str, Any]]) -> Share:
    others = [found for agent, found in everybody.items() if agent is not None and agent != who]
    return share(sum(o.get(f"{name}_k", 0) for o in others), sum(o.get(f"{name}_n", 0) for o in others))


def listed_agents(*, viewer: Viewer, channels: Iterable[int] | None) -> list[Agent]:
    """The living agents a viewer sees; with `channels`, those of the teams of these channels."""
    agents = Agent.objects.visible_to(viewer)
    if channels is not None:
        teams = Channel.all_objects.filter(id__in=channels).values("team_id")
        agents = agents.filter(team_id__in=teams)
    return list(agents.order_by("name", "id"))
