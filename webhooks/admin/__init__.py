"""Admin of the inbox, and the System page."""

from . import inbox

__all__ = ["inbox"]
