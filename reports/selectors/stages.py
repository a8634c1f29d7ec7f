"""What the reports of stages share: whom the business knew since when, and the stage labels that have a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contacts.selectors.counting import is_living
from labels.models import Label
from reports.selectors.filtered_spells import BROUGHT
from reports.selectors.questions import Question


def people(question: Question, name: str = "people") -> str:
    """A common table expression: every living contact, since when they are known (`seen`) and when they first wrote.

    With channels, those known on them, and since when there: a team has a new contact when it sees them for the first
    time, whoever knew them before. With campaigns, those whom one of them touched first.
    """
    campaigns = question.filters.campaigns
    if question.filters.channels is None:
        brought = "" if campaigns is None else "AND c.campaign_id = ANY(%(campaigns)s::bigint[])"
        query = f"""
            SELECT c.id, c.first_seen_at, c.first_inbound_at, c.last_outbound_at
            FROM contacts_contact c WHERE c.deleted_at IS NULL {brought}
        """  # noqa: S608 - SQL from this function
    else:
        brought = "" if campaigns is None else f"AND {BROUGHT}"
        query = f"""
            SELECT k.contact_id, min(k.first_seen_at), min(k.first_inbound_at), max(k.last_outbound_at)
            FROM contacts_contactchannel k
            WHERE k.channel_id = ANY(%(channels)s::bigint[]) AND {is_living("k.contact_id")} {brought}
            GROUP BY k.contact_id
        """  # noqa: S608
    # Those of channels are put together from several rows, so once, however often a query asks.
    kept = "NOT MATERIALIZED" if question.filters.channels is None else "MATERIALIZED"
    return f"{name} (contact_id, seen, wrote, answered) AS {kept} ({query})"


def with_people(question: Question, contact: str, condition: str) -> str:
    """The join of rows with whoever they are of, `p` in `people`, where a condition on the row is met.

    Of everybody each is looked up, for a join would read all of them; those of some channels are together already.
    """
    if question.filters.channels is not None:
        return f"LEFT JOIN people p ON p.contact_id = {contact} AND {condition}"
    own = f"SELECT * FROM people p WHERE p.contact_id = {contact} AND {condition} OFFSET 0"  # noqa: S608
    return f"LEFT JOIN LATERAL ({own}) AS p ON true"


def stage_labels(found: Iterable[int | None]) -> list[Label]:
    """The labels that have a row, in the order of the journey: living stage labels, and whatever else has figures."""
    wanted = set(found)
    labels = Label.all_objects.order_by("step", "name", "id")
    return [label for label in labels if label.pk in wanted or (label.step is not None and not label.is_archived)]


ARRIVED = """
    arrived AS NOT MATERIALIZED (
        SELECT contact_id, coalesce(wrote, seen) AS at, wrote IS NULL AND answered IS NULL AS is_silent
        FROM people WHERE coalesce(wrote, seen) >= %(start)s AND coalesce(wrote, seen) < %(end)s
    )
"""
"""A common table expression over `people`: who wrote first in the period, else was first seen in it. `is_silent` are
those with whom no message went in or out."""

STAGED = """
    staged AS NOT MATERIALIZED (
        SELECT s.contact_id, s.label_id, s.started_at, l.step
        FROM clean s
        JOIN unnest(%(stage_labels)s::bigint[], %(stage_steps)s::smallint[]) AS l (label_id, step)
          ON l.label_id = s.label_id
        WHERE s.started_at < %(now)s
    )
"""
"""A common table expression over `clean`: the clean spells of stage labels so far."""


def with_staged(question: Question, condition: str = "true") -> str:
    """The join of somebody `a` in `arrived` with what is `staged` of them, `s`, if anything.

    How few arrived on some channels the planner cannot know, and would read every label for a handful of people: there
    each is looked up.
    """
    if question.filters.channels is None:
        return f"LEFT JOIN staged s ON s.contact_id = a.contact_id AND {condition}"
    own = f"SELECT * FROM staged s WHERE s.contact_id = a.contact_id AND {condition} OFFSET 0"  # noqa: S608
    return f"LEFT JOIN LATERAL ({own}) AS s ON true"


def stage_steps() -> dict[int, int]:
    """The step of every stage label (ids), archived ones too: what somebody had is counted as long as it is known."""
    return dict(Label.all_objects.filter(step__isnull=False).order_by("step", "id").values_list("id", "step"))


def stage_parameters(steps: Mapping[int, int]) -> dict[str, Any]:
    """The values that STAGED asks for."""
    return {"stage_labels": list(steps), "stage_steps": list(steps.values())}
