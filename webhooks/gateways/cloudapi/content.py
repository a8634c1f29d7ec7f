"""What a message of Meta's holds: what it is, its words, and the number that may stand in it.

Source: the pages below "messages webhook reference" (read in November 2026), above all "unsupported".
"""

from __future__ import annotations

from typing import Any

from webhooks.gateways import kinds, shapes
from webhooks.gateways.kinds import Verdict
from webhooks.gateways.vocabulary import Body

# A person wrote, and Meta does not say what: an unsupported type, or (so its page says) the first message to a
# number that is also in the Business app, which is often a lead from an ad. It counts; only its words are missing.
WITHHELD = frozenset({"unsupported", "unknown", "errors"})
UNAVAILABLE = 131060  # "message currently unavailable": may be sent again


def verdict(message: Body) -> Verdict:
    """What the message is; of a reaction without an emoji, that one was taken back."""
    told = _type(message)
    if told in WITHHELD:
        return _withheld(message)
    if told == "reaction" and not text_of(message):
        return kinds.REACTION_REMOVED
    return kinds.of_meta(told)


def _withheld(message: Body) -> Verdict:
    """What `unsupported.type` says ("pin" is a notice, "gif" is not); without it, something a person sent."""
    inside = kinds.META.get(shapes.text(shapes.inside(message, "unsupported", "type")).strip().lower(), kinds.OTHER)
    if inside.notice:
        return inside
    codes = {error.get("code") for error in shapes.objects(message.get("errors")) if error.get("code") == UNAVAILABLE}
    return kinds.WAITING if codes else inside


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
