"""Where settings come from: the environment, then `.env` beside manage.py, then the services `make run` started.

Every getter names its variable when the value is wrong, in one sentence (`ConfigurationError`); manage.py and the
launcher print that sentence and stop.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import os
import re
import socket
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from zoneinfo import ZoneInfo

import environ
import phonenumbers

BASE_DIR = Path(__file__).resolve().parent.parent
SERVICES_FILE = "services.json"

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?"
)
ADDRESS = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,253}")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# libpq's limits for a database whose machine or network vanished without a word: half a minute, over TCP only.
LIFE_SIGNS = {
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",  # milliseconds
}
NOT_RUNNING = (
    "DATABASE_URL is not set and labelcrm's own services are not running: start them with `make run`, "
    "or set DATABASE_URL and REDIS_URL to servers of yours."
)


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message is one sentence for the person who starts labelcrm."""


environ.Env.read_env(os.environ.get("LABELCRM_ENV_FILE") or BASE_DIR / ".env")


# -- Typed values ---------------------------------------------------------------------------------------------------
# Values are read from os.environ, not through environ.Env: that takes any unknown word for False, and a value that
# starts with "$" for the name of another variable.


def string(name: str, *, default: str | None = None) -> str:
    """The variable's text, the default for an unset or empty one; without a default that is an error."""
    value = os.environ.get(name) or default
    if value is None:
        raise ConfigurationError(f"{name} is not set; .env.example says what it is for.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """1, true, yes, on or 0, false, no, off, in any case."""
    value = os.environ.get(name, "")
    word = value.strip().lower()
    if not word:
        return default
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ConfigurationError(f"{name} must be true or false, not {value!r}.")
    return word in TRUE_WORDS


def integer(name: str, *, default: int, minimum: int = 0, maximum: int | None = None) -> int:
    """A whole number within the bounds."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise ConfigurationError(f"{name} must be a whole number, not {value!r}.")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        bounds = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ConfigurationError(f"{name} must be {bounds}, not {number}.")
    return number


def strings(name: str, *, default: list[str]) -> list[str]:
    """Comma-separated words, blanks trimmed, empty ones dropped: set but empty is an empty list."""
    value = os.environ.get(name)
    if value is None:
        return list(default)
    return [word.strip() for word in value.split(",") if word.strip()]


def hosts(name: str, *, default: list[str]) -> list[str]:
    """Comma-separated `host` or `host:port`, lower case; IPv6 addresses in square brackets."""
    return [_checked_host(name, text) for text in strings(name, default=default)]


def site_names(name: str, *, default: list[str]) -> list[str]:
    """Comma-separated names a site is called by, without a port; `.example.com` stands for all below, `*` for any."""
    names = strings(name, default=default)
    for text in names:
        if text != "*" and not _is_host(text.removeprefix(".").lower()):
            raise ConfigurationError(f"{name} must list host names without a port, comma-separated; {text!r} is none.")
    return names


def origins(name: str) -> list[str]:
    """Comma-separated origins such as https://crm.example.com; `https://*.example.com` stands for all below it."""
    return [_checked_url(name, text, star=True) for text in strings(name, default=[])]


def url(name: str, *, default: str = "") -> str:
    """An http or https address, without a slash at its end."""
    value = string(name, default=default).strip().rstrip("/")
    return _checked_url(name, value) if value else value


def region(name: str, *, default: str) -> str:
    """A country as phone numbers know it, in two capital letters."""
    value = string(name, default=default).strip().upper()
    if not phonenumbers.country_code_for_region(value):
        raise ConfigurationError(f"{name} must be a country in two letters such as ID, not {value!r}.")
    return value


def log_level(name: str, *, default: str) -> str:
    """How much is logged, in capital letters."""
    value = string(name, default=default).strip().upper()
    if value not in LOG_LEVELS:
        raise ConfigurationError(f"{name} must be one of {', '.join(LOG_LEVELS)}, not {value!r}.")
    return value


def time_zone(name: str, *, default: str) -> str:
    """The name of a time zone this machine knows."""
    value = os.environ.get(name, "").strip() or default
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:  # not found, not a name, a folder
        raise ConfigurationError(f"{name} must be a time zone such as Asia/Jakarta, not {value!r}.") from error
    return value


def port(name: str = "PORT", *, default: int = 8000) -> int:
    """A TCP port."""
    return integer(name, default=default, minimum=1, maximum=65535)


def _checked_host(name: str, text: str) -> str:
    match = re.fullmatch(r"(?P<host>\[[^\]]*\]|[^:\[\]]+)(:(?P<port>[0-9]{1,5}))?", text.lower())
    if match and 1 <= int(match["port"] or 1) <= 65535 and _is_host(match["host"]):
        return text.lower()
    raise ConfigurationError(f"{name} must list host or host:port, comma-separated, and {text!r} is neither.")


def _checked_url(name: str, text: str, *, star: bool = False) -> str:
    match = re.fullmatch(
        r"https?://(?P<host>\[[^\]]*\]|[^:/?#\[\]@]+)(:(?P<port>[0-9]{1,5}))?(?P<path>/[^?#\s]*)?", text
    )
    if match and 1 <= int(match["port"] or 1) <= 65535 and not (star and match["path"]):
        host = match["host"].lower()
        if _is_host(host.removeprefix("*.") if star else host):
            return text
    raise ConfigurationError(f"{name} must begin with http:// or https:// and a host name, and {text!r} does not.")


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return bool(HOST_NAME.fullmatch(host))
    try:
        return bool(ipaddress.IPv6Address(host[1:-1]))
    except ValueError:
        return False


# -- E-mail ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mail is handed in, and from whom it is; without a host none is sent."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool
    sender: str


def mail_server(*, public_url: str) -> MailServer:
    """EMAIL_HOST and what belongs to it. E-mails hold links, so they need `public_url`, the value of PUBLIC_URL."""
    host, user = os.environ.get("EMAIL_HOST", "").strip(), os.environ.get("EMAIL_HOST_USER", "").strip()
    if host and not _is_host(host.lower()):
        raise ConfigurationError(f"EMAIL_HOST must be the name of a mail server without a port, not {host!r}.")
    tls = boolean("EMAIL_USE_SSL", default=False)
    starttls = boolean("EMAIL_USE_TLS", default=not tls)
    if tls and starttls:
        raise ConfigurationError("EMAIL_USE_TLS and EMAIL_USE_SSL cannot both be true: port 587 is TLS, port 465 SSL.")
    sender = mail_address("DEFAULT_FROM_EMAIL", default=user if ADDRESS.fullmatch(user) else "")
    if host and not sender:
        raise ConfigurationError("DEFAULT_FROM_EMAIL is not set: with EMAIL_HOST it must say from whom e-mail is.")
    if host and not public_url:
        raise ConfigurationError("PUBLIC_URL is not set: with EMAIL_HOST it must say where links in e-mails lead.")
    return MailServer(
        host=host, port=port("EMAIL_PORT", default=465 if tls else 587), user=user,
        password=os.environ.get("EMAIL_HOST_PASSWORD", ""), starttls=starttls, tls=tls, sender=sender,
    )  # fmt: skip


def mail_address(name: str, *, default: str) -> str:
    """An e-mail address, alone or behind a name: labelcrm <crm@example.com>."""
    value = os.environ.get(name, "").strip() or default
    if value and ("\n" in value or not ADDRESS.fullmatch(parseaddr(value)[1])):
        raise ConfigurationError(f"{name} must be an e-mail address such as crm@example.com, not {value!r}.")
    return value


# -- Our own services -----------------------------------------------------------------------------------------------


def home() -> Path:
    """The folder that holds this installation's data, LABELCRM_HOME; a relative one counts from manage.py."""
    return (BASE_DIR / (os.environ.get("LABELCRM_HOME") or "var")).resolve()


def services() -> dict[str, Any]:
    """What the launcher wrote in LABELCRM_HOME: database_url, redis_url, secret_key, encryption_key, …; {} without."""
    try:
        found = json.loads((home() / SERVICES_FILE).read_text())
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise ConfigurationError(
            f"{home() / SERVICES_FILE} belongs to another user: run this as the user who runs `make run` "
            "(or set LABELCRM_HOME)."
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"{home() / SERVICES_FILE} is damaged: restore it from a backup.") from error
    return found if isinstance(found, dict) else {}


def database_url() -> str:
    """DATABASE_URL, else that of our own running PostgreSQL."""
    return os.environ.get("DATABASE_URL") or _running("database_url")


def redis_url() -> str:
    """REDIS_URL as redis-py wants it, else that of our own running Redis."""
    url = os.environ.get("REDIS_URL") or _running("redis_url")
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.netloc or parts.path):
        raise ConfigurationError("REDIS_URL must look like redis://host:6379/0, rediss://… or unix:///path/to/socket.")
    return url


