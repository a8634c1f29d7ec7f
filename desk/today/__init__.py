"""The Today page: what to do now, and what clears it."""
