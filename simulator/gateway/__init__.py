"""Discord's gateway: WebSocket connections, sessions and their replay."""
