"""docs/gateways.md and docs/gateways.id.md, written from the same table as the connection pages.

`manage.py gateway_docs` writes them; a test compares them, so guides in code and documents cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from desk.connection.guides import GUIDES, Guide, fill
from desk.connection.page import abilities
from webhooks.gateways import GATEWAYS
from webhooks.gateways.base import Gateway

FILES = {"en": "docs/gateways.md", "id": "docs/gateways.id.md"}
EXAMPLE = {"secret": "SECRET", "verify": "VERIFY-TOKEN", "session": "cs-rina"}


def document(language: str) -> str:
    """The whole document in Markdown, in "en" or "id"."""
    with translation.override(language):
        return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    title = _("Gateways: what each delivers, what it loses, how to set it up")
    yield f"# {title}"
    yield ""
    yield _(
        "A gateway connects a WhatsApp number to this system. This page says what to expect of each; the connection "
        "page of a number (WhatsApp numbers → check and set up) shows the same steps with your own address and "
        "secret, and says live what arrived or what is wrong."
    )
    yield ""
    yield from _overview()
    yield f"## {_('Connect a number')}"
    yield ""
    yield from _connecting()
    for name, guide in GUIDES.items():
        yield from _section(GATEWAYS[name], guide)


def _overview() -> Iterator[str]:
    heads = (
        _("Gateway"),
        _("Labels"),
        _("Time of a label"),
        _("API lists labels"),
        _("API sets labels"),
        _("Signed"),
    )
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for name in GUIDES:
        gateway, able = GATEWAYS[name], GATEWAYS[name].capabilities
        times = {"whatsapp": _("WhatsApp's"), "gateway": _("the gateway's"), "received": _("of receipt")}
        cells = (
            gateway.title, _yes(able.labels), times[able.label_time] if able.labels else "–", _yes(able.lists_labels),
            _yes(able.writes_labels), _yes(gateway.signature) if gateway.signature else _("token in the address"),
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield _(
        "No gateway says who put a label on. It is taken from the owner of the number at that time, so give every CS "
        "a number of their own if you can."
    )
    yield ""


def _yes(value: Any) -> str:
    return _("yes") if value else _("no")


def _connecting() -> Iterator[str]:
    yield _("Open `/admin/connect/`, choose the gateway and give the number a name; or on the command line:")
    yield ""
    yield from _code(
        ".venv/bin/python manage.py connect_channel --gateway waha --key cs-rina --session default \\\n"
        '    --name "CS Rina" --agent rina --team Sales',
        "bash",
    )
    yield _(
        "Then type the webhook address and the secret into the gateway as described below. A gateway that posts "
        "before its number is set up is asked to try again, and listed under “Unknown channels” for one-click "
        "adoption."
    )
    yield ""


def _section(gateway: Gateway, guide: Guide) -> Iterator[str]:
    address = f"https://crm.example.com/hooks/{gateway.name}/cs-rina/" + ("SECRET/" if gateway.token_in_url else "")
    yield f"## {gateway.title}"
    yield ""
    yield str(guide.summary)
    yield ""
    for number, step in enumerate(guide.steps, 1):
        yield f"{number}. {step.text}"
        yield ""
        if step.code:
            yield from _code(fill(step.code, {**EXAMPLE, "url": address}), _language(step.code))
    yield f"**{_('Try it:')}** {guide.test}"
    yield ""
    yield from _list(_("What it can and cannot do"), [_ability(one) for one in abilities(gateway.capabilities)])
    yield from _list(_("What gets lost"), [str(loss) for loss in guide.loses])
    yield from _list(_("Good to know"), [str(note) for note in guide.notes])
    question = _("Messages arrive, but no labels?")
    yield f"**{question}** {guide.no_labels}"
    yield ""


def _ability(ability: Any) -> str:
    return f"{ability.what}: {_yes(ability.yes)}. {ability.how}"


def _list(title: str, items: list[str]) -> Iterator[str]:
    if items:
        yield f"### {title}"
        yield ""
        yield from (f"- {item}" for item in items)
        yield ""


def _code(code: str, language: str) -> Iterator[str]:
    yield f"```{language}"
    yield from code.split("\n")
    yield "```"
    yield ""


def _language(code: str) -> str:
    if code.startswith("curl"):
        return "bash"
    if code.startswith("webhook:"):
        return "js"
    try:
        json.loads(code)
    except ValueError:
        return "text"
    return "json"
