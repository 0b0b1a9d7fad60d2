"""This machine's clock, and how far it is from Discord's."""
