"""English: a module a section, each one mapping `WORDS` from key to sentence."""
