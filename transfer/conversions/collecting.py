"""Finds who came by an ad and got a first good label, for everybody in one statement.

Of each contact and event the earliest clean spell counts: mistaps are no clean spells. One that began less than 15
minutes ago may still turn out to be a mistap, so it waits (docs/metrics.md, "Ground rules"). The ad is that of the
latest touch up to the label: an ad referral that a gateway told, or a message that carries a `gclid`. Who had such a
label before any ad brought them is no conversion, for no ad taught them.

A look writes what differs and nothing else, so it can be repeated, and two at once wait for each other. What went
anywhere is never touched again. What did not, be it that it waits in the outbox or failed there, follows what it was
made of: a label that is taken off late as a mistap, a merge, another value, a touch that is recognised anew.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from labelcrm.core.bulk import execute, fetch
from labels.models import Label
from reports.selectors.periods import PROVISIONAL, midnight
from transfer.conversions.models import ConversionEvent

OVERLAP = timedelta(hours=1)  # of two looks at what changed: a transaction that began before may be seen after
_LOCK = "conversions"


@dataclass(frozen=True, slots=True)
class Collected:
    """What a look wrote: conversions that are new or differ, and such that are none any more."""

    written: int
    dropped: int


def collect(now: datetime, *, changed_since: datetime | None = None) -> Collected:
    """Bring the conversions in step at `now`: of everybody, or of contacts whose labels changed since then."""
    events = list(ConversionEvent.objects.filter(active=True))
    with transaction.atomic():
        hold()
        contacts = None if changed_since is None else _changed(changed_since)
        if not events or contacts == []:
            return Collected(0, 0)
        wanted = _parameters(events, contacts, now)
        execute("CREATE TEMPORARY TABLE wanted_conversion ON COMMIT DROP AS " + _WANTED, wanted)
        execute("ANALYZE wanted_conversion", [])
        execute(_DROP_WAITING, wanted)
        dropped = execute(_DROP, wanted)
        written = execute(_WRITE, wanted)
        execute("DROP TABLE wanted_conversion", [])
    return Collected(written, dropped)


def hold() -> None:
    """Let nobody else find conversions, or choose some for a target, until this transaction ends."""
    fetch("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])


def settled_before(now: datetime) -> datetime:
    """Labels from before this moment are no mistaps any more."""
    return now - max(PROVISIONAL, timedelta(seconds=settings.MISTAP_SECONDS))


def labels_of(event: ConversionEvent, labels: Collection[Label], chosen: Collection[int]) -> list[int]:
    """The ids of the labels that an event counts, of all there are; `chosen` are those ticked by hand."""
    if event.basis == ConversionEvent.LabelChoice.HIGH_QUALITY:
        return [label.pk for label in labels if label.high_quality]
    if event.basis == ConversionEvent.LabelChoice.WON:
        return [label.pk for label in labels if label.meaning == Label.Meaning.WON]
    return [label.pk for label in labels if label.pk in chosen]


def _changed(since: datetime) -> list[int]:
    return [pk for (pk,) in fetch(_CHANGED, [since - OVERLAP])]


def _parameters(events: list[ConversionEvent], contacts: list[int] | None, now: datetime) -> dict[str, Any]:
    labels = list(Label.all_objects.all())
    chosen: dict[int, set[int]] = {}
    for event, label in ConversionEvent.labels.through.objects.values_list("conversionevent_id", "label_id"):
        chosen.setdefault(event, set()).add(label)
    pairs = [(event.pk, pk) for event in events for pk in labels_of(event, labels, chosen.get(event.pk, set()))]
    return {
        "events": [event.pk for event in events],
        "values": [event.value for event in events],
        "since": [midnight(event.since) if event.since else None for event in events],
        "pair_events": [event for event, _label in pairs],
        "pair_labels": [label for _event, label in pairs],
        "contacts": contacts,
        "settled": settled_before(now),
        "now": now,
    }


_CHANGED = "SELECT DISTINCT contact_id FROM labels_labelassignment WHERE updated_at >= %s ORDER BY 1"

# A click id as Google writes it in the address of a page: websites put it into the text of their WhatsApp link.
_GCLID = "'\\mgclid\\s*[=:]\\s*([A-Za-z0-9_-]{10,})'"
_BY_AD = "t.method IN ('ad', 'ref', 'click')"
_TOLD = "concat_ws(' ', m.ad ->> 'source_url', m.ad ->> 'ref', m.text)"

# The earliest clean spell of each contact and event; live before found where both begin at once.
_FIRSTS = """
    SELECT DISTINCT ON (p.event_id, s.contact_id)
           p.event_id, s.contact_id, s.label_id, s.channel_id, s.started_at, s.found
    FROM unnest(%(pair_events)s::bigint[], %(pair_labels)s::bigint[]) AS p (event_id, label_id)
    JOIN labels_cleanspell s ON s.label_id = p.label_id
    WHERE %(contacts)s::bigint[] IS NULL OR s.contact_id = ANY(%(contacts)s::bigint[])
    ORDER BY p.event_id, s.contact_id, s.started_at, s.found, s.label_id
