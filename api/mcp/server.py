"""The protocol: the tools behind the official SDK's server, over HTTP and over standard input and output.

The SDK is asynchronous and the tools are not: each runs in the thread that asked, with its database connection. The
SDK takes some 55 MB of memory, so only who is asked imports this.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils import translation
from jsonschema import Draft202012Validator
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from rest_framework.utils.encoders import JSONEncoder

from api.mcp import report_tools, work_tools
from api.mcp.mcp_tool import Asker, McpTool, ToolRefused

NAME = "labelcrm"
INSTRUCTIONS = (
    "labelcrm records which WhatsApp labels were put on which chats, by whom and when. All tools only read, with the "
    "rights of the person you work for. Say the period and n of every number you tell, name gaps, and give the link "
    "to the page. People come with initials only: open their page for more."
)
TOOLS: Mapping[str, McpTool] = {tool.name: tool for tool in (*report_tools.TOOLS, *work_tools.TOOLS)}
logger = logging.getLogger(__name__)


def tools_of(asker: Asker) -> list[McpTool]:
    """What the person may ask."""
    return [tool for tool in TOOLS.values() if asker.viewer.may(*tool.rights)]


def answer(asker: Asker, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a tool answers, as plain JSON in the language of who asks. Raises ToolRefused."""
    tool = next((tool for tool in tools_of(asker) if tool.name == name), None)
    if tool is None:
        raise ToolRefused(f"There is no tool {name} for you.")
    wrong = next(iter(Draft202012Validator(tool.schema).iter_errors(dict(given))), None)
    if wrong is not None:
        place = ".".join(map(str, wrong.absolute_path))
        raise ToolRefused(f"{place}: {wrong.message}" if place else wrong.message)
    with translation.override(asker.user.language):
        told: dict[str, Any] = json.loads(json.dumps(tool.answer(asker, given), cls=JSONEncoder))
    return told


# -- The SDK's server -------------------------------------------------------------------------------------------------


def server_for(asker: Asker) -> Server[Any]:
    """A server that answers this person."""

    async def list_tools(context: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in await sync_to_async(tools_of)(asker)])

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        return await sync_to_async(_called)(asker, params.name, params.arguments or {})

    return Server(NAME, title=NAME, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)


def _described(tool: McpTool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.schema,
        annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


def _called(asker: Asker, name: str, given: Mapping[str, Any]) -> types.CallToolResult:
    close_old_connections()  # over standard input there is no request that would
    try:
        found = answer(Asker(asker.user, asker.site), name, given)  # rights as they are now
    except ToolRefused as refused:
        return types.CallToolResult(content=[types.TextContent(type="text", text=str(refused))], is_error=True)
    text = json.dumps(found, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=found)


# -- Ways in ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class HttpAnswer:
    """What goes back to who posted."""

    status: int = 500
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


async def answer_post(asker: Asker, *, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    """One POST of the streamable HTTP transport: no session is kept, and the answer is JSON."""
    manager = StreamableHTTPSessionManager(server_for(asker), json_response=True, stateless=True)
    told = HttpAnswer()
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return unread.pop() if unread else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.status = message["status"]
            told.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            told.body += message.get("body", b"")

    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": "/mcp/", "query_string": b"",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }  # fmt: skip
    async with manager.run():
        await manager.handle_request(scope, receive, send)
    return told


async def serve_stdio(asker: Asker) -> None:
    """Answer over standard input and output until the other side closes them."""
    server = server_for(asker)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
