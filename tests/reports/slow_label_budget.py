"""The label budget the slow way: each contact's labels on each number looked at by themselves."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import combinations
from typing import Any

from django.conf import settings

from labels.models import ChannelLabel

Labels = dict[tuple[int, int], set[int]]


def living(slow: Any) -> list[ChannelLabel]:
    """ "Labels that the number has in WhatsApp at the end of the period, without WhatsApp's own lists" """
    rows = ChannelLabel.objects.exclude(channel__gateway="crm").filter(hidden=False)
    return [
        row
        for row in rows
        if row.first_seen_at < slow.end
        and (row.deleted_at is None or row.deleted_at >= slow.end)
        and (slow.channels is None or row.channel_id in slow.channels)
    ]


def lasted(interval: Any) -> bool:
    """ "One that was taken off again within the limit of quick undos is no use" """
    ended = interval.removed_at
    return ended is None or ended - interval.added_at >= timedelta(seconds=settings.MISTAP_SECONDS)


def on_at_end(slow: Any) -> Labels:
    """Of each number and contact the labels at the end of the period."""
    living_ids = {row.pk for row in living(slow)}
    found: Labels = defaultdict(set)
    for one in slow.here:
        open_then = one.removed_at is None or (one.removed_at >= slow.end and slow.end <= slow.now)
        if one.channel_label in living_ids and one.added_at < slow.end and open_then:
            found[one.channel, one.contact].add(one.channel_label)
    return found


def of_label(slow: Any, row: ChannelLabel, on: Labels) -> dict[str, Any]:
    mine = [one for one in slow.here if one.channel_label == row.pk and one.added_at < slow.end and lasted(one)]
    put_on = [one for one in mine if one.origin in ("live", "crm")]
    of_number = [those for (channel, _contact), those in on.items() if channel == row.channel_id]
    return {
        "used": sum(slow.within(one.added_at) for one in put_on),
        "last_used": max((one.added_at for one in put_on), default=None),
        "ever": bool(mine),
        "active": sum(row.pk in those for those in of_number),
        "coverage_lost": (sum(those == {row.pk} for those in of_number), len(of_number)),
    }


def pairs(on: Labels) -> dict[tuple[int, int], dict[str, Any]]:
    """Every two labels that a contact of a number has together."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for (channel, _contact), those in on.items():
        of_number = [others for (other, _), others in on.items() if other == channel]
        for first, second in combinations(sorted(those), 2):
            both = sum(first in each and second in each for each in of_number)
            either = sum(first in each or second in each for each in of_number)
            firsts, seconds = (sum(label in each for each in of_number) for label in (first, second))
            chance = firsts / len(of_number) * seconds / len(of_number)
            found[first, second] = {
                "both": both, "together": (both, either), "of_first": (both, firsts), "of_second": (both, seconds),
                "lift": round(both / len(of_number) / chance, 6),
            }  # fmt: skip
    return found


def lost_with(on: Labels, channel: int, gone: set[int]) -> int:
    """Contacts of a number all of whose labels are gone."""
    return sum(those <= gone for (other, _contact), those in on.items() if other == channel)
