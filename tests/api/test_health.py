"""Probes and metrics: who is answered, and what."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from api import health
from tests.freezing import stopped

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("host", ["localhost", "10.1.2.3:8000", "gateway.internal"])
def test_probes_are_answered_under_any_name(client: Client, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).content == b"ok\n"
    ready = client.get("/readyz", headers={"host": host})
    assert ready.status_code == 200
    assert ready.json() == {"database": "ok", "broker": "ok", "worker": "degraded", "beat": "degraded"}
    assert ready.headers["X-Content-Type-Options"] == "nosniff"


def test_the_rest_of_the_site_is_not(client: Client) -> None:
    assert client.get("/metrics", headers={"host": "gateway.internal"}).status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_read_only(path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(path).status_code == 405
    assert client.head(path).status_code == 200


def test_probes_are_answered_in_plain_http_behind_tls(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").status_code == 301


def test_metrics_are_for_this_machine_or_for_who_knows_the_token(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = client.get("/metrics").content.decode()
    assert 'labelcrm_inbox_events{state="pending"} 0.0' in text
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 403
    for header in ("x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-proto", "via"):
        assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403
    for address, status in {"::ffff:127.0.0.1": 200, "::1": 200, "": 403, "@socket": 403}.items():
        assert client.get("/metrics", REMOTE_ADDR=address).status_code == status
    monkeypatch.setenv("METRICS_TOKEN", "kunci-metrik")
    for token, status in {"kunci-metrik": 200, "salah": 403, "": 403, "kunci-é": 403}.items():
        answer = client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status


@pytest.mark.django_db(transaction=True)
def test_a_frozen_database_is_said_within_seconds(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "READY_SECONDS", 0.3)
    connection.ensure_connection()
    with stopped(connection.connection.info.backend_pid):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "degraded")
