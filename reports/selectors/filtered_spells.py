"""Which spells a report counts: filters, and the common table expressions that reports read instead of the tables.

Channels choose intervals before they are joined; labels, and agent and "certain only" by the opener, choose spells
after (docs/metrics.md, "Ground rules", Filters); a campaign chooses the contacts whom it touched first. What a team
and what a channel sees is stored joined (`labels.rules.scopes`), so a filter by one of them costs what the whole
costs. Where a filter takes several, the contacts that more than one of them sees a part of are joined again here, by
`labels.rules.spells`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from contacts.models import Channel, Contact
from labelcrm.core.bulk import fetch, transpose
from labelcrm.core.viewer import Viewer
from labels.rules.returns import with_returns
from labels.rules.scopes import of_channel, of_team
from labels.rules.spells import project
from labels.selectors.scopes import channels_everywhere, counted_teams
from labels.selectors.spell_inputs import exclusive_groups, histories, limits_now, meanings_in, stage_steps

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
    "method": "varchar",
    "removed_by_id": "bigint",
    "mistap": "boolean",
}
SPELL_COLUMNS = {**COLUMNS, "added_before": "timestamptz"}
CLEAN_COLUMNS = {**COLUMNS, "is_return": "boolean", "return_to_id": "bigint"}
_COLUMNS = {"spell": SPELL_COLUMNS, "clean": CLEAN_COLUMNS}
_PLACES = (0, 1, 2, 3, 4, 5, 6, 8, 10, 11)
STAY_COLUMNS = {
    "contact_id": "bigint",
    "label_id": "bigint",
    "step": "smallint",
    "started_at": "timestamptz",
    "ended_at": "timestamptz",
    "start_by_repair": "boolean",
    "end_by_repair": "boolean",
    "agent_id": "bigint",
    "is_return": "boolean",
}
_STAY_PLACES = (0, 3, 4, 1, 2, 5, 6, 7, 9)
_STAY_NAMES = ", ".join(STAY_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """None means all. `agents` keeps what they put on, `certain` spells whose labeller is known for sure.

    `campaigns` keeps contacts whom one of them touched first.
    """

    channels: frozenset[int] | None = None
    labels: frozenset[int] | None = None
    agents: frozenset[int] | None = None
    campaigns: frozenset[int] | None = None
    certain: bool = False

    @property
    def by_opener(self) -> bool:
        """Whether spells are chosen by who began them."""
        return self.certain or self.agents is not None


@dataclass(frozen=True)
class FilteredSpells:
    """The spells that filters leave, in SQL: `spells` and `clean` give named subqueries, `parameters` their values.

    `crm_only`: of contacts who are known on the channels and have no label of them, the labels that exist only here
    are among them. No day sum of a team knows those yet, so reports, whose figures must add up, leave them out.
    """

    filters: Filters
    _scopes: dict[str, Any] = field(default_factory=dict)
    crm_only: bool = False

    @classmethod
    def of(cls, filters: Filters, *, crm_only: bool = False) -> FilteredSpells:
        """Looks up the scopes that the channels make, and joins anew who is seen in part by several of them."""
        scopes = {} if filters.channels is None else _scopes(filters.channels)
        only_here = (
            sorted(channels_everywhere() - filters.channels) if crm_only and filters.channels is not None else []
        )
        if only_here:
            scopes |= {"only_here": [*only_here], "only_here_scopes": [*map(of_channel, only_here)]}
        return cls(filters, scopes, bool(only_here))

    def spells(self, name: str = "spell", *, labels: bool = True, certain: bool = True) -> str:
        """A common table expression over spells.

        `labels` says whether the filter by label applies, `certain` whether those by the opener do.
        """
        return self._expression(name, "labels_labelspell", "spell", labels=labels, certain=certain)

    def clean(self, name: str = "clean", *, labels: bool = True, certain: bool = True) -> str:
        """The same over clean spells, of which none is a mistap."""
        return self._expression(name, "labels_cleanspell", "clean", labels=labels, certain=certain)

    def stays(self, name: str = "stay") -> str:
        """The same over the stages of contacts. Filters by label and "certain only" say nothing about a stage."""
        return f"{name} AS NOT MATERIALIZED (SELECT * FROM {self._stays('s')})"  # noqa: S608

    def stage_of(self, contact: str, condition: str) -> str:
        """The condition that the stage of a contact now, `s`, meets another; `contact` is the expression of an id."""
        met = f"s.contact_id = {contact} AND s.ended_at IS NULL AND {condition}"
        return f"EXISTS (SELECT FROM {self._stays('s')} WHERE {met})"

    def _stays(self, name: str) -> str:
        query = " UNION ALL ".join(self._stay_parts())
        where = self.where(labels=False, openers=False)
        return f"(SELECT * FROM ({query}) AS {name} ({_STAY_NAMES}){where}) AS {name}"  # noqa: S608

    @cached_property
    def parameters(self) -> dict[str, Any]:
        filters = self.filters
        single = Channel.all_objects.filter(used_by_one=True).values_list("id", flat=True) if filters.certain else ()
        return {
            "channels": None if filters.channels is None else sorted(filters.channels),
            "labels": None if filters.labels is None else sorted(filters.labels),
            "agents": None if filters.agents is None else sorted(filters.agents),
            "campaigns": None if filters.campaigns is None else sorted(filters.campaigns),
            "single": sorted(single),
            **self._scopes,
        }

    def clean_parts(self, name: str) -> dict[str, str]:
        """`clean` put together from parts: an expression of each, by name, where there are several, and its own last.

        A label is on a contact in one part. One part is read along an index, in its order; all together are not.
        """
        parts = [*self._parts("labels_cleanspell", "clean")]
        if len(parts) == 1:
            return {name: self.clean(name)}
        named = {f"{name}_{place}": self._named(f"{name}_{place}", "clean", part) for place, part in enumerate(parts)}
        together = " UNION ALL ".join(f"SELECT * FROM {part}" for part in named)  # noqa: S608
        return {**named, name: f"{name} AS NOT MATERIALIZED ({together})"}

    def parts(self) -> Iterator[str]:
        """Queries that together give the spells of the channels, whatever the other filters say."""
        return self._parts("labels_labelspell", "spell")

    def _expression(self, name: str, table: str, kind: str, *, labels: bool, certain: bool) -> str:
        return self._named(name, kind, " UNION ALL ".join(self._parts(table, kind)), labels=labels, certain=certain)

    def _named(self, name: str, kind: str, query: str, *, labels: bool = True, certain: bool = True) -> str:
        where = self.where(labels=labels, openers=certain)
        columns = ", ".join(_COLUMNS[kind])
        return f"{name} AS NOT MATERIALIZED (SELECT * FROM ({query}) AS s ({columns}){where})"  # noqa: S608

    def where(self, *, labels: bool = True, openers: bool = True) -> str:
        """The filters that choose spells once they are joined, "" where there is none."""
        filters, conditions = self.filters, []
        if labels and filters.labels is not None:
            conditions.append("label_id = ANY(%(labels)s::bigint[])")
        if openers and filters.agents is not None:
            conditions.append("agent_id = ANY(%(agents)s::bigint[])")
        if openers and filters.certain:
            conditions.append(CERTAIN)
        if filters.campaigns is not None:
            conditions.append(BROUGHT)
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _parts(self, table: str, kind: str) -> Iterator[str]:
        """Whom the channels see whole, whom in part, and who is joined anew.

        Of one type, column by column, or conditions on a column are not looked up in the parts. A join is not either,
        unless it is a LATERAL one.
        """
        stored = ", ".join(_COLUMNS[kind])
        stored = stored if kind == "spell" else stored.replace("mistap", "false AS mistap")
        if self.filters.channels is None:
            yield f"SELECT {stored} FROM {table}"  # noqa: S608 - names from this module
            return
        others = "AND contact_id <> ALL(%(mixed)s::bigint[])" if self._scopes["mixed"] else ""
        yield f"SELECT {stored} FROM {table} WHERE {seen_whole(self._scopes)} {others}"  # noqa: S608
        yield f"SELECT {stored} FROM {_SCOPED[table]} WHERE {SEEN_IN_PART} {others}"  # noqa: S608
        if others:
            yield f"SELECT * FROM unnest({_arrays(kind, _COLUMNS[kind])})"  # noqa: S608
        if self.crm_only:
            yield f"SELECT {stored} FROM {table} WHERE {ONLY_HERE}"  # noqa: S608
            yield f"SELECT {stored} FROM {_SCOPED[table]} WHERE {ONLY_HERE_OF_OTHERS}"  # noqa: S608

    def _stay_parts(self) -> Iterator[str]:
        """As `_parts`."""
        if self.filters.channels is None:
            yield f"SELECT {_STAY_NAMES} FROM labels_stagestay"  # noqa: S608
            return
        others = "AND contact_id <> ALL(%(mixed)s::bigint[])" if self._scopes["mixed"] else ""
        yield f"SELECT {_STAY_NAMES} FROM labels_stagestay WHERE {seen_whole(self._scopes)} {others}"  # noqa: S608
        yield f"SELECT {_STAY_NAMES} FROM labels_scopedstagestay WHERE {SEEN_IN_PART} {others}"  # noqa: S608
        if others:
            yield f"SELECT * FROM unnest({_arrays('stay', STAY_COLUMNS)})"  # noqa: S608
        if self.crm_only:
            yield f"SELECT {_STAY_NAMES} FROM labels_stagestay WHERE {ONLY_HERE}"  # noqa: S608
            yield f"SELECT {_STAY_NAMES} FROM labels_scopedstagestay WHERE {ONLY_HERE_OF_OTHERS}"  # noqa: S608


def _arrays(kind: str, columns: Mapping[str, str]) -> str:
    return ", ".join(f"%({kind}_{column})s::{sort}[]" for column, sort in columns.items())


_SCOPED = {"labels_labelspell": "labels_scopedlabelspell", "labels_cleanspell": "labels_scopedcleanspell"}


def seen_whole(scopes: Mapping[str, Sequence[int]]) -> str:
    """The condition that a contact known on one channel only, or on those of one team, is seen whole by `scopes_of`.

    Of teams alone, or of single channels alone, it is one that an index answers.
    """
    sides = {
        "team_channels": "reach <= 2 AND channel_id = ANY(%(team_channels)s::bigint[])",
        "single_channels": "reach = 1 AND channel_id = ANY(%(single_channels)s::bigint[])",
    }
    return f"({' OR '.join(side for name, side in sides.items() if scopes[name]) or 'false'})"


# Labels that exist only here are seen with their contact: of one who has no other, and of one who has others elsewhere.
# Whoever has some on the channels themselves is seen in a scope of theirs, these among them.
_KNOWN = """
    contact_id IN (SELECT contact_id FROM contacts_contactchannel WHERE channel_id = ANY(%(channels)s::bigint[]))
