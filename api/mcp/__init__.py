"""MCP: reports, segments and what needs doing as read-only tools for a language model, with its user's own rights.

`tools` says what can be asked and answers it, `server` speaks the protocol (the official SDK), `http` is the address
`/mcp/` and `manage.py mcp` the same over standard input and output.
"""
