"""Conversions: who came by an ad and got a first good label, what that is worth, and where it is told."""
