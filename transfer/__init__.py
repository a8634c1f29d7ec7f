"""Files in and out: what an export writes, and what an import reads, previews and hands to the services."""
