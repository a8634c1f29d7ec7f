"""Contacts and campaigns from a file, row by row: read, understood, previewed, and only then written by services.

A whole file is understood before its first row is written, with a handful of queries however long it is. A cell
that says what an export would write is no change, so a file that labelcrm wrote comes back in without effect. Empty
cells and unknown columns change nothing. Labels are shown in an export but not read from one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import tablib
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export import resources
from import_export.fields import Field
from import_export.formats import base_formats
from import_export.results import Result, RowResult

from contacts.models import Agent, Campaign, Channel, Contact
from contacts.services import people
from contacts.services.importing import ORIGIN, Line, Owners, Said, create_or_update_contacts, owners_of
from labelcrm.core import audit
from labelcrm.lib import phones
from labelcrm.lib.cells import cleaned, for_xlsx, restored
from labelcrm.lib.spreadsheets import Table, UploadRefused, read_csv, read_xlsx
from labelcrm.lib.strict_json import is_storable

from . import exporting

SHOWN_ROWS = 200  # of a preview; the rest is counted
ROW_NUMBER = "#"  # the column that carries each row's line in the file
LONGEST_NAME = 200
YES, NO = {"yes", "ya", "y", "true", "1", "benar"}, {"no", "tidak", "n", "false", "0", "salah"}

# How people head their columns, by what we call them.
SPELLINGS = {
    "phone": ("phone", "telepon", "nomor", "no hp", "no. hp", "nomor hp", "nomor telepon", "whatsapp", "no wa",
              "no. wa", "nomor wa", "nomor whatsapp", "hp", "phone number", "mobile"),
    "name": ("name", "nama", "nama kontak", "nama pelanggan", "contact name"),
    "assigned_to": ("assigned_to", "assigned to", "agent", "cs", "ditangani", "ditangani oleh"),
    "campaign": ("campaign", "kampanye"),
    "opted_out": ("opted_out", "opted out", "opt out", "berhenti", "menolak broadcast"),
    "follow_up_at": ("follow_up_at", "follow up", "follow-up", "tindak lanjut"),
    "lids": ("lids", "lid"),
    "id": ("id",),
}  # fmt: skip

REFUSALS = {
    "not_csv": gettext_lazy("This is no CSV file: choose the format XLSX, or save it as CSV."),
    "not_xlsx": gettext_lazy("This is no XLSX file: choose the format CSV, or save it as XLSX."),
    "old_excel": gettext_lazy("This is an Excel file of the old kind (.xls): open it and save it as XLSX."),
    "bomb": gettext_lazy("This file unpacks to more than any list of contacts needs. It was not opened."),
    "not_utf8": gettext_lazy("The file is not in UTF-8: in Excel choose “CSV UTF-8” when saving, or XLSX."),
    "broken": gettext_lazy("The file is damaged and cannot be read."),
    "too_large": gettext_lazy("The file is larger than 20 MB: split it."),
    "too_many_rows": gettext_lazy("The file has more than 50,000 rows: split it."),
    "too_many_columns": gettext_lazy("The file has more than 100 columns."),
    "empty": gettext_lazy("The file is empty."),
    "gone": gettext_lazy("The uploaded file is gone; please upload it again."),
}


# -- Files ------------------------------------------------------------------------------------------------------------


class _Upload(base_formats.TablibFormat):
    """A format that reads through `labelcrm.lib.spreadsheets`; files are bytes until then."""

    reader: Callable[[bytes], Table]
    kind = ""

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> tablib.Dataset:
        """The table, its headers as we call them, and the line of each row. Raises UploadRefused."""
        table = type(self).reader(in_stream)
        dataset = tablib.Dataset(headers=[*headings(table.headers), ROW_NUMBER])
        for number, row in zip(table.numbers, table.rows, strict=True):
            dataset.append([*row, str(number)])
        return dataset

    def is_binary(self) -> bool:
        return True

    def get_read_mode(self) -> str:
        return "rb"


class CSV(_Upload):
    TABLIB_MODULE = "tablib.formats._csv"
    CONTENT_TYPE = "text/csv; charset=utf-8"
    reader = staticmethod(read_csv)
    kind = exporting.CSV

    def get_title(self) -> str:
        return "CSV"  # the page chooses it by the ending of the file


class XLSX(_Upload):
    TABLIB_MODULE = "tablib.formats._xlsx"
    CONTENT_TYPE = base_formats.XLSX.CONTENT_TYPE
    reader = staticmethod(read_xlsx)
    kind = exporting.XLSX

    def get_title(self) -> str:
        return "XLSX"


FORMATS = (CSV, XLSX)


def headings(found: Iterable[str]) -> list[str]:
    """Our names for the columns of a file, as far as we know them; of two that mean the same the first counts."""
    known = {spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings}
    named: list[str] = []
    for place, text in enumerate(found):
        name = known.get(text.strip().casefold(), text.strip() or f"column {place + 1}")
        named.append(name if name not in named else f"{name} ({place + 1})")
    return named


# -- Contacts ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Plan:
    """What one row means: a known contact or a new one, what changes, and what is wrong with it."""

    contact: Contact
    new: bool
    phone: str = ""
    said: Said = field(default_factory=Said)
    errors: dict[str, list[str]] = field(default_factory=dict)
    changed: bool = False

    def wrong(self, column: str, sentence: Any) -> None:
        self.errors.setdefault(column, []).append(str(sentence))


class FileResult(Result):
    """Errors are named by their line in the file, whatever blank lines were left out."""

    def append_invalid_row(self, number: int, row: Any, validation_error: ValidationError) -> None:
        super().append_invalid_row(_line(row, number), row, validation_error)

    def append_error_row(self, number: int, row: Any, errors: list[Any]) -> None:
        super().append_error_row(_line(row, number), row, errors)


def _line(row: Mapping[str, Any], number: int) -> int:
    return int(row.get(ROW_NUMBER) or number)


class Shown(Field):
    """A column of the preview: what it shows of a contact, before and after."""

    def __init__(self, name: str, shows: Callable[[Contact], str]) -> None:
        super().__init__(column_name=name)
        self.shows = shows

    def export(self, instance: Contact | None, **kwargs: Any) -> str:
        return "" if instance is None else self.shows(instance)


class ContactResource(resources.ModelResource):
    """django-import-export's view of an import of contacts; `user` is who imports."""

    phone = Shown("phone", lambda contact: contact.phone or phones.lid_address(contact.lid) or "")
    name = Shown("name", lambda contact: contact.name)
    assigned_to = Shown("assigned_to", lambda contact: contact.assigned_to.name if contact.assigned_to else "")
    campaign = Shown("campaign", lambda contact: contact.campaign.name if contact.campaign else "")
    opted_out = Shown("opted_out", lambda contact: _("yes") if contact.opted_out_at else "")
    follow_up_at = Shown("follow_up_at", lambda contact: exporting.moment_cell(contact.follow_up_at))

    class Meta:
        model = Contact
        fields = ("phone", "name", "assigned_to", "campaign", "opted_out", "follow_up_at")
        import_id_fields = ()
        use_bulk = True  # no savepoint per row: rows are written together, by the service
        report_skipped = False
        skip_unchanged = True
        clean_model_instances = False

    def __init__(self, *, user: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user
        self._meta: Any = copy(self._meta)  # the diff is switched off for rows that a preview does not show
        self.plans: dict[int, Plan] = {}

    @classmethod
    def get_display_name(cls) -> str:
        return str(Contact._meta.verbose_name_plural)

    # -- The steps of an import, in their order ---

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        if not {"phone", "lids", "id"} & set(dataset.headers):
            raise ValidationError(_("The file needs a column “phone” (or “telepon”, “nomor”, “whatsapp”)."))
        rows = [dict(zip(dataset.headers, row, strict=True)) for row in dataset]
        self.plans = dict(enumerate(plans(rows, user=self.user), start=1))

    def get_result_class(self) -> type[Result]:
        return FileResult

    def import_row(self, row: Any, instance_loader: Any, **kwargs: Any) -> Any:
        if not self.plans:  # the file as a whole was refused
            refused = self.get_row_result_class()()
            refused.import_type = RowResult.IMPORT_TYPE_SKIP
            return refused
        self._meta.skip_diff = not kwargs.get("dry_run") or kwargs["row_number"] > SHOWN_ROWS
        self._plan = self.plans[kwargs["row_number"]]
        return super().import_row(row, instance_loader, **kwargs)

    def get_or_init_instance(self, instance_loader: Any, row: Any) -> tuple[Contact, bool]:
        return self._plan.contact, self._plan.new

    def import_instance(self, instance: Contact, row: Any, **kwargs: Any) -> None:
        """Show on the row at hand what would become of it. Raises ValidationError with all that is wrong."""
        if self._plan.errors:
            raise ValidationError(self._plan.errors)
        said = self._plan.said
        instance.phone = instance.phone or self._plan.phone
        for name, value in said.values.items():
            setattr(instance, name, value)
        instance.campaign = said.campaign or instance.campaign
        if said.opted_out:
            instance.opted_out_at = timezone.now()

    def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        return not self._plan.changed and not self._plan.new and not import_validation_errors

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def save_instance(self, instance: Contact, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Written by `after_import`, all rows together, and not at all in a preview."""

    def save_m2m(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Contacts have no such fields here."""

    def after_import(self, dataset: tablib.Dataset, result: Any, **kwargs: Any) -> None:
        if not self._is_dry_run(kwargs) and not result.has_errors() and not result.has_validation_errors():
            self._write(dataset, result)
            audit.record(
                actor=self.user,
                action="contacts.imported",
                file=str(kwargs.get("file_name") or "")[:200],
                rows=result.total_rows,
                new=result.totals["new"],
                changed=result.totals["update"],
                unchanged=result.totals["skip"],
            )

    def _write(self, dataset: tablib.Dataset, result: Result) -> None:
        """Write the plans; what became wrong while others wrote is an error of its row."""
        lines = {
            number: Line(None if plan.new else plan.contact.pk, plan.phone, plan.said)
            for number, plan in self.plans.items()
            if plan.new or plan.changed
        }
        for number, error in sorted(create_or_update_contacts(lines, actor=self.user).items()):
            result.append_invalid_row(number, dict(zip(dataset.headers, dataset[number - 1], strict=True)), error)


def plans(rows: Sequence[Mapping[str, str]], *, user: Any) -> list[Plan]:
    """What each row of a file means; queries do not grow with the rows, apart from chunks of those that exist."""
    read = [_identify(row) for row in rows]
    owners = owners_of(
        phones=(phone for phone, _lids, _errors in read if phone),
        lids=(lid for _phone, lids, _errors in read for lid in lids),
    )
    ids = [_owner(row, phone, lids, owners) for row, (phone, lids, _errors) in zip(rows, read, strict=True)]
    known = _known(filter(None, ids), user)
    agents, campaigns = _Names(Agent.objects.visible_to(user)), _Names(Campaign.objects.visible_to(user))
    own_numbers = set(Channel.all_objects.exclude(own_phone="").values_list("own_phone", flat=True))
    made: list[Plan] = []
    first_row: dict[int | str, str] = {}
    for row, (phone, _lids, errors), contact_id in zip(rows, read, ids, strict=True):
        plan = _plan(row, phone, contact_id, known, errors, own_numbers)
        who = contact_id or phone or ""
        if who and who in first_row:
            plan.wrong("phone", _("The same contact as in row %(row)s.") % {"row": first_row[who]})
        elif who:
            first_row[who] = row.get(ROW_NUMBER, "")
        _understand(plan, row, known.get(contact_id or 0), agents, campaigns)
        made.append(plan)
    return made


@dataclass(frozen=True, slots=True)
class _Known:
    """A contact of the file, whether the user sees it, and the cells an export would write for it."""

    contact: Contact
    cells: dict[str, str]
    visible: bool


def _known(ids: Iterable[int], user: Any) -> dict[int, _Known]:
    wanted = sorted(set(ids))
    contacts = Contact.all_objects.select_related("assigned_to", "campaign").in_bulk(wanted)
    seen = set(Contact.all_objects.visible_to(user).filter(pk__in=wanted).values_list("pk", flat=True))
    cells = {
        int(line[0]): dict(zip(exporting.COLUMNS, line, strict=True)) for line in exporting.rows_of(wanted, user=user)
    }
    return {pk: _Known(contact, cells[pk], pk in seen) for pk, contact in contacts.items()}


def _identify(row: Mapping[str, str]) -> tuple[str, list[str], dict[str, Any]]:
    """Phone (E.164), LIDs (digits) and what is wrong with them."""
    errors: dict[str, Any] = {}
    text = restored(row.get("phone", "").strip())
    phone = phones.to_e164(text, region=settings.PHONE_REGION) or ""
    if re.fullmatch(r"\d+([.,]\d+)?[eE]\+?\d+", text):
        errors["phone"] = _("A spreadsheet shortened this number (%(text)s): format the column as text.") % {
            "text": text
        }
        phone = ""
    elif text and not phone:
        errors["phone"] = _("“%(text)s” is no phone number.") % {"text": text[:60]}
    lids = []
    for part in filter(None, re.split(r"[;,\s]+", restored(row.get("lids", "")))):
        digits = phones.lid_digits(part)
        if digits is None:
            errors["lids"] = _("“%(text)s” is no LID.") % {"text": part[:60]}
        else:
            lids.append(digits)
    return phone, lids, errors


def _owner(row: Mapping[str, str], phone: str, lids: list[str], owners: Owners) -> int | None:
    """Whom a row means: by phone, else by LID, else by id when it says nothing else."""
    if phone:
        return owners.phones.get(phone)
    for lid in lids:
        if lid in owners.lids:
            return owners.lids[lid]
    text = row.get("id", "").strip()
    return int(text) if not lids and text.isascii() and text.isdecimal() and len(text) < 19 else None


def _plan(
    row: Mapping[str, str],
    phone: str,
    contact_id: int | None,
    known: Mapping[int, _Known],
    errors: Mapping[str, Any],
    own_numbers: Collection[str],
) -> Plan:
    found = known.get(contact_id or 0)
    contact = copy(found.contact) if found is not None else Contact()
    plan = Plan(contact=contact, new=found is None, phone=phone)
    for column, sentence in errors.items():
        plan.wrong(column, sentence)
    if found is None and not phone and not plan.errors:
        plan.wrong("phone", _("Nobody is known by this row, and without a phone nobody can be made."))
    elif phone and phone in own_numbers:
        plan.wrong("phone", _("This is one of our own numbers."))
    elif found is not None and not found.visible:
        plan.wrong("phone", _("This contact belongs to another team."))
    elif found is not None and found.contact.is_archived:
        plan.wrong("phone", _("This contact is in the archive; restore it first."))
    elif found is not None and row.get("id", "").strip() not in ("", str(contact_id)):
        plan.wrong("id", _("The phone belongs to contact %(id)s, not to this id.") % {"id": contact_id})
    return plan


def _understand(plan: Plan, row: Mapping[str, str], known: _Known | None, agents: _Names, campaigns: _Names) -> None:
    """Read every column of the contact itself; a cell that equals what an export writes says nothing new."""
    told: dict[str, Any] = {}
    readers: dict[str, Callable[[str], Any]] = {
        "name": _name,
        "assigned_to": agents.find,
        "campaign": campaigns.find,
        "follow_up_at": _moment,
        "opted_out": _yes,
    }
    for column, reader in readers.items():
        cell = row.get(column, "")
        if not cell.strip() or (known is not None and cell in _as_written(known.cells[column])):
            continue
        try:
            told[column] = reader(restored(cell).strip())
        except ValueError as error:
            plan.wrong(column, error)
    if known is not None and exporting.moment_cell(told.get("follow_up_at")) == known.cells["follow_up_at"]:
        told.pop("follow_up_at", None)  # a spreadsheet program saves the time that it read with its seconds
    told["opted_out"] = bool(told.get("opted_out")) and (known is None or known.contact.opted_out_at is None)
    plan.said = Said(**told)
    plan.changed = bool(plan.said.values or plan.said.campaign or plan.said.opted_out)


def _as_written(cell: str) -> tuple[str, ...]:
    return (cell, cleaned(cell), for_xlsx(cell))


# -- Values -----------------------------------------------------------------------------------------------------------


class _Names:
    """Living rows by code and by name; a name that two have is an error, not a guess."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._found: dict[str, set[Any]] = {}
        for row in rows:
            for text in (row.code, row.name):
                self._found.setdefault(text.casefold(), set()).add(row)

    def find(self, text: str) -> Any:
        """The row of this code or name. Raises ValueError."""
        found = self._found.get(text.casefold(), set())
        if not found:
            raise ValueError(_("There is nobody and nothing called “%(text)s”.") % {"text": text[:60]})
        if len(found) > 1:
            raise ValueError(_("“%(text)s” is the name of several; write the code.") % {"text": text[:60]})
        return next(iter(found))


def _name(text: str) -> str:
    if len(text) > LONGEST_NAME:
        raise ValueError(_("A name has at most 200 characters."))
    if not is_storable(text):
        raise ValueError(_("The name holds characters that cannot be stored."))
    return text


def _yes(text: str) -> bool:
    if text.casefold() not in YES | NO:
        raise ValueError(_("Write yes or no."))
    return text.casefold() in YES


_MOMENTS = (
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d-%m-%Y",
)


def _moment(text: str) -> datetime:
    for form in _MOMENTS:
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - business time, made aware below
        except ValueError:
            continue
        if not 2000 <= moment.year <= 2200:
            break
        return timezone.make_aware(moment)
    raise ValueError(_("Write a time such as 2026-03-02 10:00."))


# -- Campaigns --------------------------------------------------------------------------------------------------------


class CampaignResource(resources.ModelResource):
    """Campaigns in and out, known by their code. Written by services."""

    class Meta:
        model = Campaign
        fields = ("code", "name", "source", "cost", "starts_on", "ends_on")
        export_order = fields
        import_id_fields = ("code",)
        skip_unchanged = True
        report_skipped = False
        clean_model_instances = True

    def __init__(self, *, user: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user

    @classmethod
    def get_display_name(cls) -> str:
        return str(Campaign._meta.verbose_name_plural)

    def get_result_class(self) -> type[Result]:
        return FileResult

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        """Cells are given back what they were before cleaning; an empty one changes nothing."""
        for column in self.Meta.fields:
            text = restored(str(row.pop(column, ""))).strip()
            if text:
                row[column] = _CAMPAIGN_CELLS.get(column, str)(text)

    def save_instance(self, instance: Campaign, is_create: bool, row: Any, **kwargs: Any) -> None:
        if kwargs.get("dry_run"):
            return
        values = {name: getattr(instance, name) for name in self.Meta.fields}
        if is_create:
            people.create_campaign(actor=self.user, origin=ORIGIN, **values)
        else:
            people.update_campaign(instance, actor=self.user, origin=ORIGIN, **values)


def _rupiah(text: str) -> Decimal:
    """`1500000`, `1.500.000` and `Rp 1.500.000` are the same money."""
    digits = re.sub(r"^rp\.?\s*", "", text.casefold())
    digits = digits.replace(".", "") if re.fullmatch(r"\d{1,3}(\.\d{3})+", digits) else digits
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValidationError({"cost": _("Write a number of rupiah, such as 1500000.")}) from None


def _day(text: str) -> date:
    try:
        return timezone.localtime(_moment(text)).date()
    except ValueError:
        raise ValidationError({"starts_on": _("Write a day such as 2026-03-02.")}) from None


_CAMPAIGN_CELLS: dict[str, Callable[[str], Any]] = {"cost": _rupiah, "starts_on": _day, "ends_on": _day}


def refusal(error: Exception) -> str | None:
    """The sentence for a file that was refused; None for any other error."""
    return str(REFUSALS[error.code]) if isinstance(error, UploadRefused) else None
