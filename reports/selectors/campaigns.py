"""Campaign quality: what each campaign brought, and what became of it (docs/metrics.md, "Campaign quality")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.utils.timezone import localtime

from contacts.models import Campaign, CampaignCost
from contacts.selectors.counting import is_living
from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from labels.models import Label
from labels.models.canonical import ColorFamily
from reports.limits import ReportLimits
from reports.selectors import facts
from reports.selectors.facts import Facts
from reports.selectors.gaps import GAPS, gap_flags
from reports.selectors.periods import Period, midnight
from reports.selectors.questions import Question, of_kind, or_unmapped
from reports.selectors.shares import Share, share

CREDITED = timedelta(hours=24 * 30)  # how long a last touch gets the credit for a label

# What may become of a contact: a clean spell of a label for which the condition holds.
OUTCOMES = {"labelled": "true"} | {kind: of_kind(kind, "s") for kind in ("high", "waiting", "won", "complaint")}


class Touch(StrEnum):
    """Which touch of a contact counts."""

    FIRST = "first"
    LAST = "last"


class Basis(StrEnum):
    """Which date puts a contact into the period: that of the touch (cohort) or that of the label (event)."""

    COHORT = "cohort"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """How many contacts got a label; `label` is None for those together that nobody has mapped yet."""

    label: int | None
    name: str
    color: str
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """One campaign; `campaign` is None for contacts that no campaign brought.

    Of each outcome: `x` the share of contacts whose window is over, `x_so_far` that of all, `x_count` how many so
    far, `x_already` how many had it before the touch, `x_unknown` how many of those whose window is over are not
    judged because it overlaps a gap of the number (`unknown` are they all, whatever they had before). The event basis
    has counts only. Costs are rupiah, None when there is no cost or no count; `so_far` says that the youngest
    contact's window is not over.
    """

    campaign: int | None
    code: str
    name: str
    archived: bool
    contacts: int | None
    immature: int
    unknown: int
    so_far: bool
    labelled: Share | None
    labelled_so_far: Share | None
    labelled_count: int
    labelled_already: int
    labelled_unknown: int
    high: Share | None
    high_so_far: Share | None
    high_count: int
    high_already: int
    high_unknown: int
    high_of_all: Share
    waiting: Share | None
    waiting_so_far: Share | None
    waiting_count: int
    waiting_already: int
    waiting_unknown: int
    won: Share | None
    won_so_far: Share | None
    won_count: int
    won_already: int
    won_unknown: int
    complaint: Share | None
    complaint_so_far: Share | None
    complaint_count: int
    complaint_already: int
    complaint_unknown: int
    cost: Decimal | None
    cost_per_high: Decimal | None
    cost_per_won: Decimal | None
    label_mix: list[LabelCount]


def report(
    question: Question, *, touch: Touch = Touch.FIRST, basis: Basis = Basis.COHORT, campaigns: Iterable[Any]
) -> list[CampaignRow]:
    """One row per campaign of `campaigns`, for others only where they have figures; "no campaign" comes last."""
    values = parameters(question)
    [each] = _facts(question, touch, basis)
    found = facts.summarize(each, values)
    mixes = _mixes(question, touch, basis, values)
    listed = {campaign.pk: campaign for campaign in campaigns}
    unlisted = [who for who in found if who is not None and who not in listed]
    listed |= {campaign.pk: campaign for campaign in Campaign.all_objects.filter(pk__in=unlisted)}
    all_high = sum(counts["high_count"] for counts in found.values())
    days, costs = _undated_days(listed.values()), _costs_by_period(listed.values())
    rows = [
        _row(campaign, found.get(who, {}), basis=basis, all_high=all_high, mix=mixes.get(who, []),
             cost=cost_in(question.period, campaign, days.get(who), costs.get(who, ())))
        for who, campaign in listed.items()
    ]  # fmt: skip
    rows.sort(key=lambda row: (row.name.casefold(), row.campaign or 0))
    nothing = _row(None, found.get(None, {}), basis=basis, all_high=all_high, mix=mixes.get(None, []), cost=None)
    return [*rows, nothing]


def sources(question: Question, *, touch: Touch, basis: Basis) -> dict[str, Facts]:
    """The facts behind every count of the report, by count."""
    return {count: each for each in _facts(question, touch, basis) for count in each.counts}


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    return {**question.parameters, "window": ReportLimits.now().campaign, "credited": CREDITED}


def listed_campaigns(*, viewer: Viewer) -> list[Any]:
    """The living campaigns a viewer sees."""
    return list(Campaign.objects.visible_to(viewer).order_by("name", "id"))


# -- Facts ------------------------------------------------------------------------------------------------------------


def _facts(question: Question, touch: Touch, basis: Basis) -> list[Facts]:
    return [_cohort(question, touch) if basis is Basis.COHORT else _events(question, touch)]


def _cohort(question: Question, touch: Touch) -> Facts:
    """Contacts by the touch that counts, and what they were labelled in the window from it."""
    counts = {"contacts": "true", "immature": "NOT is_over", "unknown": "is_over AND gap"}
    for place, name in enumerate(OUTCOMES):
        already, hit = f"became & {_BEFORE << place} <> 0", f"became & {_WITHIN << place} <> 0"
        mature = f"is_over AND NOT {already}"
        counts[f"{name}_n"] = f"{mature} AND NOT gap"
        counts[f"{name}_k"] = f"{mature} AND NOT gap AND {hit}"
        counts[f"{name}_unknown"] = f"{mature} AND gap"
        counts[f"{name}_all"] = f"NOT {already}"
        counts[f"{name}_count"] = f"NOT {already} AND {hit}"
        counts[f"{name}_already"] = already
    return Facts(
        expressions=[touched(question, touch), question.filtered.clean(certain=False), GAPS],
        query=f"""
            SELECT t.who, t.contact_id, NULL::bigint AS label_id, t.at, t.became,
                   t.at + %(window)s <= %(now)s AS is_over, flags.gap
            FROM ({labelled(question, _BECAME, together=question.period.end - question.period.start > LONG)}) AS t
            {gap_flags(gap=(CHANNEL, "t.at", "%(window)s"))}
        """,  # noqa: S608
        counts=counts,
        told_apart_by=("became", "is_over", "gap"),
    )


# What became of a contact as the bits of one number, one per outcome, and those that were so before the touch above
# them: one aggregate of integers costs a third of ten of booleans.
_WITHIN, _BEFORE = 1, 1 << len(OUTCOMES)
_BITS = " | ".join(f"CASE WHEN {holds} THEN {1 << place} ELSE 0 END" for place, holds in enumerate(OUTCOMES.values()))
_BECAME = f"""
    coalesce(bit_or(({_BITS}) << CASE WHEN s.started_at < t.at THEN {len(OUTCOMES)} ELSE 0 END)
             FILTER (WHERE s.contact_id IS NOT NULL), 0) AS became
