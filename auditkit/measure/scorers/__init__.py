"""Readings of free text by patterns: pure functions, each measured on labelled rows in its test."""
