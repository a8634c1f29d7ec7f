"""The one way by which this program sends a WhatsApp message: to the number of somebody who works here.

A recipient is a `StaffNumber`, never a phone and never a contact. `tests/test_recipients.py` reads the code for that.
"""

from __future__ import annotations

from contacts.models import Channel, StaffNumber
from labelcrm.core.outbound import is_allowed
from webhooks.gateways.clients import CLIENTS
from webhooks.gateways.sending import GatewayAccess, SendAnswer, SendOutcome, send_text

NOT_READY = "channel_not_ready"


def lacks(channel: Channel) -> str:
    """What a channel lacks to send a text, as a code; "" for one that can."""
    client = CLIENTS.get(channel.gateway)
    if client is None:
        return "gateway_cannot_send"
    if channel.is_archived:
        return "archived"
    if not channel.base_url or not channel.api_key or (client.needs_session and not channel.session):
        return "no_access"
    return "" if is_allowed(channel.base_url) else "host_not_allowed"


def deliver(number: StaffNumber, text: str, *, channel: Channel) -> SendAnswer:
    """Send `text` to a staff number through a channel, once. The caller has committed that it does."""
    if not number.phone or not (number.is_verified or number.code_hash):
        return SendAnswer(SendOutcome.REFUSED, "no_number")
    if code := lacks(channel):
        return SendAnswer(SendOutcome.REFUSED, code if code == "host_not_allowed" else NOT_READY)
    access = GatewayAccess(base_url=channel.base_url, api_key=channel.api_key, session=channel.session)
    return send_text(CLIENTS[channel.gateway], access, phone=number.phone, text=text, is_allowed=is_allowed)
