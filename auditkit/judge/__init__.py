"""Judging: a policy's checks turn estimates into findings, and findings into a verdict."""
