"""What a brief says: the Today page in a few lines, with the rights of who reads it and in their language.

How many wait for what, the three whose waiting costs most, and for who leads how many each CS has. A contact is called
by name and the end of the number; nothing of what anybody wrote is quoted: a brief leaves the house.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Agent
from contacts.selectors.viewing import viewer_of
from labelcrm.core.mails import absolute
from labelcrm.core.viewer import Viewer
from labelcrm.lib.text import legible
from reports.selectors import today
from reports.selectors.today import NOBODYS, TodayLine, TodayQueue, WaitingReason
from reports.selectors.today_kinds import KINDS

COSTLIEST = 3
MOST_AGENTS = 8  # that are named
LONGEST_NAME = 40
_MARKUP = re.compile(r"[*_~`<>\\/:]+")  # what WhatsApp makes bold, a list or a link of
_DOT = re.compile(r"(?<=\w)\.(?=\w)")  # makes a link of a name


@dataclass(frozen=True, slots=True)
class BriefCount:
    """So many of one kind, or of one CS; `note` says since when the oldest waits."""

    title: str
    count: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class BriefLine:
    """A contact and why they wait."""

    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefWords:
    """A brief in its reader's language. `link` is "" where nobody knows under which address we are reached."""

    title: str
    greeting: str
    summary: str
    counts: tuple[BriefCount, ...] = ()
    costliest: tuple[BriefLine, ...] = ()
    costliest_title: str = ""
    agents: tuple[BriefCount, ...] = ()
    agents_title: str = ""
    link: str
    link_title: str

    @property
    def text(self) -> str:
        """For WhatsApp."""
        return "\n\n".join("\n".join(block) for block in self._blocks())

    def _blocks(self) -> Iterator[list[str]]:
        yield [f"*{self.greeting}*", capfirst(self.summary)]
        if self.counts:
            yield [f"• {each.title}: {each.count}" for each in self.counts]
        if self.agents:
            notes = (f" ({each.note})" if each.note else "" for each in self.agents)
            lines = [f"• {each.title}: {each.count}{note}" for each, note in zip(self.agents, notes, strict=True)]
            yield [f"*{self.agents_title}*", *lines]
        if self.costliest:
            lines = [f"{n}. {each.who}: {each.why}" for n, each in enumerate(self.costliest, 1)]
            yield [f"*{self.costliest_title}*", *lines]
        yield [f"{self.link_title}: {self.link}" if self.link else self.link_title]


def brief_words(user: Any, *, now: datetime) -> BriefWords:
    """What a user's brief says at `now`; in about ten queries."""
    viewer = viewer_of(user)
    own = today.own_agent(viewer, user)
    scope = today.scope_of(viewer, now=now, agent=own)
    queue = today.read_queue(scope)
    top = queue.lines[:COSTLIEST]
    today.complete(top, scope)
    with translation.override(viewer.language):
        return _words(user, queue, top, agents=() if own is not None else _agents(queue, viewer))


def _words(
    user: Any, queue: TodayQueue, top: Iterable[TodayLine], *, agents: tuple[BriefCount, ...]
) -> BriefWords:  # fmt: skip
    day = date_format(timezone.localtime(queue.scope.now), "DATE_FORMAT")
    link = absolute(reverse("today"))
    link = link if link.startswith("http") else ""
    return BriefWords(
        title=_("Today, %(day)s: %(summary)s") % {"day": day, "summary": _summary(queue)},
        greeting=_("Good morning, %(name)s") % {"name": _plain(user.first_name or user.get_username())},
        summary=_summary(queue),
        counts=tuple(_counts(queue)),
        costliest=tuple(BriefLine(_who(line.contact), _why(line.reasons[0])) for line in top),
        costliest_title=_("Most urgent"),
        agents=agents,
        agents_title=_("By CS"),
        link=link,
        link_title=_("Open the list") if link else _("The list is in labelcrm, under “Today”."),
    )


def _summary(queue: TodayQueue) -> str:
    count = len(queue.lines)
    if not count:
        return _("nobody waits")
    said = _counted(count, more=bool(queue.full))
    return ngettext("%(n)s contact waits", "%(n)s contacts wait", count) % {"n": said}


def _counts(queue: TodayQueue) -> Iterator[BriefCount]:
    """Of each kind that somebody waits for, in the order of the page."""
    counts: Mapping[str, int] = queue.per_kind()
    for kind in KINDS:
        if count := counts.get(kind.code.value, 0):
            yield BriefCount(str(kind.title), _counted(count, more=kind.code.value in queue.full))


def _agents(queue: TodayQueue, viewer: Viewer) -> tuple[BriefCount, ...]:
    """Every CS with lines, the most first."""
    known, now, more = today.agents_of(viewer), queue.scope.now, bool(queue.full)
    with translation.override(viewer.language):
        return tuple(
            BriefCount(
                _name_of(load.agent, known), _counted(load.lines, more=more),
                _("the oldest for %(age)s") % {"age": _length(now - load.oldest)},
            )
            for load in queue.loads()[:MOST_AGENTS]
        )  # fmt: skip


def _name_of(agent: int, known: Mapping[int, Agent]) -> str:
    if agent == NOBODYS:
        return _("Without a CS")
    return _plain(known[agent].name) if agent in known else _("A CS you do not see")


def _counted(count: int, *, more: bool) -> str:
    return number_format(count, force_grouping=True) + ("+" if more else "")


def _who(contact: Any) -> str:
    """`Budi (…6789)`; without a name the end of the number."""
    end = f"…{contact.phone[-4:]}" if contact.phone else str(contact.shown_address)
    name = _plain(contact.name)
    return f"{name} ({end})" if name and contact.phone else name or end


def _plain(name: str) -> str:
    """A name on one line that is neither markup nor a link, whoever chose it."""
    text = " ".join(_DOT.sub(" ", _MARKUP.sub(" ", legible(name))).split())
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1].rstrip() + "…"


def _why(reason: WaitingReason) -> str:
    said = {
        "label": f"“{_plain(str(reason.label))}”" if reason.label is not None else "",
        "labels": _(" and ").join(f"“{_plain(str(label))}”" for label in reason.labels),
        "age": _length(reason.age),
        "limit": _length(timedelta(days=reason.row.limit or 0)),
    }
    return str(reason.kind.why) % said


def _length(duration: timedelta) -> str:
    """In hours, or from two days on in days."""
    hours = max(0, int(duration.total_seconds() // 3600))
    if hours < 1:
        minutes = max(0, int(duration.total_seconds() // 60))
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    return ngettext("%(n)d day", "%(n)d days", hours // 24) % {"n": hours // 24}