"""


# Who came by no channel that we know of came by the one they wrote on first.
CHANNEL = """
    coalesce(t.channel_id, (
        SELECT k.channel_id FROM contacts_contactchannel k WHERE k.contact_id = t.contact_id
        ORDER BY k.first_inbound_at, k.first_seen_at, k.channel_id LIMIT 1))
"""
LONG = timedelta(days=180)  # a period in which so many contacts are touched that one join finds their spells sooner
# Spells that were active at the touch, or start in the window that it opens.
NEAR = """
    s.contact_id = t.contact_id AND s.started_at < t.at + %(window)s
    AND (s.started_at >= t.at OR s.ended_at IS NULL OR s.ended_at >= t.at)
"""


def labelled(question: Question, columns: str, condition: str = "", *, together: bool) -> str:
    """The query of everybody `t` in `touched`, with `columns` aggregated over their spells `s` near the touch.

    One join finds those of all `together`: for two years of a million contacts in 10 s instead of 24, for a month in
    more time than to look each up. Of some channels each is looked up in any case, for of a table in parts the planner
    would read all that is not filtered out.
    """
    if question.filters.channels is not None or not together:
        own = f"SELECT {columns} FROM clean s WHERE {NEAR} {condition}"  # noqa: S608
        return f"SELECT t.*, own.* FROM touched t CROSS JOIN LATERAL ({own}) AS own"  # noqa: S608
    return f"""
        SELECT t.contact_id, t.who, t.at, t.channel_id, {columns}
        FROM touched t LEFT JOIN clean s ON {NEAR} {condition} GROUP BY t.contact_id, t.who, t.at, t.channel_id
    """  # noqa: S608


def touched(question: Question, touch: Touch) -> str:
    """Contacts whose touch falls in the period, with its campaign; those without any, by their first message in.

    What a person or a file said came by no channel: then, as without a touch, it is where the contact is known.
    """
    narrowed = untouched = ""
    if question.filters.channels is not None:
        untouched = f"AND {_KNOWN_HERE.format('c.id')}"
        narrowed = f"""AND (t.channel_id = ANY(%(channels)s::bigint[])
                            OR (t.channel_id IS NULL AND {_KNOWN_HERE.format("t.contact_id")}))"""
    return f"""
        touched AS (
            SELECT t.contact_id, t.campaign_id AS who, t.at, t.channel_id
            FROM contacts_campaigntouch t
            WHERE {is_living("t.contact_id")} AND t.at >= %(start)s AND t.at < %(end)s {narrowed} AND NOT EXISTS (
                SELECT FROM contacts_campaigntouch u WHERE u.contact_id = t.contact_id AND {_BETTER[touch]}
            )
            UNION ALL
            SELECT c.id, NULL, coalesce(c.first_inbound_at, c.first_seen_at), NULL
            FROM contacts_contact c
            WHERE c.deleted_at IS NULL AND coalesce(c.first_inbound_at, c.first_seen_at) >= %(start)s
              AND coalesce(c.first_inbound_at, c.first_seen_at) < %(end)s {untouched}
              AND NOT EXISTS (SELECT FROM contacts_campaigntouch u WHERE u.contact_id = c.id)
        )
    """  # noqa: S608


_KNOWN_HERE = """EXISTS (
    SELECT FROM contacts_contactchannel k WHERE k.contact_id = {} AND k.channel_id = ANY(%(channels)s::bigint[])
)"""
# What a person set by hand comes before all, as in contacts.services.attribution.
_BETTER = {
    Touch.FIRST: "(u.method <> 'manual', u.at, u.id) < (t.method <> 'manual', t.at, t.id)",
    Touch.LAST: "u.at >= %(start)s AND u.at < %(end)s AND (u.at, u.id) > (t.at, t.id)",
}


def _events(question: Question, touch: Touch) -> Facts:
    """Contacts by the campaign that gets the credit for a label of the period."""
    columns = ", ".join(f"bool_or({holds}) AS {name}_hit" for name, holds in OUTCOMES.items())
    return Facts(
        expressions=[question.filtered.clean(certain=False)],
        query=f"""
            SELECT credit.campaign_id AS who, s.contact_id, NULL::bigint AS label_id, min(s.started_at) AS at, {columns}
            FROM clean s
            LEFT JOIN LATERAL ({_CREDIT[touch]}) AS credit ON true
            WHERE s.started_at >= %(start)s AND s.started_at < %(end)s
            GROUP BY credit.campaign_id, s.contact_id
        """,  # noqa: S608
        counts={f"{name}_count": f"{name}_hit" for name in OUTCOMES},
    )


_CREDIT = {
    Touch.FIRST: """
        SELECT u.campaign_id FROM contacts_campaigntouch u WHERE u.contact_id = s.contact_id
        ORDER BY u.method <> 'manual', u.at, u.id LIMIT 1
    """,
    Touch.LAST: """
        SELECT u.campaign_id FROM contacts_campaigntouch u
        WHERE u.contact_id = s.contact_id AND u.at <= s.started_at AND u.at >= s.started_at - %(credited)s
        ORDER BY u.at DESC, u.id DESC LIMIT 1
    """,
}


# -- Label mix --------------------------------------------------------------------------------------------------------


def _mixes(
    question: Question, touch: Touch, basis: Basis, values: Mapping[str, Any]
) -> dict[int | None, list[LabelCount]]:
    """Of each campaign the labels its contacts got, the most frequent first."""
    clean = question.filtered.clean(certain=False)
    if basis is Basis.COHORT:
        expressions, source = f"{touched(question, touch)}, {clean}", "t.who"
        tables = f"touched t JOIN clean s ON {NEAR} AND s.started_at >= t.at"
        if question.filters.channels is not None:  # as in `labelled`, else by a join
            own = f"SELECT * FROM clean s WHERE {NEAR} AND s.started_at >= t.at OFFSET 0"  # noqa: S608
            tables = f"touched t CROSS JOIN LATERAL ({own}) AS s"
    else:
        expressions, source = clean, "credit.campaign_id"
        tables = f"""clean s LEFT JOIN LATERAL ({_CREDIT[touch]}) AS credit ON true
                     WHERE s.started_at >= %(start)s AND s.started_at < %(end)s"""
    found = fetch(
        f"WITH {expressions} SELECT {source}, {or_unmapped('s')}, count(DISTINCT s.contact_id)"  # noqa: S608
        f" FROM {tables}"
        " GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2",
        values,
    )
    labels = Label.all_objects.in_bulk({label for _, label, _ in found if label is not None})
    called: dict[int | None, tuple[str, str]] = {pk: (str(label), label.color) for pk, label in labels.items()}
    called[None] = ("", ColorFamily.NEUTRAL.value)
    mixes: dict[int | None, list[LabelCount]] = {}
    for who, label, contacts in found:
        name, color = called[label]
        mixes.setdefault(who, []).append(LabelCount(label=label, name=name, color=color, contacts=contacts))
    return mixes


# -- Cost -------------------------------------------------------------------------------------------------------------


def cost_in(
    period: Period, campaign: Any, seen: tuple[date, date] | None = None, costs: Sequence[CampaignCost] = ()
) -> Decimal | None:
    """What a campaign cost in the period, in rupiah; None when no cost is known.

    The sum of its `costs`, each spread evenly over its days. Without any its one amount, over its own days; a first or
    last day that nobody entered is the day of its first or last touch (`seen`).
    """
    if costs:
        return sum((_part(period, row.first_day, row.last_day, row.amount) for row in costs), Decimal(0))
    first: date | None = campaign.starts_on or (seen[0] if seen else None)
    if campaign.cost is None or first is None:
        return None
    last: date = campaign.ends_on or (seen[1] if seen else first)
    return _part(period, first, max(first, last), campaign.cost)


def _part(period: Period, first: date, last: date, amount: Decimal) -> Decimal:
    """How much of an amount for these days falls into the period."""
    start, end = midnight(first), midnight(last + timedelta(days=1))
    inside = min(end, period.end) - max(start, period.start)
    part = max(inside, timedelta(0)) / (end - start)
    return (amount * Decimal(part)).quantize(Decimal("0.01"))


def _costs_by_period(campaigns: Iterable[Any]) -> dict[int, list[CampaignCost]]:
    found: dict[int, list[CampaignCost]] = {}
    for row in CampaignCost.objects.filter(campaign__in=[campaign.pk for campaign in campaigns]):
        found.setdefault(row.campaign_id, []).append(row)
    return found


def _undated_days(campaigns: Iterable[Any]) -> dict[int, tuple[date, date]]:
    ids = [c.pk for c in campaigns if c.cost is not None and not (c.starts_on and c.ends_on)]
    if not ids:
        return {}
    found: list[tuple[int, datetime, datetime]] = fetch(_SEEN_DAYS, {"ids": ids})
    return {campaign: (localtime(first).date(), localtime(last).date()) for campaign, first, last in found}


_SEEN_DAYS = f"""
    SELECT t.campaign_id, min(t.at), max(t.at)
    FROM contacts_campaigntouch t WHERE {is_living("t.contact_id")} AND t.campaign_id = ANY(%(ids)s) GROUP BY 1
