"""The morning brief: each reader's own settings, the owner's, and what was sent."""
