"""Fixtures every test may use."""

from __future__ import annotations

import sys
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
    """Transactional tests empty the tables, the seeded labels too: whoever comes next finds them again."""
    marker = request.node.get_closest_marker("django_db")
    names = set(request.fixturenames)
    if marker is None and not names & {"db", "transactional_db", "live_server"}:
        return
    is_transactional = names & {"transactional_db", "live_server"} or (
        marker is not None and (marker.kwargs.get("transaction") or (marker.args and marker.args[0]))
    )
    request.getfixturevalue("transactional_db" if is_transactional else "db")
    from labelcrm.core.roles import sync_roles
    from labels.models import Category, Label, LabelAlias
    from labels.rules import taxonomy

    if not Category.objects.exists():
        sync_roles()
        taxonomy.seed(category_model=Category, label_model=Label, alias_model=LabelAlias)


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards() -> Iterator[None]:
    """Live pages and the front door keep connections; the test database cannot be dropped under them."""
    yield
    if live := sys.modules.get("desk.home.live"):
        live.live.stop()
    store = sys.modules.get("webhooks.receiver.store")
    if store is not None and isinstance(store.pool, store._Pool):
        store.pool.close()
