"""What each section of the page shows, as data."""
