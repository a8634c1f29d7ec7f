"""Who of those that were meant is in the file, and who is not and why, in one query over the database.

The order is that of the funnel, and each person is counted at the first reason that holds: an open complaint, opted
out, exported in the last days, no number, not new, held out. Opted-out people are left out whatever was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from contacts.models import Contact
from labelcrm.core.bulk import execute, fetch, prefixed
from labelcrm.core.viewer import Viewer
from labels.models import Label
from reports.segments.compiler import MembersQuery, compile_definition
from reports.segments.definition import Condition, SegmentDefinition
from reports.segments.members import ROOM, Members
from transfer.models import EXCLUSIONS, Export, Reason

MOST_HELD_OUT = 50  # per cent
MOST_DAYS = 3650
_PLACE = re.compile(r"%([%s])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """Who is to be left out besides those who opted out. `hold_out` is per cent of who would be in the file."""

    complaint: bool = True
    exported_days: int = 0
    no_phone: bool = True
    only_new: bool = False
    hold_out: int = 0

    @classmethod
    def of(cls, export: Export) -> Exclusions:
        return cls(
            complaint=export.exclude_complaint, exported_days=export.exported_days, no_phone=export.exclude_no_phone,
            only_new=export.only_new, hold_out=export.hold_out,
        )  # fmt: skip


# -- Whom it means ----------------------------------------------------------------------------------------------------


def whom_segment_means(members: Members) -> MembersQuery:
    """The people of a segment."""
    return members.query


def whom_list_means(contacts: QuerySet[Any]) -> MembersQuery:
    """The people of a list of contacts, which is filtered and limited to what the viewer sees already."""
    compiler = contacts.order_by().values("pk").query.get_compiler(connection=connection, elide_empty=False)
    statement, values = compiler.as_sql()
    names = iter(range(len(values)))

    def named(found: re.Match[str]) -> str:
        return "%%" if found[1] == "%" else f"%(v{next(names)})s"

    query = f"SELECT listed.* FROM ({_PLACE.sub(named, statement)}) AS listed (contact_id)"  # noqa: S608 - Django's own
    return MembersQuery((), query, {f"v{n}": value for n, value in enumerate(values)})


def whom_ids_mean(ids: Sequence[int], *, viewer: Viewer) -> MembersQuery:
    """Those of these contacts whom the viewer still sees, and who were not merged into others."""
    seen = Contact.all_objects.visible_to(viewer).filter(merged_into=None)
    return whom_list_means(seen.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])))


def _who_complains(*, viewer: Viewer, now: datetime) -> MembersQuery:
    """Who has a label of the meaning "complaint" now, in the viewer's scope."""
    complaints = Label.all_objects.filter(meaning=Label.Meaning.COMPLAINT).values_list("pk", flat=True)
    condition = Condition("", "label", "active", False, {"labels": tuple(complaints)})
    return compile_definition(SegmentDefinition(((condition,),)), viewer=viewer, now=now)


# -- The funnel -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelCounts:
    """How many are meant, how many of them are left out by each reason, and how many rows the file has."""

    matched: int
    excluded: Mapping[str, int]
    rows: int

    @classmethod
    def of(cls, found: Mapping[int, int]) -> FunnelCounts:
        """From the number of people by reason; who is gone was not meant."""
        excluded = {reason.code: found.get(reason, 0) for reason in EXCLUSIONS}
        rows = found.get(Reason.FILE, 0)
        return cls(matched=rows + sum(excluded.values()), excluded=excluded, rows=rows)


@dataclass(frozen=True, slots=True)
class EarlierFiles:
    """Exports that are done, and the reason for which their people are left out of another."""

    reason: Reason
    exports: list[int]
    of_schedule: bool = field(kw_only=True)

    def people(self, exports: str) -> str:
        """The query of their people; `exports` is the name of the parameter with them."""
        held_out = self.of_schedule and self.reason is Reason.NOT_NEW
        reasons = f"{Reason.FILE.value}, {Reason.HOLD_OUT.value}" if held_out else f"{Reason.FILE.value}"
        return _IN_FILES.format(exports=exports, reasons=reasons)

    def query(self, exports: str) -> str:
        """The query of those of them who are in the file of `%(export)s`."""
        return _IN_FILE_TOO.format(people=self.people(exports))


