"""The contract between the processes: what the bot leaves on disk for the watchdog to read."""
