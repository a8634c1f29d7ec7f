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

from labelcrm.core.viewer import Viewer
from transfer.models import Export
from transfer.people_export import RIGHTS

MOST = 5  # that are named; the newest


@dataclass(frozen=True, slots=True)
class SegmentUse:
    """One thing that a segment is used by: when it was or will be, in words, and its page ("" for none)."""

    at: datetime
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class UsesOfKind:
    """The uses of one kind, the newest of them by name; `others` are those whom the reader does not see."""

    title: str | Promise
    uses: Sequence[SegmentUse]
    more_url: str = ""
    others: int = 0


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
        SegmentUse(row.created_at, _in_words(row), reverse("admin:exports-page", args=(row.pk,)) if may_open else "")
        for row in newest[:MOST]
    ]
    more = f"{reverse('admin:exports')}?segment={segment.pk}" if len(newest) > MOST and may_open else ""
    return UsesOfKind(gettext_lazy("Exports"), uses, more, others)


def _in_words(export: Any) -> str:
    if export.rows is None:
        return str(export.state_title)
    return ngettext("%(n)s row", "%(n)s rows", export.rows) % {"n": number_format(export.rows, force_grouping=True)}


READERS: tuple[Callable[[Any, Viewer], UsesOfKind], ...] = (_exports,)