@dataclass(frozen=True)
class Funnel:
    """What an export would leave out of those whom `meant` names, at `now`, as `viewer` sees them.

    `segment` is whose earlier files `only_new` asks for; None has none. Of a `schedule` it asks for the files that it
    made itself, and for who was held out of them: who was once drawn to compare with stays out.
    """

    meant: MembersQuery
    exclusions: Exclusions
    viewer: Viewer
    now: datetime
    segment: int | None = None
    schedule: int | None = None

    def counts(self) -> FunnelCounts:
        """How many, without writing anything. Whom chance would hold out is drawn when an export begins."""
        found = dict(self._fetch("SELECT reason, count(*) FROM judged GROUP BY reason"))
        held_out = (found.get(Reason.FILE, 0) * self.exclusions.hold_out + 50) // 100
        found[Reason.FILE] = found.get(Reason.FILE, 0) - held_out
        return FunnelCounts.of(found | {Reason.HOLD_OUT: held_out})

    def people(self, reason: Reason | None, *, after: int, limit: int) -> list[int]:
        """The ids of the next people with this reason behind the id `after`; None is everybody who is meant."""
        chosen = "" if reason is None else "AND reason = %(reason)s"
        body = f"SELECT contact_id FROM judged WHERE contact_id > %(after)s {chosen} ORDER BY 1 LIMIT %(limit)s"  # noqa: S608
        return [pk for (pk,) in self._fetch(body, reason=reason, after=after, limit=limit)]

    def freeze(self, export: Export) -> None:
        """Write down who is in the export's file and who is not and why, hold-out included, in one statement."""
        percent = self.exclusions.hold_out
        final = _DRAWN if percent else "SELECT contact_id, reason FROM judged"
        body = f"""
            INSERT INTO transfer_exportedperson (export_id, contact_id, reason)
            SELECT %(export)s, contact_id, reason FROM ({final}) AS final
        """  # noqa: S608
        statement, values = self._statement(body)
        with transaction.atomic():
            execute(ROOM, [])
            execute(statement, values | {"export": export.pk, "seed": f"{export.pk}:", "percent": percent})
            # Or each step reads a table that was empty a moment ago, as PostgreSQL knows it, from end to end.
            execute("ANALYZE transfer_exportedperson", [])

    def _fetch(self, body: str, **more: Any) -> list[tuple[Any, ...]]:
        statement, values = self._statement(body)
        with transaction.atomic():
            execute(ROOM, [])
            return fetch(statement, values | more)

    def _statement(self, body: str) -> tuple[str, dict[str, Any]]:
        heads = [f"{name} AS MATERIALIZED ({query})" for name, query in self._parts["heads"].items()]
        heads.append(f"judged AS ({self._parts['judged']})")
        return f"WITH {', '.join(heads)} {body}", dict(self._parts["values"])

    @cached_property
    def _parts(self) -> dict[str, Any]:
        """The named subqueries and their values: whom it means, sets of whom to leave out, and all of it judged."""
        heads: dict[str, str] = {}
        heads["meant"], values = _nested(self.meant, "meant")
        sets: dict[Reason, str] = {}
        if self.exclusions.complaint:
            heads["complaining"], more = _nested(_who_complains(viewer=self.viewer, now=self.now), "complaining")
            values, sets = values | more, {Reason.COMPLAINT: "complaining"}
        earlier_ones = earlier_files(self.exclusions, now=self.now, segment=self.segment, schedule=self.schedule)
        for earlier in earlier_ones:
            code = earlier.reason.code
            heads[code] = earlier.people(f"{code}_exports")
            values[f"{code}_exports"], sets[earlier.reason] = earlier.exports, code
        return {"heads": heads, "judged": _judged(sets, no_phone=self.exclusions.no_phone), "values": values}


