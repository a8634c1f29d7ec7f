"""Every endpoint for machines. What all of them share is in `base`, the list of them in `urls`."""
