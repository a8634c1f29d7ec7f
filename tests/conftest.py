"""Fixtures every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_cheap() -> Iterator[None]:
    """Hundreds of users are made and nobody guesses their passwords."""
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def _seeds_survive_a_flush(request: pytest.FixtureRequest) -> None:
    """Transactional tests empty the tables, the seeded roles and labels too: put those back before each one."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and (marker.kwargs.get("transaction") or (marker.args and marker.args[0])):
        request.getfixturevalue("transactional_db")
        from labelcrm.core.roles import sync_roles
        from labels import taxonomy
        from labels.models import Category, Label, LabelAlias

        sync_roles()
        taxonomy.seed(category_model=Category, label_model=Label, alias_model=LabelAlias)
