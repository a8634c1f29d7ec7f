"""Registers every page of the admin: Django imports this module once all models are there."""

from __future__ import annotations

from desk.briefs import everybodys_briefs
from desk.campaigns import campaigns, rules
from desk.connection import channels
from desk.contacts import contacts, opt_out
from desk.labels import (
    contradiction_flags,
    label_history,
    labels,
    stale_labels,
    suggestion_words,
    whatsapp_labels,
    working_time,
)
from desk.people import agents, roles, users
from desk.system import inbox, records

__all__ = [
    "agents",
    "campaigns",
    "channels",
    "contacts",
    "contradiction_flags",
    "everybodys_briefs",
    "inbox",
    "label_history",
    "labels",
    "opt_out",
    "records",
    "roles",
    "rules",
    "stale_labels",
    "suggestion_words",
    "users",
    "whatsapp_labels",
    "working_time",
]
