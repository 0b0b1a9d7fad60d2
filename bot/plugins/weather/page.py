"""The weather at a place, laid out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.views.page import Field, Page, cut

if TYPE_CHECKING:
    from bot.plugins.weather.report import Report

MAX_TITLE = 200


def page(report: Report, *, place: str, age_s: float, host: str) -> Page:
    """Answer the page of ``/weather``.

    Args:
        place: As it was asked for, where the service gives it no name.
        age_s: Seconds since the service was asked.
        host: Whom the words come from.
    """
    values = (
        ("Temperature", report.temperature_c, "°C"),
        ("Feels like", report.feels_like_c, "°C"),
        ("Humidity", report.humidity_percent, "%"),
        ("Wind", report.wind_kmh, "km/h"),
    )
    fields = [
        Field(name=name, value=f"{value:g} {unit}")
        for name, value, unit in values
        if value is not None
    ]
    source = [f"By {host}"]
    if report.observed_at:
        source.append(f"observed {_plain(report.observed_at)}")
    if age_s >= 60:
        source.append(f"asked {age_s / 60:.0f} min ago")
    fields.append(Field(name="Source", value=", ".join(source), inline=False))
    return Page(
        title=cut(f"Weather: {_plain(report.place or place)}", MAX_TITLE),
        text=_plain(report.summary or ""),
        fields=tuple(fields),
    )


def _plain(words: str) -> str:
    """Answer a stranger's words as text: they format nothing, and hide no link."""
    return discord.utils.escape_markdown(words, ignore_links=False)
