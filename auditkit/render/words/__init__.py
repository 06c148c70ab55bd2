"""Every sentence and number format that a reader sees."""
