"""Why a contact stands on the Today page: one entry per kind, with what it asks of the database and how it is said.

Meanings: docs/metrics.md. Each kind takes its worst by an index, at most SLICE of them, whatever there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BigIntegerField,
    CharField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact, ContactChannel
from contacts.selectors.ownership import NumberNow, owned_by
from contacts.selectors.unanswered import waiting_links
from labelcrm.core.viewer import Viewer
from labels.models import CleanSpell, ContradictionFlag, Label, StaleFlag, TodayAction, TodayKind
from labels.selectors.stale_contacts import value_of
from reports.selectors.home import never_labelled

SLICE = 200  # of each kind; of stale labels half as many of each label
LATELY = timedelta(days=14)  # whom to answer or to label: who wrote before that is not waiting any more
HIGH_AFTER = timedelta(hours=24)
WORTH_FIRST = 4  # the value from which on an unanswered contact is looked for before all others
COLUMNS = ("t_kind", "t_contact", "t_since", "t_newest", "t_label", "t_limit", "t_ref", "t_assigned", "t_part")


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayScope:
    """Whose lines: what the viewer sees, or of that one CS's contacts, nobody's, or only some contacts (ids)."""

    viewer: Viewer
    now: datetime
    numbers: dict[int, NumberNow]
    labels: dict[int, Label]  # each knows whether any stale flag of it is open, as `flagged`
    agent: int | None = None
    nobodys: bool = False
    only: tuple[int, ...] | None = None
    after: int = 0  # contact ids, in whose order a bulk job walks
    by_contact: bool = False
    slice: int = SLICE

    def most(self, kind: TodayKind) -> int:
        """How many rows of one part of a kind are looked at."""
        return self.slice // 2 if kind.is_flag and not self.by_contact else self.slice

    def contacts(self) -> QuerySet[Contact]:
        rows: QuerySet[Contact] = Contact.objects.visible_to(self.viewer)
        if self.only is not None:
            rows = rows.filter(pk__in=self.only)
        if self.agent is not None:
            theirs = [pk for pk, number in self.numbers.items() if number.owner == self.agent]
            rows = rows.filter(owned_by(self.agent, theirs))
        if self.nobodys:
            owned = [pk for pk, number in self.numbers.items() if number.owner is not None]
            known = ContactChannel.objects.filter(channel__in=owned, contact=OuterRef("pk"))
            rows = rows.filter(~Exists(known), assigned_to=None)
        return rows

    def spells(self) -> QuerySet[CleanSpell]:
        """Labels that are on now, as far as the viewer sees them."""
        rows = CleanSpell.objects.filter(ended_at__isnull=True)
        if self.viewer.everything:
            return rows
        return rows.filter(channel_id__in=[*self.viewer.channels, self.viewer.crm])

    def labels_with(self, condition: Callable[[Label], bool]) -> list[int]:
        return [pk for pk, label in self.labels.items() if not label.is_archived and condition(label)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingKind:
    """One reason to stand on the page.

    `parts` are queries of COLUMNS whose rows together are the kind's, each the worst first. `patience` is how late it
    may be (None: each row tells its own limit). `todo` says what to do, `settle` what its button says that ends it.
    `right` is who may press that.
    """

    code: TodayKind
    parts: Callable[[TodayScope], Iterator[QuerySet[Any]]]
    patience: timedelta | None
    why: str | Promise
    todo: str | Promise
    settle: str | Promise
    right: str = "contacts.change_contact"

    @property
    def title(self) -> str | Promise:
        return self.code.label


def _columns(
    rows: QuerySet[Any],
    scope: TodayScope,
    kind: TodayKind,
    *,
    since: Any,
    newest: Any,
    contact: str = "contact_id",
    assigned: str = "contact__assigned_to_id",
    label: Any = None,
    limit: Any = None,
    ref: Any = None,
    part: int = 0,
    worst: tuple[Any, ...],
) -> QuerySet[Any]:
    """The worst rows of one query as COLUMNS, without what somebody put off."""
    rows = rows.order_by().annotate(
        t_kind=Value(kind.value, CharField()),
        t_contact=F(contact),
        t_since=since,
        t_newest=newest,
        t_label=Cast(label or Value(None), BigIntegerField()),
        t_limit=Cast(limit or Value(None), IntegerField()),  # an untyped NULL would be a text in a union
        t_ref=Cast(ref or Value(None), BigIntegerField()),
        t_assigned=F(assigned),
        t_part=Value(part, IntegerField()),
    )
    if scope.by_contact:
        rows, worst = rows.filter(t_contact__gt=scope.after), ("t_contact",)
    return rows.filter(~Exists(put_off(scope, kind))).order_by(*worst).values_list(*COLUMNS)[: scope.most(kind)]


def put_off(scope: TodayScope, kind: TodayKind) -> QuerySet[TodayAction]:
    """What hides a row of COLUMNS at the scope's moment: done since the newest thing that happened, and not over."""
    return TodayAction.objects.filter(
        Q(until=None) | Q(until__gt=scope.now),
        Q(for_user_only=False) | Q(user=scope.viewer.user),
        contact=OuterRef("t_contact"), kind=kind.value, hides=True, undone_at=None, at__gte=OuterRef("t_newest"),
    )  # fmt: skip


