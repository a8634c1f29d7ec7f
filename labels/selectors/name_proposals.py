"""The names of all numbers' labels, put together where they say the same: what the naming doctor proposes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from labels.models import Label, LabelAlias, RefusedName
from labels.rules.clustering import SETTLED, ClusterMember, KnownName, NameCluster, clusters, same_label
from labels.selectors import mapping
from labels.selectors.mapping import WhatsAppName, load_suggester


@dataclass(frozen=True, slots=True)
class ProposedName:
    """A WhatsApp name of a proposal, with why it belongs there."""

    group: WhatsAppName
    member: ClusterMember

    @property
    def is_settled(self) -> bool:
        return self.member.why == SETTLED


@dataclass(slots=True)
class NameProposal:
    """Names that say the same, and the label that all of them should mean; None is a new one.

    together: contacts who have two of the names now.
    """

    label: Label | None
    names: list[ProposedName]
    together: int = 0

    @property
    def open(self) -> list[ProposedName]:
        """The names that do not mean it yet."""
        return [each for each in self.names if not each.is_settled]

    @property
    def settled(self) -> list[ProposedName]:
        return [each for each in self.names if each.is_settled]

    @property
    def contacts(self) -> int:
        return sum(each.group.contacts for each in self.open)


@dataclass(slots=True)
class NamingFindings:
    """What there is to decide, and which names count as one already."""

    open: list[NameProposal] = field(default_factory=list)
    settled: list[NameProposal] = field(default_factory=list)
    doubles: list[tuple[Label, Label]] = field(default_factory=list)


def findings(viewer: Viewer) -> NamingFindings:
    """All clusters of what the viewer sees; the number of queries does not grow with them."""
    rows = mapping.channel_labels(viewer).filter(Q(at_work=False), hidden=False, deleted_at=None, is_placeholder=False)
    names = mapping.by_name(rows.select_related("channel__team", "label__category").order_by("channel__name", "id"))
    mapping.count_use(names, viewer)
    known = [KnownName(each.name, _decided(each), each.contacts) for each in names]
    found = clusters(known, load_suggester(), refused=refused_pairs())
    labels = Label.objects.select_related("category").in_bulk({each.label for each in found if each.label})
    proposals = [_proposal(each, names, labels) for each in found if each.label is None or each.label in labels]
    result = NamingFindings(
        open=[each for each in proposals if each.open],
        settled=[each for each in proposals if not each.open and len(each.settled) > 1],
        doubles=doubles(),
    )
    result.open.sort(key=lambda each: (-each.contacts, each.names[0].group.name.casefold()))
    result.settled.sort(key=lambda each: -len(each.settled))
    count_together(result.open)
    return result


def refused_pairs() -> set[frozenset[str]]:
    """Pairs of normalised names of which a person said that they are not the same."""
    pairs = RefusedName.objects.filter(label=None).values_list("normalized", "other")
    return {frozenset(pair) for pair in pairs}


def doubles() -> list[tuple[Label, Label]]:
    """Pairs of our own labels whose names or spellings say the same: one may become part of the other."""
    labels = Label.objects.filter(reviewed=True).select_related("category").in_bulk()
    spellings = LabelAlias.objects.filter(label__in=labels).order_by("label_id", "id").values_list("label_id", "text")
    return [(labels[one], labels[other]) for one, other in same_label(list(spellings))]


_TOGETHER = """
SELECT place, count(*) FROM (
    SELECT n.place, a.contact_id
      FROM unnest(%s::int[], %s::int[], %s::bigint[]) AS n (place, name, channel_label)
      JOIN labels_labelassignment a ON a.channel_label_id = n.channel_label AND a.removed_at IS NULL
     GROUP BY n.place, a.contact_id HAVING count(DISTINCT n.name) > 1) AS twice
GROUP BY place
"""


def count_together(proposals: Sequence[NameProposal]) -> None:
    """Set `together` of each; one query."""
    marked = [
        (place, name, row.pk)
        for place, proposal in enumerate(proposals)
        for name, each in enumerate(proposal.names)
        for row in each.group.rows
    ]
    places, names, rows = ([entry[column] for entry in marked] for column in range(3))
    for place, contacts in fetch(_TOGETHER, [places, names, rows]):
        proposals[place].together = contacts


@dataclass(frozen=True, slots=True)
class NamingPreview:
    """What giving WhatsApp labels another meaning would touch: contacts who ever had them, who has them, intervals."""

    contacts: int
    active: int
    intervals: int


_PREVIEW = """
SELECT count(DISTINCT contact_id), count(DISTINCT contact_id) FILTER (WHERE removed_at IS NULL), count(*)
  FROM labels_labelassignment WHERE channel_label_id = ANY(%s)
"""


def preview(rows: Iterable[Any]) -> NamingPreview:
    """Counts of these channel labels; one query."""
    return NamingPreview(*fetch(_PREVIEW, [sorted(row.pk for row in rows)])[0])


def _decided(name: WhatsAppName) -> int | None:
    label = name.first.label
    return label.pk if label.reviewed and label.deleted_at is None else None


def _proposal(cluster: NameCluster, names: Sequence[WhatsAppName], labels: dict[int, Label]) -> NameProposal:
    chosen = [ProposedName(names[member.place], member) for member in cluster.members]
    return NameProposal(labels[cluster.label] if cluster.label else None, chosen)
