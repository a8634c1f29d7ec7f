"""A NUL or half a surrogate pair is refused at the door, on pages and in the API alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(UserFactory(role="owner"), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize(
    "address",
    [
        "/admin/contacts/contact/?q=%00",
        "/admin/contacts/campaign/?name%00=1",
        "/admin/contacts/channel/?status__exact=%00",
        "/admin/core/heartbeat/a%00b/change/",
        "/admin/reports/agents/?team=%00",
        "/admin/login/?next=%00",
    ],
)
def test_a_page_with_a_nul_in_its_address_is_400(owner: Client, address: str) -> None:
    response = owner.get(address)
    assert response.status_code == 400
    assert "Alamat ini tidak lengkap" in response.text


def test_the_api_says_which_parameter_cannot_be_a_value(owner: Client) -> None:
    response = owner.get("/api/v1/contacts/?label=Hot&q=a%00")
    error: dict[str, Any] = json.loads(response.content)["error"]
    assert (response.status_code, error["code"], list(error["fields"])) == (400, "invalid", ["q"])


def test_more_parameters_than_anybody_means_are_400_in_json(owner: Client) -> None:
    response = owner.get("/api/v1/contacts/?" + "q=a&" * 2000)
    assert (response.status_code, json.loads(response.content)["error"]["code"]) == (400, "invalid")


def test_a_form_with_a_nul_is_400_and_nothing_is_done(owner: Client) -> None:
    assert owner.post("/language/", {"language": "en", "next": "/\x00"}).status_code == 400


def test_a_cookie_that_cannot_be_stored_is_none(client: Client) -> None:
    """The browser would send it with every page: without it the person is asked to log in."""
    response = client.get("/admin/", HTTP_COOKIE='sessionid="' + "\\000" * 32 + '"')
    assert response.status_code == 302
