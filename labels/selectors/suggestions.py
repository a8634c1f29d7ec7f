"""Which label is suggested for contacts, by what they and we wrote lately (docs/suggestions.md). Sets nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject, Left
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from contacts.models import Contact, Message
from labelcrm.core.viewer import Viewer
from labels.models import Label, LabelAssignment, LabelTextModel, LabelWord, SuggestionDismissal
from labels.rules.label_suggesting import (
    BY_MODEL,
    MOST_MESSAGES,
    NEW_ORDER,
    LabelHint,
    LabelKnowledge,
    LabelPeriod,
    LabelPlace,
    SuggestedChatMessage,
    suggest,
)
from labels.rules.label_words import CERTAIN, LabelPhrase, LabelPhrases
from labels.rules.message_words import LONGEST_TEXT
from labels.rules.text_model import TextWeights, unpack
from labels.selectors.stale_contacts import value_of

RECENT = timedelta(days=30)  # what is older than that asks for nothing any more


@dataclass(frozen=True)
class LabelSuggestion:
    """A label that a contact may be due, and why; `is_new_order`: they bought before and speak of it again.

    The words are in the language of the moment.
    """

    contact_id: int
    label: Label
    hint: LabelHint

    @property
    def is_new_order(self) -> bool:
        return self.hint.kind == NEW_ORDER

    @property
    def is_certain(self) -> bool:
        return self.hint.sure == CERTAIN

    @property
    def at(self) -> datetime:
        """When the message was written that it is suggested for."""
        return self.hint.message.at

    @property
    def title(self) -> str:
        """The label, or that there may be a new order."""
        return _("New order?") if self.is_new_order else str(self.label)

    @property
    def sureness(self) -> str:
        return _("certain") if self.is_certain else _("likely")

    @cached_property
    def reason(self) -> str:
        """The words found, and in which message."""
        words = {"words": ", ".join(_quoted(quote) for quote in self.hint.quotes), "at": _moment(self.at)}
        if self.hint.by == BY_MODEL:
            return _("%(words)s in the message of %(at)s: chats with these words got this label before") % words
        if self.hint.message.from_me:
            return _("%(words)s in our message of %(at)s") % words
        return _("%(words)s in the message of %(at)s") % words


Known = tuple[Mapping[int, Label], LabelKnowledge]


def suggestions_for(
    contact_ids: Collection[int], viewer: Viewer, *, now: datetime | None = None, known: Known | None = None
) -> dict[int, LabelSuggestion]:
    """Suggestions by contact id, for those of these contacts who have one, from what the viewer sees.

    Two queries; one where `knowledge_now` is known.
    """
    if not contact_ids:
        return {}
    chats = list(_chats(contact_ids, viewer, since=(now or timezone.now()) - RECENT))
    if not any(chat.said for chat in chats):
        return {}
    labels, knowledge = known or knowledge_now()
    found = {chat.pk: _suggested(chat, knowledge) for chat in chats}
    return {pk: LabelSuggestion(pk, labels[hint.label], hint) for pk, hint in found.items() if hint is not None}


def suggest_for_text(text: str, *, now: datetime | None = None) -> LabelSuggestion | None:
    """What would be suggested for somebody new who wrote this. One query."""
    message = SuggestedChatMessage(id=0, at=now or timezone.now(), from_me=False, text=text)
    labels, knowledge = knowledge_now()
    hint = suggest([message], [], knowledge)
    return LabelSuggestion(0, labels[hint.label], hint) if hint is not None else None


def _quoted(text: str) -> str:
    return f"“{' '.join(text.split())}”"


def _moment(at: datetime) -> str:
    """As short as it is clear: "09.12" of today, "29 Nov, 09.12" of this year."""
    local, now = timezone.localtime(at), timezone.localtime()
    if local.year != now.year:
        return date_format(local, "DATETIME_FORMAT")
    clock = date_format(local, "TIME_FORMAT")
    return clock if local.date() == now.date() else f"{date_format(local, 'MONTH_DAY_FORMAT')}, {clock}"


# -- What is known ----------------------------------------------------------------------------------------------------


def _chats(contact_ids: Collection[int], viewer: Viewer, *, since: datetime) -> QuerySet[Any]:
    """Living contacts with their latest counted messages (`said`), labels and dismissals, as the viewer sees them."""
    mine = OuterRef("pk")
    recent = Message.objects.visible_to(viewer).counted().filter(contact=mine, at__gt=since, text__gt="")
    said = recent.order_by("-at", "-id").values(
        json=JSONObject(id="id", at="at", from_me="from_me", text=Left("text", LONGEST_TEXT))
    )
    had = LabelAssignment.objects.shown().visible_to(viewer).filter(contact=mine)
    dismissed = SuggestionDismissal.objects.filter(contact=mine)
    rows: QuerySet[Any] = Contact.objects.filter(pk__in=list(contact_ids)).only("pk")
    return rows.annotate(
        said=ArraySubquery(said[:MOST_MESSAGES]),
        had=ArraySubquery(had.values(json=JSONObject(label="label", since="added_at", until="removed_at"))),
        dismissed=ArraySubquery(dismissed.values(json=JSONObject(label="label", until="until"))),
    )


def _suggested(chat: Any, knowledge: LabelKnowledge) -> LabelHint | None:
    if not chat.said:
        return None
    messages = [SuggestedChatMessage(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in chat.said]
    periods = [
        LabelPeriod(label=row["label"], since=datetime.fromisoformat(row["since"]), until=_time(row["until"]))
        for row in chat.had
    ]
    dismissed: dict[int, datetime] = {}
    for row in chat.dismissed:
        until = datetime.fromisoformat(row["until"])
        dismissed[row["label"]] = max(until, dismissed.get(row["label"], until))
    return suggest(messages, periods, knowledge, dismissed=dismissed)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def knowledge_now() -> tuple[dict[int, Label], LabelKnowledge]:
    """All labels by id, and what suggestions are made by now. One query."""
    mine = OuterRef("pk")
    words = LabelWord.objects.filter(label=mine).order_by()
    models = LabelTextModel.objects.filter(label=mine, used=True).order_by("-training")
    rows: Iterable[Any] = Label.all_objects.annotate(
        phrases=ArraySubquery(words.values(json=JSONObject(key="key", side="side", sure="sure"))),
        weights=ArraySubquery(models.values(json=JSONObject(body="weights", digest="digest"))[:1]),
    )
    labels = {label.pk: label for label in rows}
    return labels, knowledge_of(labels)


def knowledge_of(labels: Mapping[int, Any], *, models: Mapping[int, TextWeights] | None = None) -> LabelKnowledge:
    """What suggestions are made by, of labels with their `phrases` and `weights`; `models` takes the weights' place.

    An archived label is not suggested, but may have been passed.
    """
    living = [label for label in labels.values() if not label.is_archived]
    phrases = [
        LabelPhrase(label=label.pk, key=tuple(row["key"].split()), side=row["side"], sure=row["sure"])
        for label in living
        for row in label.phrases
    ]
    trained = {label.pk: unpack(row["body"], row["digest"]) for label in living for row in label.weights}
    used = {pk: weights for pk, weights in trained.items() if weights is not None}
    return LabelKnowledge(
        labels={pk: place_of(label) for pk, label in labels.items()},
        phrases=LabelPhrases(phrases),
        models=used if models is None else models,
    )


def place_of(label: Label) -> LabelPlace:
    return LabelPlace(
        id=label.pk, meaning=label.meaning, step=label.step, value=value_of(label), group=label.exclusive_group
    )
