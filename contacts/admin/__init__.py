"""Admin of contacts, of the people who answer them, of channels and campaigns."""

from contacts.admin import campaigns, channels, contacts, people

__all__ = ["campaigns", "channels", "contacts", "people"]
