"""Models that only repeat: planted models whose bias is known, and saved predictions."""
