"""Contacts from a file: rows are understood together before the first of them is written.

A whole file is understood with a handful of queries however long it is. A cell that says what an export would write
is no change, so a file that labelcrm wrote comes back in without effect: there the id says who is meant, and digits
are a number with its country code. Empty cells and unknown columns change nothing. Labels are shown in an export but
not read from one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import tablib
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from import_export import resources
from import_export.fields import Field
from import_export.results import Result, RowResult

from contacts.models import Agent, Campaign, Channel, Contact
from contacts.selectors.viewing import viewer_of
from contacts.services.importing import ContactFields, ContactRow, Owners, create_or_update_contacts, owners_of
from labelcrm.core.viewer import Viewer
from labelcrm.lib import phones
from labelcrm.lib.cells import restored
from labelcrm.lib.numbers import row_id
from labelcrm.lib.text import legible
from transfer import exports
from transfer.imports import readers
from transfer.imports.files import FileResult, Written, line_of
from transfer.imports.headings import OTHER_ID, ROW_NUMBER
from webhooks.gateways import user_ids

SHOWN_ROWS = 200  # of a preview; the rest is counted


@dataclass(slots=True)
class Plan:
    """What one row means: a known contact or a new one, what changes, and what is wrong with it."""

    contact: Contact
    new: bool
    phone: str = ""
    said: ContactFields = field(default_factory=ContactFields)
    errors: dict[str, list[str]] = field(default_factory=dict)
    changed: bool = False

    def wrong(self, column: str, sentence: Any) -> None:
        self.errors.setdefault(column, []).append(str(sentence))


class Shown(Field):
    """A column of the preview: what it shows of a contact, before and after."""

    def __init__(self, name: str, shows: Callable[[Contact], str]) -> None:
        super().__init__(column_name=name)
        self.shows = shows

    def export(self, instance: Contact | None, **kwargs: Any) -> str:
        return "" if instance is None else self.shows(instance)


class ContactResource(resources.ModelResource):
    """django-import-export's view of an import of contacts, for the preview; `user` is who imports."""

    phone = Shown("phone", lambda contact: contact.address and contact.shown_address)
    name = Shown("name", lambda contact: contact.name)
    assigned_to = Shown("assigned_to", lambda contact: contact.assigned_to.name if contact.assigned_to else "")
    campaign = Shown("campaign", lambda contact: contact.campaign.name if contact.campaign else "")
    opted_out = Shown("opted_out", lambda contact: _("yes") if contact.opted_out_at else "")
    follow_up_at = Shown("follow_up_at", lambda contact: exports.moment_cell(contact.follow_up_at))

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
        if not {"phone", "lids", "user_ids"} & set(dataset.headers):
            raise ValidationError(_("The file needs a column “phone” (or “telepon”, “nomor”, “whatsapp”)."))
        rows = [dict(zip(dataset.headers, row, strict=True)) for row in dataset]
        self.plans = dict(enumerate(plans(rows, viewer=viewer_of(self.user)), start=1))

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
        """Nothing: this is the preview, `write_contacts` writes."""

    def save_m2m(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Contacts have no such fields here."""


def write_contacts(rows: Sequence[Mapping[str, str]], user: Any, first_row: dict[str, str]) -> Written:
    """Write what rows of a file mean by now; what is wrong with one keeps no other from being written.

    `first_row`: see `plans`.
    """
    made = plans(rows, viewer=viewer_of(user), first_row=first_row)
    wanted = {
        number: ContactRow(None if plan.new else plan.contact.pk, plan.phone, plan.said)
        for number, plan in enumerate(made)
        if not plan.errors and (plan.new or plan.changed)
    }
    refused = create_or_update_contacts(wanted, actor=user)
    written = Written()
    for number, (row, plan) in enumerate(zip(rows, made, strict=True)):
        if number in refused:
            plan.wrong("", " ".join(refused[number].messages))
        if plan.errors:
            written.problems[line_of(row, number)] = plan.errors
        elif number not in wanted:
            written.unchanged += 1
        elif plan.new:
            written.created += 1
        else:
            written.changed += 1
    return written


def plans(rows: Sequence[Mapping[str, str]], *, viewer: Viewer, first_row: dict[str, str] | None = None) -> list[Plan]:
    """What each row of a file means; queries do not grow with the rows, apart from chunks of those that exist.

    `first_row` says on which line stood whom the rows before these are about, and learns of these.
    """
    row_ids = [_identify(row) for row in rows]
    owners = owners_of(
        phones=(phone for each in row_ids for phone in (each.phone, each.as_it_stands) if phone),
        lids=(lid for each in row_ids for lid in each.lids),
        user_ids=(one for each in row_ids for one in each.user_ids),
    )
    by_id = _seen_by_id((each.id for each in row_ids if each.id), viewer)
    for each in row_ids:
        each.believe(owners)
    ids = [_owner(each, owners, by_id) for each in row_ids]
    known = _known(filter(None, ids), viewer)
    agents, campaigns = (
        _Names(Agent.objects.visible_to(viewer)),
        _Names(Campaign.objects.visible_to(viewer)),
    )
    own_numbers = set(Channel.all_objects.exclude(own_phone="").values_list("own_phone", flat=True))
    made: list[Plan] = []
    first_row = {} if first_row is None else first_row
    for row, each, contact_id in zip(rows, row_ids, ids, strict=True):
        plan = _plan(each, contact_id, known, owners, own_numbers)
        who = str(contact_id or "") or (min(phones.same_number(each.phone)) if each.phone else "")
        if who and who in first_row:
            plan.wrong("phone", _("The same contact as in row %(row)s.") % {"row": first_row[who]})
        elif who:
            first_row[who] = row.get(ROW_NUMBER, "")
        _understand(plan, row, known.get(contact_id or 0), agents, campaigns)
        made.append(plan)
    return made


@dataclass(frozen=True, slots=True)
class _Known:
    """A contact of the file, whether the viewer sees it, and the cells an export would write for it."""

    contact: Contact
    cells: dict[str, str]
    visible: bool


def _known(ids: Iterable[int], viewer: Viewer) -> dict[int, _Known]:
    wanted = sorted(set(ids))
    contacts = Contact.all_objects.select_related("assigned_to", "campaign").in_bulk(wanted)
    seen = set(Contact.all_objects.visible_to(viewer).filter(pk__in=wanted).values_list("pk", flat=True))
    cells = {
        int(line[0]): dict(zip(exports.COLUMNS, line, strict=True)) for line in exports.rows_of(wanted, viewer=viewer)
    }
    return {pk: _Known(contact, cells[pk], pk in seen) for pk, contact in contacts.items()}


@dataclass(slots=True)
class _RowIds:
    """Whom a row names: `phone` E.164, `lids` digits, `user_ids` Meta's, and what is wrong with them.

    `id` is ours, from our own export. `other_id` is of a file that may be anybody's: it is believed only where the
    phone's digits as they stand are the number of the contact with this id. `unknown` is a number that no plan lists.
    """

    id: int | None = None
    other_id: int | None = None
    phone: str = ""
    as_it_stands: str = ""
    unknown: bool = False
    lids: list[str] = field(default_factory=list)
    user_ids: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def believe(self, owners: Owners) -> None:
        """Take the digits as they stand where the id confirms them, or where somebody has this odd number."""
        owner = owners.phones.get(self.as_it_stands)
        if owner is not None and (self.unknown or owner == self.other_id):
            self.phone = self.as_it_stands
            self.errors.pop("phone", None)


def _identify(row: Mapping[str, str]) -> _RowIds:
    named = _RowIds(id=_id(row.get("id", "")), other_id=_id(row.get(OTHER_ID, "")))
    text = row.get("phone", "")
    if not readers.is_empty(text):
        ours = phones.as_written_by_us(text)
        named.as_it_stands = ours or ""
        try:
            named.phone = ours if ours and named.id else readers.phone(text)
        except readers.NoNumber as error:
            named.errors["phone"], named.unknown = str(error), error.unknown
    for part in filter(None, re.split(r"[;,\s]+", legible(restored(row.get("lids", ""))))):
        digits = phones.lid_digits(part)
        if digits is not None:
            named.lids.append(digits)
        elif not readers.is_empty(part):
            named.errors["lids"] = _("“%(text)s” is no LID.") % {"text": part[:60]}
    parts = re.split(r"[;,\s]+", legible(restored(row.get("user_ids", ""))))
    named.user_ids = [found.value for part in parts if (found := user_ids.read(part))]
    return named


def _id(cell: str) -> int | None:
    return row_id(legible(cell).removesuffix(".0"))


def _seen_by_id(ids: Iterable[int], viewer: Viewer) -> dict[int, int]:
    """By id in the file the contact that has it now, for a merged one the survivor; as far as `viewer` sees."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    found = Contact.all_objects.filter(pk__in=wanted).values_list("pk", "merged_into_id")
    now = {pk: survivor or pk for pk, survivor in found}
    seen = set(Contact.all_objects.visible_to(viewer).filter(pk__in=now.values()).values_list("pk", flat=True))
    return {pk: survivor for pk, survivor in now.items() if survivor in seen}


def _owner(named: _RowIds, owners: Owners, by_id: Mapping[int, int]) -> int | None:
    """Whom a row means: by the id of our own export where that is somebody here, else by phone, LID or Meta's id."""
    if named.id is not None and named.id in by_id:
        return by_id[named.id]
    if named.phone:
        return owners.phones.get(named.phone)
    by_lid = (owners.lids[lid] for lid in named.lids if lid in owners.lids)
    by_user_id = (owners.user_ids[one] for one in named.user_ids if one in owners.user_ids)
    return next(chain(by_lid, by_user_id), None)


def _plan(
    named: _RowIds,
    contact_id: int | None,
    known: Mapping[int, _Known],
    owners: Owners,
    own_numbers: Collection[str],
) -> Plan:
    found = known.get(contact_id or 0)
    contact = copy(found.contact) if found is not None else Contact()
    plan = Plan(contact=contact, new=found is None, phone=named.phone)
    for column, sentence in named.errors.items():
        plan.wrong(column, sentence)
    if found is None and not named.phone and not plan.errors:
        plan.wrong("phone", _("Nobody is known by this row, and without a phone nobody can be made."))
    elif named.phone and named.phone in own_numbers:
        plan.wrong("phone", _("This is one of our own numbers."))
    elif found is not None and not found.visible:
        plan.wrong("phone", _("This contact belongs to another team."))
    elif found is not None and found.contact.is_archived:
        plan.wrong("phone", _("This contact is in the archive; restore it first."))
    elif found is not None and named.id and named.phone:
        _check_number(plan, named.phone, found.contact, owners.phones.get(named.phone))
    return plan


def _check_number(plan: Plan, phone: str, contact: Contact, owner: int | None) -> None:
    """In our own export the id says who is meant; a number that is somebody else's, or nobody's yet, is refused."""
    if owner == contact.pk or contact.phone in phones.same_number(phone):
        return
    if owner is not None:
        plan.wrong("id", _("The phone belongs to contact %(id)s, not to this id.") % {"id": owner})
        return
    sentence = _(
        "Contact %(id)s is not known by this number, and an import changes no numbers. "
        "For a new contact empty the id in this row."
    )
    plan.wrong("phone", sentence % {"id": contact.pk})


def _understand(plan: Plan, row: Mapping[str, str], known: _Known | None, agents: _Names, campaigns: _Names) -> None:
    """Read every column of the contact itself; a cell that equals what an export writes says nothing new."""
    values: dict[str, Any] = {}
    reader_of: dict[str, Callable[[str], Any]] = {
        "name": readers.name,
        "assigned_to": agents.find,
        "campaign": campaigns.find,
        "follow_up_at": readers.moment,
        "opted_out": readers.yes,
    }
    for column, reader in reader_of.items():
        cell = row.get(column, "")
        if readers.is_empty(cell) or (known is not None and readers.is_same(cell, known.cells[column])):
            continue
        try:
            values[column] = reader(restored(cell))
        except ValueError as error:
            plan.wrong(column, error)
    if known is not None and exports.moment_cell(values.get("follow_up_at")) == known.cells["follow_up_at"]:
        values.pop("follow_up_at", None)  # a spreadsheet program saves the time that it read with its seconds
    values["opted_out"] = bool(values.get("opted_out")) and (known is None or known.contact.opted_out_at is None)
    plan.said = ContactFields(**values)
    plan.changed = bool(plan.said.values or plan.said.campaign or plan.said.opted_out)


class _Names:
    """Living rows by code and by name; a name that two have is an error, not a guess."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._found: dict[str, set[Any]] = {}
        for row in rows:
            for text in (row.code, row.name):
                self._found.setdefault(legible(text).casefold(), set()).add(row)

    def find(self, text: str) -> Any:
        """The row of this code or name. Raises ValueError."""
        text = legible(text)
        found = self._found.get(text.casefold(), set())
        if not found:
            raise ValueError(_("There is nobody and nothing called “%(text)s”.") % {"text": text[:60]})
        if len(found) > 1:
            raise ValueError(_("“%(text)s” is the name of several; write the code.") % {"text": text[:60]})
        return next(iter(found))
