"""What every parser has in common: from bytes to an event name, from there to the function that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhooks.gateways import bodies, jids, shapes
from webhooks.gateways.base import Headers
from webhooks.gateways.events import Chat, ChatKind, Envelope, Event, Ignored, NotUnderstood

Body = dict[str, Any]
Reader = Callable[[Body], Iterable[Event]]

NOT_PEOPLE = frozenset({ChatKind.GROUP, ChatKind.BROADCAST, ChatKind.STATUS, ChatKind.NEWSLETTER})
_CHAT_KEYS = frozenset({"chat", "chatid", "jid", "remotejid", "from", "to", "serialized"})
_CONTENT_KEYS = frozenset({"message", "contextinfo", "quotedmsg"})
_DEEPEST_CHAT = 4

STUMBLED = "The parser stumbled over this post; it is kept as it came and can be processed again after a fix."


class Unreadable(Exception):
    """A post we cannot use, with a sentence that says what is missing."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The event map of one gateway: how a post names its event, and who reads which.

    `not_for_us` are events the gateway is known to send and that carry nothing a CRM of labels records.
    """

    title: str
    event_name: Callable[[Body], str]
    envelope: Callable[[Body], Envelope]
    readers: Mapping[str, Reader]
    not_for_us: frozenset[str] = frozenset()

    def parse(self, _headers: Headers, body: bytes) -> list[Event]:
        """Return the events in a post, the Envelope first, or one NotUnderstood. Never raises, never empty."""
        try:
            content = bodies.decode(body)
        except bodies.BodyError as error:
            return [NotUnderstood(reason=error.sentence)]
        if not isinstance(content, dict):
            return [NotUnderstood(reason="The body is not a JSON object.")]
        return self._read(content)

    def _read(self, content: Body) -> list[Event]:
        events: list[Event] = []
        try:
            events.append(self.envelope(content))
            events.extend(self._events(content))
        except Unreadable as error:
            events.append(unread(content, error))
        except Exception:  # noqa: BLE001 (a bug of ours parks one post; it does not raise in the middle of a batch)
            events.append(NotUnderstood(reason=STUMBLED))
        return events

    def _events(self, content: Body) -> Iterable[Event]:
        event = self.event_name(content)
        if read := self.readers.get(event):
            return _once_each(read(content)) or [Ignored(reason="empty")]
        if event in self.not_for_us:
            return [Ignored(reason=f"not_for_us:{event}")]
        raise Unreadable(f"{self.title} sent the event “{event[:80]}”, which is not known here.")


def required(value: str | None, what: str) -> str:
    """Return `value`, or raise Unreadable naming what the post lacks."""
    if value is None:
        raise Unreadable(f"The post has no readable {what}.")
    return value


def label_id_of(value: Any) -> str:
    """Return a label's id as the text it is, never as a number: "021" is not 21. Raises Unreadable without one."""
    return required(shapes.identifier(value, longest=shapes.MAX_LABEL_ID), "label id")


def decided(value: bool | None, what: str) -> bool:
    """Return `value`, or raise Unreadable when it is neither yes nor no."""
    if value is None:
        raise Unreadable(f"The post does not say {what}.")
    return value


def about(chat: Chat, *events: Event) -> list[Event]:
    """Return `events` when they concern a person's chat; otherwise the one reason why they do not count.

    Raises Unreadable when the chat cannot be read: it may be somebody, so the post is kept.
    """
    if chat.kind is ChatKind.PERSONAL:
        return list(events)
    if chat.kind is ChatKind.INVALID:
        raise Unreadable(f"“{chat.raw[:80]}” is not readable as a WhatsApp chat.")
    return [Ignored(reason=chat.kind.value)]


def each(items: Iterable[Body], read: Reader) -> list[Event]:
    """Return the events of every item; one that cannot be read does not take the others with it."""
    events: list[Event] = []
    for item in items:
        try:
            events.extend(read(item))
        except Unreadable as error:
            events.append(unread(item, error))
    return events


def unread(content: Body, error: Unreadable) -> Event:
    """What becomes of a post that cannot be read: it is kept, unless it speaks of a group or the like.

    What is said in groups is none of our business, whatever else is missing.
    """
    kind = next((kind for kind in _chats_named(content, _DEEPEST_CHAT) if kind in NOT_PEOPLE), None)
    return NotUnderstood(reason=error.sentence) if kind is None else Ignored(reason=kind.value)


def _chats_named(value: Any, levels: int) -> Iterator[ChatKind]:
    """The kinds of whatever stands where gateways name the chat; messages themselves are not looked into."""
    for key, item in shapes.keys_folded(value).items() if levels else ():
        if key in _CHAT_KEYS and isinstance(item, str):
            yield jids.chat(item).kind
        elif key not in _CONTENT_KEYS:
            for part in shapes.objects(item):
                yield from _chats_named(part, levels - 1)


def _once_each(events: Iterable[Event]) -> list[Event]:
    """A post with a thousand groups in it is ignored for one reason, not for a thousand."""
    kept: list[Event] = []
    reasons: set[str] = set()
    for event in events:
        if isinstance(event, Ignored):
            if event.reason in reasons:
                continue
            reasons.add(event.reason)
        kept.append(event)
    return kept
