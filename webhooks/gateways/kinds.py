"""The kind of a message, from a gateway's or WhatsApp's own word for it, or from a MIME type."""

from __future__ import annotations

from typing import Any

from . import shapes

_WORDS = {
    "text": "text", "chat": "text", "conversation": "text", "extendedtext": "text", "button": "text",
    "interactive": "text", "list_response": "text", "buttons_response": "text", "template_button_reply": "text",
    "buttonsresponse": "text", "listresponse": "text", "templatebuttonreply": "text", "interactiveresponse": "text",
    "image": "image", "audio": "audio", "ptt": "audio", "voice": "audio", "video": "video", "ptv": "video",
    "gif": "video", "document": "document", "documentwithcaption": "document", "sticker": "sticker",
    "lottiesticker": "sticker", "location": "location", "livelocation": "location", "contact": "contact",
    "contacts": "contact", "contactsarray": "contact", "vcard": "contact", "multi_vcard": "contact",
    "reaction": "reaction", "encreaction": "reaction", "poll": "poll", "poll_creation": "poll",
    "pollcreation": "poll", "pollcreationmessagev2": "poll", "pollcreationmessagev3": "poll", "pollupdate": "poll",
}  # fmt: skip
_MIME_FAMILIES = frozenset({"image", "audio", "video"})


def of_word(*words: Any) -> str | None:
    """Return the kind that the first known word of `words` means ("ptt", "imageMessage", "vcard"), else None."""
    for word in words:
        plain = shapes.text(word).strip().lower().removesuffix("message")
        if plain in _WORDS:
            return _WORDS[plain]
    return None


def of_mime(value: Any) -> str | None:
    """Return the kind of a media type; anything that is not image, audio or video travels as a document."""
    family, slash, _ = shapes.text(value).strip().lower().partition("/")
    if not slash:
        return None
    return family if family in _MIME_FAMILIES else "document"
