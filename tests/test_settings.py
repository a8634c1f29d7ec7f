"""No setting without effect: whatever .env.example offers changes what is run, and every setting has a reader."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import csp.constants
import django.conf.global_settings
import pytest

from labelcrm import env
from labelcrm.env import BASE_DIR
from labelcrm.launcher import binaries, processes
from labelcrm.launcher.run import ListenAddress

APPS = ("labelcrm", "contacts", "labels", "webhooks", "reports", "transfer", "desk", "api", "demo")
EXAMPLE = (BASE_DIR / ".env.example").read_text()
KEY = "B" * 43 + "="
# Read by Docker Compose and handed on as other variables; tested by what the file says.
OF_COMPOSE = {"POSTGRES_PASSWORD", "PUBLISH"}
# One other value for each variable. What it must change is in `outcome`.
OTHER = {
    "HOST": "127.0.0.2",
    "PORT": "8123",
    "ALLOWED_HOSTS": "crm.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://crm.example.com",
    "PUBLIC_URL": "https://crm.example.com",
    "HTTPS": "true",
    "BEHIND_TLS_PROXY": "true",
    "TRUSTED_PROXIES": "2",
    "LABELCRM_HOME": "/tmp/another-home",
    "DATABASE_URL": "postgresql://crm@db.example/crm",
    "REDIS_URL": "redis://cache.example:6379/3",
    "LABELCRM_SERVICES": "wheels",
    "SECRET_KEY": "another",
    "ENCRYPTION_KEY": KEY,
    "METRICS_TOKEN": "kunci",
    "ADMIN_USERNAME": "boss",
    "ADMIN_PASSWORD": "kata sandi",
    "EMAIL_HOST": "smtp.example.com",
    "EMAIL_PORT": "2525",
    "EMAIL_HOST_USER": "labelcrm",
    "EMAIL_HOST_PASSWORD": "kunci",
    "EMAIL_USE_TLS": "false",
    "EMAIL_USE_SSL": "true",
    "DEFAULT_FROM_EMAIL": "labelcrm <crm@example.com>",
    "GATEWAY_HOSTS": "waha.example:3000",
    "WEBHOOK_MAX_BYTES": "4096",
    "TIME_ZONE": "Asia/Makassar",
    "PHONE_REGION": "MY",
    "RESYNC_MIN_ADDS": "3",
    "RESYNC_WINDOW_SECONDS": "30",
    "MISTAP_SECONDS": "60",
    "HOLE_SECONDS": "60",
    "CAMPAIGN_WINDOW_DAYS": "7",
    "NEVER_LABELLED_MINUTES": "5",
    "GAP_SECONDS": "60",
    "SECOND_LOOK_SIZE": "5",
    "INBOX_BODY_DAYS": "7",
    "WEB_THREADS": "5",
    "WORKER_PROCESSES": "3",
    "LOG_LEVEL": "WARNING",
    "DEBUG": "true",
}
NEEDS = {"EMAIL_HOST": ("PUBLIC_URL", "DEFAULT_FROM_EMAIL"), "EMAIL_USE_SSL": ("EMAIL_USE_TLS",)}
NEEDED = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEY"}  # nothing runs without them
# Read where they are used, each with a test of its own: what is asked there is asked for here.
READ_AT_USE = {"METRICS_TOKEN": "api/health.py", "ADMIN_USERNAME": "labelcrm/core/management/commands/setup.py",
               "ADMIN_PASSWORD": "labelcrm/core/management/commands/setup.py"}  # fmt: skip
# Settings that other libraries look up by name, and one that has no reader before gateways are called.
LIBRARIES = re.compile(
    r"CELERY_|ROOT_URLCONF$|REST_FRAMEWORK$|SPECTACULAR_SETTINGS$|CONTENT_SECURITY_POLICY$|UNFOLD$|WHITENOISE_USE_FINDERS$"
)
OF_AXES = {"AXES_FAILURE_LIMIT", "AXES_COOLOFF_TIME", "AXES_LOCKOUT_PARAMETERS", "AXES_CLIENT_IP_CALLABLE"}
LATER = {"GATEWAY_HOSTS"}


def settings_now() -> dict[str, Any]:
    """Every setting as settings.py makes it from the environment of this moment."""
    found = runpy.run_path(str(BASE_DIR / "labelcrm" / "settings.py"))
    return {name: value for name, value in found.items() if name.isupper()}


def outcome() -> dict[str, Any]:
    """Everything that variables decide: settings, command lines, addresses, where programs are looked for."""
    commands = {name: tuple(processes.command_line(name)) for name in processes.PROCESSES}
    return {
        **settings_now(),
        **commands,
        "address": ListenAddress.from_environment(),
        "system": binaries._allowed("system"),
    }


@pytest.mark.parametrize("name", re.findall(r"^#([A-Z_]+)=", EXAMPLE, flags=re.MULTILINE))
def test_every_variable_of_the_example_changes_something(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in OF_COMPOSE:
        assert f"${{{name}:" in (BASE_DIR / "compose.yaml").read_text()
        return
    if name in READ_AT_USE:
        assert f'env.string("{name}"' in (BASE_DIR / READ_AT_USE[name]).read_text()
        return
    if name not in NEEDED:
        monkeypatch.delenv(name, raising=False)
    for needed in NEEDS.get(name, ()):
        monkeypatch.setenv(needed, OTHER[needed])
    before = outcome()
    monkeypatch.setenv(name, OTHER[name])
    after = outcome()
    assert {key for key in after if before.get(key) != after[key]}, f"{name} changes nothing"


def test_every_setting_has_a_reader() -> None:
    ours = "\n".join(path.read_text() for app in APPS for path in (BASE_DIR / app).rglob("*.py"))
    unread = {
        name
        for name in settings_now()
        if not hasattr(django.conf.global_settings, name)
        and not LIBRARIES.match(name)
        and name not in OF_AXES | LATER
        and not re.search(rf"\bsettings\.{name}\b", ours)
    }
    assert unread - {"HTTPS", *vars(csp.constants)} == set()


def test_the_lockouts_settings_are_ones_that_axes_still_reads() -> None:
    """Those that only work with django-ipware are no use: it is not installed."""
    import axes

    source = "\n".join(path.read_text() for path in Path(axes.__file__).parent.glob("**/*.py"))
    used = {name for name in settings_now() if name.startswith("AXES_")}
    assert used == OF_AXES
    assert {name for name in used if f"settings.{name}" not in source} == set()
    assert not any("IPWARE" in name for name in used)


def test_keys_of_the_framework_are_ones_that_it_knows() -> None:
    from drf_spectacular.settings import SPECTACULAR_DEFAULTS
    from rest_framework.settings import DEFAULTS

    now = settings_now()
    assert set(now["REST_FRAMEWORK"]) - set(DEFAULTS) == set()
    assert set(now["SPECTACULAR_SETTINGS"]) - set(SPECTACULAR_DEFAULTS) == set()


def test_celerys_settings_are_ones_that_it_knows() -> None:
    from celery.app.defaults import NAMESPACES, flatten

    known = {name.upper() for name, _option in flatten(NAMESPACES)}
    used = {name.removeprefix("CELERY_") for name in settings_now() if name.startswith("CELERY_")}
    assert used - known == set()


def test_the_home_is_where_files_and_schedules_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABELCRM_HOME", str(tmp_path))
    assert settings_now()["MEDIA_ROOT"] == tmp_path / "files"
    assert str(tmp_path / "beat-schedule") in processes.beat()
    assert env.home() == tmp_path


def test_the_clock_of_scheduled_jobs_is_the_clock_of_the_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_ZONE", " Asia/Makassar ")
    now = settings_now()
    assert now["CELERY_TIMEZONE"] == now["TIME_ZONE"] == "Asia/Makassar"
