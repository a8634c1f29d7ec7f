"""Pure functions about contacts and campaigns: no database, no framework."""
