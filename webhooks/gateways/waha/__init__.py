"""WAHA, and Wawp, which sends the same envelope."""
