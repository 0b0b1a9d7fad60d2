"""What happens to every message: stages in a fixed order, each with a time budget and figures."""
