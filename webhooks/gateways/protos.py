"""Messages in the shape of WhatsApp's protobuf, as Baileys and whatsmeow hand them on (WAProto Message)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webhooks.gateways import kinds, shapes
from webhooks.gateways.kinds import Verdict

_WRAPPERS = frozenset({
    "ephemeralmessage", "viewoncemessage", "viewoncemessagev2", "viewoncemessagev2extension", "devicesentmessage",
    "documentwithcaptionmessage", "lottiestickermessage", "associatedchildmessage", "botinvokemessage",
    "groupmentionedmessage", "botforwardedmessage", "questionmessage", "questionreplymessage", "spoilermessage",
    "pollcreationmessagev4",
})  # fmt: skip
_DEEPEST_WRAPPER = 5
_TEXT_FIELDS = ("text", "caption", "selecteddisplaytext")
_NOTHING: tuple[Any, ...] = (None, False, "", [])
_BESIDE = frozenset({"messagecontextinfo", "statuslinkpreviewmetadata"})  # says something about a message, is none
# The second telling of one picture or film: in better quality, in another coding, or what moved in it
# (AssociationType HD_VIDEO_DUAL_UPLOAD, HD_IMAGE_DUAL_UPLOAD, MOTION_PHOTO, HEVC_VIDEO_DUAL_UPLOAD).
_COPIES = frozenset({
    "5", "10", "12", "19", "HD_VIDEO_DUAL_UPLOAD", "HD_IMAGE_DUAL_UPLOAD", "MOTION_PHOTO", "HEVC_VIDEO_DUAL_UPLOAD",
})  # fmt: skip
_COPY = Verdict(notice="copy")
_TYPES = {name.lower(): verdict for name, verdict in kinds.PROTOBUF.items()}


def verdict(message: Any) -> Verdict | None:
    """What a message is by its content, None when there is no content at all.

    A message beside housekeeping (a key that came along, say) is that message.
    """
    layers = list(_layers(message))
    if any(_is_copy(fields.get("messagecontextinfo")) for fields, _ in layers):
        return _COPY
    fields, content = layers[-1]
    found = [(_TYPES[key], key) for key, item in fields.items() if key in _TYPES and item not in _NOTHING]
    said = next((known for known in found if known[0].kind), None) or next(iter(found), None)
    if said is None:
        return _unknown(content)
    return _closer(said[0], said[1], fields[said[1]])


def of_event(event: dict[str, Any]) -> Verdict | None:
    """What whatsmeow's Message event is; `event` and its `info` have folded keys. None: without any content."""
    info = shapes.keys_folded(event.get("info"))
    if info.get("category") == "peer":
        return kinds.PEER
    if shapes.boolean(event.get("isedit")):
        return kinds.EDITS["1"]
    return kinds.EDITS.get(shapes.text(info.get("edit"))) or verdict(event.get("message"))


def of_stub(stub_type: Any) -> Verdict | None:
    """What Baileys' stub type says of a message without content, None when there is no stub type."""
    name = shapes.identifier(stub_type)
    if name in (None, "0", "UNKNOWN"):
        return None
    return kinds.STUBS.get(name or "", Verdict(notice="system"))


def named(wire_type: Any) -> Verdict | None:
    """What the name of a protobuf field means ("imageMessage"), None when it is none that is known."""
    return _TYPES.get(shapes.text(wire_type).strip().replace("_", "").lower())


def text(message: Any) -> str:
    """Return what a person wrote: the text, a caption, the chosen button, a reaction's emoji."""
    *_, (fields, _) = _layers(message)
    if written := shapes.text(fields.get("conversation")):
        return written
    for item in fields.values():
        inner = shapes.keys_folded(item)
        for name in _TEXT_FIELDS:
            if written := shapes.text(inner.get(name)):
                return written
    return shapes.text(shapes.keys_folded(fields.get("listresponsemessage")).get("title"))


def _layers(message: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """A message and what is inside its wrappers (ephemeral, view-once, ...), outermost first: keys folded, and raw."""
    content = shapes.mapping(message)
    fields = shapes.keys_folded(content)
    yield fields, content
    for _ in range(_DEEPEST_WRAPPER):
        found = (item for name, item in fields.items() if name in _WRAPPERS and isinstance(item, dict))
        if (wrapper := next(found, None)) is None:
            return
        content = shapes.mapping(shapes.keys_folded(wrapper).get("message"))
        if not content:
            return
        fields = shapes.keys_folded(content)
        yield fields, content


def _is_copy(context: Any) -> bool:
    association = shapes.keys_folded(shapes.keys_folded(context).get("messageassociation")) if context else {}
    return shapes.identifier(association.get("associationtype")) in _COPIES


def _closer(found: Verdict, name: str, item: Any) -> Verdict:
    """What the content of a type says beyond its name: which protocol message, or a reaction taken back."""
    fields = shapes.keys_folded(item)
    if name == "protocolmessage":
        return kinds.PROTOCOL.get(shapes.identifier(fields.get("type")) or "", found)
    if name == "reactionmessage" and not fields.get("text"):
        return kinds.REACTION_REMOVED
    return found


def _unknown(content: dict[str, Any]) -> Verdict | None:
    """A type is an object; texts beside it (a link to the file, say) are the gateway's own."""
    names = [key for key, item in content.items() if isinstance(item, dict)]
    if not names:
        return None
    return kinds.unknown(next((key for key in names if key.replace("_", "").lower() not in _BESIDE), names[0]))
