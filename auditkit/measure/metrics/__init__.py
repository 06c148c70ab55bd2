"""Metrics, one family a module; each is registered as the entry point `metric.NAME`."""
