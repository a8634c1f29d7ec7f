"""What a WhatsApp label was called, and what it meant, at any time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labelcrm.core.bulk import fetch


@dataclass(frozen=True, slots=True)
class Wording:
    """Names and canonical labels of one WhatsApp label as (since, value) steps; the first holds from the beginning."""

    names: tuple[tuple[datetime | None, str], ...]
    labels: tuple[tuple[datetime | None, int], ...]

    def name_at(self, end: datetime | None) -> str:
        """The name just before `end`; None asks for now."""
        return _value_before(self.names, end)

    def label_at(self, end: datetime | None) -> int:
        """The id of the canonical label meant just before `end`; None asks for now."""
        return _value_before(self.labels, end)


def _value_before(steps: tuple[tuple[datetime | None, Any], ...], end: datetime | None) -> Any:
    value = steps[0][1]
    for since, step in steps[1:]:
        if end is not None and since is not None and since >= end:
            break
        value = step
    return value


def subject_of(channel_label: int | str) -> str:
    """Jobs about one WhatsApp label are done one after the other."""
    return f"channel_label:{channel_label}"


def load_wording(channel_labels: Collection[int]) -> dict[int, Wording]:
    """The wording of each given channel label id."""
    ids = sorted(channel_labels)
    names, labels = _names(ids), _labels(ids)
    return {pk: Wording(tuple(names[pk]), tuple(labels[pk])) for pk in ids}


# Only what a generation was saved as counts; in passing it is believed while it was never saved.
_NAMES = """
SELECT label.id, event.occurred_at, event.name
  FROM labels_channellabel label
  JOIN labels_channellabelevent event
    ON event.channel_id = label.channel_id AND event.external_id = label.external_id AND event.name IS NOT NULL
   AND event.occurred_at <= COALESCE(label.deleted_at, 'infinity')
   AND event.occurred_at > COALESCE((SELECT max(before.deleted_at) FROM labels_channellabel before
        WHERE before.channel_id = label.channel_id AND before.external_id = label.external_id
          AND before.generation < label.generation), '-infinity')
   AND event.kind = CASE WHEN label.name_is_saved THEN 'saved' ELSE 'hint' END
 WHERE label.id = ANY(%s)
 ORDER BY label.id, event.occurred_at, event.event_key COLLATE "C"
"""
_NAMES_NOW = "SELECT id, name FROM labels_channellabel WHERE id = ANY(%s)"
_LABELS = """
SELECT channel_label_id, since, label_id FROM labels_channellabelmeaning WHERE channel_label_id = ANY(%s)
 ORDER BY channel_label_id, since NULLS FIRST
"""


def _names(ids: list[int]) -> dict[int, list[tuple[datetime | None, str]]]:
    steps: dict[int, list[tuple[datetime | None, str]]] = {}
    for pk, since, name in fetch(_NAMES, [ids]):
        known = steps.setdefault(pk, [])
        known.append((since if known else None, name))
    for pk, name in fetch(_NAMES_NOW, [ids]):
        steps.setdefault(pk, [(None, name)])
    return steps


def _labels(ids: list[int]) -> dict[int, list[tuple[datetime | None, int]]]:
    steps: dict[int, list[tuple[datetime | None, int]]] = {}
    for pk, since, label in fetch(_LABELS, [ids]):
        steps.setdefault(pk, []).append((since, label))
    return steps
