"""labelcrm: WhatsApp labels as data."""
