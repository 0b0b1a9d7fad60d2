"""The watchdog process: judges the bot's heartbeat and owns its restarts."""
