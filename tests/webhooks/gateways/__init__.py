"""Gateways: every parser inherits one contract, and has its own traps beside it."""
