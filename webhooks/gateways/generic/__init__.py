"""The JSON bridge for home-made bots, n8n and anything without an adapter of its own."""
