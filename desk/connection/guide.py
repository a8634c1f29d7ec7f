"""What a guide is: how to set up one gateway, what it loses, and what to look at when nothing arrives.

Texts are plain sentences in which `backticks` mark what is typed or read in the gateway. Code may hold the
placeholders of `PLACEHOLDERS`; they are filled in for one channel by `fill`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise
PLACEHOLDERS = ("{url}", "{secret}", "{verify}", "{session}", "{gateway}")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `code` is what to type or send."""

    text: Text
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """One gateway's guide.

    `session` names what the gateway calls an account ("" = it has no name for it). `no_labels` says what to look at
    when messages arrive and labels do not; `test` how to make the first event; `loses` what never reaches us.
    """

    summary: Text
    session: Text = ""
    steps: tuple[Step, ...]
    test: Text
    no_labels: Text
    loses: tuple[Text, ...]
    notes: tuple[Text, ...] = ()


def fill(code: str, values: Mapping[str, str]) -> str:
    """`code` with each `{name}` of `values` replaced; JSON's own braces stay."""
    for name, value in values.items():
        code = code.replace("{" + name + "}", value)
    return code
