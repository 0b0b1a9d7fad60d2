"""What each guild has set, and how it is kept."""
