"""What tests of the API share: a client with a token, and a story that puts labels on people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.api.story import Story
from tests.factories import TeamFactory, UserFactory


@pytest.fixture(autouse=True)
def _nobody_was_counted_before() -> None:
    cache.clear()


def client_of(user: Any) -> APIClient:
    """A client that sends the user's token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    return client


def get(client: APIClient, path: str, **parameters: Any) -> Any:
    """The body of a successful GET."""
    response = client.get(f"/api/v1/{path}/", parameters)
    assert response.status_code == 200, response.content
    return response.json()


def rows(client: APIClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of a list's first page."""
    return get(client, path, **parameters)["results"]


@pytest.fixture
def as_role(db: None) -> Callable[..., APIClient]:
    """`as_role("cs", team)` is a client of a new user with that role who sees those teams."""
    return lambda role, *teams: client_of(UserFactory(role=role, teams=list(teams)))


@pytest.fixture
def owner(as_role: Callable[..., APIClient]) -> APIClient:
    return as_role("owner")


@pytest.fixture
def team(db: None) -> Any:
    return TeamFactory(name="Sales")


@pytest.fixture
def story(team: Any) -> Story:
    """A channel `cs1` of CS Rina in the team, ready for contacts and labels."""
    return Story(team=team)