"""
ONLY_HERE = f"reach = 1 AND channel_id = ANY(%(only_here)s::bigint[]) AND {_KNOWN}"
ONLY_HERE_OF_OTHERS = f"""
    scope = ANY(%(only_here_scopes)s::bigint[]) AND {_KNOWN} AND contact_id NOT IN (
        SELECT contact_id FROM labels_labelassignment WHERE channel_id = ANY(%(channels)s::bigint[]))
"""  # noqa: S608
SEEN_IN_PART = "scope = ANY(%(scopes)s::bigint[])"
# The campaign of a contact is that of the first touch.
BROUGHT = """
    contact_id IN (SELECT id FROM contacts_contact WHERE campaign_id = ANY(%(campaigns)s::bigint[]))
"""
CERTAIN = "(method = 'crm_user' OR (method = 'channel_owner' AND channel_id = ANY(%(single)s::bigint[])))"


# -- Scopes -----------------------------------------------------------------------------------------------------------

_MIXED = """
    SELECT contact_id FROM labels_scopedlabelspell WHERE scope = ANY(%(scopes)s::bigint[])
    GROUP BY contact_id HAVING count(DISTINCT scope) > 1
"""


def scopes_of(channels: Iterable[int]) -> dict[str, list[int]]:
    """The `scopes` that make up these channels, teams that have all of theirs among them and single channels, and
    the channels of both, which `SEEN_WHOLE` and `SEEN_IN_PART` ask for.
    """
    wanted = set(channels)
    members: dict[int | None, set[int]] = {}
    for pk, team in counted_teams().items():
        members.setdefault(team, set()).add(pk)
    teams = sorted(team for team, its in members.items() if team is not None and its <= wanted)
    of_teams = {pk for team in teams for pk in members[team]}
    single = sorted(wanted - of_teams)
    return {
        "scopes": [*map(of_channel, single), *map(of_team, teams)],
        "team_channels": sorted(of_teams),
        "single_channels": single,
    }


def _scopes(channels: frozenset[int]) -> dict[str, Any]:
    """With the scopes of the channels who is seen in part by several, and their spells over `channels`, as columns."""
    found: dict[str, Any] = {**scopes_of(channels)}
    several = len(found["scopes"]) > 1
    mixed = [pk for (pk,) in fetch(_MIXED, found)] if several else []
    return found | {"mixed": mixed, **_rejoin(mixed, channels=sorted(channels | channels_everywhere()))}


def _rejoin(mixed: Sequence[int], *, channels: Sequence[int]) -> dict[str, Any]:
    found = histories(mixed, channels=channels)
    meanings = meanings_in(found)
    limits = limits_now()
    steps, groups = (stage_steps(), exclusive_groups()) if found else ({}, {})
    joined: dict[str, Rows] = {"spell": [], "clean": [], "stay": []}
    for history in found:
        projection = with_returns(project(history, meanings, steps=steps, limits=limits), groups=groups)
        joined["spell"] += (_row(spell, spell.mistap, spell.added_before) for spell in projection.spells)
        joined["clean"] += (_row(spell, False, spell.is_return, spell.return_to) for spell in projection.clean_spells)
        joined["stay"] += (tuple(stay[place] for place in _STAY_PLACES) for stay in projection.stays)
    return {
        f"{kind}_{column}": values
        for kind, names in (*_COLUMNS.items(), ("stay", STAY_COLUMNS))
        for column, values in zip(names, transpose(joined[kind], len(names)), strict=True)
    }


def _row(spell: Sequence[Any], *further: Any) -> tuple[Any, ...]:
    return (*(spell[place] for place in _PLACES), *further)


# -- Contacts that no report counts -----------------------------------------------------------------------------------


def hidden_contacts(viewer: Viewer) -> int:
    """How many archived contacts a viewer sees: they are in no figure of any period.

    One that was merged lives on in the other (docs/metrics.md, "Ground rules", Restated).
    """
    archived = Contact.all_objects.visible_to(viewer).archived()
    found: int = archived.filter(merged_into__isnull=True).count()
    return found
