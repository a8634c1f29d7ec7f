"""Which labels contradict each other: the rules that are in use, as one query over spells, and colours of WhatsApp.

Reports, segments, the column of CS quality and the daily job all ask this query, so switching a rule off changes all
of them at once (docs/metrics.md, "Stale and contradictions"). One pair of labels is one finding: what a rule about the
order of two labels says, their exclusive group does not say again, and what a group says, a pair does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Channel
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core.bulk import transpose
from labelcrm.core.viewer import Viewer
from labels.models import Category, ChannelLabel, ContradictionRule, Label, LabelAssignment
from labels.models.canonical import ColorFamily
from labels.rules.suggesting import family_of

Kind = ContradictionRule.Kind
OLDER, EXCLUSIVE, LOYAL_NEW, PAIR = (kind.value for kind in (Kind.OLDER, Kind.EXCLUSIVE, Kind.LOYAL_NEW, Kind.PAIR))
RULES = (OLDER, EXCLUSIVE, LOYAL_NEW, PAIR)  # of labels on a contact, by kind
NEW_ORDER = "new_order"  # a hint that comes with OLDER, no contradiction
PROSPECT = ("new", "cold", "hot", "grade", "waiting")


# -- The rules in use -------------------------------------------------------------------------------------------------


def values() -> dict[str, Any]:
    """What the query of `findings` asks for: of each rule in use the labels that it is about, archived ones too.

    They count as long as somebody has them. A rule that is not in use has no labels, so it finds nothing.
    """
    in_use = list(ContradictionRule.objects.filter(active=True).order_by("id"))
    rules = {rule.kind: rule.pk for rule in in_use if rule.kind != PAIR}
    labels = list(Label.all_objects.order_by("id").values_list("id", "meaning", "exclusive_group"))

    def meaning(kind: str, *meanings: str) -> list[int]:
        return [pk for pk, means, _group in labels if kind in rules and means in meanings]

    grouped = [(pk, rules[EXCLUSIVE], group, EXCLUSIVE) for pk, _m, group in labels if group and EXCLUSIVE in rules]
    label, rule, group, kind = transpose([*grouped, *_pairs(in_use)], 4)
    return {
        "older_rule": rules.get(OLDER), "loyal_rule": rules.get(LOYAL_NEW),
        "older_prospects": meaning(OLDER, *PROSPECT), "older_won": meaning(OLDER, "won"),
        "loyal_customers": meaning(LOYAL_NEW, "loyal"), "loyal_inquiries": meaning(LOYAL_NEW, "new"),
        "grouped_label": label, "grouped_rule": rule, "grouped_name": group, "grouped_kind": kind,
    }  # fmt: skip


def labels_of_rules(asked: Mapping[str, Any]) -> set[int]:
    """The ids of the labels that a rule in use is about, of what `values` says."""
    lists = ("older_prospects", "older_won", "loyal_customers", "loyal_inquiries")
    grouped = asked["grouped_label"].strip("{}")
    return {pk for name in lists for pk in asked[name]} | {int(pk) for pk in grouped.split(",") if pk}


def _pairs(rules: Iterable[ContradictionRule]) -> Iterator[tuple[int | None, int, str, str]]:
    """A pair is a group of two."""
    for rule in rules:
        if rule.kind == PAIR:
            yield from ((rule.label_id, rule.pk, "", PAIR), (rule.other_id, rule.pk, "", PAIR))


# -- Why --------------------------------------------------------------------------------------------------------------


def reason(kind: str, labels: Sequence[Label]) -> str:
    """Why these labels, the oldest first, do not go together, in the language of the moment."""
    if kind == LOYAL_NEW:
        return _("A loyal customer is no new inquiry.")
    won = quoted([label for label in labels if label.meaning == Label.Meaning.WON])
    rest = [label for label in labels if label.meaning != Label.Meaning.WON]
    others = quoted(rest)
    if kind == OLDER:
        words = ngettext(
            "%(labels)s is older than %(won)s: is it still right?",
            "%(labels)s are older than %(won)s: are they still right?",
            len(rest),
        )
        return words % {"labels": others, "won": won}
    if kind == NEW_ORDER:
        return _("%(labels)s came after %(won)s: a new order?") % {"labels": others, "won": won}
    if kind == PAIR:
        return _("%(labels)s do not go together.") % {"labels": quoted(labels)}
    if is_new_order(labels):
        words = _("%(labels)s exclude each other. %(younger)s came later: a new order?")
        return words % {"labels": quoted(labels), "younger": others}
    return _("%(labels)s exclude each other.") % {"labels": quoted(labels)}


def is_new_order(labels: Sequence[Label]) -> bool:
    """Whether a prospect came after "done": whoever bought may want to buy again."""
    return labels[0].meaning == Label.Meaning.WON and any(label.meaning in PROSPECT for label in labels[1:])


def quoted(labels: Sequence[Label]) -> str:
    """“A”, “B” and “C”."""
    named = [f"“{label}”" for label in labels]
    if len(named) < 2:
        return "".join(named)
    return _("%(first)s and %(last)s") % {"first": ", ".join(named[:-1]), "last": named[-1]}


def to_take_off(kind: str, labels: Sequence[Label]) -> list[Label]:
    """The labels that should come off, of labels that contradict each other, the oldest first.

    Every older prospect beside "done", the new inquiry of a loyal customer, else the oldest: what was said last is what
    holds. Of a younger prospect beside "done" it is "done" too, because it is the older.
    """
    if kind == LOYAL_NEW:
        return [label for label in labels if label.meaning == Label.Meaning.NEW] or [labels[0]]
    if kind == OLDER:
        return [label for label in labels if label.meaning != Label.Meaning.WON] or [labels[0]]
    return [labels[0]]


@dataclass(slots=True)
class LabelPlaces:
    """Where a label of a contact is on: `here` in labelcrm alone, else on WhatsApp numbers, of which these are seen."""

    here: bool = False
    numbers: list[str] = field(default_factory=list)


def places(pairs: Collection[tuple[int, int]], viewer: Viewer) -> dict[tuple[int, int], LabelPlaces]:
    """Where each label (contact id, label id) is on now. One query."""
    contacts, labels = {contact for contact, _ in pairs}, {label for _, label in pairs}
    on = LabelAssignment.objects.filter(contact__in=contacts, label__in=labels, removed_at__isnull=True)
    rows = on.filter(channel_label__hidden=False).select_related("channel").order_by("channel_id", "id")
    found: dict[tuple[int, int], dict[int, Channel]] = {}
    for row in rows:
        found.setdefault((row.contact_id, row.label_id), {})[row.channel_id] = row.channel
    return {pair: _places(found.get(pair, {}).values(), viewer) for pair in pairs}


def _places(channels: Collection[Channel], viewer: Viewer) -> LabelPlaces:
    numbers = [channel for channel in channels if channel.gateway != CRM_GATEWAY]
    seen = [channel.name for channel in numbers if viewer.everything or channel.pk in viewer.channels]
    return LabelPlaces(here=bool(channels) and not numbers, numbers=seen)


# -- Colours ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ColorFinding:
    """A WhatsApp label whose colour stands for another category: `family` is its colour's, `category` that one's."""

    channel_label: ChannelLabel
    family: str
    category: Category

    @property
    def family_name(self) -> str:
        return str(ColorFamily(self.family).label)


def colors(viewer: Viewer) -> list[ColorFinding]:
    """The WhatsApp labels that the viewer sees with a colour against the convention, while that rule is in use.

    A category that has a colour has it for itself (docs/taxonomy.md). Grey and violet stand for nothing, and a label
    or its category may have the colour themselves.
    """
    if not ContradictionRule.objects.filter(kind=Kind.COLOR, active=True).exists():
        return []
    meant = {category.color: category for category in Category.objects.exclude(color="neutral").order_by("-position")}
    rows = ChannelLabel.objects.visible_to(viewer).filter(
        Q(label__category__isnull=False), deleted_at=None, hidden=False, color__isnull=False, channel__deleted_at=None
    )
    found = []
    for row in rows.select_related("channel", "label__category").order_by("channel__name", "name", "id"):
        family = family_of(row.color)
        own = {row.label.color, row.label.category.color if row.label.category else ""}
        if family in meant and family not in own:
            found.append(ColorFinding(row, family, meant[family]))
    return found


# -- SQL --------------------------------------------------------------------------------------------------------------


def findings(spells: str, *, at_end: bool = False, kinds: Sequence[str] = RULES) -> str:
    """A query over clean spells (by the name of a table or expression) of the findings that are open now.

    Its values are those of `values`. `at_end`: those that were open just before `%(end)s` instead. Columns: rule (its
    kind), rule_id, group_name, contact_id, labels, starts (both by age), since, channel_id (of the oldest label).
    What somebody called right is left out while the labels last that were there then.
    """
    active = "s.started_at < %(end)s AND (s.ended_at IS NULL OR s.ended_at >= %(end)s)" if at_end else _OPEN
    said = "AND said.closed_at < %(end)s" if at_end else ""
    union = " UNION ALL ".join(_OF_KIND[kind] for kind in kinds)
    return _FINDINGS.format(spells=spells, active=active, kinds=union, said=said)


_OPEN = "s.ended_at IS NULL"
_PROSPECT, _WON, _LOYAL, _NEW = (
    f"labelled.label_id = ANY(%({name})s::bigint[])"
    for name in ("older_prospects", "older_won", "loyal_customers", "loyal_inquiries")
)
_BY_AGE = "ORDER BY started_at, label_id"
_COLUMNS = f"""
    contact_id, array_agg(label_id {_BY_AGE}) AS labels, array_agg(started_at {_BY_AGE}) AS starts,
    (array_agg(channel_id {_BY_AGE}))[1] AS channel_id
