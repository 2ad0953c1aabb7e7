"""Servers that tests deliver to, one per protocol, each strict about what it is sent."""
