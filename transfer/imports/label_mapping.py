"""What WhatsApp labels mean, from a file: number, WhatsApp label, and which of our labels that is.

Each row is what a person would decide on the page of WhatsApp labels, and is carried out and taken back the same way.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from contacts.models import Channel
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from contacts.services.taking_back import CHANGED
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from labelcrm.lib.cells import restored
from labelcrm.lib.phones import same_number
from labelcrm.lib.text import legible
from labels import jobs
from labels.models import ChannelLabel, Label
from labels.rules.naming import normalize
from labels.selectors import mapping
from transfer.imports import readers
from transfer.imports.files import ImportBatch, Shown, Written, line_of
from transfer.imports.headings import ROW_NUMBER
from transfer.imports.label_names import LabelNames

COLUMNS = ("number", "whatsapp_label", "means")
# What a row says of a label that is to count nowhere.
NOT_COUNTED = frozenset(map(normalize, ("not counted", "tidak dihitung", "none", "abaikan")))


@dataclass(slots=True)
class _Meaning:
    """What one row decides: these labels of a number are `label` from now on and before (None: counted nowhere)."""

    rows: list[ChannelLabel] = field(default_factory=list)
    label: Label | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def changed(self) -> list[ChannelLabel]:
        return [row for row in self.rows if not self._is_so(row)]

    def _is_so(self, row: Any) -> bool:
        return bool(row.ignored if self.label is None else row.label_id == self.label.pk and not row.hidden)

    def wrong(self, column: str, error: Any) -> None:
        self.errors.setdefault(column, []).append(str(error))


class _Numbers:
    """Numbers by their key, name and phone, and the labels of each by name."""

    def __init__(self, viewer: Viewer) -> None:
        self._channels: dict[str, set[int]] = defaultdict(set)
        for channel in _channels(viewer):
            for text in (channel.key, channel.name, channel.own_phone.lstrip("+")):
                self._channels[legible(text).casefold()].add(channel.pk)
        self._labels: dict[int, dict[str, list[ChannelLabel]]] = defaultdict(lambda: defaultdict(list))
        for row in _living(viewer):
            self._labels[row.channel_id][normalize(row.name)].append(row)

    def find(self, text: str) -> int:
        """The number (id) of a cell. Raises ValueError."""
        spellings = [legible(text).casefold(), *(phone.lstrip("+") for phone in _phones(text))]
        found = set().union(*(self._channels.get(spelling, set()) for spelling in spellings if spelling))
        if not found:
            raise ValueError(_("There is no WhatsApp number “%(text)s” here.") % {"text": text[:60]})
        if len(found) > 1:
            raise ValueError(_("“%(text)s” is the name of several; write the key.") % {"text": text[:60]})
        return found.pop()

    def labels(self, channel: int, name: str) -> list[ChannelLabel]:
        """The labels that a number calls so; one that was deleted and made again is two. Raises ValueError."""
        known = self._labels[channel]
        if found := known.get(normalize(name)):
            return found
        near = get_close_matches(normalize(name), known, n=1)
        words = {"name": name[:60], "label": known[near[0]][0].name if near else ""}
        if near:
            raise ValueError(_("This number has no label “%(name)s”: did you mean “%(label)s”?") % words)
        raise ValueError(_("This number has no label “%(name)s”.") % words)


def _phones(text: str) -> list[str]:
    try:
        return list(same_number(readers.phone(text)))
    except ValueError:
        return []


def _channels(viewer: Viewer) -> Any:
    return Channel.objects.visible_to(viewer).exclude(gateway=CRM_GATEWAY)


def _living(viewer: Viewer) -> Any:
    """The WhatsApp labels that somebody may decide about: not those that were deleted, nor WhatsApp's own lists."""
    rows = mapping.channel_labels(viewer).filter(deleted_at__isnull=True, channel__in=_channels(viewer))
    return rows.exclude(hidden=True, ignored=False).order_by("channel__name", "name", "id")


