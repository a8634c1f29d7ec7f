"""Credentials at rest: a text column that is encrypted with the key from the environment."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """The cipher of this installation; the first key encrypts, every key decrypts (rotation)."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS))


def decrypt(stored: str) -> str:
    """Clear text of a stored value. Raises ImproperlyConfigured when the key is not the one it was stored with."""
    try:
        return cipher().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured(
            "A stored credential cannot be read: ENCRYPTION_KEY is not the one it was stored with."
        ) from error


class EncryptedTextField(models.TextField):
    """A text that is clear in Python and encrypted in the database; it cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        return cipher().encrypt(str(value).encode()).decode() if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value) if value else value
