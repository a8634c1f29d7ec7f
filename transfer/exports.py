"""Contacts and campaigns as a file: the cells of a row, and rows as CSV or XLSX; no program runs what stands in a cell.

Columns of contacts are listed once, in COLUMNS; `transfer.imports` understands what is written here. Files are made
step by step, in `transfer.export_job`.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from xlsxwriter import Workbook

from contacts.models import Campaign, Contact
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core.viewer import Viewer
from labelcrm.lib.cells import cleaned, for_xlsx
from labels.models import Label, Method

COLUMNS = (
    "id", "phone", "lids", "name", "labels", "labelled_by", "labelled_at", "campaign", "assigned_to", "channels",
    "opted_out", "follow_up_at", "first_message_at", "last_message_at", "username", "user_ids",
)  # fmt: skip
CAMPAIGN_COLUMNS = ("code", "name", "source", "cost", "starts_on", "ends_on")
JOINER = "; "
CHUNK = 5000  # contacts a query
XLSX_ROWS = 1_048_575
CSV, XLSX, PROGRAM_CSV = "csv", "xlsx", "csv_program"  # CSV for people begins with a mark, see `csv_head`
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class Rows:
    """Cells of rows, not cleaned yet; how many others were left out, and how many of these have no phone."""

    lines: list[list[str]]
    left_out: int = 0
    without_number: int = 0


def contact_rows(ids: Sequence[int], *, viewer: Viewer, leave_out_opted_out: bool) -> Rows:
    """The rows of these contacts as far as `viewer` sees them now, in the order of their ids.

    Whoever was merged into another contact or erased meanwhile has none.
    """
    seen = Contact.all_objects.visible_to(viewer).filter(pk__in=ids, merged_into=None).values_list("pk", flat=True)
    lines = list(rows_of(list(seen), viewer=viewer))
    kept = [line for line in lines if not (leave_out_opted_out and line[_OPTED_OUT] == YES)]
    return Rows(kept, left_out=len(lines) - len(kept), without_number=sum(not line[_PHONE] for line in kept))


def campaign_rows(ids: Sequence[int], *, viewer: Viewer) -> Rows:
    """The rows of these campaigns as far as `viewer` sees them now, in the order of `ids`."""
    seen = {campaign.pk: campaign for campaign in Campaign.all_objects.visible_to(viewer).filter(pk__in=ids)}
    found = (seen[pk] for pk in ids if pk in seen)
    return Rows([[_text(getattr(campaign, name)) for name in CAMPAIGN_COLUMNS] for campaign in found])


def rows_of(ids: Iterable[int], *, viewer: Viewer) -> Iterator[list[str]]:
    """The cells of contacts by id in the order of COLUMNS and of their ids, not cleaned yet; a query per CHUNK."""
    words, ordered = _words(viewer), sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        yield from _chunk(ordered[start : start + CHUNK], words)


# -- Cells ------------------------------------------------------------------------------------------------------------


def phone_cell(phone: str) -> str:
    """Digits only: nothing that a spreadsheet or a broadcast tool could read as anything else."""
    return phone.removeprefix("+")


def moment_cell(at: datetime | None) -> str:
    """A time in the time zone of the business, to the minute."""
    return "" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _chunk(ids: list[int], words: dict[str, Any]) -> Iterator[list[str]]:
    """One query for everything about these contacts; times and lists are written by the database."""
    with connection.cursor() as cursor:
        cursor.execute(_CELLS, {"ids": ids, **words})
        for line in cursor.fetchall():
            labels = line[_LABELS] or ()
            yield [*line[:_LABELS], JOINER.join(dict.fromkeys(labels)), *line[_LABELS + 1 :]]


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


_LABELS, _OPTED_OUT, _PHONE = (COLUMNS.index(name) for name in ("labels", "opted_out", "phone"))
_MOMENT = "coalesce(to_char({} AT TIME ZONE %(zone)s, 'YYYY-MM-DD HH24:MI'), '')"
_SEEN = "(%(channels)s::bigint[] IS NULL OR {}.channel_id = ANY(%(channels)s::bigint[]))"

# The columns of COLUMNS in their order. Only labels that are on now, as LabelAssignment.objects.active() has it.
_CELLS = f"""
    SELECT c.id::text, ltrim(c.phone, '+'), coalesce(known.lids, ''), c.name, labelled.names,
           coalesce(labelled.who, ''), coalesce(labelled.since, ''), coalesce(campaign.name, ''),
           coalesce(agent.name, ''), coalesce(seen.channels, ''),
           CASE WHEN c.opted_out_at IS NULL THEN %(no)s ELSE %(yes)s END, {_MOMENT.format("c.follow_up_at")},
           {_MOMENT.format("c.first_inbound_at")}, {_MOMENT.format("greatest(c.last_inbound_at, c.last_outbound_at)")},
           c.username, coalesce(known.user_ids, '')
    FROM contacts_contact c
    LEFT JOIN contacts_campaign campaign ON campaign.id = c.campaign_id
    LEFT JOIN contacts_agent agent ON agent.id = c.assigned_to_id
    LEFT JOIN LATERAL (
        SELECT string_agg(i.value || '@lid', '; ' ORDER BY i.id) FILTER (WHERE i.kind = 'lid') AS lids,
               string_agg(i.value, '; ' ORDER BY i.id) FILTER (WHERE i.kind <> 'lid') AS user_ids
        FROM contacts_contactidentity i WHERE i.contact_id = c.id AND i.kind <> 'phone'
    ) AS known ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(h.name, '; ' ORDER BY k.first_seen_at, k.id) AS channels
        FROM contacts_contactchannel k JOIN contacts_channel h ON h.id = k.channel_id AND h.gateway <> %(crm)s
        WHERE k.contact_id = c.id AND {_SEEN.format("k")}
    ) AS seen ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(l.name ORDER BY a.added_at, a.id) AS names,
               string_agg(l.name || ': ' || coalesce(g.name, nullif(trim(u.first_name || ' ' || u.last_name), ''),
                          u.username, %(nobody)s) || ' (' || m.name || ')', '; ' ORDER BY a.added_at, a.id) AS who,
               string_agg({_MOMENT.format("a.added_at")}, '; ' ORDER BY a.added_at, a.id) AS since
        FROM labels_labelassignment a
        JOIN labels_channellabel w ON w.id = a.channel_label_id AND NOT w.hidden
        JOIN unnest(%(label_ids)s::bigint[], %(label_names)s::text[]) AS l (id, name) ON l.id = a.label_id
        JOIN unnest(%(methods)s::text[], %(method_names)s::text[]) AS m (code, name) ON m.code = a.added_by_method
        LEFT JOIN contacts_agent g ON g.id = a.added_by_id
        LEFT JOIN core_user u ON u.id = a.added_by_user_id
        WHERE a.contact_id = c.id AND a.removed_at IS NULL AND c.deleted_at IS NULL AND {_SEEN.format("a")}
    ) AS labelled ON true
    WHERE c.id = ANY(%(ids)s::bigint[])
    ORDER BY c.id
