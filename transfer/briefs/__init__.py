"""The morning brief: what to do today, sent to the people who work here, each at the hour they chose."""
