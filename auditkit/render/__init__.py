"""Audit → bytes: HTML, Markdown, JUnit and SARIF, each a pure function of one record."""
