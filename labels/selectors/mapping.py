"""The WhatsApp names of all numbers, as they are given their meaning: what each means or may mean, and who uses it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from contacts.models import Agent
from contacts.selectors.counting import is_living
from labelcrm.core.bulk import fetch, transpose
from labelcrm.core.jobs import UNFINISHED
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel, Label, LabelAlias, RefusedName
from labels.rules.naming import normalize
from labels.rules.suggesting import CERTAIN, CONVENTION, Suggester, Suggestion
from labels.selectors.wording import subject_of


@dataclass(slots=True)
class WhatsAppName:
    """One WhatsApp name, of every number where it means the same: decided about once.

    rows: its channel labels, by channel. contacts: how many have it now. agents: CS who put it on them, with how many.
    """

    rows: list[Any]  # as `channel_labels` gives them
    contacts: int = 0
    agents: list[tuple[str, int]] = field(default_factory=list)
    suggestion: Suggestion | None = None

    @property
    def first(self) -> Any:
        return self.rows[0]

    @property
    def name(self) -> str:
        return str(self.first.name)

    @property
    def numbers(self) -> int:
        return len(self.rows)

    @property
    def is_certain(self) -> bool:
        return self.suggestion is not None and self.suggestion.sure == CERTAIN


def channel_labels(viewer: Viewer) -> QuerySet[ChannelLabel]:
    """The WhatsApp labels that a viewer sees, with `at_work` where one is being given another meaning."""
    subject = Concat(Value(subject_of("")), Cast(OuterRef("pk"), CharField()))
    at_work = Exists(Job.objects.filter(subject=subject, state__in=UNFINISHED))
    rows = ChannelLabel.objects.visible_to(viewer).select_related("channel", "label", "label__category")
    return rows.annotate(at_work=at_work)


def by_name(rows: Iterable[ChannelLabel]) -> list[WhatsAppName]:
    """Rows put together where name and meaning are the same; a name nobody knows yet stands for itself."""
    found: dict[Any, list[ChannelLabel]] = defaultdict(list)
    for row in rows:
        found[row.pk if row.is_placeholder else (normalize(row.name), row.label_id)].append(row)
    return [WhatsAppName(group) for group in found.values()]


def suggest(names: Iterable[WhatsAppName]) -> None:
    """Set the suggestion of each, from the spellings of reviewed labels; three queries."""
    meant = Label.objects.filter(reviewed=True, meaning__in=CONVENTION.values()).order_by("-pk")
    conventional = {label.meaning: label.pk for label in meant if CONVENTION.get(label.color) == label.meaning}
    suggester = load_suggester(meanings=conventional)
    for each in names:
        if not each.first.is_placeholder:
            each.suggestion = suggester.suggest(each.name, color=each.first.color)


def load_suggester(*, meanings: Mapping[str, int] | None = None) -> Suggester:
    """What suggests from the spellings of reviewed labels and what people refused; two queries."""
    spellings = LabelAlias.objects.filter(label__reviewed=True, label__deleted_at__isnull=True)
    refused = RefusedName.objects.filter(label__isnull=False).values_list("normalized", "label_id")
    return Suggester(spellings.values_list("normalized", "label"), meanings=meanings or {}, refused=frozenset(refused))


# One number has a label on a contact once at a time; where several have it, a contact may be with more than one.
_USE = " UNION ALL ".join(
    f"""
    SELECT n.name, a.added_by_id, {contacts} AS contacts, grouping(a.added_by_id) AS of_all
    FROM unnest(%s::int[], %s::bigint[]) AS n (name, channel_label)
    JOIN labels_labelassignment a ON a.channel_label_id = n.channel_label AND a.removed_at IS NULL
    WHERE {is_living("a.contact_id")}
    GROUP BY GROUPING SETS ((n.name), (n.name, a.added_by_id))
    """  # noqa: S608 - an expression from below
    for contacts in ("count(*)", "count(DISTINCT a.contact_id)")
)


def count_use(names: Sequence[WhatsAppName], viewer: Viewer) -> None:
    """Set `contacts` and `agents` of each; two queries."""
    on_one, on_several = (
        [(place, row.pk) for place, each in enumerate(names) if is_several == (len(each.rows) > 1) for row in each.rows]
        for is_several in (False, True)
    )
    found = fetch(
        f"{_USE} ORDER BY of_all DESC, contacts DESC, added_by_id", [*transpose(on_one, 2), *transpose(on_several, 2)]
    )
    agents = Agent.all_objects.visible_to(viewer).in_bulk({agent for _, agent, *_ in found if agent is not None})
    counted: set[int] = set()
    for place, agent, contacts, _ in found:
        if place not in counted:  # its own sum comes before those of its agents
            counted.add(place)
            names[place].contacts = contacts
        elif agent in agents:
            names[place].agents.append((agents[agent].name, contacts))