def template_rows(viewer: Viewer) -> Iterator[list[str]]:
    """Every WhatsApp label that the viewer may decide about, with what it means now: to be edited and imported."""
    for row in _living(viewer):
        means = _("not counted") if row.ignored else str(row.label) if row.label.reviewed else ""
        yield [row.channel.key, row.name, means]


def write_label_mapping(rows: Sequence[Mapping[str, str]], batch: ImportBatch) -> Written:
    """Decide what the rows say, or look at it; contacts follow in jobs of their own, as after any such decision."""
    with transaction.atomic():
        viewer = viewer_of(batch.owner)
        numbers, labels = _Numbers(viewer), LabelNames()
        written = Written()
        for number, row in enumerate(rows):
            line = line_of(row, number)
            decided = _read(row, numbers, labels, batch.first_row)
            if decided.errors:
                written.problems[line] = decided.errors
            elif not decided.changed:
                written.unchanged += 1
            else:
                written.changed += 1
                _decide(decided, line, written, batch)
    return written


def _decide(decided: _Meaning, line: int, written: Written, batch: ImportBatch) -> None:
    if len(written.shown) < batch.shown:
        first: Any = decided.changed[0]
        means = str(decided.label) if decided.label else _("not counted")
        cells = {
            "number": ("", first.channel.name), "whatsapp_label": ("", first.name), "means": (str(first.label), means),
        }  # fmt: skip
        written.shown.append(Shown(line, False, cells))
    if not batch.writes:
        return
    started = [
        jobs.remap(channel_label=row, label=decided.label, since=None, actor=batch.owner, batch=batch.key)
        for row in decided.changed
    ]
    written.changes.append(json.dumps({"line": line, "jobs": [job.pk for job in started]}))


def _read(row: Mapping[str, str], numbers: _Numbers, labels: LabelNames, first_row: dict[str, str]) -> _Meaning:
    """What a row decides; nothing where it only names a label, as in a template that was filled in part."""
    cells = {column: legible(restored(row.get(column, ""))) for column in COLUMNS}
    empty = [column for column, text in cells.items() if readers.is_empty(text)]
    decided = _Meaning()
    if empty == ["means"]:
        return decided
    for column in empty:
        decided.wrong(column, _("This cell is empty."))
    if not {"number", "whatsapp_label"} & set(empty):
        _find_rows(decided, cells, numbers)
        _once(decided, row, first_row)
    if "means" not in empty and normalize(cells["means"]) not in NOT_COUNTED:
        try:
            decided.label = labels.labels[labels.find(cells["means"])]
        except ValueError as error:
            decided.wrong("means", error)
    return decided


def _find_rows(decided: _Meaning, cells: Mapping[str, str], numbers: _Numbers) -> None:
    try:
        channel = numbers.find(cells["number"])
    except ValueError as error:
        decided.wrong("number", error)
        return
    try:
        decided.rows = numbers.labels(channel, cells["whatsapp_label"])
    except ValueError as error:
        decided.wrong("whatsapp_label", error)


def _once(decided: _Meaning, row: Mapping[str, str], first_row: dict[str, str]) -> None:
    if not decided.rows:
        return
    who = str(decided.rows[0].pk)
    line = row.get(ROW_NUMBER, "")
    if first_row.setdefault(who, line) != line:
        decided.wrong("whatsapp_label", _("The same label as in row %(row)s.") % {"row": first_row[who]})


# -- Taking it back ---------------------------------------------------------------------------------------------------


def take_back_label_mapping(changes: Sequence[Mapping[str, Any]], batch: ImportBatch) -> dict[int, str]:
    """Take these decisions back, as far as nobody decided again since; returns why not, by line of the file."""
    kept: dict[int, str] = {}
    for change in changes:
        for job in Job.objects.filter(pk__in=change["jobs"], kind=jobs.REMAP.name).order_by("-pk"):
            since = Job.objects.filter(kind=job.kind, subject=job.subject, pk__gt=job.pk).exclude(
                state__in=(Job.State.FAILED, Job.State.CANCELLED)
            )
            if since.exists():
                kept[change["line"]] = CHANGED
            else:
                jobs.take_back(job, actor=batch.owner)
    return kept
