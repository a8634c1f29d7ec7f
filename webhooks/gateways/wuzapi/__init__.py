"""Wuzapi: whatsmeow's events nearly as they are, as JSON or as a form."""
