"""Every sentence that a reader sees, one folder a language, and the formats of numbers."""
