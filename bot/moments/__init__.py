"""Spans and points of time as people write them."""
