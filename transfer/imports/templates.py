"""What each kind of file may hold: its columns in words, and the template that people download. Pure but for rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labelcrm.core.viewer import Viewer
from transfer.imports import label_mapping
from transfer.imports.headings import CAMPAIGNS, CONTACTS, LABEL_MAPPING


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportColumn:
    """A column of a file: our name for it, what it is called and what may stand in it, and how a template heads it.

    `heads` are in Indonesian and English; "" keeps a column out of templates.
    """

    name: str
    title: str | Promise
    help: str | Promise = ""
    heads: tuple[str, str] = ("", "")


_DAYS = _("31/12/2026 or 2026-12-31.")

COLUMNS: dict[str, tuple[ImportColumn, ...]] = {
    CONTACTS: (
        ImportColumn(
            name="phone", title=_("Phone"), heads=("nomor WA", "phone"),
            help=_("One number in a cell, in any spelling: 0812…, +62 812-…. Whoever has it is changed, else new."),
        ),
        ImportColumn(name="name", title=_("Name"), heads=("nama", "name")),
        ImportColumn(name="first_name", title=_("First name")),
        ImportColumn(name="middle_name", title=_("Middle name")),
        ImportColumn(name="last_name", title=_("Last name")),
        ImportColumn(
            name="labels", title=_("Labels"), heads=("label", "labels"),
            help=_("By name, several between semicolons. They are put on and nobody is credited; none is taken off."),
        ),
        ImportColumn(name="assigned_to", title=_("CS"), heads=("CS", "assigned to"), help=_("Name or code of the CS.")),
        ImportColumn(
            name="campaign", title=_("Campaign"), heads=("kampanye", "campaign"),
            help=_("Name or code of the campaign."),
        ),
        ImportColumn(name="notes", title=_("Note"), heads=("catatan", "notes")),
        ImportColumn(
            name="opted_out", title=_("Opted out"), heads=("berhenti", "opted out"),
            help=_("“yes” for who wants no broadcasts. A file opts nobody in again."),
        ),
        ImportColumn(
            name="follow_up_at", title=_("Follow up on"), heads=("follow up", "follow up at"),
            help=_("31/12/2026 10:00 or 2026-12-31 10:00."),
        ),
        ImportColumn(name="lids", title=_("LID")),
        ImportColumn(name="user_ids", title=_("WhatsApp user id")),
    ),
    CAMPAIGNS: (
        ImportColumn(
            name="code", title=_("Code"), heads=("kode", "code"),
            help=_("A code that exists changes that campaign, another makes a new one."),
        ),
        ImportColumn(name="name", title=_("Name"), heads=("nama", "name")),
        ImportColumn(name="source", title=_("Source"), heads=("sumber", "source")),
        ImportColumn(
            name="cost", title=_("Cost"), heads=("biaya", "cost"), help=_("In rupiah: 1500000 or Rp1.500.000."),
        ),
        ImportColumn(name="starts_on", title=_("Starts on"), heads=("mulai", "starts on"), help=_DAYS),
        ImportColumn(name="ends_on", title=_("Ends on"), heads=("selesai", "ends on"), help=_DAYS),
    ),
    LABEL_MAPPING: (
        ImportColumn(
            name="number", title=_("WhatsApp number"), heads=("nomor", "number"),
            help=_("Its key, its name or its phone."),
        ),
        ImportColumn(
            name="whatsapp_label", title=_("Label in WhatsApp"), heads=("label WhatsApp", "WhatsApp label"),
            help=_("As that number calls it."),
        ),
        ImportColumn(
            name="means", title=_("Means"), heads=("artinya", "means"),
            help=_("Which of our labels that is, or “not counted”. Empty leaves it as it is."),
        ),
    ),
}  # fmt: skip


def template(kind: str, *, viewer: Viewer) -> tuple[list[str], Iterable[list[str]]]:
    """The heading of a template in the reader's language, and its rows; of label mappings what there is to decide."""
    place = 0 if translation.get_language() == "id" else 1
    heads = [column.heads[place] for column in COLUMNS[kind] if column.heads[place]]
    return heads, label_mapping.template_rows(viewer) if kind == LABEL_MAPPING else ()
