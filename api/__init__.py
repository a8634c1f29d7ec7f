"""Every endpoint for machines, one file a resource. What all of them share is in `base`, the list of them in `urls`."""
