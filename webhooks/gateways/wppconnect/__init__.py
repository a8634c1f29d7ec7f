"""WPPConnect server."""
