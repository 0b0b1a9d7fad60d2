"""Every surface by its name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz import (
    bot_files,
    claims,
    control_http,
    gateway,
    health_http,
    heartbeat,
    journal,
    outbound,
    settings,
    supervisord,
    watchdog_files,
    webhook,
)
from tests.fuzz.surface import Surface

SURFACES: Mapping[str, Surface] = {
    surface.name: surface
    for surface in (
        heartbeat.SURFACE,
        *watchdog_files.SURFACES,
        *bot_files.SURFACES,
        *settings.SURFACES,
        *supervisord.SURFACES,
        webhook.SURFACE,
        outbound.SURFACE,
        health_http.SURFACE,
        control_http.SURFACE,
        journal.SURFACE,
        claims.SURFACE,
        gateway.SURFACE,
    )
}