"""
# What brought a contact up to a moment, the latest first: touches by ads, and messages with Google's click id, the
# first of a contact also where no campaign claims it.
_CLICKS = f"""
    SELECT t.id AS touch_id, t.at, t.campaign_id, t.method,
           coalesce(t.evidence ->> 'ad', m.ad ->> 'source_id', '') AS ad_id,
           coalesce(m.ad ->> 'click_id', t.evidence ->> 'click', '') AS click_id,
           (regexp_match({_TOLD}, {_GCLID}, 'i'))[1] AS gclid
    FROM contacts_campaigntouch t LEFT JOIN contacts_message m ON m.id = t.message_id
    WHERE t.contact_id = f.contact_id AND t.at <= f.started_at AND ({_BY_AD} OR m.text ~* {_GCLID})
    UNION ALL
    SELECT NULL, m.at, NULL, '', '', '', (regexp_match(m.text, {_GCLID}, 'i'))[1]
    FROM contacts_message m
    WHERE m.contact_id = f.contact_id AND m.at = who.first_inbound_at AND m.at <= f.started_at AND NOT m.from_me
      AND m.text ~* {_GCLID} AND NOT EXISTS (SELECT FROM contacts_campaigntouch t WHERE t.message_id = m.id)
"""  # noqa: S608 - the words above
# Nothing but letters, digits and the signs of such ids: what else stands there goes into no file.
_ID = "CASE WHEN {0} ~ '^[A-Za-z0-9_.-]+$' AND length({0}) <= 600 THEN {0} ELSE '' END"
# By files, and by what Meta's API was told or is being told now; not by what only waits for it or failed.
_TOLD_BY = "(d.state = 'done' OR d.file_id IS NOT NULL OR d.leased_until IS NOT NULL)"
_WENT = f"EXISTS (SELECT FROM transfer_conversiondelivery d WHERE d.conversion_id = {{}}.id AND {_TOLD_BY})"
# Two who turned out to be one had their conversion when one of them had it, as long as it went somewhere.
_OF_MERGED = f"""
    SELECT DISTINCT merged.merged_into_id AS contact_id, c.event_id
    FROM transfer_conversion c JOIN contacts_contact merged ON merged.id = c.contact_id
    WHERE merged.merged_into_id IS NOT NULL AND {_WENT.format("c")}
"""  # noqa: S608
_WANTED = f"""
    SELECT f.event_id, f.contact_id, f.label_id, f.channel_id, f.started_at AS occurred_at, f.found,
           CASE WHEN click.click_id = '' AND click.gclid IS NOT NULL THEN 'google' ELSE 'meta' END AS network,
           CASE WHEN click.click_id = '' AND click.gclid IS NOT NULL THEN {_ID.format("click.gclid")}
                ELSE {_ID.format("click.click_id")} END AS click_id,
           left(click.ad_id, 200) AS ad_id, click.touch_id, click.at AS touch_at, click.method AS touch_method,
           click.campaign_id, coalesce(of_campaign.value, of_label.value, e.value) AS value
    FROM ({_FIRSTS}) AS f
    JOIN unnest(%(events)s::bigint[], %(values)s::numeric[], %(since)s::timestamptz[]) AS e (id, value, since)
      ON e.id = f.event_id
    JOIN contacts_contact who ON who.id = f.contact_id
    CROSS JOIN LATERAL (
        SELECT * FROM ({_CLICKS}) AS clicks ORDER BY at DESC, touch_id DESC NULLS LAST LIMIT 1
    ) AS click
    LEFT JOIN transfer_conversionvalue of_campaign
      ON of_campaign.event_id = f.event_id AND of_campaign.campaign_id = click.campaign_id
    LEFT JOIN transfer_conversionvalue of_label
      ON of_label.event_id = f.event_id AND of_label.label_id = f.label_id
    LEFT JOIN ({_OF_MERGED}) AS told ON told.contact_id = f.contact_id AND told.event_id = f.event_id
    WHERE f.started_at < %(settled)s AND (e.since IS NULL OR f.started_at >= e.since)
      AND told.contact_id IS NULL
"""  # noqa: S608

_UNWANTED = """
    c.event_id = ANY(%(events)s::bigint[])
    AND (%(contacts)s::bigint[] IS NULL OR c.contact_id = ANY(%(contacts)s::bigint[]))
    AND NOT EXISTS (SELECT FROM wanted_conversion w WHERE w.contact_id = c.contact_id AND w.event_id = c.event_id)
"""
_DROP_WAITING = f"""
    DELETE FROM transfer_conversiondelivery d USING transfer_conversion c
    WHERE d.conversion_id = c.id AND NOT {_TOLD_BY} AND NOT {_WENT.format("c")} AND {_UNWANTED}
"""  # noqa: S608
_DROP = f"""
    DELETE FROM transfer_conversion c
    WHERE NOT EXISTS (SELECT FROM transfer_conversiondelivery d WHERE d.conversion_id = c.id) AND {_UNWANTED}
"""  # noqa: S608
_FOLLOWING = (
    "label_id", "channel_id", "occurred_at", "found", "network", "click_id", "ad_id", "touch_id", "touch_at",
    "touch_method", "campaign_id",
)  # fmt: skip
_COLUMNS = ", ".join(_FOLLOWING)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _FOLLOWING)
_VALUE = "CASE WHEN c.value_by_hand THEN c.value ELSE excluded.value END"
_WRITE = f"""
    INSERT INTO transfer_conversion AS c
        (contact_id, event_id, {_COLUMNS}, value, value_by_hand, created_at, updated_at)
    SELECT contact_id, event_id, {_COLUMNS}, value, false, %(now)s, %(now)s FROM wanted_conversion
    ORDER BY contact_id, event_id
    ON CONFLICT (contact_id, event_id) DO UPDATE SET {_CHANGES}, value = {_VALUE}, updated_at = excluded.updated_at
    WHERE NOT {_WENT.format("c")}
      AND ({", ".join(f"c.{name}" for name in _FOLLOWING)}, c.value)
          IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _FOLLOWING)}, {_VALUE})
"""  # noqa: S608
