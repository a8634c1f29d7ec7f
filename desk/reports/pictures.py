"""What static/labelcrm/charts.js draws: a picture's kind, what it says in a sentence, and its rows.

The rows are those of the table beside it, so a picture and its table cannot disagree. A label has one colour wherever
it is drawn: its family's, and a shade of it among the labels of that family.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from desk.templatetags.labelcrm import NO_TONE, family_tone, tone
from labels.models import Category, Label
from reports.columns import interval, written
from reports.selectors.shares import Share

Paint = dict[str, Any]
DEEPEST = 0.7  # shade of a family's last label; 1 is the family's edge
PLAIN: Paint = {"tone": NO_TONE, "shade": 0}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a page. `sentence` says what it shows, to all: under its heading, and as its text alternative."""

    name: str
    kind: str  # one of KINDS in charts.js
    title: str
    sentence: str
    rows: Mapping[str, Any]

    @property
    def rows_id(self) -> str:
        return f"{self.name}-rows"


class Paints:
    """The colours of labels and categories; every label is looked up once for a page.

    A page that has all labels and all categories already gives them.
    """

    def __init__(self, labels: Iterable[Label] | None = None, categories: Iterable[Category] | None = None) -> None:
        self._all_labels, self._all_categories = labels, categories

    @cached_property
    def _labels(self) -> dict[int, Paint]:
        families: dict[str, list[int]] = defaultdict(list)
        labels = Label.all_objects.all() if self._all_labels is None else self._all_labels
        for label in sorted(labels, key=lambda label: (label.step is None, label.step or 0, label.pk)):
            families[tone(label)].append(label.pk)
        return {
            pk: {"tone": family, "shade": _shade(place, len(members))}
            for family, members in families.items()
            for place, pk in enumerate(members)
        }

    @cached_property
    def _categories(self) -> dict[str, Paint]:
        categories = Category.objects.all() if self._all_categories is None else self._all_categories
        return {category.code: {"tone": family_tone(category.color), "shade": 0} for category in categories}

    def label(self, pk: int | None) -> Paint:
        """A label's; no label and one that is not mapped are plain."""
        return self._labels.get(pk or 0, PLAIN)

    def category(self, code: str | None) -> Paint:
        """A category's; none is plain and darker."""
        return self._categories.get(code or "", {"tone": NO_TONE, "shade": 1})


def _shade(place: int, members: int) -> float:
    """From the ground of a family for its first label towards its edge for its last."""
    return round(DEEPEST * place / (members - 1), 2) if members > 1 else 0


def share_point(value: Share, name: str, link: str) -> dict[str, Any]:
    """A share as a dot with its interval (kind `shares`), which opens `link`."""
    return {
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "few": value.few,
        "more": f"{name}: {written(value, 'share')} ({interval(value)})",
        "link": link,
    }
