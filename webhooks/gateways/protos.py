"""Messages in the shape of WhatsApp's protobuf, as Baileys and whatsmeow hand them on (WAProto Message)."""

from __future__ import annotations

from typing import Any

from . import kinds, shapes

_WRAPPERS = (
    "ephemeralmessage", "viewoncemessage", "viewoncemessagev2", "viewoncemessagev2extension", "devicesentmessage",
    "documentwithcaptionmessage", "editedmessage",
)  # fmt: skip
_DEEPEST_WRAPPER = 5
_TEXT_FIELDS = ("text", "caption", "selecteddisplaytext")


def opened(message: Any) -> dict[str, Any]:
    """Return the innermost message with folded keys: out of its ephemeral, view-once and device-sent wrappers."""
    fields = shapes.keys_folded(message)
    for _ in range(_DEEPEST_WRAPPER):
        wrapper = next((fields[name] for name in _WRAPPERS if isinstance(fields.get(name), dict)), None)
        inner = shapes.keys_folded(shapes.keys_folded(wrapper).get("message"))
        if not inner:
            break
        fields = inner
    return fields


def kind(message: Any) -> str | None:
    """Return the kind of a message, None when its content names none."""
    return next((found for key, item in opened(message).items() if item and (found := kinds.of_word(key))), None)


def text(message: Any) -> str:
    """Return what a person wrote: the text, a caption, the chosen button, a reaction's emoji."""
    fields = opened(message)
    if written := shapes.text(fields.get("conversation")):
        return written
    for item in fields.values():
        inner = shapes.keys_folded(item)
        for name in _TEXT_FIELDS:
            if written := shapes.text(inner.get(name)):
                return written
    return shapes.text(shapes.keys_folded(fields.get("listresponsemessage")).get("title"))


def is_housekeeping(message: Any) -> bool:
    """True for what clients tell each other (edits, deletions, keys, timers) and nobody reads as a message."""
    fields = opened(message)
    told = {"protocolmessage", "senderkeydistributionmessage"} & fields.keys()
    return bool(told) and kind(message) is None and not text(message)
