"""Admin of the inbox, and the System page."""

from webhooks.admin import inbox

__all__ = ["inbox"]
