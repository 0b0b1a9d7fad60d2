"""Alembic's migrations; each goes up and down, and its file is named after its revision."""
