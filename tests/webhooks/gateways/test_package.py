"""The package as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.webhooks.gateways.payloads import PAYLOADS
from webhooks.gateways import GATEWAYS

ROOT = Path(__file__).resolve().parents[3]


def test_gateways_know_no_framework_and_no_setting() -> None:
    code = (
        "import sys, webhooks.gateways; "
        "print(sorted({name.split('.')[0] for name in sys.modules} "
        "& {'django', 'celery', 'rest_framework', 'httpx', 'redis', 'psycopg', 'labelcrm'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


def test_the_gateways_are_the_ones_we_promise() -> None:
    assert list(GATEWAYS) == ["waha", "gowa", "wuzapi", "evolution", "wppconnect", "cloudapi", "generic"]
    assert all(name == gateway.name for name, gateway in GATEWAYS.items())


def test_every_gateway_has_a_builder_of_posts() -> None:
    assert set(PAYLOADS) == set(GATEWAYS)


def test_waha_gowa_wuzapi_and_the_cloud_api_sign_and_the_others_carry_a_token() -> None:
    signing = {name for name, gateway in GATEWAYS.items() if not gateway.token_in_url}
    assert signing == {"waha", "gowa", "wuzapi", "cloudapi"}


def test_only_wuzapi_takes_forms() -> None:
    assert {name: gateway.form_field for name, gateway in GATEWAYS.items() if gateway.form_field} == {
        "wuzapi": "jsonData"
    }
