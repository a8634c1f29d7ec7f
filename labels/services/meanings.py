"""What WhatsApp labels mean: by their names, unless a person decided, and dated, so that the past stays true."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAlias
from labels.rules.naming import normalize
from labels.selectors.mapping import load_suggester

SYSTEM_LISTS = "WhatsApp lists"

DatedName = tuple[datetime, str, datetime]  # (since, name, received at)


def settle(row: ChannelLabel, *, names: list[DatedName]) -> bool:
    """Save `row` with the meanings that its `names` give it; rows that are right are not touched.

    Returns whether a meaning changed.
    """
    existing = list(row.meanings.select_related("label")) if row.pk else []
    before = [_content(meaning) for meaning in existing]
    wanted = _timeline(row, names, existing)
    row.label = wanted[-1].label
    row.save()
    changed = before != [_content(meaning) for meaning in wanted]
    if changed:
        _write(row, wanted)
    return changed


def _write(row: ChannelLabel, wanted: list[ChannelLabelMeaning]) -> None:
    """What stays keeps its row: when it was written says whether it was there before a person's decision."""
    row.meanings.exclude(pk__in=[meaning.pk for meaning in wanted if meaning.pk]).delete()
    fresh = [meaning for meaning in wanted if not meaning.pk]
    for meaning in fresh:
        meaning.channel_label = row
    ChannelLabelMeaning.objects.bulk_create(fresh)


def _content(meaning: ChannelLabelMeaning) -> tuple[Any, ...]:
    return (meaning.label_id, meaning.name, meaning.since, meaning.decided_at)


def _timeline(
    row: ChannelLabel, names: list[DatedName], existing: list[ChannelLabelMeaning]
) -> list[ChannelLabelMeaning]:
    """The meanings from the beginning on. What a person decided stands; only names heard later add to it."""
    if row.hidden:
        label = system_lists()
        standing = [meaning for meaning in existing if meaning.label_id == label.pk]
        return standing[:1] or [ChannelLabelMeaning(label=label, name=row.name)]
    timeline, later = _decided(existing, names)
    by_name = {normalize(meaning.name): meaning for meaning in existing if meaning not in timeline}
    for since, name, _received in later:
        if timeline and (normalize(timeline[-1].name) == normalize(name) or _is_before(since, timeline[-1].since)):
            continue
        timeline.append(_meaning(name, since if timeline else None, by_name))
    return timeline or [_meaning(row.name, None, by_name)]


def _decided(
    existing: list[ChannelLabelMeaning], names: list[DatedName]
) -> tuple[list[ChannelLabelMeaning], list[DatedName]]:
    """What stands because of a person's decision, and the names heard after it.

    A name from before the one that was decided about does not count, however late it is heard.
    """
    decisions = [meaning.decided_at for meaning in existing if meaning.decided_at is not None]
    if not decisions:
        return [], names
    settled_at = max(decisions)
    standing = [meaning for meaning in existing if meaning.decided_at or meaning.created_at <= settled_at]
    seen = max((since for since, _, received in names if received <= settled_at), default=None)
    return standing, [step for step in names if step[2] > settled_at and (seen is None or step[0] > seen)]


def _is_before(since: datetime, last: datetime | None) -> bool:
    return last is not None and since <= last


def _meaning(name: str, since: datetime | None, by_name: dict[str, ChannelLabelMeaning]) -> ChannelLabelMeaning:
    """A meaning that starts at `since`; what the same name was matched to before is not matched again."""
    known = by_name.pop(normalize(name), None)
    label = known.label if known is not None else label_for_name(name, reviewed=False)
    return ChannelLabelMeaning(label=label, name=name, since=since)


def label_for_name(name: str, *, reviewed: bool) -> Label:
    """The canonical label of a WhatsApp name: by its spelling after normalisation, else the one that it certainly means
    (`labels.rules.suggesting`), else a new one.
    """
    normalized = normalize(name)
    alias = LabelAlias.objects.select_related("label").filter(normalized=normalized).first()
    if alias is not None and alias.label.deleted_at is None:
        return alias.label
    if (meant := load_suggester().certain(name)) is not None:
        return Label.objects.get(pk=meant.label)
    label, _ = Label.objects.get_or_create(name=name, defaults={"reviewed": reviewed})
    LabelAlias.objects.update_or_create(normalized=normalized, defaults={"label": label, "text": name})
    return label


def system_lists() -> Label:
    """The archived label behind what counts nowhere: WhatsApp's own lists, and what a person said is no label."""
    label, _ = Label.all_objects.get_or_create(name=SYSTEM_LISTS, defaults={"deleted_at": timezone.now()})
    return label
