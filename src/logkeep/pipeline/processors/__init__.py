"""Processors: what a pipeline does to events between its sources and its destinations, one module each."""
