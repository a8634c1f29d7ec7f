"""People as a language model may hear of them: enough to be found here, too little to be known elsewhere."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from api.mcp.mcp_tool import Asker

SHOWN_DIGITS = 4


def masked(contact: Any, asker: Asker) -> dict[str, Any]:
    """A contact by id, initials, last digits and the address of its page, which shows the rest to who may see it."""
    return {
        "contact": contact.pk,
        "name": initials(contact.name),
        "phone": last_digits(contact.phone),
        "page": asker.link(reverse("admin:contacts_contact_change", args=[contact.pk])),
    }


def initials(name: str) -> str:
    """>>> initials("Siti Rahayu")
    'S. R.'
    """
    return " ".join(f"{word[0].upper()}." for word in name.split() if word[0].isalnum())


def last_digits(phone: str) -> str:
    """>>> last_digits("+6281234567890")
    '…7890'
    """
    return f"…{phone[-SHOWN_DIGITS:]}" if len(phone) > 2 * SHOWN_DIGITS else ""
