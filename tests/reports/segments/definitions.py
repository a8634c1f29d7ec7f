"""Definitions at random, of what a world holds: every field and operator comes up."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from contacts.models import Agent, Campaign, Channel, Contact, Team
from labels.models import Category, Label, StaleFlag
from reports.segments.definition import GRAMMAR
from reports.selectors.labels import By
from tests.reports.segments.numbers import COMPARED_ALONE, FIGURES
from tests.reports.world import DAY_0, DAYS, day

TEXTS = ["an", "É", "siti", "Ñ", "%", "_", "👍", "i", "ﬁ"]
STARTS = ["+62812", "+1", "+62", "+44"]


class Writer:
    """Writes definitions of what is there now."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.labels = list(Label.all_objects.values_list("id", flat=True).order_by("id"))
        self.stages = list(Label.objects.filter(step__isnull=False).values_list("id", flat=True).order_by("id"))
        self.steps = sorted(set(Label.objects.filter(step__isnull=False).values_list("step", flat=True)))
        self.weeks = [(DAY_0 + timedelta(days=7 * n + 1)).date().isoformat() for n in range(9)]
        self.contacts = list(Contact.objects.values_list("id", flat=True).order_by("id"))
        # Those that there are, and some that are not.
        flags = StaleFlag.objects.values_list("label", "owner").distinct().order_by("label", "owner")
        self.flags = [f"{label}-{owner or 'null'}" for label, owner in flags]
        self.codes = list(Category.objects.values_list("code", flat=True))
        self.agents = list(Agent.all_objects.values_list("id", flat=True).order_by("id"))
        self.flags += [f"{label}-{agent}" for label, agent in zip(self.labels, self.agents, strict=False)]
        self.teams = list(Team.all_objects.values_list("id", flat=True).order_by("id"))
        self.campaigns = list(Campaign.all_objects.values_list("id", flat=True).order_by("id"))
        self.keys = list(Channel.all_objects.values_list("key", flat=True).order_by("id"))

    def definition(self) -> dict[str, Any]:
        groups = self.random.choice([1, 1, 1, 2, 3])
        return {"any": [{"all": [self.condition() for _ in range(self.random.choice([0, 1, 1, 2, 2, 3]))]}
                        for _ in range(groups)]}  # fmt: skip

    def condition(self) -> dict[str, Any]:
        field = self.random.choice(["label"] * 6 + list(GRAMMAR))
        return self.of(field, self.random.choice([op for op in GRAMMAR[field] if op not in COMPARED_ALONE]))

    def of(self, field: str, op: str) -> dict[str, Any]:
        """A condition of one field and operator."""
        known = GRAMMAR[field][op]
        written: dict[str, Any] = {"field": field, "op": op}
        needed = self._some(list(known.one_of)) if known.one_of else []
        extra = [name for name in known.optional if self.random.random() < 0.3]
        for name in (*known.required, *needed, *extra):
            written[name] = self._value(field, name)
        if field == "report":
            self._narrow(written)
        if self.random.random() < 0.3:
            written["not"] = self.random.random() < 0.8
        return written

    def _narrow(self, written: dict[str, Any]) -> None:
        """A number that there is, most often over all time and without a filter, so that somebody is behind it."""
        report = "events" if written.get("basis") == "event" else written["op"]
        written["figure"] = self.random.choice(FIGURES[report])
        for name in ("label", "category", "agent", "campaign", "team", "channel", "certain", "to"):
            if name in written and self.random.random() < (0.5 if written["op"] != "labels" else 0.8):
                del written[name]
        if self.random.random() < 0.6:
            written["from"] = day(0).isoformat()
        if written.get("row", 0) == 0:
            return
        written["row"] = self.random.choice(self._rows(written))

    def _rows(self, written: dict[str, Any]) -> list[Any]:
        """What could name a row of the figure."""
        report, stages = written["op"], [*self.stages, "null"]
        if report == "moves" or (report == "movement" and written["figure"] == "contacts"):
            return [*(f"{start}:{end}" for start in (*stages, "new") for end in stages), None]
        of = {
            "labels": written.get("by", "label"), "agents": "agent", "movement": "stage", "time-in-stage": "stage",
            "funnel": "stage" if written["figure"].startswith("label_") else "step", "cohorts": "week",
            "heatmap": "hour", "stale-summary": "flags", "stale": "contact", "contradictions": "contact",
        }.get(report, "campaign")  # fmt: skip
        rows: dict[str, list[Any]] = {
            "label": self.labels, "agent": self.agents, "team": self.teams, "category": self.codes,
            "channel": self.keys, "day": [str((DAY_0 + timedelta(days=n)).date()) for n in range(1, DAYS)],
            "hour": [*range(1, 169)],
            "flags": self.flags, "contact": self.contacts,
            "stage": self.stages, "step": self.steps, "week": self.weeks, "campaign": self.campaigns,
        }  # fmt: skip
        return rows[of] if of in ("day", "channel", "hour", "flags") else [*rows[of], None]

    def _value(self, field: str, name: str) -> Any:
        if name == "text":
            return self.random.choice(STARTS if field == "phone" else TEXTS)
        values: dict[str, Callable[[], Any]] = {
            "labels": lambda: self._some([*self.labels, None] if field == "stage" else self.labels),
            "categories": lambda: self._some(self.codes),
            "agents": lambda: self._some([*self.agents, None] if field == "assigned" else self.agents),
            "teams": lambda: self._some(self.teams),
            "campaigns": lambda: self._some([*self.campaigns, None]),
            "channels": lambda: self._some(self.keys),
            "value": lambda: self.random.random() < 0.5,
            "days": lambda: self.random.choice([0, 1, 7, 30]),
            "figure": lambda: "added",
            "row": lambda: None,
            "label": lambda: self.random.choice(self.labels),
            "category": lambda: self.random.choice(self.codes),
            "agent": lambda: self.random.choice(self.agents),
            "campaign": lambda: self.random.choice(self.campaigns),
            "by": lambda: self.random.choice([*By]).value,
            "team": lambda: self.random.choice(self.teams),
            "channel": lambda: self.random.choice(self.keys),
            "certain": lambda: self.random.random() < 0.5,
            "touch": lambda: self.random.choice(["first", "last", "last"]),
            "basis": lambda: self.random.choice(["cohort", "event"]),
            "week": lambda: self.random.choice(self.weeks),
            "step": lambda: self.random.choice(self.steps),
            "times": lambda: self.random.choice([1, 2, 2, 3]),
        }
        return values.get(name, self._moment)()

    def _moment(self) -> Any:
        if self.random.random() < 0.5:
            return {"days_ago": self.random.randint(0, DAYS)}
        return day(self.random.uniform(0, DAYS)).isoformat()

    def _some(self, values: list[Any]) -> list[Any]:
        return self.random.sample(values, min(len(values), self.random.choice([1, 1, 2, 3])))
