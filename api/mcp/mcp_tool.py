"""Who asks, how a tool is described, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contacts.selectors.viewing import viewer_of
from labelcrm.core.viewer import Viewer


class ToolRefused(Exception):
    """A question that cannot be answered: a sentence that says why and what to ask instead."""


@dataclass(frozen=True)
class Asker:
    """For whom a model asks, and the site's own address for links; "" where it is not known."""

    user: Any
    site: str = ""

    @cached_property
    def viewer(self) -> Viewer:
        return viewer_of(self.user)

    def link(self, path: str) -> str:
        """The address of a page as a browser takes it."""
        return f"{self.site}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool:
    """One question that a model may ask.

    `parameters` are JSON schemas by name. `answer` takes who asks and the values, and gives JSON. Raises ToolRefused.
    """

    name: str
    title: str
    description: str
    answer: Callable[[Asker, Mapping[str, Any]], dict[str, Any]]
    rights: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the values."""
        return {
            "type": "object",
            "properties": dict(self.parameters),
            "required": list(self.required),
            "additionalProperties": False,
        }
