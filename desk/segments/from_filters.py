"""The filters of the contact list as a definition ("save as segment"). What cannot be said so is named, not dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from contacts.models import Channel
from contacts.selectors.viewing import viewer_of
from desk.base.filters import day_of
from desk.contacts.list_filters import LABEL_AGE, LABELLED_BY, MAX_AGE, NO_LABEL, NOT_MAPPED, numbers_of
from desk.segments.drafts import Draft, Raw, draft_of, is_too_large, midnight
from labelcrm.lib.numbers import row_id
from labels.models import Category
from reports.models import Segment
from reports.segments.definition import MAX_CONDITIONS, MAX_GROUPS

# What a segment cannot say, by the code that the builder's address carries.
LEFT_OUT = {
    "q": gettext_lazy("the search"),
    "never_labelled": gettext_lazy("never labelled"),
    "segment": gettext_lazy("a segment that is not yours to see"),
    "unreadable": gettext_lazy("a segment that was saved in a form that cannot be read any more"),
    "unmapped": gettext_lazy("labels that are not mapped yet"),
    "labelled_by": gettext_lazy("labelled by, without a label"),
    "label_age": gettext_lazy("label on for, without a label"),
    "archived": gettext_lazy("archived contacts"),
    "opted_out": gettext_lazy("opted out"),
}
# What a segment says in its own way, by the code that the builder's address carries.
SAID_OTHERWISE = {
    "spells": gettext_lazy(
        "“Labelled by” and “label on for” may mean other people here than in the contact list: a segment goes by who "
        "put the label on first over all numbers, and since when the label has meant this."
    ),
}


def notices(codes: Iterable[str]) -> list[str]:
    """What was left out, in words."""
    return [str(LEFT_OUT[code]) for code in dict.fromkeys(codes) if code in LEFT_OUT]


def differences(codes: Iterable[str]) -> list[str]:
    """A sentence for each thing that a segment says in its own way."""
    return [str(SAID_OTHERWISE[code]) for code in dict.fromkeys(codes) if code in SAID_OTHERWISE]


@require_safe
def from_contacts(request: HttpRequest) -> HttpResponse:
    """The contact list's address turned into the builder's."""
    if not viewer_of(request.user).may("reports.view_segment", "reports.add_segment", "contacts.view_contact"):
        raise PermissionDenied
    taken = _Taken(request)
    for take in _TAKERS:
        take(taken)
    draft = Draft([group or [{}] for group in taken.groups])  # nothing taken is a first condition, not everybody
    if is_too_large(draft):
        return _back(request)
    query = [
        ("d", draft.as_json()),
        *(("left", code) for code in taken.left_out),
        *(("otherwise", code) for code in taken.otherwise),
    ]
    return HttpResponseRedirect(f"{reverse('admin:segments-new')}?{urlencode(query)}")


def _back(request: HttpRequest) -> HttpResponse:
    """The list as it was, which says why it is no segment."""
    limits = {"groups": MAX_GROUPS, "conditions": MAX_CONDITIONS}
    sentence = _(
        "Together this is more than a segment can hold (at most %(groups)d groups and %(conditions)d conditions). "
        "Nothing was made of it; choose fewer filters, or a smaller segment."
    )
    messages.error(request, sentence % limits)
    return HttpResponseRedirect(f"{reverse('admin:contacts_contact_changelist')}?{request.GET.urlencode()}")


@dataclass
class _Taken:
    """What the filters came to so far."""

    request: HttpRequest
    groups: list[list[Raw]] = field(default_factory=lambda: [[]])
    left_out: list[str] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)

    @property
    def given(self) -> QueryDict:
        return self.request.GET

    def add(self, **raw: Any) -> None:
        """One condition more, for everybody who is meant so far."""
        for group in self.groups:
            group.append(dict(raw))

    def ids(self, name: str) -> list[int]:
        return list(dict.fromkeys(pk for text in self.given.getlist(name) if (pk := row_id(text))))

    def id(self, name: str) -> int | None:
        return row_id(self.given.get(name))


def _segment(taken: _Taken) -> None:
    """Filters within a segment narrow each of its groups."""
    viewer = viewer_of(taken.request.user)
    segment = Segment.all_objects.visible_to(viewer).filter(pk=taken.id("segment") or 0).first()
    draft = draft_of(segment.definition) if segment else None
    if draft is not None:
        taken.groups = [[dict(raw) for raw in group] for group in draft.groups]
    elif taken.given.get("segment"):
        taken.left_out.append("unreadable" if segment else "segment")


def _labels(taken: _Taken) -> None:
    """The labels and the category that are asked for, each with who put it on and how long ago."""
    unlabelled = NO_LABEL in taken.given.getlist("label")
    one_of = [] if unlabelled else taken.ids("label")
    asked: list[Raw] = [{"labels": one_of}] if one_of else []
    asked += [{"labels": [pk]} for pk in taken.ids("label_all")]
    category = taken.given.get("category", "")
    code = Category.objects.filter(pk=row_id(category) or 0).values_list("code", flat=True).first()
    asked += [{"categories": [code]}] if code else []
    beside = _beside(taken)
    for which in asked:
        taken.add(field="label", **beside, **which)
    narrowed = [name for name in (LABELLED_BY, LABEL_AGE) if taken.id(name)]
    if narrowed and asked:
        taken.otherwise.append("spells")
    elif narrowed:
        taken.left_out += narrowed
    taken.left_out += ["unmapped"] if category == NOT_MAPPED else []
    if unlabelled:
        taken.add(field="labelled", op="now", **{"not": True})
    if without := taken.ids("label_none"):
        taken.add(field="label", op="active", labels=without, **{"not": True})


def _beside(taken: _Taken) -> Raw:
    days, agent = taken.id(LABEL_AGE), taken.id(LABELLED_BY)
    op: Raw = {"op": "active_for", "days": min(days, MAX_AGE)} if days else {"op": "active"}
    return op | ({"agents": [agent]} if agent else {})


def _cs(taken: _Taken) -> None:
    """Assigned to them, or to nobody and known on a number that is theirs now: two groups where there was one."""
    agent = taken.id("cs")
    if agent is None:
        return
    theirs = [pk for pk, number in numbers_of(taken.request).items() if number.owner == agent]
    keys = list(Channel.objects.filter(pk__in=theirs).order_by("id").values_list("key", flat=True))
    assigned: Raw = {"field": "assigned", "op": "is", "agents": [agent]}
    unassigned: Raw = {"field": "assigned", "op": "is", "agents": [None]}
    known: Raw = {"field": "channel", "op": "is", "channels": keys}
    both = [[assigned], *([[unassigned, known]] if keys else [])]
    taken.groups = [[*group, *more] for group in taken.groups for more in both]


def _rows(taken: _Taken) -> None:
    """Whom they are assigned to, the number they are known on, the campaign they came by."""
    if agent := taken.id("assigned_to__id__exact"):
        taken.add(field="assigned", op="is", agents=[agent])
    if campaign := taken.id("campaign__id__exact"):
        taken.add(field="campaign", op="first", campaigns=[campaign])
    key = Channel.all_objects.visible_to(viewer_of(taken.request.user)).filter(pk=taken.id("channel") or 0)
    for found in key.values_list("key", flat=True):
        taken.add(field="channel", op="is", channels=[found])


def _days(taken: _Taken) -> None:
    for name, column in (("last_inbound", "last_inbound_at"), ("first_seen", "first_seen_at")):
        first, last = (day_of(taken.given.get(f"{column}_{end}")) for end in ("from", "to"))
        ends = {
            **({"from": midnight(first).isoformat()} if first else {}),
            **({"to": midnight(last + timedelta(days=1)).isoformat()} if last else {}),
        }
        if ends:
            taken.add(field=name, op="between", **ends)


def _states(taken: _Taken) -> None:
    given, now = taken.given, {"days_ago": 0}
    ends = {"due": {"to": now}, "planned": {"from": now}}.get(given.get("follow_up", ""))
    if ends:
        taken.add(field="follow_up", op="between", **ends)
    if given.get("stale") == "1":
        taken.add(field="stale", op="is", value=True)
    if given.get("opted_out") in ("0", "1"):
        taken.add(field="opted_out", op="is", value=given["opted_out"] == "1")
    elif given.get("opted_out"):  # since when, no segment asks
        taken.left_out += ["opted_out"]


def _unsaid(taken: _Taken) -> None:
    taken.left_out += [name for name in ("q", "never_labelled") if taken.given.get(name)]
    taken.left_out += ["archived"] if taken.given.get("archived") == "1" else []


_TAKERS: tuple[Callable[[_Taken], None], ...] = (_segment, _labels, _cs, _rows, _days, _states, _unsaid)
