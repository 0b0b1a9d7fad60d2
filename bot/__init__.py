"""The bot process: runs a discord.py client under task care, heartbeat and a patient gateway."""

VERSION = "0.1.0"
