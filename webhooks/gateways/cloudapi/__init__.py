"""Meta's WhatsApp Cloud API: messages, contacts and ads; labels are not part of it."""
