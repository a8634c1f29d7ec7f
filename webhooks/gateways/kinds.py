"""The kind of a message, from WhatsApp's protobuf keys, a MIME type or a gateway's own word."""

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
    "pollcreation": "poll", "pollcreationv2": "poll", "pollcreationv3": "poll", "pollupdate": "poll",
}  # fmt: skip
_WRAPPERS = ("ephemeral", "viewonce", "viewoncev2", "viewoncev2extension", "devicesent", "edited")
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


def of_proto(value: Any, levels: int = 4) -> str | None:
    """Return the kind of a protobuf-shaped message object, looked for through its wrappers, else None."""
    for key, item in shapes.keys_folded(value).items():
        plain = key.removesuffix("message")
        if plain in _WORDS and item:
            return _WORDS[plain]
        if plain in _WRAPPERS and levels and isinstance(item, dict):
            return of_proto(shapes.keys_folded(item).get("message"), levels - 1)
    return None
