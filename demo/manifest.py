"""What the demo plants, told so that tests and docs/demo.md can hold the product to it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class AgentTruth:
    """What is true of one CS: contacts that came in, first high grades, those of them 30 days old, and bought then."""

    contacts: int = 0
    unlabelled: int = 0
    graded_high: int = 0
    mature: int = 0
    came_true: int = 0


@dataclass(slots=True, kw_only=True)
class Manifest:
    """Everything planted. Times are ISO 8601, people are phones in digits, labels `<number key>/<WhatsApp id>`.

    `stale` pairs a phone with what the label is for; `contradicting` are people with labels that exclude each other
    or with a prospect's label older than "done". `twin_labels` are pairs of labels of one number that say the same.
    """

    seed: int
    started_at: str
    ended_at: str
    contacts: int = 0
    posts: int = 0
    messages: int = 0
    ignored: int = 0
    adds: int = 0
    removes: int = 0
    contacts_by_number: dict[str, int] = field(default_factory=dict)
    contacts_by_campaign: dict[str, int] = field(default_factory=dict)
    agents: dict[str, AgentTruth] = field(default_factory=dict)
    stale: list[tuple[str, str]] = field(default_factory=list)
    contradicting: list[str] = field(default_factory=list)
    never_labelled: list[str] = field(default_factory=list)
    mistaps: list[tuple[str, str]] = field(default_factory=list)
    opted_out: list[str] = field(default_factory=list)
    unused_labels: list[str] = field(default_factory=list)
    twin_labels: list[tuple[str, str]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    resync: dict[str, Any] = field(default_factory=dict)
    outage: dict[str, Any] = field(default_factory=dict)
    handover: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    def counts(self) -> dict[str, Any]:
        """The manifest with lists of people replaced by their number: what docs/demo.md prints."""
        return {name: len(value) if isinstance(value, list) else value for name, value in self.as_json().items()}