def broker_url() -> str:
    """REDIS_URL as Celery wants it: a socket is redis+socket:// with virtual_host, in redis-py unix:// with db."""
    url = redis_url()
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = [("virtual_host" if key == "db" else key, value) for key, value in parse_qsl(parts.query)]
    account = f"{parts.netloc.rsplit('@', 1)[0]}@" if "@" in parts.netloc else ""
    return f"redis+socket://{account}{parts.path}?{urlencode(query or [('virtual_host', '0')])}"


def secret_key() -> str:
    """SECRET_KEY, else the one the launcher made."""
    return _key("SECRET_KEY", "secret_key")


def encryption_keys() -> list[str]:
    """ENCRYPTION_KEY, comma-separated, newest first: Fernet keys that gateway credentials are encrypted with."""
    keys = [key.strip() for key in _key("ENCRYPTION_KEY", "encryption_key").split(",") if key.strip()]
    for key in keys or [""]:
        _check_encryption_key(key)
    return keys


def encryption_key() -> str:
    """The newest encryption key, the one to encrypt with."""
    return encryption_keys()[0]


def _running(entry: str) -> str:
    url = services().get(entry)
    if not url or not _answers(url):
        if entry == "redis_url" and os.environ.get("DATABASE_URL"):
            raise ConfigurationError(NOT_RUNNING.replace("DATABASE_URL is", "REDIS_URL is", 1))
        raise ConfigurationError(NOT_RUNNING)
    return str(url)


