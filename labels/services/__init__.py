"""The only code that writes label tables. What a person does is told with `actor=` and leaves an audit row."""
