"""The code that writes contacts, channels, messages and touches. What a person does is told with `actor=`."""
