"""What a count of a report is called: the figure of the metric dictionary that it belongs to, and which part of it."""

from __future__ import annotations

import re

from django.utils.translation import get_language, gettext_lazy, ngettext

from labels.models import Method
from reports.definitions import FigureDefinition, definition

_SUFFIXES = {
    "_k": gettext_lazy("those counted"),
    "_n": gettext_lazy("all who were judged"),
    "_immature": gettext_lazy("too young to be judged"),
    "_already": gettext_lazy("to whom it had happened before"),
    "_unknown": gettext_lazy("whose time overlaps a gap of the number"),
    "_count": gettext_lazy("those counted, so far"),
    "_all": gettext_lazy("all, so far"),
}
_DAYS = re.compile(r"(high|won)_d(\d+)")
_WEEKS = re.compile(r"reached_w(\d+)")
_OF_LABEL = re.compile(r"label_(reached|went_through)")
_BASES = {
    "first_labelled": "first_label_median_s",
    "first_replied": "first_reply_median_s",
    "batch_labels": "batches",
    "immature": "contacts",
    "unknown": "contacts",
    "already_labelled": "already_labelled",
    "unlabelled_so_far": "unlabelled_so_far",
    **{f"by_{method.value}": "by_method" for method in Method},
}


def figure_of(count: str, *, report: str = "") -> FigureDefinition:
    """The figure that a count of a report belongs to, in the language of the moment. Raises KeyError."""
    language = get_language()
    if count in _BASES:
        return definition(_BASES[count], language)
    if days := _DAYS.fullmatch(count):
        return definition(days[1], language)
    if _WEEKS.fullmatch(count):
        return definition("reached", language, report=report)
    if of_label := _OF_LABEL.fullmatch(count):
        return definition(of_label[1], language, report=report)
    base = next((count.removesuffix(suffix) for suffix in _SUFFIXES if count.endswith(suffix)), count)
    return definition(base, language, report=report)


def part_of(count: str) -> str:
    """Which of a figure's contacts a count holds, in words; "" for all of them."""
    if count in ("immature", "unknown"):
        return str(_SUFFIXES[f"_{count}"])
    if _BASES.get(count) == "by_method":
        return str(Method(count.removeprefix("by_")).label)
    if days := _DAYS.fullmatch(count):
        return ngettext("within %(n)d day", "within %(n)d days", int(days[2])) % {"n": int(days[2])}
    if weeks := _WEEKS.fullmatch(count):
        number = int(weeks[1]) + 1
        return ngettext("within %(n)d week", "within %(n)d weeks", number) % {"n": number}
    if _OF_LABEL.fullmatch(count):
        return str(gettext_lazy("by label"))
    return next(
        (str(words) for suffix, words in _SUFFIXES.items() if count.endswith(suffix) and count not in _BASES), ""
    )
