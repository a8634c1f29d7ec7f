"""How log lines are written: one event, one line, also where a name or text from outside has line breaks."""

from __future__ import annotations

import logging


class OneLineFormatter(logging.Formatter):
    """Formats a record; line breaks in the message are written as \\r and \\n. Tracebacks keep theirs."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
