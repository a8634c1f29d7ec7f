"""One query of a definition: the ids of the contacts who are meant, as a viewer sees them at a moment.

Each condition is a set of contact ids, or all but a set. A group is what its sets have in common: one of them leads,
the others are looked up (`IN`, which PostgreSQL may turn around and lead with instead), and what is excluded is an
anti-join. A set of spells or stages holds only living contacts that the viewer sees, so a group that has one needs no
look at the contacts themselves, whose rows are wide: this is what makes a count of many fast.

What a label, a stage and a scope are is `reports.selectors.filtered_spells`, as in every report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from contacts.models import Channel
from contacts.selectors.counting import is_living
from labelcrm.core.bulk import prefixed
from labelcrm.core.unaccented import contains_unaccented
from labelcrm.core.viewer import Viewer
from labels.models import Category, Label
from labels.selectors import contradictions
from labels.selectors.label_merges import survivors
from reports.segments.behind import report_query, row_key
from reports.segments.definition import Condition, InvalidDefinition, Moment, SegmentDefinition, moment_at
from reports.selectors import facts
from reports.selectors.filtered_spells import FilteredSpells, Filters

_DAY = timedelta(hours=24)
# Labels of one condition that are read each by itself; of more, planning would cost what the order saves.
MOST_STREAMS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSet:
    """A query of `contact_id`; with `complement` everybody else is meant.

    `seen`: it names nobody but living contacts that the viewer sees. `once`: it names nobody twice.
    `test`: the same as a condition on a row of contacts, where it is one.
    `streams`: the same as several queries, each of which an index answers in the order of contacts.
    """

    query: str
    complement: bool = False
    seen: bool = False
    once: bool = False
    test: str = ""
    streams: tuple[str, ...] = ()

    def alone(self) -> str:
        """The one query of all of them; a single stream, which says the same in fewer words, is that."""
        return self.streams[0] if len(self.streams) == 1 else self.query

    def leading(self) -> str:
        """The query for when it leads a group: streams keep their order, so that what they lead need not be sorted."""
        if len(self.streams) > 1:
            return " UNION ALL ".join(f"({stream} ORDER BY contact_id)" for stream in self.streams)
        return self.alone()


@dataclass(frozen=True, slots=True)
class MembersQuery:
    """`query` gives the ids of whom a definition means, as `contact_id`, each once; `expressions` belong before it.

    `by_labels`: in every group labels lead, so that all of its people are found about as soon as a few of them.
    `in_order`: in every group streams lead (`ContactSet`), so that the first of its people are found soon.
    """

    expressions: tuple[str, ...]
    query: str
    parameters: Mapping[str, Any]
    by_labels: bool = False
    in_order: bool = False

    def counted(self) -> str:
        """The statement of how many they are."""
        return f"{self._head(self.expressions)}SELECT count(*) FROM ({self.query}) AS members"  # noqa: S608

    def listed(self, rest: str = "") -> str:
        """The statement of their ids, and what else it says behind, such as an order.

        PostgreSQL expects to meet a few people soon if it walks along all contacts in the order that is asked for. Of
        a label of long ago that is wrong by all contacts, so where labels lead their people are found first.
        """
        if not self.by_labels:
            return self.streamed(rest)
        head = self._head((*self.expressions, f"members AS MATERIALIZED ({self.query})"))
        return f"{head}SELECT contact_id FROM members {rest}"  # noqa: S608

    def streamed(self, rest: str) -> str:
        """The same, each found when it is asked for."""
        return f"{self._head(self.expressions)}SELECT contact_id FROM ({self.query}) AS members {rest}"  # noqa: S608

    def _head(self, expressions: tuple[str, ...]) -> str:
        return f"WITH {', '.join(expressions)} " if expressions else ""


def compile_definition(definition: SegmentDefinition, *, viewer: Viewer, now: datetime) -> MembersQuery:
    """The query for whom `definition` means at `now`; up to three small queries look up channels and labels for it."""
    compiler = _Compiler(viewer, now)
    groups = [compiler.group(group) for group in definition.groups]
    # Several groups may mean the same people; UNION keeps one of each.
    query = groups[0].query if len(groups) == 1 else " UNION ".join(f"({group.query})" for group in groups)
    if len(groups) == 1 and not groups[0].once:
        query = f"SELECT DISTINCT contact_id FROM ({query}) AS met"  # noqa: S608 - made of this module's own words
    return MembersQuery(
        tuple(compiler.expressions),
        query,
        compiler.parameters,
        by_labels=all(each.seen for each in groups),
        in_order=all(each.streams for each in groups),
    )


@dataclass
class _Compiler:
    """What one compilation collects: values, and a named subquery per set of channels that labels come from."""

    viewer: Viewer
    now: datetime
    parameters: dict[str, Any] = field(default_factory=dict)
    expressions: list[str] = field(default_factory=list)
    _views: dict[tuple[str, frozenset[int] | None], list[str]] = field(default_factory=dict)

    # -- Groups ---

    def group(self, conditions: Iterable[Condition]) -> ContactSet:
        """Whom all the conditions mean."""
        sets = [self._condition(condition) for condition in conditions]
        within = [each for each in sets if not each.complement]
        lead = max(
            (each for each in within if each.seen), key=lambda each: (each.once, len(each.streams) > 0), default=None
        )
        by_labels = lead is not None
        if lead is None:
            rows = [each for each in sets if each.test] if self.viewer.everything else []
            lead = self._everybody([f"({each.test}){' IS NOT TRUE' * each.complement}" for each in rows])
            sets = [each for each in sets if each not in rows]
        tests = [_looked_up(each) for each in sets if each is not lead]
        where = f" WHERE {' AND '.join(tests)}" if tests else ""
        query = f"SELECT contact_id FROM ({lead.leading()}) AS met{where}"  # noqa: S608
        return ContactSet(query=query, seen=by_labels, once=lead.once, streams=(query,) if lead.streams else ())

    def _everybody(self, tests: Sequence[str]) -> ContactSet:
        """The living contacts that the viewer sees, as `ContactQuerySet.visible_to` has it.

        `tests` on their rows are for viewers who see everything: nobody else needs the rows.
        """
        if self.viewer.everything:
            where = " AND ".join(["deleted_at IS NULL", *tests])
            query = f"SELECT id AS contact_id FROM contacts_contact WHERE {where}"  # noqa: S608
            return ContactSet(query=query, seen=True, once=True)
        known = self.value("bigint[]", sorted(self.viewer.channels))
        teams, agent = self.value("bigint[]", sorted(self.viewer.teams)), self.value("bigint", self.viewer.agent)
        query = f"""
            SELECT contact_id FROM (
                SELECT contact_id FROM contacts_contactchannel WHERE channel_id = ANY({known})
                UNION SELECT id FROM contacts_contact WHERE assigned_to_id = {agent}
                UNION SELECT id FROM contacts_contact WHERE assigned_to_id IN (
                    SELECT id FROM contacts_agent WHERE team_id = ANY({teams}))
            ) AS known WHERE {is_living("known.contact_id")}
        """  # noqa: S608
        return ContactSet(query=query, seen=True, once=True)

    def _condition(self, condition: Condition) -> ContactSet:
        found = CONDITIONS[condition.field](self, condition)
        if not condition.negated:
            return found
        return replace(found, complement=not found.complement)

    # -- What conditions are made of ---

    def value(self, sort: str, value: Any) -> str:
        """A parameter with this value, cast to a type of PostgreSQL's."""
        name = f"v{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s::{sort}"

    def spells(self, channels: Iterable[str] | None) -> str:
        """The name of the clean spells that these channels (keys) say, joined over them; None for all that are seen."""
        return self._view("clean", channels)[-1]

    def spell_parts(self, channels: Iterable[str] | None) -> list[str]:
        """The names of the parts that `spells` is put together from."""
        names = self._view("clean", channels)
        return names[:-1] or names

    def stays(self) -> str:
        """The name of the stages as the viewer sees them."""
        return self._view("stay", None)[-1]

    def _view(self, kind: str, keys: Iterable[str] | None) -> list[str]:
        """The names of its parts, where there are several, and at last its own."""
        ids = None if self.viewer.everything else self.viewer.channels
        if keys is not None:
            asked = self.channels(keys)
            ids = asked if ids is None else asked & ids
        if (kind, ids) not in self._views:
            name = f"{kind}{len(self._views)}"
            filtered = FilteredSpells.of(Filters(channels=ids), crm_only=True)
            named = filtered.clean_parts(name) if kind == "clean" else {name: filtered.stays(name)}
            # Each set of channels has its own scopes, under names of its own.
            statement, values = prefixed(", ".join(named.values()), filtered.parameters, name)
            self.expressions.append(statement)
            self.parameters |= values
            self._views[kind, ids] = [*named]
        return self._views[kind, ids]

    def channels(self, keys: Iterable[str]) -> frozenset[int]:
        """The ids of channels by key, archived ones too."""
        wanted = set(keys)
        return frozenset(pk for pk, key, _team in self._channels if key in wanted)

    def channels_of(self, teams: Iterable[int]) -> frozenset[int]:
        """The ids of the channels of these teams."""
        wanted = set(teams)
        return frozenset(pk for pk, _key, team in self._channels if team in wanted)

    def labels(self, condition: Condition) -> list[int]:
        """The ids of the labels that a condition names, by themselves or by their category; archived ones too.

        A label that was merged since somebody wrote its id down stands for what it became.
        """
        codes = condition.values.get("categories", ())
        of_categories = [pk for code in codes for pk in self._labels_of.get(code, ())]
        return sorted({*map(self.surviving, condition.values.get("labels", ())), *of_categories})

    def surviving(self, label: int) -> int:
        """The label (id) that another one was merged into, else itself."""
        return self._survivors.get(label, label)

    @cached_property
    def _survivors(self) -> dict[int, int]:
        return survivors()

    @cached_property
    def _channels(self) -> list[tuple[int, str, int | None]]:
        return list(Channel.all_objects.order_by("id").values_list("id", "key", "team_id"))

    @cached_property
    def _labels_of(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {code: [] for code in Category.objects.values_list("code", flat=True)}
        for code, pk in Label.all_objects.filter(category__isnull=False).values_list("category__code", "id"):
            found[code].append(pk)
        return found

    def statement(self, query: str, values: Mapping[str, Any]) -> str:
        """A query that brings values of its own, under names that no other has."""
        named, own = prefixed(query, values, f"q{len(self.parameters)}")
        self.parameters |= own
        return named

    def within(self, column: str, condition: Condition) -> str:
        """The condition that a time lies in `[from, to)`, as far as they are given; an empty one does not."""
        tests = []
        for name, sign in (("from", ">="), ("to", "<")):
            moment: Moment | None = condition.values.get(name)
            if moment is not None:
                tests.append(f"{column} {sign} {self.value('timestamptz', moment_at(moment, self.now))}")
        return " AND ".join(tests) or f"{column} IS NOT NULL"


def _looked_up(found: ContactSet) -> str:
    """The condition on `met` that somebody is in the set, or is not."""
    if found.complement:
        return " AND ".join(
            f"NOT EXISTS (SELECT FROM ({query}) AS no WHERE no.contact_id = met.contact_id)"
            for query in found.streams or (found.query,)
        )
    return f"contact_id IN ({found.alone()})"


# -- Conditions -------------------------------------------------------------------------------------------------------


def _label(compiler: _Compiler, condition: Condition) -> ContactSet:
    """By clean spells at `now`; "by whom" is the opener, of a removal who removed."""
    labels = compiler.labels(condition)
    tests = [f"label_id = ANY({compiler.value('bigint[]', labels)})", *_LABEL_TESTS[condition.op](compiler, condition)]
    if agents := condition.values.get("agents"):
        who = "removed_by_id" if condition.op == "removed" else "agent_id"
        tests.append(f"{who} = ANY({compiler.value('bigint[]', sorted(agents))})")
    spells = compiler.spells(condition.values.get("channels"))
    query = f"SELECT contact_id FROM {spells} WHERE {' AND '.join(tests)}"  # noqa: S608
    if (times := condition.values.get("times", 1)) > 1:
        query += f" GROUP BY contact_id HAVING count(*) >= {compiler.value('int', times)}"
    once = times > 1 or (condition.op in ("active", "active_for") and len(labels) == 1)
    return ContactSet(query=query, seen=True, once=once, streams=_label_streams(compiler, condition, labels, tests[1:]))


def _label_streams(
    compiler: _Compiler, condition: Condition, labels: Sequence[int], tests: Sequence[str]
) -> tuple[str, ...]:
    """Who has labels now: each label by itself, and each part of the spells."""
    if condition.op not in ("active", "active_for") or len(labels) > MOST_STREAMS:
        return ()
    parts = compiler.spell_parts(condition.values.get("channels"))
    each = [f"label_id = {compiler.value('bigint', label)}" for label in labels]
    return tuple(
        f"SELECT contact_id FROM {part} WHERE {' AND '.join([label, *tests])}"  # noqa: S608
        for label in each
        for part in parts
    )


def _long_active(compiler: _Compiler, condition: Condition) -> list[str]:
    latest = compiler.value("timestamptz", compiler.now - condition.values["days"] * _DAY)
    return ["ended_at IS NULL", f"started_at <= {latest}"]


_LABEL_TESTS: Mapping[str, Callable[[_Compiler, Condition], list[str]]] = {
    "active": lambda compiler, condition: ["ended_at IS NULL"],
    "ever": lambda compiler, condition: [],
    "added": lambda compiler, condition: ["NOT found", compiler.within("started_at", condition)],
    "removed": lambda compiler, condition: ["NOT lost", compiler.within("ended_at", condition)],
    "active_for": _long_active,
}


def _labelled(compiler: _Compiler, condition: Condition) -> ContactSet:
    now = " WHERE ended_at IS NULL" if condition.op == "now" else ""
    return ContactSet(query=f"SELECT contact_id FROM {compiler.spells(None)}{now}", seen=True)  # noqa: S608


def _stage(compiler: _Compiler, condition: Condition) -> ContactSet:
    """None is no stage: then everybody is meant but who is in another one."""
    labels = condition.values["labels"]
    ids = compiler.value("bigint[]", sorted({compiler.surviving(label) for label in labels if label is not None}))
    test = f"label_id <> ALL({ids})" if None in labels else f"label_id = ANY({ids})"
    query = f"SELECT contact_id FROM {compiler.stays()} WHERE ended_at IS NULL AND {test}"  # noqa: S608
    return ContactSet(query=query, complement=None in labels, seen=True, once=True)


def _column(compiler: _Compiler, test: str, *, complement: bool = False) -> ContactSet:
    return ContactSet(
        query=f"SELECT id AS contact_id FROM contacts_contact WHERE {test}",  # noqa: S608
        complement=complement,
        once=True,
        test=test,
    )


def _one_of(compiler: _Compiler, column: str, values: Iterable[int | None]) -> tuple[str, bool]:
    """The test that a column is one of the values, and whether everybody else is meant: None is an empty column."""
    chosen = list(values)
    ids = compiler.value("bigint[]", sorted(value for value in chosen if value is not None))
    if None in chosen:
        return f"{column} IS NOT NULL AND {column} <> ALL({ids})", True
    return f"{column} = ANY({ids})", False


def _campaign(compiler: _Compiler, condition: Condition) -> ContactSet:
    """The first touch is the contact's campaign; the last one is the latest; none is no touch of any campaign."""
    if condition.values.keys() & {"from", "to"}:
        return _touched_then(compiler, condition)
    test, complement = _one_of(compiler, "campaign_id", condition.values["campaigns"])
    if condition.op == "first":
        return _column(compiler, test, complement=complement)
    touches = "SELECT contact_id FROM contacts_campaigntouch AS t"
    if condition.op == "last":
        later = "SELECT FROM contacts_campaigntouch u WHERE u.contact_id = t.contact_id AND (u.at, u.id) > (t.at, t.id)"
        return ContactSet(query=f"{touches} WHERE {test} AND NOT EXISTS ({later})", complement=complement)
    if not complement:
        return ContactSet(query=f"{touches} WHERE {test}")
    # Whoever no campaign touched, and whoever one of those that are named did: all but those whom only others did.
    return ContactSet(
        query=f"{touches} WHERE campaign_id IS NOT NULL GROUP BY contact_id HAVING bool_and({test})", complement=True
    )


def _touched_then(compiler: _Compiler, condition: Condition) -> ContactSet:
    """By campaign and time of the touch. Who came by none has the time of their first message, as in the report."""
    campaigns = condition.values["campaigns"]
    ids = compiler.value("bigint[]", sorted(campaign for campaign in campaigns if campaign is not None))
    test = f"t.campaign_id = ANY({ids})"
    if None in campaigns and condition.op != "any":
        test = f"({test} OR t.campaign_id IS NULL)"
    query = f"""
        SELECT t.contact_id FROM contacts_campaigntouch t
        WHERE {test} AND {compiler.within("t.at", condition)} AND {_NO_BETTER[condition.op]}
    """  # noqa: S608
    if None in campaigns:
        by_campaign = " AND u.campaign_id IS NOT NULL" if condition.op == "any" else ""
        query += f"""
            UNION SELECT c.id FROM contacts_contact c
            WHERE {compiler.within("coalesce(c.first_inbound_at, c.first_seen_at)", condition)}
              AND NOT EXISTS (SELECT FROM contacts_campaigntouch u WHERE u.contact_id = c.id{by_campaign})
        """  # noqa: S608
    return ContactSet(query=query)


_OTHER = "NOT EXISTS (SELECT FROM contacts_campaigntouch u WHERE u.contact_id = t.contact_id AND {})"
# What a person set by hand comes before all, as in contacts.services.attribution.
_NO_BETTER = {
    "first": _OTHER.format("(u.method <> 'manual', u.at, u.id) < (t.method <> 'manual', t.at, t.id)"),
    "last": _OTHER.format("(u.at, u.id) > (t.at, t.id)"),
    "any": "true",
}


def _assigned(compiler: _Compiler, condition: Condition) -> ContactSet:
    test, complement = _one_of(compiler, "assigned_to_id", condition.values["agents"])
    return _column(compiler, test, complement=complement)


def _known_on(compiler: _Compiler, channels: frozenset[int]) -> ContactSet:
    seen = channels if compiler.viewer.everything else channels & compiler.viewer.channels
    ids = compiler.value("bigint[]", sorted(seen))
    return ContactSet(query=f"SELECT contact_id FROM contacts_contactchannel WHERE channel_id = ANY({ids})")  # noqa: S608


def _time(column: str) -> Callable[[_Compiler, Condition], ContactSet]:
    def time_is(compiler: _Compiler, condition: Condition) -> ContactSet:
        if condition.op == "empty":
            return _column(compiler, f"{column} IS NOT NULL", complement=True)
        return _column(compiler, compiler.within(column, condition))

    return time_is


def _name(compiler: _Compiler, condition: Condition) -> ContactSet:
    return _column(compiler, contains_unaccented("name", compiler.value("text", condition.values["text"])))


def _phone(compiler: _Compiler, condition: Condition) -> ContactSet:
    if condition.op == "empty":
        return _column(compiler, "phone = ''")
    return _column(compiler, f"phone LIKE {compiler.value('text', condition.values['text'])} || '%%'")


def _opted_out(compiler: _Compiler, condition: Condition) -> ContactSet:
    return _column(compiler, "opted_out_at IS NOT NULL", complement=not condition.values["value"])


def _stale(compiler: _Compiler, condition: Condition) -> ContactSet:
    query = "SELECT contact_id FROM labels_staleflag WHERE closed_at IS NULL"
    return ContactSet(query=query, complement=not condition.values["value"])


def _contradictory(compiler: _Compiler, condition: Condition) -> ContactSet:
    found = contradictions.findings(compiler.spells(None))
    query = compiler.statement(f"SELECT contact_id FROM ({found}) AS finding", contradictions.values())  # noqa: S608
    return ContactSet(query=query, complement=not condition.values["value"], seen=True)


def _behind_a_number(compiler: _Compiler, condition: Condition) -> ContactSet:
    """The contacts of the facts that a number of a report counts. What is gone, or not the viewer's, is nobody's."""
    try:
        asked = report_query(condition, viewer=compiler.viewer, now=compiler.now)
        row = row_key(asked, condition)
    except InvalidDefinition:
        return ContactSet(query="SELECT NULL::bigint AS contact_id WHERE false", seen=True, once=True)
    sources, values = asked.facts
    figure, everybody = condition.values["figure"], "row" not in condition.values
    query = facts.contacts(sources[figure], figure, everybody=everybody)
    query = compiler.statement(query, {**values, "who": row})
    return ContactSet(query=query, once=True)


CONDITIONS: Mapping[str, Callable[[_Compiler, Condition], ContactSet]] = {
    "label": _label,
    "labelled": _labelled,
    "stage": _stage,
    "campaign": _campaign,
    "assigned": _assigned,
    "team": lambda compiler, condition: _known_on(compiler, compiler.channels_of(condition.values["teams"])),
    "channel": lambda compiler, condition: _known_on(compiler, compiler.channels(condition.values["channels"])),
    "first_seen": _time("first_seen_at"),
    "last_inbound": _time("last_inbound_at"),
    "last_outbound": _time("last_outbound_at"),
    "follow_up": _time("follow_up_at"),
    "name": _name,
    "phone": _phone,
    "opted_out": _opted_out,
    "stale": _stale,
    "contradictory": _contradictory,
    "report": _behind_a_number,
}
