"""Pipelines: sources, processors, destinations, and the way of events between them."""