"""  # noqa: S608 - pieces from this module


# -- Files ------------------------------------------------------------------------------------------------------------


def csv_head(kind: str, columns: Sequence[str]) -> bytes:
    """The first bytes of a CSV file of `kind`.

    For people with a byte order mark: without it Excel takes UTF-8 for a code page of Windows, and breaks every name.
    """
    return (codecs.BOM_UTF8 if kind == CSV else b"") + csv_rows([columns])


def csv_rows(lines: Iterable[Sequence[str]]) -> bytes:
    """These rows as a piece of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([cleaned(cell) for cell in line] for line in lines)
    return text.getvalue().encode()


def write_xlsx(file: IO[bytes], columns: Sequence[str], lines: Iterable[Sequence[str]], *, created: datetime) -> None:
    """Write a workbook of at most XLSX_ROWS rows, row by row through a temporary file.

    Every cell is text, so nothing is a formula and no phone loses a digit. `created` stands in the file's properties:
    with the same time the same rows make the same bytes.
    """
    book = Workbook(file, {"constant_memory": True})
    book.set_properties({"created": created})
    sheet = book.add_worksheet()
    text = book.add_format({"num_format": "@"})
    sheet.set_column(0, len(columns) - 1, 18, text)
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(columns):
        sheet.write_string(0, place, name)
    for number, line in enumerate(lines, start=1):
        for place, cell in enumerate(line):
            if cell:
                sheet.write_string(number, place, for_xlsx(cell), text)
    book.close()
