"""Contacts as a file: exactly the chosen rows, cells that no program runs, memory that does not grow with the rows.

The file is written to disk before a byte of it is sent, so that its audit row, with the number of rows and the
SHA-256 of what leaves the house, is committed first. Columns are listed once, in COLUMNS; `transfer.imports`
understands what is written here.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from labelcrm.core import audit
from labelcrm.lib.cells import cleaned, for_xlsx
from labels.models import Label, Method

COLUMNS = (
    "id", "phone", "lids", "name", "labels", "labelled_by", "labelled_at", "campaign", "assigned_to", "channels",
    "opted_out", "follow_up_at", "first_message_at", "last_message_at", "username", "user_ids",
)  # fmt: skip
JOINER = "; "
CHUNK = 2000
IN_MEMORY = 4 * 1024 * 1024  # a file larger than this is spooled to disk
XLSX_ROWS = 1_048_575
CSV, XLSX, PROGRAM_CSV = "csv", "xlsx", "csv_program"  # CSV for people begins with a mark, see `_write_csv`


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished file, at its beginning, and what the audit row says of it."""

    file: IO[bytes]
    rows: int
    left_out: int
    without_number: int
    sha256: str


def export(
    contacts: QuerySet[Any], *, kind: str, actor: Any, filters: dict[str, Any], leave_out_opted_out: bool
) -> Exported:
    """Write the contacts of a queryset by id to a file of `kind` (CSV, PROGRAM_CSV or XLSX), with its audit row.

    One snapshot of the database: what commits meanwhile is not in it. The caller has limited the queryset to what
    `actor` may see; labels and channels are limited here. Raises ValueError for more rows than XLSX can hold.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        kept = contacts.filter(opted_out_at__isnull=True) if leave_out_opted_out else contacts
        left_out = contacts.filter(opted_out_at__isnull=False).count() if leave_out_opted_out else 0
        without_number = kept.filter(phone="").count()
        file, count, digest = write_table(kind, COLUMNS, rows(kept, user=actor))
        with ExitStack() as on_failure:
            on_failure.callback(file.close)
            audit.record(
                actor=actor, action="contacts.exported", filters=filters, format=kind, rows=count, left_out=left_out,
                without_number=without_number, sha256=digest,
            )  # fmt: skip
            on_failure.pop_all()
    return Exported(file, count, left_out, without_number, digest)


def rows(contacts: QuerySet[Any], *, user: Any) -> Iterator[list[str]]:
    """The cells of each contact in the order of COLUMNS, not cleaned yet; one query per chunk of 2,000."""
    words = _words(user)
    ids = contacts.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=CHUNK)
    while chunk := list(islice(ids, CHUNK)):
        yield from _chunk(chunk, words)


def rows_of(ids: Sequence[int], *, user: Any) -> Iterator[list[str]]:
    """The same for contacts by id, in the order of their ids."""
    words, ordered = _words(user), sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        yield from _chunk(ordered[start : start + CHUNK], words)


# -- Cells ------------------------------------------------------------------------------------------------------------


def phone_cell(phone: str) -> str:
    """Digits only: nothing that a spreadsheet or a broadcast tool could read as anything else."""
    return phone.removeprefix("+")


def moment_cell(at: datetime | None) -> str:
    """A time in the time zone of the business, to the minute."""
    return "" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _chunk(ids: list[int], words: dict[str, Any]) -> Iterator[list[str]]:
    """One query for everything about these contacts; times and lists are written by the database."""
    with connection.cursor() as cursor:
        cursor.execute(_CELLS, {"ids": ids, **words})
        for line in cursor.fetchall():
            labels = line[_LABELS] or ()
            yield [*line[:_LABELS], JOINER.join(dict.fromkeys(labels)), *line[_LABELS + 1 :]]


def _words(user: Any) -> dict[str, Any]:
    """What the query needs besides ids: the channels this user sees, and names in the language of the reader."""
    labels = {label.pk: str(label) for label in Label.all_objects.all()}
    methods = dict(Method.choices)
    viewer = viewer_of(user)
    seen = None if viewer.everything else list(viewer.channels)
    return {
        "channels": seen,
        "crm": CRM_GATEWAY,
        "zone": settings.TIME_ZONE,
        "label_ids": list(labels),
        "label_names": list(labels.values()),
        "methods": list(methods),
        "method_names": [str(name) for name in methods.values()],
        "nobody": _("nobody known"),
        "yes": "yes",
        "no": "no",
    }


_LABELS = COLUMNS.index("labels")
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


def write_table(kind: str, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> tuple[IO[bytes], int, str]:
    """A file of `kind` with these columns and rows of text: the file at its beginning, its rows, its SHA-256.

    Raises ValueError for more rows than XLSX can hold.
    """
    write = {CSV: _write_csv, PROGRAM_CSV: _write_program_csv, XLSX: _write_xlsx}[kind]
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - its reader closes it
    with ExitStack() as on_failure:
        on_failure.callback(file.close)
        count = write(file, columns, lines)
        digest = _sha256(file)
        on_failure.pop_all()  # from here on it is the caller's
    return file, count, digest


def _write_csv(file: IO[bytes], columns: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
    """With a byte order mark: without it Excel takes UTF-8 for a code page of Windows, and breaks every name."""
    file.write(codecs.BOM_UTF8)
    return _write_program_csv(file, columns, lines)


def _write_program_csv(file: IO[bytes], columns: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    count = 0
    for line in lines:
        writer.writerow([cleaned(cell) for cell in line])
        count += 1
    text.detach()
    return count


def _write_xlsx(file: IO[bytes], columns: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
    """Row by row through a temporary file; every cell is text, so nothing is a formula and no phone loses a digit."""
    from xlsxwriter import Workbook

    book = Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet()
    text = book.add_format({"num_format": "@"})
    sheet.set_column(0, len(columns) - 1, 18, text)
    sheet.freeze_panes(1, 0)
    count = 0
    for place, name in enumerate(columns):
        sheet.write_string(0, place, name)
    for line in lines:
        count += 1
        if count > XLSX_ROWS:
            raise ValueError(_("An XLSX file holds at most 1,048,575 rows: choose CSV, or filter the list."))
        for place, cell in enumerate(line):
            if cell:
                sheet.write_string(count, place, for_xlsx(cell), text)
    book.close()
    return count


def _sha256(file: IO[bytes]) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()
