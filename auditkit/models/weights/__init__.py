"""Finding, checking, loading and quantising weights."""
