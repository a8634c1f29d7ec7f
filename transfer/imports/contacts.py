"""Contacts from a file: rows are understood together before the first of them is written.

A whole file is understood with a handful of queries however long it is. A cell that says what an export would write
is no change, so a file that labelcrm wrote comes back in without effect: there the id says who is meant, and digits
are a number with its country code. Empty cells and unknown columns change nothing. A file puts labels on and takes
none off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from import_export import resources

from contacts.models import Agent, Campaign, Channel, Contact, Note
from contacts.selectors.viewing import viewer_of
from contacts.services.importing import ORIGIN, ContactFields, ContactRow, Owners, create_or_update_contacts, owners_of
from contacts.services.taking_back import archived_by_undo
from labelcrm.core.viewer import Viewer
from labelcrm.lib import phones
from labelcrm.lib.cells import restored
from labelcrm.lib.numbers import row_id
from labelcrm.lib.text import legible
from labels.services import crm_labels
from labels.services.archiving import restore_contacts
from transfer import exports
from transfer.imports import readers
from transfer.imports.files import ImportBatch, Shown, Written, line_of
from transfer.imports.headings import OTHER_ID, ROW_NUMBER
from transfer.imports.label_names import LabelNames
from webhooks.gateways import user_ids

# The columns of a contact that a file may change, as a preview shows them.
READ_COLUMNS = ("name", "labels", "assigned_to", "campaign", "follow_up_at", "opted_out", "notes")


@dataclass(slots=True)
class Plan:
    """What one row means: a known contact or a new one, what changes, and what is wrong with it.

    `labels` (ids) are those that the contact does not have yet. `shown` are the cells before and after, for people.
    `restores`: an import that was taken back had made the contact, who is in the archive since and comes back.
    """

    contact: Contact
    new: bool
    restores: bool = False
    phone: str = ""
    said: ContactFields = field(default_factory=ContactFields)
    labels: list[int] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    shown: dict[str, tuple[str, str]] = field(default_factory=dict)

    def wrong(self, column: str, sentence: Any) -> None:
        self.errors.setdefault(column, []).append(str(sentence))

    @property
    def changes(self) -> bool:
        said = self.said
        return bool(
            self.new or self.restores or self.labels or said.values or said.campaign or said.opted_out or said.note
        )


class ContactResource(resources.ModelResource):
    """Contacts as django-import-export's pages of an export know them."""

    class Meta:
        model = Contact
        fields = ("phone", "name")

    def __init__(self, *, user: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    @classmethod
    def get_display_name(cls) -> str:
        return str(Contact._meta.verbose_name_plural)


def write_contacts(rows: Sequence[Mapping[str, str]], batch: ImportBatch) -> Written:
    """Write what rows of a file mean by now; what is wrong with one keeps no other from being written."""
    with transaction.atomic():
        # Before the contacts, as whoever changes what the built-in channel's labels mean takes them.
        channel = crm_labels.hold() if batch.writes and any(row.get("labels") for row in rows) else None
        made = plans(rows, viewer=viewer_of(batch.owner), first_row=batch.first_row, shown=batch.shown)
        wanted = {number: plan for number, plan in enumerate(made) if not plan.errors and plan.changes}
        written = Written()
        if batch.writes:
            written.changes = _write(wanted, rows, channel, batch)
        for number, (row, plan) in enumerate(zip(rows, made, strict=True)):
            _count(written, line_of(row, number), plan, shown=batch.shown)
    return written


def _write(
    wanted: Mapping[int, Plan], rows: Sequence[Mapping[str, str]], channel: Channel | None, batch: ImportBatch
) -> list[dict[str, Any]]:
    """Write plans, by the numbers of their rows; returns what taking it back needs. Plans learn of late refusals."""
    told = {
        number: ContactRow(None if plan.new else plan.contact.pk, plan.phone, plan.said)
        for number, plan in wanted.items()
    }
    back = [plan.contact for plan in wanted.values() if plan.restores]
    if back:
        restore_contacts(back, actor=batch.owner, origin=ORIGIN)
    done = create_or_update_contacts(told, actor=batch.owner)
    created = done.created | {contact.pk for contact in back}
    for number, refused in done.refused.items():
        wanted[number].wrong("", " ".join(refused.messages))
    labels = [(done.contacts[n], label) for n, plan in wanted.items() if n in done.contacts for label in plan.labels]
    events = crm_labels.put_on(labels, channel=channel, key=batch.key) if channel is not None and labels else {}
    return [
        {
            "line": line_of(rows[number], number),
            "contact": pk,
            "created": pk in created,
            "columns": done.changes[number],
            "note": done.notes.get(number),
            "labels": [events[pk, label] for label in wanted[number].labels if (pk, label) in events],
        }
        for number, pk in done.contacts.items()
    ]


def _count(written: Written, line: int, plan: Plan, *, shown: int) -> None:
    if plan.errors:
        written.problems[line] = plan.errors
    elif not plan.changes:
        written.unchanged += 1
    else:
        new = plan.new or plan.restores
        written.created += new
        written.changed += not new
        if len(written.shown) < shown:
            phone = plan.phone or (plan.contact.address and plan.contact.shown_address)
            written.shown.append(Shown(line, new, {"phone": ("", phone), **plan.shown}))


def plans(
    rows: Sequence[Mapping[str, str]], *, viewer: Viewer, first_row: dict[str, str], shown: int = 0
) -> list[Plan]:
    """What each row of a file means; queries do not grow with the rows, apart from chunks of those that exist.

    `first_row`, `shown`: see `transfer.imports.files.ImportBatch`.
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
    known = _known(filter(None, ids), viewer, columns={*_NEEDED, *(rows[0] if rows else ())})
    names = _AllNames(
        agents=_Names(Agent.objects.visible_to(viewer)),
        campaigns=_Names(Campaign.objects.visible_to(viewer)),
        labels=LabelNames() if any(row.get("labels") for row in rows) else None,
    )
    own_numbers = set(Channel.all_objects.exclude(own_phone="").values_list("own_phone", flat=True))
    made: list[Plan] = []
    for row, each, contact_id in zip(rows, row_ids, ids, strict=True):
        plan = _plan(each, contact_id, known, owners, own_numbers)
        _once(plan, row, str(contact_id or "") or each.same_number, first_row)
        _understand(plan, row, known.get(contact_id or 0), names)
        if shown:
            plan.shown |= _shown(plan.said, known.get(contact_id or 0))
        made.append(plan)
    _leave_what_is_there(made, names)
    return made


def _once(plan: Plan, row: Mapping[str, str], who: str, first_row: dict[str, str]) -> None:
    """Of two rows about one contact the later is wrong."""
    if who and who in first_row:
        plan.wrong("phone", _("The same contact as in row %(row)s.") % {"row": first_row[who]})
    elif who:
        first_row[who] = row.get(ROW_NUMBER, "")


def _leave_what_is_there(made: Sequence[Plan], names: _AllNames) -> None:
    """Labels that a contact has already, and notes that were written before, say nothing new; a query for each."""
    labelled = [plan for plan in made if plan.labels and not plan.errors]
    on = crm_labels.active([(plan.contact.pk, label) for plan in labelled if not plan.new for label in plan.labels])
    for plan in labelled:
        plan.labels = [label for label in plan.labels if (plan.contact.pk, label) not in on]
        if plan.labels and names.labels is not None:
            plan.shown["labels"] = (plan.shown.get("labels", ("", ""))[0], names.labels.shown(plan.labels))
    noted = {plan.contact.pk: plan for plan in made if plan.said.note and not plan.new and not plan.errors}
    for pk, text in Note.objects.filter(contact__in=list(noted)).order_by().values_list("contact_id", "text"):
        if noted[pk].said.note == text:
            noted[pk].said = replace(noted[pk].said, note="")
            noted[pk].shown.pop("notes", None)


@dataclass(frozen=True, slots=True)
class _Known:
    """A contact of the file, the cells an export would write for it, whether the viewer sees it, and if it is archived
    whether it comes back by being imported."""

    contact: Contact
    cells: dict[str, str]
    visible: bool
    restorable: bool


_NEEDED = ("id", "follow_up_at")  # whatever the file says


def _known(ids: Iterable[int], viewer: Viewer, *, columns: Collection[str]) -> dict[int, _Known]:
    """The contacts of a file, with the cells that an export would write in these columns."""
    wanted = sorted(set(ids))
    contacts = Contact.all_objects.select_related("assigned_to", "campaign").in_bulk(wanted)
    seen = set(Contact.all_objects.visible_to(viewer).filter(pk__in=wanted).values_list("pk", flat=True))
    names = exports.columns_in_order(columns)
    lines = (dict(zip(names, line, strict=True)) for line in exports.rows_of(wanted, viewer=viewer, columns=names))
    cells = {int(line["id"]): line for line in lines}
    restorable = archived_by_undo(contacts.values())
    return {pk: _Known(contact, cells[pk], pk in seen, pk in restorable) for pk, contact in contacts.items()}


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

    @property
    def same_number(self) -> str:
        """The phone in one of the forms that it may be written in, always the same one."""
        return min(phones.same_number(self.phone)) if self.phone else ""

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
    restores = found is not None and found.restorable
    plan = Plan(contact=contact, new=found is None, restores=restores, phone=named.phone)
    for column, sentence in named.errors.items():
        plan.wrong(column, sentence)
    if found is None and not named.phone and not plan.errors:
        plan.wrong("phone", _("Nobody is known by this row, and without a phone nobody can be made."))
    elif named.phone and named.phone in own_numbers:
        plan.wrong("phone", _("This is one of our own numbers."))
    elif found is not None and not found.visible:
        plan.wrong("phone", _("This contact belongs to another team."))
    elif found is not None and found.contact.is_archived and not found.restorable:
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


@dataclass(frozen=True, slots=True)
class _AllNames:
    """What cells may name; `labels` None where the file has no such column."""

    agents: _Names
    campaigns: _Names
    labels: LabelNames | None


def _understand(plan: Plan, row: Mapping[str, str], known: _Known | None, names: _AllNames) -> None:
    """Read every column of the contact itself; a cell that equals what an export writes says nothing new."""
    values: dict[str, Any] = {}
    reader_of: dict[str, Callable[[str], Any]] = {
        "name": readers.name,
        "assigned_to": names.agents.find,
        "campaign": names.campaigns.find,
        "follow_up_at": readers.moment,
        "opted_out": readers.yes,
        "notes": readers.note,
    }
    for column, reader in reader_of.items():
        cell = row.get(column, "")
        if readers.is_empty(cell) or (known is not None and readers.is_same(cell, known.cells.get(column, ""))):
            continue
        try:
            values[column] = reader(restored(cell))
        except ValueError as error:
            plan.wrong(column, error)
    if known is not None and exports.moment_cell(values.get("follow_up_at")) == known.cells["follow_up_at"]:
        values.pop("follow_up_at", None)  # a spreadsheet program saves the time that it read with its seconds
    values["opted_out"] = bool(values.get("opted_out")) and (known is None or known.contact.opted_out_at is None)
    values["note"] = values.pop("notes", "")
    plan.said = ContactFields(**values)
    if names.labels is not None:
        _read_labels(plan, row.get("labels", ""), known, names.labels)


def _read_labels(plan: Plan, cell: str, known: _Known | None, labels: LabelNames) -> None:
    """The labels that a cell names; those that an export would show of the contact are known, archived ones too."""
    written = known.cells["labels"] if known is not None else ""
    if readers.is_empty(cell) or readers.is_same(cell, written):
        return
    try:
        plan.labels = labels.read(restored(cell), known=written.split(exports.JOINER))
    except ValueError as error:
        plan.wrong("labels", error)
    plan.shown["labels"] = (written, "")


def _shown(said: ContactFields, known: _Known | None) -> dict[str, tuple[str, str]]:
    """The cells that change, before and after, as people read them."""
    after = {
        "name": said.name or "",
        "assigned_to": said.assigned_to.name if said.assigned_to else "",
        "campaign": said.campaign.name if said.campaign else "",
        "follow_up_at": exports.moment_cell(said.follow_up_at),
        "opted_out": _("yes") if said.opted_out else "",
        "notes": said.note,
    }
    hidden = {"opted_out", "notes"}  # "no" and nothing are no news
    before = {} if known is None else {column: known.cells.get(column, "") for column in after if column not in hidden}
    return {column: (before.get(column, ""), text) for column, text in after.items() if text}


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