# -- Kinds ------------------------------------------------------------------------------------------------------------


def _follow_ups(scope: TodayScope) -> Iterator[QuerySet[Any]]:
    at = F("follow_up_at")
    rows = scope.contacts().filter(follow_up_at__lte=scope.now)
    yield _columns(
        rows, scope, TodayKind.FOLLOW_UP, since=at, newest=at, contact="pk", assigned="assigned_to_id",
        worst=("follow_up_at",),
    )  # fmt: skip


def _unanswered(scope: TodayScope) -> Iterator[QuerySet[Any]]:
    """Those with a label that is worth much, and all: who wrote last comes first, for he may still be there."""
    waiting = waiting_links(scope.viewer, now=scope.now).filter(contact=OuterRef("pk")).order_by("-last_inbound_at")
    since = Subquery(waiting.values("last_inbound_at")[:1])
    worth = scope.labels_with(lambda label: value_of(label) >= WORTH_FIRST)
    lately = scope.contacts().filter(last_inbound_at__gte=scope.now - LATELY)
    valued = scope.spells().filter(label__in=worth, contact=OuterRef("pk"))
    for part, rows in enumerate((lately.filter(Exists(valued)), lately)):
        yield _columns(
            rows.filter(Exists(waiting)), scope, TodayKind.UNANSWERED, since=since, newest=F("last_inbound_at"),
            contact="pk", assigned="assigned_to_id", part=part, worst=("-last_inbound_at", "-id"),
        )  # fmt: skip


def _never(scope: TodayScope) -> Iterator[QuerySet[Any]]:
    lately = scope.contacts().filter(last_inbound_at__gte=scope.now - LATELY)
    yield _columns(
        never_labelled(lately, now=scope.now), scope, TodayKind.NEVER,
        since=Coalesce("first_live_inbound_at", "first_inbound_at"), newest=F("last_inbound_at"), contact="pk",
        assigned="assigned_to_id", worst=("-last_inbound_at", "-id"),
    )  # fmt: skip


def _high(scope: TodayScope) -> Iterator[QuerySet[Any]]:
    """High-quality labels that nobody wrote to since; after LATELY they are stale."""
    high = scope.labels_with(lambda label: label.high_quality)
    silent = Q(contact__last_outbound_at=None) | Q(contact__last_outbound_at__lt=F("started_at"))
    began = (scope.now - LATELY, scope.now - HIGH_AFTER)
    rows = scope.spells().filter(silent, _of(scope), label__in=high, started_at__range=began)
    yield _columns(
        rows, scope, TodayKind.HIGH, since=F("started_at"), newest=F("started_at"), label=F("label_id"),
        worst=("started_at",),
    )  # fmt: skip


