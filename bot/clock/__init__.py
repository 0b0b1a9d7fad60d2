"""How far this machine's clock is from Discord's."""
