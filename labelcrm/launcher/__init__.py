"""The launcher: finds PostgreSQL and Redis servers, starts and stops them, and keeps labelcrm's processes running.

`install` makes the venv (standard library only), `binaries` finds server programs, `account` decides who runs them,
`postgres` and `broker` know one server each and `embedded` both, `processes` knows the command lines of ours, `prepare`
migrates and seeds, `supervisor` keeps children alive, `leftovers` cleans up after a kill, `throwaway` gives tests their
own fast servers. `labelcrm.launcher.run` makes `make run` of them.
"""


class ServiceError(Exception):
    """A service cannot be started or kept running; the message is one sentence for the person who started it."""
