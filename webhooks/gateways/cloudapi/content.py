"""What a message of Meta's holds: its kind, its words, and whether a person said it at all.

Source: the pages below "messages webhook reference" (one per type, read in November 2026), "history" for
media_placeholder and "unsupported" for the types that the API does not hand over.
"""

from __future__ import annotations

from typing import Any

from webhooks.gateways import shapes
from webhooks.gateways.reading import Body

UNKNOWN = "unknown"  # kept and shown as such, in no figure until somebody reads about it
WAITING = "waiting"  # its content may follow under the same id

# Everything that a person says or sends. A type that is in neither table is UNKNOWN.
KINDS = {
    "text": "text", "button": "text", "interactive": "text", "image": "image", "video": "video", "gif": "video",
    "audio": "audio", "voice": "audio", "document": "document", "sticker": "sticker", "location": "location",
    "contacts": "contact", "reaction": "reaction", "poll": "poll", "poll_creation": "poll", "poll_update": "poll",
    "order": "other", "product": "other", "template": "other", "hsm": "other", "list": "text",
    "link_preview": "text", "group_invite": "other", "media_placeholder": WAITING,
}  # fmt: skip
# What happens to a chat or to an older message, and the two words of the API's past for opening and timer.
NOTICES = frozenset({"system", "edit", "revoke", "pin", "keep_in_chat", "request_welcome", "ephemeral"})
# A person wrote, and Meta does not say what: an unsupported type, or (so its page says) the first message to a
# number that is also in the Business app, which is often a lead from an ad. It counts; only its words are missing.
WITHHELD = frozenset({"unsupported", "unknown", "errors"})
UNAVAILABLE = 131060  # "message currently unavailable": may be sent again


def kind_of(message: Body) -> str | None:
    """The kind of a message, None when it is a notice and nobody's message."""
    told = _type(message)
    if told in WITHHELD:
        return _withheld(message)
    return None if told in NOTICES else KINDS.get(told, UNKNOWN)


def _withheld(message: Body) -> str | None:
    """What `unsupported.type` says ("pin" is a notice, "poll_update" is not); without it, something a person sent."""
    told = shapes.text(shapes.inside(message, "unsupported", "type")).strip().lower()
    if told in NOTICES:
        return None
    codes = {error.get("code") for error in shapes.objects(message.get("errors"))}
    return WAITING if UNAVAILABLE in codes else KINDS.get(told, "other")


def text_of(message: Body) -> str:
    """What the person wrote or chose, wherever the type of the message puts it."""
    content = shapes.mapping(message.get(_type(message)))
    reply = shapes.mapping(content.get("button_reply") or content.get("list_reply") or content.get("nfm_reply"))
    said = (
        content.get("body"), content.get("caption"), content.get("text"), content.get("emoji"), reply.get("title"),
        reply.get("body"), shapes.inside(content, "body", "text"),
    )  # fmt: skip
    return next((found for value in said if (found := shapes.text(value))), "")


def shared_phone(message: Body) -> Any:
    """The number that a person without one gave when the business asked for it, None for any other message.

    WhatsApp fills it in itself and marks it with `origin`; a contact that was merely forwarded says nothing of
    whoever forwards it ("Business-scoped user IDs", REQUEST_CONTACT_INFO).
    """
    if message.get("origin") != "contact_request":
        return None
    phones = [phone for card in shapes.objects(message.get("contacts")) for phone in shapes.objects(card.get("phones"))]
    return (phones[0].get("wa_id") or phones[0].get("phone")) if len(phones) == 1 else None


def _type(message: Body) -> str:
    return shapes.text(message.get("type")).strip()
