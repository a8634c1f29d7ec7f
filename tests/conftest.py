"""Fixtures every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_cheap() -> Iterator[None]:
    """Hundreds of users are made and nobody guesses their passwords."""
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_listed_once() -> Iterator[None]:
    """Every test client makes the middleware anew, and WhiteNoise looks at hundreds of files each time."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    listed: dict[str, Any] = {}
    list_files = WhiteNoiseMiddleware.add_files_from_finders

    def list_files_once(middleware: WhiteNoiseMiddleware) -> None:
        if not listed:
            list_files(middleware)
            listed.update(middleware.files)
        middleware.files = listed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", list_files_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _contexts_of_widgets_are_not_kept(django_test_environment: None) -> Iterator[None]:
    """Django copies the context of every template for `response.context`; a page has hundreds of widgets."""
    from django.template.base import Template
    from django.template.context import Context

    keep_and_render = Template._render

    def render(template: Template, context: Context) -> str:
        if (template.name or "").startswith(("django/forms/", "unfold/")):
            return template.nodelist.render(context)
        return keep_and_render(template, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", render)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> Iterator[None]:
    """Where several processes share the tests, their databases are copies of one."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        yield
        return
    from django.db import connection

    from tests import copying

    template = f"labelcrm_{run}"
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"] |= copying.make_once(template)
        yield
        copying.drop(template)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database; a test that commits leaves it as the migrations did."""
    from django.test import TransactionTestCase

    from tests import restoring

    with django_db_blocker.unblock():
        restoring.keep()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: restoring.put_back())
        yield


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards() -> Iterator[None]:
    """Live pages and the front door keep connections; the test database cannot be dropped under them."""
    yield
    if live := sys.modules.get("desk.home.live"):
        live.live.stop()
    store = sys.modules.get("webhooks.receiver.store")
    if store is not None and isinstance(store.pool, store._Pool):
        store.pool.close()