def earlier_files(
    exclusions: Exclusions, *, now: datetime, segment: int | None, schedule: int | None, since: datetime | None = None
) -> list[EarlierFiles]:
    """The files whose people are left out, in the order of the funnel; with `since` those done after it alone."""
    found: dict[Reason, Iterable[int]] = {}
    done = Export.objects.done().order_by("pk").values_list("pk", flat=True)
    if since is not None:
        done = done.filter(finished_at__gt=since)
    if exclusions.exported_days:
        found[Reason.RECENTLY_EXPORTED] = done.filter(
            finished_at__gt=now - timedelta(hours=24 * exclusions.exported_days)
        )
    if exclusions.only_new and schedule is not None:
        found[Reason.NOT_NEW] = done.filter(run__schedule=schedule)
    elif exclusions.only_new and segment is not None:
        found[Reason.NOT_NEW] = done.filter(segment=segment)
    return [EarlierFiles(reason, list(exports), of_schedule=schedule is not None) for reason, exports in found.items()]


def _nested(query: MembersQuery, prefix: str) -> tuple[str, dict[str, Any]]:
    """A query of ids as a subquery with values of its own, so that several stand beside each other."""
    return prefixed(query.listed(), query.parameters, prefix)


# Who was in the files of earlier exports. Who was merged into another contact since is that one.
_IN_FILES = """
    SELECT contact_id FROM transfer_exportedperson
    WHERE export_id = ANY(%({exports})s::bigint[]) AND reason IN ({reasons})
    UNION
    SELECT c.merged_into_id FROM contacts_contact c JOIN transfer_exportedperson p ON p.contact_id = c.id
    WHERE c.merged_into_id IS NOT NULL AND p.export_id = ANY(%({exports})s::bigint[]) AND p.reason IN ({reasons})
"""
_IN_FILE_TOO = f"""
    SELECT contact_id FROM transfer_exportedperson
    WHERE export_id = %(export)s AND reason = {Reason.FILE.value} AND contact_id IN ({{people}})
"""  # noqa: S608 - the words above
# Random, and the same again for the same export: the order of a hash of its id and the contact's.
_DRAWN = f"""
    SELECT contact_id, CASE WHEN reason = 0 AND place <= held_out THEN {Reason.HOLD_OUT.value} ELSE reason END AS reason
    FROM (
        SELECT contact_id, reason,
               row_number() OVER (PARTITION BY reason ORDER BY md5(%(seed)s || contact_id), contact_id) AS place,
               (count(*) OVER (PARTITION BY reason) * %(percent)s + 50) / 100 AS held_out
        FROM judged
    ) AS placed
"""  # noqa: S608


def _judged(sets: Mapping[Reason, str], *, no_phone: bool) -> str:
    """Everybody who is meant, with the first reason that holds. Sets are joined: their size must not matter."""
    tests = {reason: f"{name}.contact_id IS NOT NULL" for reason, name in sets.items()}
    tests[Reason.OPTED_OUT] = "c.opted_out_at IS NOT NULL"
    if no_phone:
        tests[Reason.NO_PHONE] = "c.phone = ''"
    cases = " ".join(f"WHEN {tests[reason]} THEN {reason.value}" for reason in EXCLUSIONS if reason in tests)
    joins = " ".join(
        f"LEFT JOIN (SELECT DISTINCT contact_id FROM {name}) AS {name} ON {name}.contact_id = c.id"  # noqa: S608
        for name in sets.values()
    )
    return f"""
        SELECT c.id AS contact_id, CASE {cases} ELSE {Reason.FILE.value} END AS reason
        FROM meant JOIN contacts_contact c ON c.id = meant.contact_id {joins}
    """  # noqa: S608
