"""The stages in order: the only package that knows it."""
