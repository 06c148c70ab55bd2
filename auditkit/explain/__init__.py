"""Which parts of an input moved a score: attributions of cited samples."""
