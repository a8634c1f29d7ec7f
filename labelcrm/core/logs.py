"""One event, one line: names and texts from outside cannot start a line of their own."""

from __future__ import annotations

import logging


class OneLineFormatter(logging.Formatter):
    """Formats a record; line breaks in the message are shown, not obeyed. Tracebacks keep theirs."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
