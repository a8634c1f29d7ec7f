"""Admin of users, roles and records, and what the other admins are built from."""

from labelcrm.core.admin import people, records

__all__ = ["people", "records"]
