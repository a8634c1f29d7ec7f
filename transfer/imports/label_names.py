"""The labels that a cell names, in any spelling that is known; a name that nobody knows makes no new label."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _

from labelcrm.lib.text import legible
from labels.models import Label, LabelAlias
from labels.rules.naming import normalize
from labels.rules.suggesting import Suggester

_LINES = re.compile(r"[;\n]")
_COMMAS = re.compile(r"[,|]")


class LabelNames:
    """Living labels by their names in both languages and every spelling; two queries."""

    def __init__(self) -> None:
        self.labels: dict[int, Label] = {label.pk: label for label in Label.objects.all()}
        spellings: dict[str, int] = {}
        for label in self.labels.values():
            for name in filter(None, (label.name_en, label.name)):
                spellings[normalize(name)] = label.pk
        aliases = LabelAlias.objects.filter(label__deleted_at__isnull=True)
        spellings |= dict(aliases.order_by("pk").values_list("normalized", "label_id"))
        self._suggester = Suggester(spellings.items(), meanings={})

    def find(self, name: str) -> int:
        """The label (id) of a name. Raises ValueError, with the label that it may mean."""
        found = self._certain(name)
        if found is None:
            raise ValueError(self._unknown(name))
        return found

    def read(self, cell: str, *, known: Collection[str] = ()) -> list[int]:
        """The labels (ids) that a cell names, between semicolons or commas, each once and without those in `known`.

        Raises ValueError that names all that are no labels.
        """
        leave = {legible(name).casefold() for name in known}
        found: dict[int, None] = {}
        unknown: list[str] = []
        for name in self._names(cell):
            label = self._certain(name)
            if legible(name).casefold() in leave:
                continue
            if label is None:
                unknown.append(self._unknown(name))
            else:
                found[label] = None
        if unknown:
            raise ValueError(" ".join(unknown))
        return list(found)

    def shown(self, labels: Iterable[int]) -> str:
        return ", ".join(str(self.labels[pk]) for pk in labels)

    def _names(self, cell: str) -> list[str]:
        """The names in a cell; a comma, or whatever else separates, may belong to a name that is known."""
        if self._certain(cell) is not None:
            return [cell]
        lines = [line for line in _LINES.split(cell) if legible(line)]
        return [name for line in lines for name in self._in_line(line)]

    def _in_line(self, line: str) -> list[str]:
        if self._certain(line) is not None:
            return [line]
        return [name for name in _COMMAS.split(line) if legible(name)]

    def _certain(self, name: str) -> int | None:
        found = self._suggester.certain(name) if legible(name) else None
        return found.label if found is not None else None

    def _unknown(self, name: str) -> str:
        words = {"name": legible(name)[:60]}
        meant = self._suggester.suggest(name)
        if meant is None:
            return _("There is no label “%(name)s”.") % words
        return _("There is no label “%(name)s”: did you mean “%(label)s”?") % (
            words | {"label": self.labels[meant.label]}
        )
