"""Contacts and campaigns as rows of cells, and rows as pieces of a file; no program runs what stands in a cell.

Columns of contacts are listed once, in COLUMNS; `transfer.imports` understands what is written here. What a file looks
like is said by `transfer.layouts`; files are made step by step, in `transfer.people_export` and `transfer.export_job`.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Campaign
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core.bulk import array, fetch
from labelcrm.core.viewer import Viewer
from labelcrm.lib.cells import FORMULA, before_inner_formula, for_csv, inner_formula
from labels.models import Label, Method
from transfer import workbook

# Every file of contacts begins with the first three.
COLUMNS = (
    "phone", "name", "labels", "id", "lids", "labelled_by", "labelled_at", "campaign", "assigned_to", "channels",
    "opted_out", "follow_up_at", "first_message_at", "last_message_at", "username", "user_ids",
)  # fmt: skip
ALWAYS = COLUMNS[:3]
STATE = ("assigned_to_id", "campaign_id", "is_archived", "is_merged")  # what an import asks besides; in no file
CAMPAIGN_COLUMNS = ("code", "name", "source", "cost", "starts_on", "ends_on")
JOINER = "; "
CHUNK = 10_000  # contacts a query
XLSX_ROWS = 1_048_575
CSV, XLSX, PROGRAM_CSV = "csv", "xlsx", "csv_program"  # CSV for people begins with a mark, see `csv_head`
YES, NO = "yes", "no"


def columns_in_order(chosen: Iterable[str]) -> list[str]:
    """The columns of a file for which these were chosen: the first three always, the others in the order of COLUMNS."""
    wanted = {*ALWAYS, *chosen}
    return [name for name in COLUMNS if name in wanted]


def campaign_rows(ids: Sequence[int], *, viewer: Viewer) -> list[list[str]]:
    """The rows of these campaigns as far as `viewer` sees them now, in the order of `ids`, not cleaned yet."""
    seen = {campaign.pk: campaign for campaign in Campaign.all_objects.visible_to(viewer).filter(pk__in=ids)}
    found = (seen[pk] for pk in ids if pk in seen)
    return [[_text(getattr(campaign, name)) for name in CAMPAIGN_COLUMNS] for campaign in found]


@dataclass(frozen=True, slots=True)
class ChosenPeople:
    """Whose rows are written: `source` is what a query selects their ids `FROM`, as `chosen (id)`, with `parameters`;
    none of them is before `first` or behind `last`.
    """

    source: str
    first: int
    last: int
    parameters: Mapping[str, Any]


def people_with(ids: Sequence[int]) -> ChosenPeople:
    """The contacts with these ids, which are in order and at least one."""
    return ChosenPeople("unnest(%(ids)s::bigint[]) AS chosen (id)", ids[0], ids[-1], {"ids": array(ids)})


def rows_of(ids: Iterable[int], *, viewer: Viewer, columns: Sequence[str] = COLUMNS) -> Iterator[Sequence[str]]:
    """The cells of contacts by id in the order of `columns` and of their ids, not cleaned yet; a query per CHUNK."""
    for some in _chunks(ids):
        yield from rows_of_people(people_with(some), viewer=viewer, columns=columns)


def rows_of_people(people: ChosenPeople, *, viewer: Viewer, columns: Sequence[str]) -> Sequence[Sequence[str]]:
    """The same in one query."""
    return fetch(_cells(columns, people), _values(people, viewer))


def scattered_rows_of(ids: Iterable[int], *, viewer: Viewer, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    """`rows_of` for contacts who are few among all, in any order. `columns` may be some of STATE, too."""
    for some in _chunks(ids):
        people = people_with(some)
        yield from fetch(_cells(columns, people, contacts=_SCATTERED), _values(people, viewer))


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def csv_query(
    people: ChosenPeople, *, viewer: Viewer, columns: Sequence[str], delimiter: str = ","
) -> tuple[str, dict[str, Any]]:
    """A query of one text, or NULL where there is nobody, and its values: `csv_rows(rows_of_people(…))`, cleaned.

    In a row of a thousand something stands that must be cleaned or quoted, and then each of its cells is looked at.
    """
    cells = [_QUOTED.format(cell=name) if name in _FREE_TEXT else name for name in columns]
    free_text = "".join(f" || {_APART} || {name}" for name in columns if name in _FREE_TEXT)
    line = f"""
        CASE WHEN ''{free_text} !~ %(odd_row)s THEN concat_ws('{delimiter}', {", ".join(columns)})
             ELSE concat_ws('{delimiter}', {", ".join(cells)}) END
    """
    statement = rf"SELECT string_agg({line}, E'\r\n') || E'\r\n' FROM ({_cells(columns, people)}) AS written"  # noqa: S608
    special = f'[{delimiter}"\r\n]'
    inner = inner_formula(delimiter)
    patterns = {
        "special": special,
        "odd": f"{FORMULA}|{inner}|{special}",
        "odd_row": f"{_APART_SIGN}{FORMULA.removeprefix('^')}|{inner}|{special}",
        "before_inner": before_inner_formula(delimiter),
    }
    return statement, _values(people, viewer) | patterns


# -- Cells ------------------------------------------------------------------------------------------------------------


def phone_cell(phone: str) -> str:
    """Digits only: nothing that a spreadsheet or a broadcast tool could read as anything else."""
    return phone.removeprefix("+")


def moment_cell(at: datetime | None) -> str:
    """A time in the time zone of the business, to the minute."""
    return "" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _values(people: ChosenPeople, viewer: Viewer) -> dict[str, Any]:
    """What the query of some contacts needs."""
    return {**people.parameters, "first": people.first, "last": people.last, "formula": FORMULA, **_words(viewer)}


def _words(viewer: Viewer) -> dict[str, Any]:
    """What the query needs besides ids: the channels that are seen, and names in the language of the reader.

    What exists in the CRM alone is seen with its contact.
    """
    labels = {label.pk: str(label) for label in Label.all_objects.all()}
    methods = dict(Method.choices)
    return {
        "channels": None if viewer.everything else [*viewer.channels, viewer.crm],
        "crm": CRM_GATEWAY,
        "zone": settings.TIME_ZONE,
        "label_ids": list(labels),
        "label_names": list(labels.values()),
        "methods": list(methods),
        "method_names": [str(name) for name in methods.values()],
        "nobody": _("nobody known"),
        "yes": YES,
        "no": NO,
    }


_MOMENT = "coalesce(to_char({} AT TIME ZONE %(zone)s, 'YYYY-MM-DD HH24:MI'), '')"
_SEEN = "(%(channels)s::bigint[] IS NULL OR {}.channel_id = ANY(%(channels)s::bigint[]))"

# Between the first and the last of them, for where nearly all are chosen one walk is cheaper than ten thousand steps.
_CHOSEN = "JOIN PEOPLE ON chosen.id = {0} AND {0} BETWEEN %(first)s AND %(last)s"
_TOGETHER = f"contacts_contact c {_CHOSEN.format('c.id')}"
# Each by the index, whatever the planner believes: the first and the last of a few may be the first and last of all.
# And before anything is joined, or all campaigns would be read for each of them.
_SCATTERED = """(
    SELECT found.* FROM PEOPLE
     CROSS JOIN LATERAL (SELECT * FROM contacts_contact WHERE id = chosen.id OFFSET 0) AS found OFFSET 0) AS c"""
# A cell that no program runs, as `labelcrm.lib.cells.for_csv` makes it, and one that may stand in a CSV file. Nearly
# none needs anything done to it, which one look tells; one look at a whole row costs little more than one at a cell.
_CLEANED = r"""regexp_replace(CASE WHEN {cell} ~ %(formula)s THEN '''' || {cell} ELSE {cell} END,
     %(before_inner)s, '\1''', 'g')"""
_QUOTED = """CASE WHEN {cell} !~ %(odd)s THEN {cell}
     WHEN {cell} ~ %(special)s THEN '"' || replace(CLEAN, '"', '""') || '"' ELSE CLEAN END""".replace("CLEAN", _CLEANED)
_FREE_TEXT = frozenset(COLUMNS) - {"id", "phone", "opted_out", "follow_up_at", "first_message_at", "last_message_at"}

# Before each cell of a row that is looked at as a whole. A row that has it in a cell is looked at once more, no worse.
_APART, _APART_SIGN = r"E'\x01'", "\x01"

# How each column is written, and what it needs besides the contact itself.
_EXPRESSIONS: Mapping[str, tuple[str, str]] = {
    "id": ("c.id::text", ""),
    "phone": ("ltrim(c.phone, '+')", ""),
    "lids": ("coalesce(known.lids, '')", "known"),
    "name": ("c.name", ""),
    "labels": ("coalesce(labelled.names, '')", "labelled"),
    "labelled_by": ("coalesce(labelled_by.who, '')", "labelled_by"),
    "labelled_at": ("coalesce(labelled_at.since, '')", "labelled_at"),
    "campaign": ("coalesce(campaign.name, '')", "campaign"),
    "assigned_to": ("coalesce(agent.name, '')", "agent"),
    "channels": ("coalesce(seen.channels, '')", "seen"),
    "opted_out": ("CASE WHEN c.opted_out_at IS NULL THEN %(no)s ELSE %(yes)s END", ""),
    "follow_up_at": (_MOMENT.format("c.follow_up_at"), ""),
    "first_message_at": (_MOMENT.format("c.first_inbound_at"), ""),
    "last_message_at": (_MOMENT.format("greatest(c.last_inbound_at, c.last_outbound_at)"), ""),
    "username": ("c.username", ""),
    "user_ids": ("coalesce(known.user_ids, '')", "known"),
    "assigned_to_id": ("c.assigned_to_id", ""),
    "campaign_id": ("c.campaign_id", ""),
    "is_archived": ("c.deleted_at IS NOT NULL", ""),
    "is_merged": ("c.merged_into_id IS NOT NULL", ""),
}
# Only labels that are on now, as LabelAssignment.objects.active() has it.
_ACTIVE = f"""
    FROM labels_labelassignment a {_CHOSEN.format("a.contact_id")}
    JOIN labels_channellabel w ON w.id = a.channel_label_id AND NOT w.hidden
    JOIN unnest(%(label_ids)s::bigint[], %(label_names)s::text[]) AS l (id, name) ON l.id = a.label_id
    {{}}
    WHERE a.removed_at IS NULL AND {_SEEN.format("a")}
