"""What must happen at a time, whatever dies meanwhile."""
