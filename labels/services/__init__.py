"""The only code that writes label tables. Every function says `actor=` and origin, and locks its keys in order."""
