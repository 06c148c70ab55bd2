"""From text to the rows of ids that a model reads."""