"""
_LABELS_OF = f"({_PROSPECT} OR {_WON})"
# Most contacts have one label, which contradicts nothing: they are left out before anything is put together. `older`
# and `younger` first find whom, and then look at their labels. A pair of labels is a group of two.
_FINDINGS = f"""
    WITH labelled AS MATERIALIZED (
        SELECT contact_id, label_id, started_at, channel_id FROM (
            SELECT s.contact_id, s.label_id, s.started_at, s.channel_id,
                   count(*) OVER (PARTITION BY s.contact_id) AS labels
            FROM {{spells}} s
            WHERE {{active}} AND s.label_id = ANY(
                %(grouped_label)s::bigint[] || %(older_prospects)s::bigint[] || %(older_won)s::bigint[]
                || %(loyal_customers)s::bigint[] || %(loyal_inquiries)s::bigint[])
        ) AS every
        WHERE labels > 1
    ), bought AS (
        SELECT contact_id, min(started_at) FILTER (WHERE {_PROSPECT}) AS prospect_since,
               max(started_at) FILTER (WHERE {_WON}) AS won_since
        FROM labelled WHERE {_LABELS_OF}
        GROUP BY contact_id HAVING bool_or({_PROSPECT}) AND bool_or({_WON})
    ), older AS (
        SELECT {_COLUMNS}, min(started_at) FILTER (WHERE {_WON}) AS since
        FROM labelled JOIN bought USING (contact_id)
        WHERE prospect_since < won_since
          AND ({_PROSPECT} AND started_at < won_since OR {_WON} AND started_at > prospect_since)
        GROUP BY contact_id
    ), grouped AS (
        SELECT {_COLUMNS}, (array_agg(started_at {_BY_AGE}))[2] AS since, kind, rule_id, name
        FROM (
            SELECT labelled.*, g.kind, g.rule_id, g.name,
                   count(*) OVER (PARTITION BY contact_id, g.rule_id, g.name) AS of_group
            FROM labelled JOIN unnest(
                %(grouped_label)s::bigint[], %(grouped_rule)s::bigint[], %(grouped_name)s::text[],
                %(grouped_kind)s::text[]
            ) AS g (label_id, rule_id, name, kind) USING (label_id)
        ) AS members
        WHERE of_group > 1 GROUP BY contact_id, kind, rule_id, name
    ), loyal_new AS (
        SELECT {_COLUMNS}, greatest(min(started_at) FILTER (WHERE {_LOYAL}), min(started_at) FILTER (WHERE {_NEW}))
               AS since
        FROM labelled WHERE {_LOYAL} OR {_NEW}
        GROUP BY contact_id HAVING bool_or({_LOYAL}) AND bool_or({_NEW})
    ), younger AS (
        SELECT {_COLUMNS}, min(started_at) FILTER (WHERE {_PROSPECT}) AS since
        FROM labelled JOIN bought USING (contact_id) WHERE prospect_since >= won_since AND {_LABELS_OF}
        GROUP BY contact_id
    )
    SELECT rule, rule_id, group_name, contact_id, labels, starts, since, channel_id
    FROM ({{kinds}}) AS by_rule (rule, rule_id, group_name, contact_id, labels, starts, since, channel_id)
    WHERE NOT EXISTS (
        SELECT FROM labels_contradictionflag said
        WHERE said.closed_reason = 'right' AND said.contact_id = by_rule.contact_id
          AND said.rule_id = by_rule.rule_id AND said.labels @> by_rule.labels
          AND said.closed_at >= by_rule.starts[cardinality(by_rule.starts)] {{said}}
    )
