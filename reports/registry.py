"""The reports by name: what each takes, where its rows come from, and what is behind its numbers.

A new report is an entry here (CONTRIBUTING.md, "A report").
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from contacts.models import Channel, Team
from contacts.models.channels import CRM_GATEWAY
from reports.query import TIMES, ReportKind, ReportQuery
from reports.selectors import (
    agents,
    campaigns,
    cohorts,
    contradictions,
    curves,
    data_health,
    heatmap,
    label_budget,
    labels,
    movement,
    moves,
    stale,
    stale_findings,
    step_funnel,
    time_in_stage,
    unanswered,
    unusual,
)
from reports.selectors.labels import By, Listed
from reports.selectors.row_keys import CODES, DAYS, FLAGS, HOURS, LABEL_PAIRS, PAIRS, STEPS, UNUSUAL_DAYS, RowKey

_TIME: Collection[str] = (*TIMES, "channel", "team")


def _labels(query: ReportQuery) -> list[Any]:
    channels, teams = (model.objects.visible_to(query.viewer) for model in (Channel, Team))
    listed = Listed(
        channels=channels.exclude(gateway=CRM_GATEWAY),
        teams=teams,
        agents=(
            agents.listed_agents(viewer=query.viewer, channels=query.filters.channels) if query.by is By.AGENT else ()
        ),
    )
    return labels.report(query.question, by=query.by, listed=listed)


def _agents(query: ReportQuery) -> list[Any]:
    listed = agents.listed_agents(viewer=query.viewer, channels=query.filters.channels)
    return agents.report(query.question, agents=listed)


def _data_health(query: ReportQuery) -> list[Any]:
    channels = Channel.objects.visible_to(query.viewer).exclude(gateway=CRM_GATEWAY)
    if query.filters.channels is not None:
        channels = channels.filter(pk__in=query.filters.channels)
    return data_health.report(query.question, channels=channels)


def _beside_budget(query: ReportQuery) -> dict[str, list[Any]]:
    budget = query.budget
    return {"numbers": budget.numbers, "teams": budget.teams, "choices": budget.choices, "pairs": budget.pairs}


def _campaigns(query: ReportQuery) -> list[Any]:
    listed = campaigns.listed_campaigns(viewer=query.viewer)
    return campaigns.report(query.question, touch=query.touch, basis=query.basis, campaigns=listed)


REPORTS = {
    report.name: report
    for report in (
        ReportKind(
            "labels",
            RowKey("label"),
            frozenset({*_TIME, "by", "label", "category", "agent", "campaign", "certain"}),
            _labels,
            lambda query: (
                labels.sources(query.question, by=query.by),
                labels.parameters(query.question, by=query.by),
            ),
            keys=(
                RowKey("category", CODES),
                RowKey("channel", CODES),
                RowKey("team"),
                RowKey("agent"),
                RowKey("day", DAYS),
            ),
        ),
        ReportKind(
            "heatmap",
            RowKey("hour_of_week", HOURS),
            frozenset({*_TIME, "label", "category", "agent", "campaign", "certain"}),
            lambda query: heatmap.report(query.question),
            lambda query: (heatmap.sources(query.question), heatmap.parameters(query.question)),
        ),
        ReportKind(
            "agents",
            RowKey("agent"),
            frozenset({*_TIME, "label", "category", "campaign", "certain", "agent"}),
            _agents,
            lambda query: (
                agents.sources(query.question) | unanswered.sources(query.question),
                agents.parameters(query.question) | unanswered.PARAMETERS,
            ),
            only=("agent",),
        ),
        ReportKind(
            "campaigns",
            RowKey("campaign"),
            frozenset({*_TIME, "touch", "basis", "campaign"}),
            _campaigns,
            lambda query: (
                campaigns.sources(query.question, touch=query.touch, basis=query.basis),
                campaigns.parameters(query.question),
            ),
            only=("campaign",),
        ),
        ReportKind(
            "curves",
            RowKey("campaign"),
            frozenset({*_TIME, "touch", "campaign", "week"}),
            lambda query: query.curves,
            lambda query: (
                curves.sources(query.question, touch=query.touch),
                curves.parameters(query.question, week=query.only.get("week")),
            ),
            only=("campaign", "week"),
        ),
        ReportKind(
            "movement",
            RowKey("stage"),
            frozenset({*_TIME, "campaign"}),
            lambda query: query.board.rows,
            lambda query: (movement.sources(query.question), movement.parameters(query.question)),
            keys=(RowKey("cell", PAIRS),),
            beside=lambda query: {"cells": query.board.cells},
        ),
        ReportKind(
            "moves",
            RowKey("move", PAIRS, lambda row: row.key),
            frozenset({*_TIME, "campaign"}),
            lambda query: moves.report(query.question),
            lambda query: (moves.sources(query.question), moves.parameters(query.question)),
        ),
        ReportKind(
            "funnel",
            RowKey("step", STEPS),
            frozenset({*_TIME, "campaign"}),
            lambda query: step_funnel.report(query.question),
            lambda query: (step_funnel.sources(query.question), step_funnel.parameters(query.question)),
            keys=(RowKey("label"),),
        ),
        ReportKind(
            "time-in-stage",
            RowKey("stage"),
            frozenset({*_TIME, "campaign"}),
            lambda query: time_in_stage.report(query.question),
            lambda query: (time_in_stage.sources(query.question), time_in_stage.parameters(query.question)),
        ),
        ReportKind(
            "cohorts",
            RowKey("week", DAYS),
            frozenset({*_TIME, "campaign", "step"}),
            lambda query: cohorts.report(query.question, step=query.step),
            lambda query: (cohorts.sources(query.question), cohorts.parameters(query.question, step=query.step)),
        ),
        ReportKind(
            "stale",
            RowKey("contact"),
            frozenset({*_TIME, "label", "category"}),
            lambda query: stale_findings.report(query.question),
            lambda query: (
                {"stale_open": stale_findings.facts_of(query.question, who="contact_id", count="stale_open")},
                stale_findings.parameters(query.question),
            ),
        ),
        ReportKind(
            "stale-summary",
            RowKey("flags", FLAGS, lambda row: row.key),
            frozenset({*_TIME, "label", "category"}),
            lambda query: stale.report(query.question),
            lambda query: (stale.sources(query.question), stale.parameters(query.question)),
        ),
        ReportKind(
            "contradictions",
            RowKey("contact"),
            frozenset({*_TIME, "label", "agent"}),
            lambda query: contradictions.report(query.question),
            lambda query: (
                {"contradictions": contradictions.facts_of(query.question, who="contact_id")},
                contradictions.parameters(query.question),
            ),
            only=("agent",),
        ),
        ReportKind(
            "label-budget",
            RowKey("channel_label"),
            frozenset(_TIME),
            lambda query: query.budget.rows,
            lambda query: (label_budget.sources(query.question), label_budget.parameters(query.question)),
            keys=(RowKey("pair", LABEL_PAIRS),),
            beside=_beside_budget,
            opens_on=label_budget.OPENS_ON,
        ),
        ReportKind(
            "unusual",
            RowKey("unusual", UNUSUAL_DAYS, lambda row: row.key),
            frozenset({*_TIME, "agent", "label"}),
            lambda query: unusual.report(query.question),
            lambda query: (unusual.sources(query.question), unusual.parameters(query.question)),
        ),
        ReportKind(
            "data-health",
            RowKey("id"),
            frozenset(_TIME),
            _data_health,
            lambda query: (data_health.sources(), data_health.parameters(query.question)),
        ),
    )
}
