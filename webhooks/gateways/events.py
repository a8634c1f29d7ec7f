"""What any gateway can tell us, in one vocabulary.

A parser turns the headers and body of one webhook post into a list of these frozen objects and decides
nothing else: it knows no model, no setting and no clock. Times are handed on as the gateway said them
(`Moment`); which of them is believed is decided where the channel is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChatKind(StrEnum):
    """What a JID addresses. Only PERSONAL chats are ever recorded."""

    PERSONAL = "personal"
    GROUP = "group"
    BROADCAST = "broadcast"
    STATUS = "status"
    NEWSLETTER = "newsletter"
    OTHER = "other"  # bots, interop and system addresses
    INVALID = "invalid"  # not readable as a chat at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One chat as the gateway named it.

    `phone` is E.164 ("+628..."), or as written where a number came without its country ("0812..."): only who
    knows the business's region can complete it. `lid` is the digits of a WhatsApp LID. `user_id` and `parent_id`
    are Meta's business-scoped ids ("ID.1234…", "ID.ENT.…"), which stand where a person hides their number behind
    a username. A personal chat has at least one of the four, and all that the gateway told to belong together.
    """

    raw: str
    kind: ChatKind
    phone: str | None = None
    lid: str | None = None
    user_id: str | None = None
    parent_id: str | None = None


class Clock(StrEnum):
    """Whose clock a time comes from."""

    WHATSAPP = "whatsapp"
    GATEWAY = "gateway"


class Wall(StrEnum):
    """Which wall a naive time hangs on: the gateway machine's, or the business's."""

    CHANNEL = "channel"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as told. `value` is aware, or naive with `wall` saying whose local time it is."""

    value: datetime
    clock: Clock
    wall: Wall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdReferral:
    """The click-to-WhatsApp ad a first message came from; every field is the gateway's own text."""

    source_id: str = ""
    source_url: str = ""
    click_id: str = ""
    ref: str = ""
    headline: str = ""
    source_app: str = ""
    entry_point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who is speaking: the gateway's name for the account, and the account's own identifiers.

    Always the first event of a list that has any. `session` None means the body does not say.
    """

    session: str | None = None
    own_phone: str | None = None
    own_lid: str | None = None

    @property
    def own(self) -> frozenset[str]:
        """The account's own number and LID, as far as the post tells them."""
        return frozenset(filter(None, (self.own_phone, self.own_lid)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSaved:
    """A label was created, renamed or recoloured. None means "not said", never "empty".

    `color` is WhatsApp's palette index 0-19. `list_type` is WhatsApp's list type in lower case where the
    gateway tells it ("custom", "predefined", "favorites", ...).
    """

    external_id: str
    name: str | None = None
    color: int | None = None
    list_type: str | None = None
    at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDeleted:
    """A label was deleted in WhatsApp: it ends on every chat that had it."""

    external_id: str
    at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOnChat:
    """A label was put on (`on`) or taken off a chat. Name and colour where the event happens to carry them."""

    chat: Chat
    external_id: str
    on: bool
    at: Moment | None = None
    label_name: str | None = None
    label_color: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSeen:
    """One message in or out. `external_id` is WhatsApp's message id, the same for every echo of it.

    `kind` is "text", "image", "audio", "video", "document", "sticker", "location", "contact", "reaction",
    "poll", "other", or one of two that say how little is known: "waiting" stands for a message that the gateway
    could not decrypt yet (its content may follow under the same id), "unknown" for a type that nobody here has
    read about, which counts in no figure. `ad` is only ever set on inbound messages. `by_api` is True for
    messages that were sent through the gateway's API, False for ones typed on a phone, None when not known.
    `history` marks what was said before the number was connected: it fills in first and last times and is
    nobody's work. `username` is the sender's public name ("@budi" without its sign). `wire_type` is the gateway's own
    name of a type that is unknown.
    """

    external_id: str
    chat: Chat
    from_me: bool
    text: str = ""
    kind: str = "text"
    at: Moment | None = None
    ad: AdReferral | None = None
    contact_name: str | None = None
    by_api: bool | None = None
    history: bool = False
    username: str | None = None
    wire_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSeen:
    """A name for a chat, or identifiers that belong together (such as `chat.phone` and `chat.lid`)."""

    chat: Chat
    name: str | None = None
    username: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChanged:
    """A person goes by another number or id from `at` on, as WhatsApp itself told: `old` and `chat` are one person.

    What `chat` names leads from then on; `old` still finds them.
    """

    chat: Chat
    old: Chat
    at: Moment | None = None


class ConnectionState(StrEnum):
    """The state of a number's connection, common to all gateways."""

    WORKING = "working"
    STARTING = "starting"
    PAIRING = "pairing"  # waits for a QR code or pairing code
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStatus:
    """The connection changed. `paired` marks the moment of a new pairing, after which labels are replayed."""

    state: ConnectionState
    at: Moment | None = None
    paired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Understood, and not for us. `reason` is a stable code ("group", "message_label", "notice:revoke", ...)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUnderstood:
    """Well-formed, but not of a shape we know: kept and parked. `reason` is a sentence for people."""

    reason: str


Event = (
    Envelope
    | LabelSaved
    | LabelDeleted
    | LabelOnChat
    | MessageSeen
    | ContactSeen
    | IdentityChanged
    | ChannelStatus
    | Ignored
    | NotUnderstood
)
