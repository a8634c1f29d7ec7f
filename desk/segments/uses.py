"""What a segment is used by, on its page and before it is put away: exports that were made of it, and whatever else.

A use is read by one function of READERS; whoever keeps something else that names a segment adds theirs there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, ngettext

from desk.exports.schedules import uses_of_segments
from labelcrm.core.viewer import Viewer
from transfer.models import Export
from transfer.people_export import RIGHTS

MOST = 5  # that are named; the newest


@dataclass(frozen=True, slots=True)
class SegmentUse:
    """One thing that a segment is used by, in words, and its page ("" for none); of what happened once also when."""

    text: str
    url: str = ""
    at: datetime | None = None
    beside: str = ""


@dataclass(frozen=True, slots=True)
class UsesOfKind:
    """The uses of one kind, the newest of them by name; `others` are those whom the reader does not see.

    `warning` is what happens to them when the segment is put away.
    """

    title: str | Promise
    uses: Sequence[SegmentUse]
    more_url: str = ""
    others: int = 0
    warning: str = ""


def uses_of(segment: Any, viewer: Viewer) -> list[UsesOfKind]:
    """By kind what the segment is used by; kinds that do not use it are left out."""
    found = (read(segment, viewer) for read in READERS)
    return [kind for kind in found if kind.uses or kind.others]


def _exports(segment: Any, viewer: Viewer) -> UsesOfKind:
    """Two queries. Somebody else's exports are counted, so that nobody takes away what a colleague goes by."""
    of_segment = Export.objects.filter(segment=segment)
    seen = of_segment.visible_to(viewer)
    newest = list(seen.select_related("job", "owner").order_by("-id")[: MOST + 1])
    others = of_segment.count() - seen.count()
    may_open = viewer.may(*RIGHTS)
    uses = [
        SegmentUse(_in_words(row), reverse("admin:exports-page", args=(row.pk,)) if may_open else "", at=row.created_at)
        for row in newest[:MOST]
    ]
    more = f"{reverse('admin:exports')}?segment={segment.pk}" if len(newest) > MOST and may_open else ""
    return UsesOfKind(gettext_lazy("Exports"), uses, more, others)


def _in_words(export: Any) -> str:
    if export.rows is None:
        return str(export.state_title)
    return ngettext("%(n)s row", "%(n)s rows", export.rows) % {"n": number_format(export.rows, force_grouping=True)}


def _schedules(segment: Any, viewer: Viewer) -> UsesOfKind:
    """Everybody's, so that nobody stops what a colleague counts on."""
    found = uses_of_segments([segment], viewer).get(segment.pk, [])
    uses = [SegmentUse(use.in_words, use.url, beside=use.state) for use in found]
    on = sum(use.schedule.is_on for use in found)
    warning = ngettext(
        "This segment is exported by a schedule. Once the segment is archived, the next run makes no file and the "
        "schedule pauses.",
        "This segment is exported by %(n)s schedules. Once the segment is archived, their next runs make no file and "
        "they pause.",
        on,
    )
    return UsesOfKind(gettext_lazy("Exports of it that repeat"), uses, warning=warning % {"n": on} if on else "")


READERS: tuple[Callable[[Any, Viewer], UsesOfKind], ...] = (_schedules, _exports)