"""  # noqa: S608 - SQL from this package


# -- Rows -------------------------------------------------------------------------------------------------------------


def _row(
    campaign: Any, found: Mapping[str, Any], *, basis: Basis, all_high: int, mix: list[LabelCount], cost: Decimal | None
) -> CampaignRow:
    cohort = basis is Basis.COHORT
    figures: dict[str, Any] = {}
    for name in OUTCOMES:
        n, k, everyone, count = (found.get(f"{name}_{part}", 0) for part in ("n", "k", "all", "count"))
        figures[name] = share(k, n) if cohort else None
        figures[f"{name}_so_far"] = share(count, everyone) if cohort else None
        figures[f"{name}_count"] = count
        figures |= {f"{name}_{part}": found.get(f"{name}_{part}", 0) for part in ("already", "unknown")}
    return CampaignRow(
        campaign=None if campaign is None else campaign.pk,
        code="" if campaign is None else campaign.code,
        name="" if campaign is None else campaign.name,
        archived=campaign is not None and campaign.is_archived,
        contacts=found.get("contacts", 0) if cohort else None,
        immature=found.get("immature", 0),
        unknown=found.get("unknown", 0),
        so_far=found.get("immature", 0) > 0,
        high_of_all=share(figures["high_count"], all_high),
        cost=cost,
        cost_per_high=_per(cost, figures["high_count"]),
        cost_per_won=_per(cost, figures["won_count"]),
        label_mix=mix,
        **figures,
    )


def _per(cost: Decimal | None, count: int) -> Decimal | None:
    return None if cost is None or count == 0 else (cost / count).quantize(Decimal("0.01"))
