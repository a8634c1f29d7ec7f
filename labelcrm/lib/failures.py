"""What went wrong, in words that may be kept and logged."""

from __future__ import annotations


def error_sentence(error: BaseException) -> str:
    """The kind and message of an error, without PostgreSQL's details, which quote rows: names, numbers, messages.

    `error` is psycopg's, or Django's with psycopg's as its cause.
    """
    found = (getattr(each, "diag", None) for each in (error, error.__cause__))
    message = next((diag.message_primary for diag in found if diag is not None), None)
    return f"{type(error).__name__}: {message or error}"
