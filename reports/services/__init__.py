"""What reports keep: segments that people saved. Everything else here only reads."""
