"""Moderation: who may act on whom, cases, and what is done at Discord."""
