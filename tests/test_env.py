"""Settings from the environment: what is understood, and the sentence for what is not."""

from __future__ import annotations

import re

import pytest

from labelcrm import env
from labelcrm.env import BASE_DIR, ConfigurationError

APPS = ("labelcrm", "contacts", "labels", "webhooks", "reports", "transfer", "desk", "api", "demo")
# Read by their names elsewhere than through a getter.
READ_DIRECTLY = {"LABELCRM_HOME", "LABELCRM_SERVICES", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEY"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://crm:p%40ss%2Fw:rd@db.example:5433/label_crm?sslmode=require",
            {
                "USER": "crm",
                "PASSWORD": "p@ss/w:rd",
                "HOST": "db.example",
                "PORT": "5433",
                "NAME": "label_crm",
                "OPTIONS": {"sslmode": "require"},
            },
        ),
        ("postgres://crm@db/crm", {"HOST": "db", "PORT": "", "PASSWORD": "", "NAME": "crm"}),
        ("postgresql://postgres@/crm?host=/tmp/a%20b", {"HOST": "/tmp/a b", "NAME": "crm", "OPTIONS": {}}),
        ("postgresql://postgres@%2Ftmp%2Fsocket/crm", {"HOST": "/tmp/socket"}),
        ("postgresql://postgres@%2Ftmp%2FSocket:5433/crm", {"HOST": "/tmp/Socket", "PORT": "5433"}),
        ("postgresql://crm@[::1]:5432/crm", {"HOST": "::1", "PORT": "5432"}),
        ("postgresql:///crm?host=/run/postgresql&port=5433", {"HOST": "/run/postgresql", "PORT": "5433", "USER": ""}),
    ],
)
def test_database_urls_are_understood(url, expected):
    found = env.parse_database_url(url)
    assert found["ENGINE"] == "labelcrm.core.postgresql"
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    "url", ["sqlite:///db.sqlite3", "postgresql://db:port/crm", "postgresql://db", "db.example/crm", "postgresql://db/"]
)
def test_other_database_urls_are_refused(url):
    with pytest.raises(ConfigurationError, match="DATABASE_URL must look like"):
        env.parse_database_url(url)


def test_a_socket_url_comes_back_as_it_went():
    assert env.parse_database_url(env.socket_database_url("/tmp/x y", name="crm"))["HOST"] == "/tmp/x y"


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://:pass@cache:6379/1", "redis://:pass@cache:6379/1"),
        ("rediss://cache/0", "rediss://cache/0"),
        ("unix:///tmp/redis.sock", "redis+socket:///tmp/redis.sock?virtual_host=0"),
        ("unix:///tmp/redis.sock?db=3", "redis+socket:///tmp/redis.sock?virtual_host=3"),
        ("unix://:pass@/tmp/redis.sock", "redis+socket://:pass@/tmp/redis.sock?virtual_host=0"),
    ],
)
def test_the_broker_is_told_in_celerys_words(monkeypatch, url, broker):
    monkeypatch.setenv("REDIS_URL", url)
    assert env.redis_url() == url
    assert env.broker_url() == broker


@pytest.mark.parametrize("url", ["localhost:6379", "http://cache/", "redis:", "redis+socket:///tmp/x"])
def test_other_redis_urls_are_refused(monkeypatch, url):
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(ConfigurationError, match="REDIS_URL must look like"):
        env.redis_url()


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("no", False), ("0", False)])
def test_booleans(monkeypatch, text, value):
    monkeypatch.setenv("SWITCH", text)
    assert env.boolean("SWITCH", default=not value) is value


def test_an_empty_value_is_the_default_but_an_empty_list(monkeypatch):
    monkeypatch.setenv("X", "")
    assert env.string("X", default="a") == "a"
    assert env.boolean("X", default=True) is True
    assert env.integer("X", default=7) == 7
    assert env.strings("X", default=["a"]) == []


