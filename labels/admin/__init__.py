"""Admin of labels: what they mean to the business, and what each WhatsApp number calls them."""

from labels.admin import canonical, mapping, stale

__all__ = ["canonical", "mapping", "stale"]
