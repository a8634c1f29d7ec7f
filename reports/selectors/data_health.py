"""How far what each number told can be believed (docs/metrics.md, "Data health"): one row per channel.

Events are counted by when they were received: what came in the period, whenever it happened. What reconcile found
differing is read off its runs; where none was finished nothing was compared, and `drift` is None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Sum
from django.utils import timezone

from contacts.models import Agent, Channel
from labels.models import ChannelLabel, Label
from labels.models.querysets import UNMAPPED
from reports.selectors import facts, owners
from reports.selectors.facts import Facts
from reports.selectors.gaps import Silence, silences
from reports.selectors.periods import PROVISIONAL, Period
from reports.selectors.questions import Question
from webhooks.models import InboundEvent, PostCounter, ReconcileRun
from webhooks.selectors import DUPLICATE_POST

METHODS = ("channel_owner", "crm_user", "roster", "assigned", "unknown")
COUNTS = ("late", "capped", "removals_never_seen", *(f"by_{method}" for method in METHODS), "inferred", "lid_only")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealthRow:
    """One number. `gap_s` and `repaired_s` are seconds of silence in the period, `gaps` how many of the first kind.

    `by_*` are labels put on, by how it is known by whom; `inferred` of them are not known for sure. `drift`,
    `delay_*_s` are None where there was nothing to measure. `owner`, `lid_only` and `unmapped` are as of now.
    """

    id: int
    channel: str
    name: str
    owner: int | None
    owner_name: str
    gaps: int
    gap_s: float
    repaired_s: float
    drift: int | None
    late: int
    duplicates: int
    capped: int
    removals_never_seen: int
    lid_only: int
    by_crm_user: int
    by_channel_owner: int
    by_roster: int
    by_assigned: int
    by_unknown: int
    inferred: int
    unmapped: int
    delay_median_s: float | None
    delay_p90_s: float | None
    delay_max_s: float | None


def report(question: Question, *, channels: Iterable[Channel]) -> list[ChannelHealthRow]:
    """One row per channel of `channels`, in their order."""
    listed = list(channels)
    found = _summaries(question)
    silent = silent_times(question)
    owner = owners.owners_at(question.now, channels=[channel.pk for channel in listed])
    names = dict(Agent.all_objects.filter(pk__in=owner.values()).values_list("id", "name"))
    duplicates, unmapped, drift = _duplicates(question.period), _unmapped(), _drift(question.period)
    return [
        ChannelHealthRow(
            id=channel.pk,
            channel=channel.key,
            name=channel.name,
            owner=owner.get(channel.pk),
            owner_name=names.get(owner.get(channel.pk, 0), ""),
            **_silence(silent.get(channel.pk, [])),
            drift=drift.get(channel.pk),
            duplicates=duplicates.get(channel.pk, 0),
            unmapped=unmapped.get(channel.pk, 0),
            **_figures(found[channel.pk]),
        )
        for channel in listed
    ]


def sources() -> dict[str, Facts]:
    """The facts behind the counts that are about contacts."""
    return {count: each for each in _facts() for count in each.counts}


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    channels = question.filters.channels
    return {
        "start": question.period.start,
        "end": question.period.end,
        "channels": None if channels is None else sorted(channels),
        "soon": PROVISIONAL,
    }


def silent_times(question: Question) -> dict[int, list[Silence]]:
    """The times in the period in which each number told nothing, cut to the period and to now."""
    start, end = question.period.start, min(question.period.end, question.now)
    found: dict[int, list[Silence]] = defaultdict(list)
    for silence in silences(since=start, now=question.now):
        since, until = max(silence.since, start), min(silence.until or end, end)
        if since < until:
            found[silence.channel].append(Silence(silence.channel, since, until, silence.repaired))
    return found


def length(times: Sequence[Silence], *, repaired: bool) -> timedelta:
    """How long a number was silent, by times that are over."""
    lengths = (each.until - each.since for each in times if each.repaired == repaired and each.until is not None)
    return sum(lengths, timedelta())


def _figures(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found.get(name, 0) for name in COUNTS} | {name: found.get(name) for name in DELAYS}


def _silence(times: Sequence[Silence]) -> dict[str, Any]:
    return {
        "gaps": sum(not each.repaired for each in times),
        "gap_s": length(times, repaired=False).total_seconds(),
        "repaired_s": length(times, repaired=True).total_seconds(),
    }


def _summaries(question: Question) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = defaultdict(dict)
    for each in _facts():
        for who, counts in facts.summarize(each, parameters(question)).items():
            found[who].update(counts)
    return found


def _duplicates(period: Period) -> dict[int, int]:
    """Posts that told nothing new: stored ones without effect, and those that were answered without being stored."""
    rows = InboundEvent.objects.filter(
        state=InboundEvent.State.DUPLICATE, received_at__gte=period.start, received_at__lt=period.end
    )
    found = dict(rows.order_by().values_list("channel").annotate(n=Count("pk")))
    first, last = (timezone.localtime(at).date() for at in (period.start, period.end - timedelta(microseconds=1)))
    posts = PostCounter.objects.filter(outcome=DUPLICATE_POST, day__range=(first, last))
    for channel, count in posts.order_by().values_list("channel").annotate(n=Sum("count")):
        found[channel] = found.get(channel, 0) + count
    return found


def _unmapped() -> dict[int, int]:
    """WhatsApp labels of each number that nobody has given a meaning yet."""
    unmapped = Label.all_objects.filter(UNMAPPED)
    rows = ChannelLabel.objects.filter(deleted_at__isnull=True, hidden=False, ignored=False, label__in=unmapped)
    return dict(rows.order_by().values_list("channel").annotate(n=Count("pk")))


def _drift(period: Period) -> dict[int, int]:
    """What full pulls of the period found differing and mended; numbers that none compared are missing."""
    runs = ReconcileRun.objects.filter(finished_at__gte=period.start, finished_at__lt=period.end)
    return dict(runs.order_by().values_list("channel").annotate(n=Sum(F("added") + F("removed"))))


# -- Facts ------------------------------------------------------------------------------------------------------------

DELAYS = ("delay_median_s", "delay_p90_s", "delay_max_s")
_OF_CHANNELS = "(%(channels)s::bigint[] IS NULL OR {}.channel_id = ANY(%(channels)s::bigint[]))"


def _facts() -> list[Facts]:
    return [_events(), _lid_only()]


def _events() -> Facts:
    """Label events by when they came. A removal was never seen where nothing had put the label on before.

    What happened before the number was connected could not come in time: it is not late and tells nothing of delays.
    """
    put_on = "live AND kind = 'add' AND effect = 'opened'"
    counts = {
        **{f"by_{method}": f"{put_on} AND method = '{method}'" for method in METHODS},
        "late": "timed AND received_at - at >= %(soon)s",
        "capped": "capped",
        "removals_never_seen": "live AND kind = 'remove' AND effect = 'none' AND NOT put_on_before",
        "inferred": f"{put_on} AND (method IN ('roster', 'assigned') OR method = 'channel_owner' AND NOT used_by_one)",
    }
    delay = "(ORDER BY extract(epoch FROM visible_at - at)::float8) FILTER (WHERE timed)"
    return Facts(
        query=f"""
            SELECT e.channel_id AS who, e.contact_id, w.label_id, e.occurred_at AS at, e.received_at, e.kind, e.effect,
                   e.capped, e.actor_method AS method, h.used_by_one, e.origin IN ('live', 'crm') AS live,
                   e.origin = 'live' AND e.occurred_at_source <> 'received'
                   AND e.occurred_at >= h.connected_at AS timed,
                   greatest(e.received_at, i.settled_at) AS visible_at,
                   e.kind = 'remove' AND e.effect = 'none' AND EXISTS (
                       SELECT FROM labels_labelevent b
                       WHERE b.contact_id = e.contact_id AND b.channel_label_id = e.channel_label_id
                         AND b.kind = 'add' AND b.occurred_at <= e.occurred_at) AS put_on_before
            FROM labels_labelevent e
            JOIN labels_channellabel w ON w.id = e.channel_label_id AND NOT w.hidden
            JOIN contacts_contact c ON c.id = e.contact_id AND c.deleted_at IS NULL
            JOIN contacts_channel h ON h.id = e.channel_id AND h.gateway <> 'crm'
            LEFT JOIN webhooks_inboundevent i ON i.id = e.inbox_id
            WHERE e.received_at >= %(start)s AND e.received_at < %(end)s AND {_OF_CHANNELS.format("e")}
        """,  # noqa: S608
        counts=counts,
        measures={
            "delay_median_s": f"percentile_cont(0.5) WITHIN GROUP {delay}",
            "delay_p90_s": f"percentile_cont(0.9) WITHIN GROUP {delay}",
            "delay_max_s": "max(extract(epoch FROM visible_at - at)::float8) FILTER (WHERE timed)",
        },
    )


def _lid_only() -> Facts:
    """Whom WhatsApp names by a LID alone: they cannot be called, and no export reaches them."""
    return Facts(
        query=f"""
            SELECT k.channel_id AS who, k.contact_id, NULL::bigint AS label_id, k.first_seen_at AS at
            FROM contacts_contactchannel k
            JOIN contacts_contact c ON c.id = k.contact_id AND c.deleted_at IS NULL AND c.phone = '' AND c.lid <> ''
            JOIN contacts_channel h ON h.id = k.channel_id AND h.gateway <> 'crm'
            WHERE {_OF_CHANNELS.format("k")}
        """,  # noqa: S608
        counts={"lid_only": "true"},
    )
