"""Discord's REST interface in front of SimCord's routes."""
