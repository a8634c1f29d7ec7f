"""One Redis or Valkey of our own: a wake-up for workers and a cache, on a socket only, nothing on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import redis

from labelcrm.launcher.account import SystemAccount
from labelcrm.launcher.binaries import RedisProgram


@dataclass(frozen=True)
class Broker:
    """A server program, the folder of its socket, and the user it runs as."""

    program: RedisProgram
    sockets: Path
    account: SystemAccount

    @property
    def url(self) -> str:
        """REDIS_URL as redis-py wants it."""
        return f"unix://{self.sockets}/redis.sock"

    def command(self) -> list[str]:
        """The command line of the server, in the foreground. It never evicts: a lost task would be a lost wake-up."""
        options = {
            "port": "0",
            "unixsocket": f"{self.sockets}/redis.sock",
            "unixsocketperm": "700",
            "dir": str(self.sockets),
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
        }
        return [str(self.program.path), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def answers(self) -> bool:
        """Whether the server takes commands."""
        with redis.Redis.from_url(self.url, socket_timeout=2) as client:
            try:
                client.ping()
            except redis.RedisError:
                return False
        return True