def _answers(url: str) -> bool:
    """Whether somebody listens behind the socket: a killed launcher leaves its services.json behind."""
    if url.startswith("unix:"):
        path = unquote(urlsplit(url).path)
    else:
        path = f"{dict(parse_qsl(urlsplit(url).query)).get('host', '')}/.s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _key(name: str, entry: str) -> str:
    key = os.environ.get(name) or services().get(entry)
    if not key:
        raise ConfigurationError(f"{name} is not set: `make run` makes one, with real servers set it yourself.")
    return str(key)


def _check_encryption_key(key: str) -> None:
    try:
        size = len(base64.urlsafe_b64decode(key))
    except (binascii.Error, ValueError):
        size = 0
    if size != 32:
        raise ConfigurationError("ENCRYPTION_KEY must be 32 random bytes in URL-safe base64 (.env.example says how).")


# -- URLs to Django ---------------------------------------------------------------------------------------------------


def database() -> dict[str, Any]:
    """Django's DATABASES entry for `database_url()`; what its query says of time limits wins over ours."""
    found = parse_database_url(database_url())
    return {**found, "OPTIONS": LIFE_SIGNS | found["OPTIONS"]}


def parse_database_url(url: str) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?host=/socket/folder&option=value as a DATABASES entry.

    Our own because django-environ leaves `%2F` in a socket's host as it is. `host` and `port` in the query win over
    those before the path, as in libpq; all other query words are libpq options.
    """
    parts = urlsplit(url)
    try:
        number = parts.port
    except ValueError:
        number = -1
    if parts.scheme not in {"postgres", "postgresql"} or number == -1 or not parts.path.strip("/"):
        raise ConfigurationError("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    options = dict(parse_qsl(parts.query))
    host = parts.netloc.rsplit("@", 1)[-1]
    if number is not None:
        host = host.rsplit(":", 1)[0]
    return {
        "ENGINE": "labelcrm.core.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(host.strip("[]"))),
        "PORT": options.pop("port", str(number or "")),
        "OPTIONS": options,
    }


def socket_database_url(folder: Path | str, *, user: str = "postgres", name: str = "labelcrm") -> str:
    """The URL of a PostgreSQL that listens on a socket in `folder`."""
    return f"postgresql://{quote(user)}@/{quote(name)}?{urlencode({'host': str(folder)}, safe='/')}"
