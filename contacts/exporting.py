"""Contacts as a file: exactly the chosen rows, cells that no program runs, memory that does not grow with the rows.

The file is written to disk before a byte of it is sent, so that its audit row, with the number of rows and the
SHA-256 of what leaves the house, is committed first. Columns are listed once, in COLUMNS; `contacts.importing`
understands what is written here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO, Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Channel, Contact, ContactChannel, ContactIdentity, IdentityKind
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core import audit
from labelcrm.lib.cells import cleaned, for_xlsx

COLUMNS = (
    "id", "phone", "lids", "name", "labels", "labelled_by", "labelled_at", "campaign", "assigned_to", "channels",
    "opted_out", "follow_up_at", "first_message_at", "last_message_at",
)  # fmt: skip
JOINER = "; "
CHUNK = 2000
IN_MEMORY = 4 * 1024 * 1024  # a file larger than this is spooled to disk
XLSX_ROWS = 1_048_575
CSV, XLSX = "csv", "xlsx"


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished file, at its beginning, and what the audit row says of it."""

    file: IO[bytes]
    rows: int
    left_out: int
    sha256: str


def export(
    contacts: QuerySet[Any], *, kind: str, actor: Any, filters: dict[str, Any], leave_out_opted_out: bool
) -> Exported:
    """Write the contacts of a queryset by id to a file of `kind` (CSV or XLSX), with its audit row.

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
        file, count, digest = write_table(kind, COLUMNS, rows(kept, user=actor))
        with ExitStack() as on_failure:
            on_failure.callback(file.close)
            audit.record(
                actor=actor, action="contacts.exported", filters=filters, format=kind, rows=count, left_out=left_out,
                sha256=digest,
            )  # fmt: skip
            on_failure.pop_all()
    return Exported(file, count, left_out, digest)


def rows(contacts: QuerySet[Any], *, user: Any) -> Iterator[list[str]]:
    """The cells of each contact in the order of COLUMNS, not cleaned yet; five queries per chunk of 2,000."""
    ids = contacts.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=CHUNK)
    while chunk := list(islice(ids, CHUNK)):
        yield from _chunk(chunk, user)


def rows_of(ids: Sequence[int], *, user: Any) -> Iterator[list[str]]:
    """The same for contacts by id, in the order of their ids."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        yield from _chunk(ordered[start : start + CHUNK], user)


# -- Cells ------------------------------------------------------------------------------------------------------------


def phone_cell(phone: str) -> str:
    """Digits only: nothing that a spreadsheet or a broadcast tool could read as anything else."""
    return phone.removeprefix("+")


def moment_cell(at: datetime | None) -> str:
    """A time in the time zone of the business, to the minute."""
    return "" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _chunk(ids: list[int], user: Any) -> Iterator[list[str]]:
    lids, channels, labels = _lids(ids), _channels(ids, user), _labels(ids, user)
    found = Contact.all_objects.filter(pk__in=ids).order_by("pk")
    values = found.values_list(
        "pk", "phone", "name", "campaign__name", "assigned_to__name", "opted_out_at", "follow_up_at",
        "first_inbound_at", Greatest("last_inbound_at", "last_outbound_at"),
    )  # fmt: skip
    for pk, phone, name, campaign, agent, opted_out_at, follow_up_at, first, last in values:
        labelled = labels.get(pk, [])
        yield [
            str(pk),
            phone_cell(phone),
            JOINER.join(f"{lid}@lid" for lid in lids.get(pk, ())),
            name,
            JOINER.join(dict.fromkeys(label for label, _who, _at in labelled)),
            JOINER.join(who for _label, who, _at in labelled),
            JOINER.join(at for _label, _who, at in labelled),
            campaign or "",
            agent or "",
            JOINER.join(channels.get(pk, ())),
            "no" if opted_out_at is None else "yes",
            moment_cell(follow_up_at),
            moment_cell(first),
            moment_cell(last),
        ]


def _lids(ids: Collection[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    identities = ContactIdentity.objects.filter(contact_id__in=ids, kind=IdentityKind.LID).order_by("id")
    for contact, lid in identities.values_list("contact_id", "value"):
        found[contact].append(lid)
    return found


def _channels(ids: Collection[int], user: Any) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    seen = Channel.all_objects.visible_to(user).exclude(gateway=CRM_GATEWAY)
    links = ContactChannel.objects.filter(contact_id__in=ids, channel__in=seen).order_by("first_seen_at", "id")
    for contact, name in links.values_list("contact_id", "channel__name"):
        found[contact].append(name)
    return found


def _labels(ids: Collection[int], user: Any) -> dict[int, list[tuple[str, str, str]]]:
    """The labels each contact has now: (label, "label: who (how we know)", since), oldest first."""
    # Labels are a layer above contacts, so their models are asked for by name.
    assignments = apps.get_model("labels", "LabelAssignment")
    names = {label.pk: str(label) for label in apps.get_model("labels", "Label").all_objects.all()}
    methods = dict(assignments._meta.get_field("added_by_method").flatchoices)
    now = assignments.objects.visible_to(user).active().filter(contact_id__in=ids).order_by("added_at", "id")
    found: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
    for contact, label, agent, first, last, username, method, at in now.values_list(
        "contact_id", "label_id", "added_by__name", "added_by_user__first_name", "added_by_user__last_name",
        "added_by_user__username", "added_by_method", "added_at",
    ):  # fmt: skip
        who = agent or f"{first or ''} {last or ''}".strip() or username or _("nobody known")
        found[contact].append((names[label], f"{names[label]}: {who} ({methods[method]})", moment_cell(at)))
    return found


# -- Files ------------------------------------------------------------------------------------------------------------


def write_table(kind: str, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> tuple[IO[bytes], int, str]:
    """A file of `kind` with these columns and rows of text: the file at its beginning, its rows, its SHA-256.

    Raises ValueError for more rows than XLSX can hold.
    """
    write = _write_csv if kind == CSV else _write_xlsx
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - its reader closes it
    with ExitStack() as on_failure:
        on_failure.callback(file.close)
        count = write(file, columns, lines)
        digest = _sha256(file)
        on_failure.pop_all()  # from here on it is the caller's
    return file, count, digest


def _write_csv(file: IO[bytes], columns: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
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
