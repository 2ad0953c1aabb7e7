"""Destinations: where a pipeline delivers events to, one module per protocol."""
