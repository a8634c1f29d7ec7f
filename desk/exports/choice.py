"""What the form of an export says: read from an address or a form, remembered for the person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from desk.base import preferences
from labelcrm.lib.numbers import whole_number
from transfer import exports
from transfer.funnel import MOST_DAYS, MOST_HELD_OUT, Exclusions
from transfer.layouts import LAYOUTS, Layout
from transfer.people_export import ExportOrder

# The names of what the page itself reads; everything else in its address belongs to the list that is exported.
ASKED, AGAIN, REPEAT, PEOPLE, AFTER = "asked", "again", "repeat", "people", "after"
TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - the name of a field
OURS = frozenset(
    {
        ASKED,
        AGAIN,
        REPEAT,
        TOKEN,
        PEOPLE,
        AFTER,
        "layout",
        "columns",
        "complaint",
        "no_phone",
        "exported_days",
        "only_new",
        "hold_out",
    }
)
PREFERENCE = "export"

# What a reader calls the columns.
COLUMN_TITLES: dict[str, str | Promise] = {
    "phone": _("Phone"),
    "name": _("Name"),
    "labels": _("Labels"),
    "id": _("Id of the contact"),
    "lids": _("LIDs"),
    "labelled_by": _("Who put the labels on"),
    "labelled_at": _("Since when the labels are on"),
    "campaign": _("Campaign"),
    "assigned_to": _("Assigned to"),
    "channels": _("WhatsApp numbers"),
    "opted_out": _("Opted out"),
    "follow_up_at": _("Follow up on"),
    "first_message_at": _("First message in"),
    "last_message_at": _("Last message"),
    "username": _("Username"),
    "user_ids": _("Meta's user ids"),
}


@dataclass(frozen=True, slots=True)
class ColumnOption:
    name: str
    title: str | Promise
    chosen: bool
    always: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportChoice:
    """A filled form. Numbers out of range count as the nearest that can be meant."""

    layout: Layout
    columns: tuple[str, ...]
    exclusions: Exclusions

    @property
    def order(self) -> ExportOrder:
        return ExportOrder(layout=self.layout, columns=self.columns, exclusions=self.exclusions)

    @property
    def layouts(self) -> list[Layout]:
        return list(LAYOUTS.values())

    @property
    def column_options(self) -> list[ColumnOption]:
        return [
            ColumnOption(
                name, COLUMN_TITLES[name], name in self.columns or name in exports.ALWAYS, name in exports.ALWAYS
            )
            for name in exports.COLUMNS
        ]


def choice_of(data: QueryDict, *, user: Any, columns_at_first: tuple[str, ...]) -> ExportChoice:
    """What a form says; where none was sent, what this person chose last, and else what the page begins with.

    XLSX is the first format: Excel in Indonesia takes commas for decimals, so that a CSV file opens as one column, and
    makes 6.28E+12 of phone numbers.
    """
    remembered = user.preferences.get(PREFERENCE, {})
    if ASKED not in data:
        layout = LAYOUTS.get(remembered.get("layout", ""), LAYOUTS[exports.XLSX])
        columns = tuple(name for name in remembered.get("columns", columns_at_first) if name in COLUMN_TITLES)
        return ExportChoice(layout=layout, columns=columns, exclusions=Exclusions())
    return ExportChoice(
        layout=LAYOUTS.get(data.get("layout", ""), LAYOUTS[exports.XLSX]),
        columns=tuple(name for name in data.getlist("columns") if name in COLUMN_TITLES),
        exclusions=_exclusions(data),
    )


def _exclusions(data: QueryDict) -> Exclusions:
    return Exclusions(
        complaint="complaint" in data,
        no_phone="no_phone" in data,
        only_new="only_new" in data,
        exported_days=_number(data, "exported_days", MOST_DAYS),
        hold_out=_number(data, "hold_out", MOST_HELD_OUT),
    )


def _number(data: QueryDict, name: str, most: int) -> int:
    return min(whole_number(data.get(name, ""), largest=10**6) or 0, most)


def remember(choice: ExportChoice, *, user: Any) -> None:
    """Keep the format and the columns for this person's next export."""
    kept = {"layout": choice.layout.code, "columns": list(choice.columns)}
    preferences.remember(user, PREFERENCE, lambda _before: kept)


def list_parameters(given: QueryDict) -> QueryDict:
    """An address without what the page itself reads: the filters of the list that is exported."""
    kept = given.copy()
    for name in OURS & kept.keys():
        del kept[name]
    return kept
