"""Campaigns: what they cost, the rules that recognise them, and first messages that none recognises."""
