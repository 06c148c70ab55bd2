"""Everything on disk: run folder, journal, answer cache, per-sample scores."""
