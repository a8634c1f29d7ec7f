"""Which spells a report counts: filters, and the common table expressions that reports read instead of the tables.

Channels choose intervals before they are joined; labels, and "certain only" by the opener, choose spells after
(docs/metrics.md, "Ground rules", Filters). The stored projections are joined over all channels, so only contacts
with intervals on channels of the filter and on others have to be joined again, by `labels.rules.spells`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from contacts.models import Channel, Contact
from labelcrm.core.bulk import fetch, transpose
from labels.rules.spells import clean_spells, runs_of, spells
from labels.selectors.spell_inputs import histories, limits_now, meanings_in

Rows: TypeAlias = list[tuple[Any, ...]]

# Columns of a spell that reports read, and where they stand in the tuples of labels.rules.spells.
COLUMNS = {
    "contact_id": "bigint",
    "label_id": "bigint",
    "started_at": "timestamptz",
    "ended_at": "timestamptz",
    "channel_id": "bigint",
    "found": "boolean",
    "lost": "boolean",
    "agent_id": "bigint",
    "method": "text",
    "removed_by_id": "bigint",
    "mistap": "boolean",
}
_PLACES = (0, 1, 2, 3, 4, 5, 6, 8, 10, 11)
_NAMES = ", ".join(COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """None means all. `certain` keeps spells whose labeller is known for sure."""

    channels: frozenset[int] | None = None
    labels: frozenset[int] | None = None
    certain: bool = False


@dataclass(frozen=True)
class FilteredSpells:
    """The spells that filters leave, in SQL: `spells` and `clean` give named subqueries, `parameters` their values."""

    filters: Filters
    _rejoined: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, filters: Filters) -> FilteredSpells:
        """Reads and joins anew what the channel filter cuts through."""
        return cls(filters, {} if filters.channels is None else _rejoin(filters.channels))

    def spells(self, name: str = "spell", *, labels: bool = True, certain: bool = True) -> str:
        """A common table expression over spells; `labels` and `certain` say whether those filters apply."""
        return self._expression(name, "labels_labelspell", "spell", labels=labels, certain=certain)

    def clean(self, name: str = "clean", *, labels: bool = True, certain: bool = True) -> str:
        """The same over clean spells, of which none is a mistap."""
        return self._expression(name, "labels_cleanspell", "clean", labels=labels, certain=certain)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        filters = self.filters
        single = Channel.all_objects.filter(used_by_one=True).values_list("id", flat=True) if filters.certain else ()
        return {
            "channels": None if filters.channels is None else sorted(filters.channels),
            "labels": None if filters.labels is None else sorted(filters.labels),
            "single": sorted(single),
            **self._rejoined,
        }

    def _expression(self, name: str, table: str, kind: str, *, labels: bool, certain: bool) -> str:
        stored = _NAMES if kind == "spell" else _NAMES.replace("mistap", "false AS mistap")
        query = f"SELECT {stored} FROM {table}"  # noqa: S608 - names from this module
        if self.filters.channels is not None:
            arrays = ", ".join(f"%({kind}_{column})s::{sort}[]" for column, sort in COLUMNS.items())
            query += " WHERE channel_id = ANY(%(channels)s::bigint[]) AND contact_id <> ALL(%(mixed)s::bigint[])"
            query += f" UNION ALL SELECT * FROM unnest({arrays})"  # noqa: S608
        conditions = []
        if labels and self.filters.labels is not None:
            conditions.append("label_id = ANY(%(labels)s::bigint[])")
        if certain and self.filters.certain:
            conditions.append(CERTAIN)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"{name} AS NOT MATERIALIZED (SELECT * FROM ({query}) AS s ({_NAMES}){where})"  # noqa: S608


CERTAIN = "(method = 'crm_user' OR (method = 'channel_owner' AND channel_id = ANY(%(single)s::bigint[])))"


# -- Joining anew -----------------------------------------------------------------------------------------------------

_MIXED = """
    SELECT DISTINCT a.contact_id FROM labels_labelassignment a
    JOIN labels_channellabel w ON w.id = a.channel_label_id AND NOT w.hidden
    JOIN contacts_contact c ON c.id = a.contact_id AND c.deleted_at IS NULL
    WHERE a.channel_id = ANY(%(channels)s::bigint[]) AND EXISTS (
        SELECT FROM labels_labelassignment b JOIN labels_channellabel v ON v.id = b.channel_label_id AND NOT v.hidden
        WHERE b.contact_id = a.contact_id AND b.channel_id <> ALL(%(channels)s::bigint[])
    )
"""


def _rejoin(channels: Iterable[int]) -> dict[str, Any]:
    """Contacts cut through by the filter, and their spells and clean spells over `channels` alone, as columns."""
    wanted: dict[str, Any] = {"channels": sorted(channels)}
    mixed = [contact for (contact,) in fetch(_MIXED, wanted)]
    found = histories(mixed, channels=wanted["channels"])
    meanings = meanings_in(found)
    limits = limits_now()
    joined: dict[str, Rows] = {"spell": [], "clean": []}
    for history in found:
        runs = runs_of(history, meanings)
        joined["spell"] += (_row(spell, mistap=spell.mistap) for spell in spells(runs, limits=limits))
        joined["clean"] += (_row(spell, mistap=False) for spell in clean_spells(runs, limits=limits))
    columns: dict[str, Any] = {"mixed": mixed}
    for kind, rows in joined.items():
        names = (f"{kind}_{column}" for column in COLUMNS)
        columns |= dict(zip(names, transpose(rows, len(COLUMNS)), strict=True))
    return columns


def _row(spell: Sequence[Any], *, mistap: bool) -> tuple[Any, ...]:
    return (*(spell[place] for place in _PLACES), mistap)


# -- Contacts that no report counts -----------------------------------------------------------------------------------


def hidden_contacts(user: Any) -> int:
    """How many archived contacts a user, or a scope, sees: they are in no figure of any period.

    One that was merged lives on in the other (docs/metrics.md, "Ground rules", Restated).
    """
    archived = Contact.all_objects.visible_to(user).archived()
    found: int = archived.filter(merged_into__isnull=True).count()
    return found
