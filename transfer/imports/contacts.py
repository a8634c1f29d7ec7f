"""Contacts from a file: rows are understood together before the first of them is written.

A whole file is understood with a handful of queries however long it is. A cell that says what an export would write
is no change, so a file that labelcrm wrote comes back in without effect: there the id says who is meant, and digits
are a number with its country code. Empty cells and unknown columns change nothing. A file puts labels on and takes
none off.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from import_export import resources

from contacts.models import Agent, Campaign, Channel, Contact, Note
from contacts.selectors.viewing import viewer_of
from contacts.services.import_rows import ORIGIN, WrittenRow
from contacts.services.importing import (
    ContactFields,
    ContactRow,
    ImportOutcome,
    Owners,
    create_or_update_contacts,
)
from labelcrm.core.viewer import Viewer
from labelcrm.lib import phones
from labelcrm.lib.cells import restored
from labelcrm.lib.text import legible
from labels.services import crm_labels
from labels.services.archiving import restore_contacts
from transfer import exports
from transfer.imports import readers
from transfer.imports.files import ImportBatch, Shown, Written, line_of
from transfer.imports.headings import ROW_NUMBER
from transfer.imports.label_names import LabelNames
from transfer.imports.people import FileContact, RowIds, contacts_of_file, recognize

NOTHING_SAID = ContactFields()


@dataclass(slots=True)
class Plan:
    """What one row means: a known contact (id) or a new one, what changes, and what is wrong with it.

    `labels` (ids) are those that the contact does not have yet. `shown` are the cells before and after, for people.
    `restores`: an import that was taken back had made the contact, who is in the archive since and comes back.
    """

    contact: int | None
    phone: str
    restores: bool = False
    said: ContactFields = NOTHING_SAID
    labels: list[int] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    shown: dict[str, tuple[str, str]] = field(default_factory=dict)

    def wrong(self, column: str, sentence: Any) -> None:
        self.errors.setdefault(column, []).append(str(sentence))

    @property
    def new(self) -> bool:
        return self.contact is None or self.restores

    @property
    def changes(self) -> bool:
        return self.new or bool(self.labels) or self.said is not NOTHING_SAID


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
        changes = _write(wanted, rows, channel, batch) if batch.writes else []
    problems = {line_of(rows[number], number): plan.errors for number, plan in enumerate(made) if plan.errors}
    done = {number: plan for number, plan in wanted.items() if not plan.errors}  # some were refused when written
    created = sum(plan.new for plan in done.values())
    return Written(
        created=created,
        changed=len(done) - created,
        unchanged=len(made) - len(done) - len(problems),
        problems=problems,
        changes=changes,
        shown=_preview([(line_of(rows[number], number), plan) for number, plan in islice(done.items(), batch.shown)]),
    )


def _write(
    wanted: Mapping[int, Plan], rows: Sequence[Mapping[str, str]], channel: Channel | None, batch: ImportBatch
) -> list[str]:
    """Write plans, by the numbers of their rows; returns what taking it back needs. Plans learn of late refusals."""
    told = {number: ContactRow(plan.contact, plan.phone, plan.said) for number, plan in wanted.items()}
    back = {plan.contact for plan in wanted.values() if plan.restores and plan.contact is not None}
    if back:
        contacts = Contact.all_objects.in_bulk(back)
        restore_contacts(list(contacts.values()), actor=batch.owner, origin=ORIGIN)
    done = create_or_update_contacts(told, actor=batch.owner)
    for number, refused in done.refused.items():
        wanted[number].wrong("", " ".join(refused.messages))
    events = _put_on(wanted, done, channel, batch)
    created = done.created | back
    return [
        _change(line_of(rows[number], number), row, row.contact in created, events.get(number))
        for number, row in done.written.items()
    ]


def _put_on(
    wanted: Mapping[int, Plan], done: ImportOutcome, channel: Channel | None, batch: ImportBatch
) -> dict[int, list[str]]:
    """Put the labels of plans on; returns the events by number of the row."""
    pairs = {
        number: [(done.written[number].contact, label) for label in plan.labels]
        for number, plan in wanted.items()
        if plan.labels and number in done.written
    }
    if channel is None or not pairs:
        return {}
    events = crm_labels.put_on(list(chain.from_iterable(pairs.values())), channel=channel, key=batch.key)
    return {number: [events[pair] for pair in theirs if pair in events] for number, theirs in pairs.items()}


def _change(line: int, row: WrittenRow, created: bool, labels: list[str] | None) -> str:
    """What taking a row back needs, as JSON: the columns are JSON already."""
    return (
        f'{{"line": {line}, "contact": {row.contact}, "created": {"true" if created else "false"},'
        f' "columns": {row.changes}, "note": {row.note or "null"}, "labels": {json.dumps(labels) if labels else "[]"}}}'
    )


def _preview(plans: Sequence[tuple[int, Plan]]) -> list[Shown]:
    """What a preview shows of plans, by lines of the file; whom a row names without a phone by their address."""
    named = Contact.all_objects.in_bulk({plan.contact for _line, plan in plans if plan.contact and not plan.phone})
    return [
        Shown(
            line,
            plan.new,
            {"phone": ("", plan.phone or _address(named[plan.contact or 0])), **plan.shown},
        )
        for line, plan in plans
    ]


def _address(contact: Contact) -> str:
    return contact.address and contact.shown_address


def plans(
    rows: Sequence[Mapping[str, str]], *, viewer: Viewer, first_row: dict[str, str], shown: int = 0
) -> list[Plan]:
    """What each row of a file means; queries do not grow with the rows, apart from chunks of those that exist.

    `first_row`, `shown`: see `transfer.imports.files.ImportBatch`.
    """
    columns = rows[0].keys() if rows else set()
    named = recognize(rows, viewer)
    known = contacts_of_file({pk for pk in named.contacts if pk is not None}, viewer, columns=columns)
    labels = LabelNames() if any(row.get("labels") for row in rows) else None
    readers_of = _readers(columns, viewer)
    own_numbers = set(Channel.all_objects.exclude(own_phone="").values_list("own_phone", flat=True))
    made: list[Plan] = []
    for row, each, contact_id in zip(rows, named.row_ids, named.contacts, strict=True):
        found = known.get(contact_id or 0)
        plan = _plan(each, found, named.owners, own_numbers)
        _once(plan, row, each.keys(contact_id), first_row)
        _understand(plan, row, found, readers_of)
        if labels is not None:
            _read_labels(plan, row.get("labels", ""), found, labels)
        if shown:
            plan.shown |= _shown(plan.said, found)
        made.append(plan)
    _leave_what_is_there(made, labels)
    return made


def _once(plan: Plan, row: Mapping[str, str], keys: Sequence[str], first_row: dict[str, str]) -> None:
    """Of two rows about one contact the later is wrong."""
    for key in keys:
        if key in first_row:
            plan.wrong("phone", _("The same contact as in row %(row)s.") % {"row": first_row[key]})
            return
    if keys:
        first_row[keys[0]] = row.get(ROW_NUMBER, "")


def _leave_what_is_there(made: Sequence[Plan], names: LabelNames | None) -> None:
    """Labels that a contact has already, and notes that were written before, say nothing new; a query for each."""
    labelled = [plan for plan in made if plan.labels and not plan.errors]
    on = crm_labels.active([(plan.contact, label) for plan in labelled if plan.contact for label in plan.labels])
    for plan in labelled:
        plan.labels = [label for label in plan.labels if (plan.contact, label) not in on]
        if plan.labels and names is not None:
            plan.shown["labels"] = (plan.shown.get("labels", ("", ""))[0], names.shown(plan.labels))
    noted = {plan.contact: plan for plan in made if plan.said.note and plan.contact and not plan.errors}
    if not noted:
        return
    for pk, text in Note.objects.filter(contact__in=list(noted)).order_by().values_list("contact_id", "text"):
        if noted[pk].said.note == text:
            said = noted[pk].said._replace(note="")
            noted[pk].said = said if said != NOTHING_SAID else NOTHING_SAID
            noted[pk].shown.pop("notes", None)


def _plan(named: RowIds, found: FileContact | None, owners: Owners, own_numbers: Collection[str]) -> Plan:
    plan = Plan(found.id if found else None, named.phone, restores=found is not None and found.restorable)
    for column, sentence in named.errors.items():
        plan.wrong(column, sentence)
    if found is None and not named.phone and not plan.errors:
        plan.wrong("phone", _("Nobody is known by this row, and without a phone nobody can be made."))
    elif named.phone and named.phone in own_numbers:
        plan.wrong("phone", _("This is one of our own numbers."))
    elif found is not None and not found.visible:
        plan.wrong("phone", _("This contact belongs to another team."))
    elif found is not None and found.cells["is_archived"] and not found.restorable:
        plan.wrong("phone", _("This contact is in the archive; restore it first."))
    elif found is not None and named.id and named.phone:
        _check_number(plan, named.phone, found, owners.phones.get(named.phone))
    return plan


def _check_number(plan: Plan, phone: str, known: FileContact, owner: int | None) -> None:
    """In our own export the id says who is meant; a number that is somebody else's, or nobody's yet, is refused."""
    if owner == known.id or known.cells["phone"] in map(exports.phone_cell, phones.same_number(phone)):
        return
    if owner is not None:
        plan.wrong("id", _("The phone belongs to contact %(id)s, not to this id.") % {"id": owner})
        return
    sentence = _(
        "Contact %(id)s is not known by this number, and an import changes no numbers. "
        "For a new contact empty the id in this row."
    )
    plan.wrong("phone", sentence % {"id": known.id})


def _readers(columns: Collection[str], viewer: Viewer) -> dict[str, readers.Reader]:
    """How the columns are read that a file has; None for a cell that says nothing. What many cells say is read once."""
    every: dict[str, readers.Reader] = {
        "name": readers.said(readers.name),
        "assigned_to": cache(readers.said(_Names(Agent.objects.visible_to(viewer)).find)),
        "campaign": cache(readers.said(_Names(Campaign.objects.visible_to(viewer)).find)),
        "follow_up_at": cache(readers.said(readers.moment)),
        "opted_out": cache(readers.said(readers.yes)),
        "notes": readers.said(readers.note),
    }
    return {column: reader for column, reader in every.items() if column in columns}


def _understand(
    plan: Plan, row: Mapping[str, str], known: FileContact | None, reader_of: Mapping[str, readers.Reader]
) -> None:
    """Read every column of the contact itself; a cell that equals what an export writes says nothing new."""
    values: dict[str, Any] = {}
    for column, read in reader_of.items():
        cell = row.get(column, "")
        written = known.cells.get(column, "") if known is not None else None
        if not cell or cell == written:
            continue
        value = problem = None
        try:
            value = read(cell)
        except ValueError as error:
            problem = error
        if (value is None and problem is None) or (written is not None and readers.is_same(cell, written)):
            continue
        if problem is None:
            values[column] = value
        else:
            plan.wrong(column, problem)
    if values:
        plan.said = _news(values, known)


def _news(values: dict[str, Any], known: FileContact | None) -> ContactFields:
    """What of these values is not known already, although it is written in another way."""
    if not values.get("opted_out") or (known is not None and known.is_opted_out):
        values.pop("opted_out", None)
    if "notes" in values:
        values["note"] = values.pop("notes")
    if known is not None:
        _leave_known(values, known)
    return ContactFields(**values) if values else NOTHING_SAID


def _leave_known(values: dict[str, Any], known: FileContact) -> None:
    """A code says the same as a name; a spreadsheet program saves the time that it read with its seconds."""
    for column in ("assigned_to", "campaign"):
        if column in values and values[column].pk == known.cells[f"{column}_id"]:
            del values[column]
    if "follow_up_at" in values and exports.moment_cell(values["follow_up_at"]) == known.cells["follow_up_at"]:
        del values["follow_up_at"]


def _read_labels(plan: Plan, cell: str, known: FileContact | None, labels: LabelNames) -> None:
    """The labels that a cell names; those that an export would show of the contact are known, archived ones too."""
    written = known.cells.get("labels", "") if known is not None else ""
    if readers.is_empty(cell) or readers.is_same(cell, written):
        return
    try:
        plan.labels = labels.read(restored(cell), known=written.split(exports.JOINER))
    except ValueError as error:
        plan.wrong("labels", error)
    plan.shown["labels"] = (written, "")


def _shown(said: ContactFields, known: FileContact | None) -> dict[str, tuple[str, str]]:
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
