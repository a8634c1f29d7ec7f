"""The only code that writes contacts, channels, messages and touches. Every function says `actor=` and why."""