def _waiting(scope: TodayScope) -> Iterator[QuerySet[Any]]:
    yield from _flags(scope, TodayKind.WAITING, lambda label: label.meaning == Label.Meaning.WAITING)


def _stale(scope: TodayScope) -> Iterator[QuerySet[Any]]:
    yield from _flags(scope, TodayKind.STALE, lambda label: label.meaning != Label.Meaning.WAITING)


def _flags(scope: TodayScope, kind: TodayKind, condition: Callable[[Label], bool]) -> Iterator[QuerySet[Any]]:
    """Label by label: of one label those are worst that have been on the longest, which an index knows."""
    clock = F("clock_started_at")
    for pk in scope.labels_with(lambda label: label.flagged and condition(label)):  # type: ignore[attr-defined]
        rows = StaleFlag.objects.filter(_of(scope), label=pk, closed_at__isnull=True)
        yield _columns(
            rows, scope, kind, since=clock, newest=clock, label=F("label_id"), limit=F("limit_days"), ref=F("pk"),
            part=pk, worst=("clock_started_at",),
        )  # fmt: skip


def _of(scope: TodayScope) -> Any:
    return Exists(scope.contacts().filter(pk=OuterRef("contact_id")))


def _contradictions(scope: TodayScope) -> Iterator[QuerySet[Any]]:
    """Found by the job; which labels, and by which rule, is read of those that are shown."""
    rows = ContradictionFlag.objects.filter(_of(scope), closed_at__isnull=True)
    since = F("since")
    yield _columns(
        rows, scope, TodayKind.CONTRADICTION, since=since, newest=since, ref=F("pk"), worst=("since", "contact_id")
    )


KINDS: tuple[WaitingKind, ...] = (
    WaitingKind(
        code=TodayKind.WAITING,
        parts=_waiting,
        patience=None,
        why=_("%(label)s for %(age)s, the limit is %(limit)s"),
        todo=_("Ask whether the payment comes. Paid: change the label in WhatsApp."),
        settle=_("Still right"),
        right="labels.change_staleflag",
    ),
    WaitingKind(
        code=TodayKind.HIGH,
        parts=_high,
        patience=HIGH_AFTER,
        why=_("%(label)s for %(age)s, and nobody has written since"),
        todo=_("Write to them while they are warm."),
        settle=_("Followed up elsewhere"),
    ),
    WaitingKind(
        code=TodayKind.UNANSWERED,
        parts=_unanswered,
        patience=timedelta(hours=1),
        why=_("Wrote %(age)s ago, no answer yet"),
        todo=_("Answer in WhatsApp."),
        settle=_("Needs no answer"),
    ),
    WaitingKind(
        code=TodayKind.FOLLOW_UP,
        parts=_follow_ups,
        patience=timedelta(hours=2),
        why=_("Follow-up due for %(age)s"),
        todo=_("Come back to them as you meant to."),
        settle=_("Followed up"),
    ),
    WaitingKind(
        code=TodayKind.NEVER,
        parts=_never,
        patience=timedelta(hours=1),
        why=_("First wrote %(age)s ago, never had a label"),
        todo=_("Put a label on the chat in WhatsApp."),
        settle=_("Needs no label"),
    ),
    WaitingKind(
        code=TodayKind.STALE,
        parts=_stale,
        patience=None,
        why=_("%(label)s for %(age)s, the limit is %(limit)s"),
        todo=_("Take %(label)s off in WhatsApp, or say that it is still right."),
        settle=_("Still right"),
        right="labels.change_staleflag",
    ),
    WaitingKind(
        code=TodayKind.CONTRADICTION,
        parts=_contradictions,
        patience=timedelta(days=1),
        why=_("%(labels)s do not go together"),
        todo=_("Take %(label)s off in WhatsApp. If it lives here alone, “Done in WhatsApp” takes it off."),
        settle=_("Both are right"),
    ),
)
BY_CODE: dict[str, WaitingKind] = {kind.code.value: kind for kind in KINDS}
