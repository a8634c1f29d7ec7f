"""What to do next, each line a link to its rows, for whoever may do it. The home page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from labelcrm.core.viewer import Viewer
from reports.definitions import definition
from reports.limits import in_words
from reports.selectors.home import Tiles

MOST_STALE = 8  # agents that are named

# Who may do something about it, and open where it is listed.
ANSWERS_CHATS = ("contacts.view_contact", "contacts.add_note")
SETTLES_STALE = ("labels.view_staleflag", "labels.change_staleflag")
SORTS_LABELS = ("labels.view_channellabel", "labels.change_channellabel")
RUNS_NUMBERS = ("contacts.view_channel", "contacts.change_channel", "webhooks.view_inboundevent")
ADDS_NUMBERS = ("webhooks.view_unknownchannel", "contacts.add_channel")

EXPORTS = ("contacts.view_contact", "contacts.export_contact")
READS_REPORTS = ("reports.view_report",)
RUNS_CAMPAIGNS = ("contacts.view_campaign", "contacts.change_campaign")

RIGHTS = frozenset().union(
    ANSWERS_CHATS, SETTLES_STALE, SORTS_LABELS, RUNS_NUMBERS, ADDS_NUMBERS, EXPORTS, READS_REPORTS, RUNS_CAMPAIGNS
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Todo:
    """`rows` things of one kind, and where they are listed; `key` is stable."""

    key: str
    rows: int
    text: str
    link: str
    note: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StaleTodo:
    """What is stale of one agent's labels; `link` "" for those of nobody whom the reader sees."""

    name: str
    rows: int
    link: str
    own: bool


@dataclass(frozen=True, slots=True)
class Start:
    """A page to begin with, for whom nothing waits."""

    text: str
    note: str
    link: str


def todos(tiles: Tiles, viewer: Viewer) -> list[Todo]:
    """What waits for this viewer."""
    return [todo for todo in _todos(tiles, viewer) if todo.rows]


def has_work(viewer: Viewer) -> bool:
    """Whether anything may ever wait for this viewer."""
    return any(viewer.may(*rights) for rights in (ANSWERS_CHATS, SETTLES_STALE, SORTS_LABELS, ADDS_NUMBERS))


def _todos(tiles: Tiles, viewer: Viewer) -> Iterator[Todo]:
    waiting, contacts = tiles.waiting, reverse("admin:contacts_contact_changelist")
    if viewer.may(*ANSWERS_CHATS):
        yield _unanswered(tiles)
        text = ngettext("contact to follow up", "contacts to follow up", waiting.follow_ups)
        yield Todo("follow_ups", waiting.follow_ups, text, f"{contacts}?follow_up=due")
        yield _never_labelled(tiles, contacts)
        text = ngettext("contact opted out", "contacts opted out", waiting.opted_out)
        note = _("in the last 7 days: no broadcasts to them")
        yield Todo("opted_out", waiting.opted_out, text, f"{contacts}?opted_out=lately", note=note)
    if viewer.may(*SORTS_LABELS):
        text = ngettext("WhatsApp label not mapped yet", "WhatsApp labels not mapped yet", waiting.undecided)
        link = reverse("admin:labels_channellabel_changelist") + "?state=undecided"
        yield Todo("undecided", waiting.undecided, text, link)
    if viewer.may(*ADDS_NUMBERS):
        text = ngettext("unknown channel that posts here", "unknown channels that post here", waiting.unknown)
        yield Todo("unknown", waiting.unknown, text, reverse("admin:webhooks_unknownchannel_changelist"))
    if viewer.may(*SETTLES_STALE):
        text = ngettext("label past its limit", "labels past their limit", tiles.stale_flags)
        yield Todo("stale", tiles.stale_flags, text, reverse("admin:labels_staleflag_changelist"))


def _unanswered(tiles: Tiles) -> Todo:
    text = ngettext("chat unanswered", "chats unanswered", tiles.unanswered)
    note = _("for over an hour; the most valuable labels first")
    return Todo("unanswered", tiles.unanswered, text, reverse("unanswered"), note=note)


def _never_labelled(tiles: Tiles, contacts: str) -> Todo:
    language = get_language()
    limit = in_words(tiles.never_after, english=language == "en")
    text = ngettext("contact never labelled", "contacts never labelled", tiles.never_labelled)
    return Todo(
        "never", tiles.never_labelled, text, f"{contacts}?never_labelled=1",
        note=_("wrote over %(limit)s ago") % {"limit": limit}, hint=definition("never_labelled", language).text,
    )  # fmt: skip


def stale_of(tiles: Tiles, *, own: int) -> tuple[list[StaleTodo], int]:
    """Stale labels by agent, the reader's `own` first, then the most; and how many more agents have some."""
    stale = reverse("admin:labels_staleflag_changelist")
    lines = [
        StaleTodo(
            line.agent.name if line.agent else _("without a CS, or of another team's"),
            line.flags,
            f"{stale}?cs={line.agent.pk}" if line.agent else "",
            own=line.agent is not None and line.agent.pk == own,
        )
        for line in tiles.stale
    ]
    lines.sort(key=lambda line: not line.own)
    return lines[:MOST_STALE], len(lines[MOST_STALE:])


def starts(viewer: Viewer) -> list[Start]:
    """Where somebody begins for whom nothing waits: the pages they work with."""
    sells = viewer.may(*RUNS_CAMPAIGNS)
    candidates = (
        (viewer.may(*EXPORTS), "admin:contacts_contact_changelist",
         _("Choose contacts by label"), _("and download them as CSV or XLSX")),
        (sells, "admin:contacts_campaign_changelist",
         _("Campaigns"), _("costs, and the rules that recognise them")),
        (viewer.may(*READS_REPORTS), "report-campaigns",
         _("Campaign quality"), _("what became of the contacts of each campaign")),
        (viewer.may(*READS_REPORTS) and not sells, "report-agents",
         _("CS quality"), _("who labels in time, and whose labels come true")),
    )  # fmt: skip
    return [Start(text, note, reverse(view)) for useful, view, text, note in candidates if useful]