@pytest.mark.parametrize(
    ("getter", "text", "sentence"),
    [
        (lambda: env.boolean("X", default=False), "maybe", "X must be true or false, not 'maybe'."),
        (lambda: env.integer("X", default=1), "1.5", "X must be a whole number, not '1.5'."),
        (lambda: env.integer("X", default=1), "-1", "X must be at least 0, not -1."),
        (lambda: env.integer("X", default=1, maximum=9), "10", "X must be from 0 to 9, not 10."),
        (lambda: env.port("X"), "0", "X must be from 1 to 65535, not 0."),
        (lambda: env.time_zone("X", default="UTC"), "Asia/Nowhere", "X must be a time zone such as Asia/Jakarta"),
        (lambda: env.time_zone("X", default="UTC"), "../etc/passwd", "X must be a time zone such as Asia/Jakarta"),
        (lambda: env.string("X"), "", "X is not set"),
        (lambda: env.region("X", default="ID"), "Indonesia", "X must be a country in two letters such as ID, not"),
        (lambda: env.region("X", default="ID"), "XX", "X must be a country in two letters such as ID, not 'XX'."),
        (lambda: env.log_level("X", default="INFO"), "LOUD", "X must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch, getter, text, sentence):
    monkeypatch.setenv("X", text)
    with pytest.raises(ConfigurationError) as caught:
        getter()
    assert str(caught.value).startswith(sentence)


def test_hosts_are_lower_case_with_or_without_port(monkeypatch):
    monkeypatch.setenv("GATEWAY_HOSTS", "WAHA.example:3000, 10.0.0.5,[::1]:8080,,my_container")
    assert env.hosts("GATEWAY_HOSTS", default=[]) == ["waha.example:3000", "10.0.0.5", "[::1]:8080", "my_container"]


@pytest.mark.parametrize(
    "text", ["http://waha", "waha:", "waha:0", "waha:70000", "a b", "[::1", "::1", "[x]", "a..b", "*"]
)
def test_what_is_no_host_is_named(monkeypatch, text):
    monkeypatch.setenv("GATEWAY_HOSTS", f"localhost,{text}")
    with pytest.raises(ConfigurationError, match=r"GATEWAY_HOSTS must list host or host:port"):
        env.hosts("GATEWAY_HOSTS", default=[])


def test_what_people_write_for_country_and_log_level_is_understood(monkeypatch):
    monkeypatch.setenv("X", " my ")
    assert env.region("X", default="ID") == "MY"
    monkeypatch.setenv("X", "debug")
    assert env.log_level("X", default="INFO") == "DEBUG"


def test_the_names_of_the_site_may_cover_all_below_one(monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", "CRM.example.com,.example.org,10.0.0.5,[::1],*")
    assert env.site_names("ALLOWED_HOSTS", default=[]) == ["CRM.example.com", ".example.org", "10.0.0.5", "[::1]", "*"]


@pytest.mark.parametrize("text", ["crm.example.com:8000", "https://crm.example.com", "a b", "crm/", "::1", ".", "*.a"])
def test_what_is_no_name_of_a_site_is_named(monkeypatch, text):
    monkeypatch.setenv("ALLOWED_HOSTS", f"localhost,{text}")
    with pytest.raises(ConfigurationError, match="ALLOWED_HOSTS must list host names without a port"):
        env.site_names("ALLOWED_HOSTS", default=[])


def test_addresses_of_the_site_are_understood(monkeypatch):
    monkeypatch.setenv("PUBLIC_URL", "https://crm.example.com:8443/label/")
    assert env.url("PUBLIC_URL") == "https://crm.example.com:8443/label"
    monkeypatch.setenv("PUBLIC_URL", "")
    assert env.url("PUBLIC_URL") == ""
    monkeypatch.setenv("CSRF_TRUSTED_ORIGINS", "https://crm.example.com, https://*.example.org,http://[::1]:8000")
    assert len(env.origins("CSRF_TRUSTED_ORIGINS")) == 3


@pytest.mark.parametrize(
    "text",
    ["crm.example.com", "ftp://crm", "https://", "https://a b", "https://crm:0", "https://u:p@crm", "https://crm?x=1"],
)
def test_what_is_no_address_of_a_site_is_named(monkeypatch, text):
    monkeypatch.setenv("X", text)
    for getter in (env.url, env.origins):
        with pytest.raises(ConfigurationError, match="X must begin with http:// or https:// and a host name"):
            getter("X")


def test_an_origin_has_no_path(monkeypatch):
    monkeypatch.setenv("CSRF_TRUSTED_ORIGINS", "https://crm.example.com/admin")
    with pytest.raises(ConfigurationError, match="CSRF_TRUSTED_ORIGINS must begin with"):
        env.origins("CSRF_TRUSTED_ORIGINS")


MAIL = {"EMAIL_HOST": "smtp.example.com", "DEFAULT_FROM_EMAIL": "labelcrm <crm@example.com>"}


def mail_server(monkeypatch, public_url="https://crm.example.com", **values):
    for name, value in (MAIL | values).items():
        monkeypatch.setenv(name, value)
    return env.mail_server(public_url=public_url)


def test_no_mail_server_is_no_mistake(monkeypatch):
    monkeypatch.delenv("EMAIL_HOST", raising=False)
    server = env.mail_server(public_url="")
    assert (server.host, server.sender) == ("", "")


def test_the_port_and_the_sender_follow_from_the_rest(monkeypatch):
    server = mail_server(monkeypatch)
    assert (server.port, server.starttls, server.tls, server.sender) == (587, True, False, MAIL["DEFAULT_FROM_EMAIL"])
    server = mail_server(monkeypatch, EMAIL_USE_SSL="true", EMAIL_HOST_USER="crm@example.com", DEFAULT_FROM_EMAIL="")
    assert (server.port, server.starttls, server.tls, server.sender) == (465, False, True, "crm@example.com")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"EMAIL_HOST": "smtp.example.com:587"}, "EMAIL_HOST must be the name of a mail server"),
        ({"EMAIL_PORT": "0"}, "EMAIL_PORT must be from 1 to 65535"),
        ({"EMAIL_USE_TLS": "yes please"}, "EMAIL_USE_TLS must be true or false"),
        ({"EMAIL_USE_TLS": "1", "EMAIL_USE_SSL": "1"}, "EMAIL_USE_TLS and EMAIL_USE_SSL cannot both be true"),
        ({"DEFAULT_FROM_EMAIL": "labelcrm"}, "DEFAULT_FROM_EMAIL must be an e-mail address"),
        ({"DEFAULT_FROM_EMAIL": "a@b.c\nBcc: x@y.z"}, "DEFAULT_FROM_EMAIL must be an e-mail address"),
        ({"DEFAULT_FROM_EMAIL": "", "EMAIL_HOST_USER": "labelcrm"}, "DEFAULT_FROM_EMAIL is not set"),
        ({"public_url": ""}, "PUBLIC_URL is not set"),
    ],
)
def test_what_is_wrong_with_the_mail_server_is_named(monkeypatch, values, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        mail_server(monkeypatch, **values)


def test_encryption_keys_are_a_list_with_the_newest_first(monkeypatch):
    newest, oldest = "B" * 43 + "=", "A" * 43 + "="
    monkeypatch.setenv("ENCRYPTION_KEY", f"{newest}, {oldest}")
    assert env.encryption_keys() == [newest, oldest]
    assert env.encryption_key() == newest


@pytest.mark.parametrize("key", ["hunter2", ","])
def test_a_wrong_encryption_key_is_refused_without_being_shown(monkeypatch, key):
    monkeypatch.setenv("ENCRYPTION_KEY", key)
    with pytest.raises(ConfigurationError, match="ENCRYPTION_KEY must be 32 random bytes") as caught:
        env.encryption_keys()
    assert "hunter2" not in str(caught.value)


def test_every_variable_is_explained_in_the_example_file():
    explained = set(re.findall(r"^#([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), flags=re.MULTILINE))
    pattern = re.compile(r"env\.(?:[a-z_]+)\(\s*\"([A-Z_]+)\"")
    sources = [path for app in APPS for path in (BASE_DIR / app).rglob("*.py")]
    read = {name for path in sources for name in pattern.findall(path.read_text())}
    assert (read | READ_DIRECTLY) - explained == set()


def test_every_dependency_is_explained_once():
    named = set()
    for path in BASE_DIR.glob("requirements*.in"):
        lines = [line for line in path.read_text().splitlines() if line and line[0] not in "#-"]
        named |= {re.split(r"[\[<>=]", line)[0].lower() for line in lines}
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \|$", (BASE_DIR / "docs" / "dependencies.md").read_text(), flags=re.MULTILINE
    )
    explained = [re.split(r"[\[ ]", name)[0].lower() for row in rows for name in row.split(", ")]
    assert sorted(set(explained) - {"library", "---"}) == sorted(name for name in explained if name != "library")
    assert named - set(explained) == set()
