"""What each guild has set."""