"""
_BY_WHOM = """
    JOIN unnest(%(methods)s::text[], %(method_names)s::text[]) AS m (code, name) ON m.code = a.added_by_method
    LEFT JOIN contacts_agent g ON g.id = a.added_by_id
    LEFT JOIN core_user u ON u.id = a.added_by_user_id
"""
# Each finds what it joins for all contacts of a chunk at once: to look it up for one after the other took four times
# as long.
_JOINS: Mapping[str, str] = {
    "campaign": "LEFT JOIN contacts_campaign campaign ON campaign.id = c.campaign_id",
    "agent": "LEFT JOIN contacts_agent agent ON agent.id = c.assigned_to_id",
    "known": f"""LEFT JOIN (
        SELECT contact_id,
               string_agg(i.value || '@lid', '; ' ORDER BY i.id) FILTER (WHERE i.kind = 'lid') AS lids,
               string_agg(i.value, '; ' ORDER BY i.id) FILTER (WHERE i.kind <> 'lid') AS user_ids
        FROM contacts_contactidentity i {_CHOSEN.format("i.contact_id")} WHERE i.kind <> 'phone'
        GROUP BY contact_id
    ) AS known ON known.contact_id = c.id""",  # noqa: S608 - pieces from this module
    "seen": f"""LEFT JOIN (
        SELECT contact_id, string_agg(h.name, '; ' ORDER BY k.first_seen_at, k.id) AS channels
        FROM contacts_contactchannel k {_CHOSEN.format("k.contact_id")}
        JOIN contacts_channel h ON h.id = k.channel_id AND h.gateway <> %(crm)s
        WHERE {_SEEN.format("k")} GROUP BY contact_id
    ) AS seen ON seen.contact_id = c.id""",  # noqa: S608
    # Two numbers may name one label: it stands there once.
    "labelled": f"""LEFT JOIN (
        SELECT contact_id, string_agg(name, '; ' ORDER BY added_at, id) AS names
        FROM (
            SELECT DISTINCT ON (a.contact_id, l.name) a.contact_id, a.added_at, a.id, l.name
            {_ACTIVE.format("")} ORDER BY a.contact_id, l.name, a.added_at, a.id
        ) AS active GROUP BY contact_id
    ) AS labelled ON labelled.contact_id = c.id AND c.deleted_at IS NULL""",  # noqa: S608
    "labelled_at": f"""LEFT JOIN (
        SELECT a.contact_id, string_agg({_MOMENT.format("a.added_at")}, '; ' ORDER BY a.added_at, a.id) AS since
        {_ACTIVE.format("")}
        GROUP BY a.contact_id
    ) AS labelled_at ON labelled_at.contact_id = c.id AND c.deleted_at IS NULL""",
    "labelled_by": f"""LEFT JOIN (
        SELECT a.contact_id,
               string_agg(l.name || ': ' || coalesce(g.name, nullif(trim(u.first_name || ' ' || u.last_name), ''),
                          u.username, %(nobody)s) || ' (' || m.name || ')', '; ' ORDER BY a.added_at, a.id) AS who
        {_ACTIVE.format(_BY_WHOM)}
        GROUP BY a.contact_id
    ) AS labelled_by ON labelled_by.contact_id = c.id AND c.deleted_at IS NULL""",
}


def _cells(columns: Sequence[str], people: ChosenPeople, *, contacts: str = _TOGETHER) -> str:
    """The query of these columns, with no more joins than they need; its values are `_values`."""
    needed = {_EXPRESSIONS[name][1] for name in columns}
    expressions = ", ".join(f"{_EXPRESSIONS[name][0]} AS {name}" for name in columns)
    joins = " ".join(join for name, join in _JOINS.items() if name in needed)
    statement = f"SELECT {expressions} FROM {contacts} {joins} ORDER BY c.id"  # noqa: S608
    return statement.replace("PEOPLE", people.source)


# -- Files ------------------------------------------------------------------------------------------------------------


def csv_head(kind: str, columns: Sequence[str]) -> bytes:
    """The first bytes of a CSV file of `kind`.

    For people with a byte order mark: without it Excel takes UTF-8 for a code page of Windows, and breaks every name.
    """
    return (codecs.BOM_UTF8 if kind == CSV else b"") + csv_rows([columns])


def csv_rows(lines: Iterable[Sequence[Any]], *, delimiter: str = ",", as_they_are: bool = False) -> bytes:
    """These rows as a piece of a CSV file; `as_they_are` for cells that were made so that nothing can run them.

    Text that a program could run is made harmless; numbers stay numbers, and where semicolons part the cells, a comma
    stands in their decimals.
    """
    text = io.StringIO(newline="")
    rows = lines if as_they_are else ([_csv_cell(cell, delimiter) for cell in line] for line in lines)
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


def _csv_cell(cell: Any, delimiter: str) -> str:
    if isinstance(cell, str):
        return for_csv(cell, delimiter)
    return str(cell).replace(".", ",") if delimiter == ";" else str(cell)


def write_xlsx(file: IO[bytes], columns: Sequence[str], lines: Iterable[Sequence[str]], *, created: datetime) -> None:
    """Write a workbook of at most XLSX_ROWS rows. With the same `created` the same rows make the same bytes."""
    piece = workbook.packed(workbook.head(columns) + workbook.rows(lines))
    sheet = workbook.measured([piece])
    file.write(workbook.before(sheet, created=created) + piece + workbook.after(sheet, created=created))
