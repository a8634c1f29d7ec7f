"""What narrows a list, in words above it: one chip per filter and value, each with the address that takes it off.

unfold has no such thing, only a coloured button; it has the place for it, `list_before_template`. All is read from the
filters as they stand in the address, so that the chips say the same wherever a link led.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.views import ChangeList

from desk.base.filters import day_of

Params = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that narrows the list; `without` is the list's address when it is taken off."""

    title: str
    text: str
    without: str


@dataclass(frozen=True, slots=True)
class QuickFilter:
    """A filter above the list: its parameter, what it is called, its choices by group, and what is chosen."""

    name: str
    title: str
    groups: list[tuple[str, list[tuple[str, str]]]]
    chosen: list[str]


class ChipChangeList(ChangeList):
    """A list that says what narrows it. A filter left empty in the form is none."""

    def get_filters(self, request: HttpRequest) -> Any:
        """The filters of the list and nothing else. Raises BadRequest for a lookup that is none of them.

        Django would let a reader ask any column, such as `?verify_token__startswith=a`, and learn bit by bit what the
        list does not show; and some of its lookups fail in the database.
        """
        try:
            found: Any = super().get_filters(request)
        except DisallowedModelAdminLookup as refused:
            raise BadRequest(str(refused)) from None
        if found[2]:
            raise BadRequest(f"No filter of this list: {', '.join(found[2])}")
        return found

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return {name: values for name, values in super().get_filters_params(params).items() if any(values)}

    @property
    def count_url(self) -> str:
        """Where a list is counted that its page does not count."""
        return ""

    @property
    def count_text(self) -> str:
        """How many rows the list has, in words; "" where it must be asked for."""
        return "" if self.count_url else counted(self.result_count, self.opts)

    def chips(self) -> list[Chip]:
        """Every filter in use, in the order of the filters. Costs no query that the filters do not cost themselves."""
        given = self.get_filters_params()
        return list(_chips(self, given)) if given else []

    def in_words(self) -> str:
        """What narrows the list, in one sentence."""
        said = [f"{chip.title}: {chip.text}" for chip in self.chips()]
        said += [f"{_('Search')}: {self.query}"] if self.query else []
        return "; ".join(said) or _("the whole list: no filter is set")

    def quick_filters(self) -> list[QuickFilter]:
        """The filters that stand above the list, each with the one choice in use, if it is one."""
        specs = {getattr(spec, "parameter_name", ""): spec for spec in self.filter_specs}
        return [_quick(specs[name]) for name in self.model_admin.quick_filters if name in specs]

    def other_parameters(self) -> list[tuple[str, str]]:
        """What a form of the quick filters must carry along: the other filters, the search and the order."""
        quick = self.model_admin.quick_filters
        kept = [(name, values) for name, values in self.filter_params.items() if name not in quick]
        return [(name, value) for name, values in kept for value in values if value]

    def unfiltered(self) -> str:
        """The list's address without any filter; search and order stay."""
        return self.address_with(dict.fromkeys(self.get_filters_params()))

    def address_with(self, changed: dict[str, list[str] | None]) -> str:
        """The list's address with other values of some parameters; None takes one off."""
        kept = {name: values for name, values in (self.filter_params | changed).items() if values and any(values)}
        return "?" + urlencode(sorted(kept.items()), doseq=True)


def counted(count: int, opts: Any) -> str:
    """A number of rows in words: "204 contacts"."""
    name = opts.verbose_name if count == 1 else opts.verbose_name_plural
    return f"{number_format(count, force_grouping=True)} {name}"


def _quick(spec: Any) -> QuickFilter:
    value = spec.value()
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for key, text in spec.lookup_choices:
        choices = [(str(pk), str(name)) for pk, name in text] if isinstance(text, list | tuple) else []
        groups.append((str(key), choices) if choices else ("", [(str(key), str(text))]))
    title = capfirst(getattr(spec, "title_of_one", spec.title))
    return QuickFilter(spec.parameter_name, title, groups, value if isinstance(value, list) else [value or ""])


def _chips(changelist: ChipChangeList, given: Params) -> Iterator[Chip]:
    for spec in changelist.filter_specs:
        mine = {name: given[name] for name in spec.expected_parameters() if name in given}
        yield from _of_filter(spec, changelist, mine) if mine else ()


def _of_filter(spec: Any, changelist: ChipChangeList, mine: Params) -> Iterator[Chip]:
    choices = list(spec.choices(changelist))
    form = choices[0].get("form") if choices else None
    whole = changelist.address_with(dict.fromkeys(mine))
    if form is None:  # one of Django's own, a list of links
        text = next((str(choice["display"]) for choice in choices if choice.get("selected")), "")
        yield Chip(capfirst(spec.title), text, whole)
    elif any(isinstance(field, forms.DateField) for field in form.fields.values()):
        days = _days(form)
        yield from [Chip(capfirst(spec.title), days, whole)] if days else ()
    else:
        for name, values in mine.items():
            chosen = values if getattr(spec, "multiple", False) else values[-1:]
            yield from _of_values(spec, changelist, name, list(filter(None, chosen)), form)


def _of_values(spec: Any, changelist: ChipChangeList, name: str, chosen: list[str], form: Any) -> Iterator[Chip]:
    title = capfirst(spec.title if len(chosen) > 1 else getattr(spec, "title_of_one", spec.title))
    for value in chosen:
        others = [other for other in chosen if other != value]
        yield Chip(title, _name_of(value, name, form), changelist.address_with({name: others}))


def _days(form: Any) -> str:
    """A range of days in words; "" when neither end is a date, for such a range narrows nothing."""
    days = [day_of(form.data.get(name)) for name in form.fields]
    first, last = (str(format_date(day)) if day else "" for day in days)
    if first and last:
        return first if first == last else f"{first} – {last}"
    if first:
        return _("from %(day)s") % {"day": first}
    return _("until %(day)s") % {"day": last} if last else ""


def _name_of(value: str, name: str, form: Any) -> str:
    """A choice as the filter shows it; what the filter does not know narrows all the same, and shows as it is."""
    field = form.fields.get(name)
    if isinstance(field, forms.ModelChoiceField):
        groups: Any = field.widget.optgroups(name, [value])
        shown = (option for _group, options, _place in groups for option in options if option["value"])
        return next((str(option["label"]) for option in shown if str(option["value"]) == value), value)
    return str(dict(_flat(getattr(field, "choices", ()))).get(value, value))


def _flat(choices: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for value, text in choices:
        if isinstance(text, list | tuple):
            yield from _flat(text)
        else:
            yield str(value), text