"""  # noqa: S608
_FOUND = "contact_id, labels, starts, since, channel_id"
_GROUPED = "SELECT kind, rule_id, name, contact_id, labels, starts, since, channel_id FROM grouped g"
_SAID_BY_ORDER = """
    SELECT FROM older o WHERE o.contact_id = g.contact_id AND g.labels && %(older_won)s::bigint[]
                          AND g.labels <@ o.labels
"""
_OF_KIND = {
    OLDER: f"SELECT 'older', %(older_rule)s::bigint, '', {_FOUND} FROM older",  # noqa: S608
    EXCLUSIVE: f"{_GROUPED} WHERE kind = 'exclusive' AND NOT EXISTS ({_SAID_BY_ORDER})",
    LOYAL_NEW: f"SELECT 'loyal_new', %(loyal_rule)s::bigint, '', {_FOUND} FROM loyal_new",  # noqa: S608
    PAIR: f"""
        {_GROUPED} WHERE kind = 'pair' AND NOT EXISTS ({_SAID_BY_ORDER}) AND NOT EXISTS (
            SELECT FROM grouped e WHERE e.kind = 'exclusive' AND e.contact_id = g.contact_id AND g.labels <@ e.labels)
    """,
    NEW_ORDER: f"""
        SELECT 'new_order', %(older_rule)s::bigint, '', {_FOUND} FROM younger y
        WHERE NOT EXISTS (SELECT FROM grouped e WHERE e.contact_id = y.contact_id AND y.labels <@ e.labels)
    """,  # noqa: S608
}
