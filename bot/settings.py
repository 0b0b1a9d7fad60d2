"""Settings of the bot process; `docs/settings.md` is generated from here."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from bot.errors import SettingsError
from bot.outbound import weather_source
from watchdog.heartbeat.addresses import is_loopback, web_host
from watchdog.heartbeat.installation import (
    InstallationSettings,
    SettingsInvalidError,
    words_of,
)

DISCORD_API_URL = "https://discord.com/api/v10"
OWN_PLUGINS = (
    *("general", "admin", "settings", "moderation", "channels", "automod", "server"),
    *("audit", "tags", "panels", "tickets", "reminders", "jobs", "weather"),
)
_PRIVILEGED = ("members", "presences", "message_content")


class BotSettings(InstallationSettings):
    """What the bot reads; names in the environment are the same in capitals."""

    foreign_names: ClassVar[frozenset[str]] = frozenset(
        {
            "ALERT_WEBHOOK_URL",
            "FORGIVEN_AFTER_S",
            "FROZEN_AFTER_S",
            "HTTP_ALLOWED_HOSTS",
            "HTTP_HOST",
            "HTTP_PORT",
            "HTTP_RETRY_S",
            "HUNG_AFTER_S",
            "MAX_RESTARTS",
            "MAX_RSS_FOR_S",
            "MAX_RSS_MB",
            "POLL_INTERVAL_S",
            "PUSH_INTERVAL_S",
            "PUSH_MONITOR_URL",
            "RESTART_BASE_S",
            "RESTART_CAP_S",
            "RESTART_WINDOW_S",
            "STARTUP_TIMEOUT_S",
            "SUPERVISOR_TIMEOUT_S",
            "TICK_LIMIT_S",
            "WAITING_AFTER_S",
            "ZOMBIE_AFTER_S",
            "ZOMBIE_GRACE_S",
        }
    )

    discord_token: SecretStr = Field(
        SecretStr(""), description="The bot's token, from the developer portal. Secret."
    )
    discord_api_url: str = Field(
        DISCORD_API_URL, description="REST base; `http://` only on loopback (the simulator)."
    )
    bot_factory: str = Field(
        "",
        description="`module:callable` that answers another discord.py bot to run instead.",
    )
    plugins: Annotated[tuple[str, ...], NoDecode] = Field(
        tuple(f"bot.plugins.{name}" for name in OWN_PLUGINS),
        description="discord.py extensions to load, separated by commas.",
    )
    privileged_intents: Annotated[tuple[str, ...], NoDecode] = Field(
        ("message_content",),
        description="Of members, presences, message_content: those switched on in the portal.",
    )
    command_prefix: str = Field("!", min_length=1, max_length=8, description="Of text commands.")
    database_url: SecretStr = Field(
        SecretStr(""), description="`postgresql://…`; empty: SQLite in the state folder. Secret."
    )
    outbound_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Networks, such as 10.0.0.0/8, that plugins may call beside the Internet: of"
        " this machine and its neighbours, none by default.",
    )
    weather_url: SecretStr = Field(
        SecretStr(""),
        description="`https://…?q={place}`: whom `/weather` asks; empty: there is no such command."
        " Secret.",
    )
    weather_fields: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Where the answer of WEATHER_URL holds what, as"
        " `temperature_c=current.temp_c` (docs/plugins.md).",
    )
    stop_ends_session: bool = Field(
        False,
        description="`supervisorctl stop` shows the bot offline at once; what comes then is lost.",
    )
    event_ack_after_s: float = Field(
        10.0,
        ge=0.1,
        le=600,
        allow_inf_nan=False,
        description="Seconds of waiting after which an event counts as handled.",
    )
    journal_max_mb: int = Field(
        64, ge=1, le=4096, description="Size of a session journal that asks for compaction."
    )
    journal_max_events: int = Field(
        100_000, ge=100, le=10_000_000, description="State events that ask for compaction."
    )
    catch_up_max_messages: int = Field(
        0,
        ge=0,
        le=1000,
        description="Messages to fetch in each channel when a session was lost; 0: none.",
    )
    command_timeout_s: float = Field(
        30.0, ge=1, le=840, allow_inf_nan=False, description="Seconds a command may take."
    )
    slow_callback_ms: float = Field(
        500.0,
        ge=10,
        le=60_000,
        allow_inf_nan=False,
        description="A callback that blocks the loop this long is logged with its stack.",
    )
    job_workers: int = Field(2, ge=1, le=64, description="Workers of the priority job queue.")
    job_queue_size: int = Field(1000, ge=1, le=100_000, description="Jobs that may wait.")
    gateway_ready_timeout_s: float = Field(
        30.0, ge=1, le=600, allow_inf_nan=False, description="Seconds to wait for READY, RESUMED."
    )
    identify_max_10_min: int = Field(10, ge=1, le=100, description="Logins allowed in 10 minutes.")
    identify_max_24_h: int = Field(200, ge=1, le=900, description="Logins allowed in 24 hours.")

    @field_validator(
        "plugins", "privileged_intents", "outbound_networks", "weather_fields", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return words_of(value)

    @field_validator("discord_api_url")
    @classmethod
    def _safe_url(cls, value: str) -> str:
        host = web_host(value)
        if host is None:
            raise ValueError("must be an http:// or https:// address")
        if urlsplit(value).scheme == "http" and not is_loopback(host):
            raise ValueError("http:// would send the token in the clear; use https://")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().strip()
        shape = "must look like postgresql://user:password@host/name, or be empty"
        try:
            parts = urlsplit(text)
            is_one = parts.scheme in ("postgresql", "postgres") and parts.port != 0
        except ValueError:  # its text repeats what it could not read
            raise ValueError(shape) from None
        if text and not is_one:
            raise ValueError(shape)
        return value

    @field_validator("outbound_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                ip_network(text)
            except ValueError:
                raise ValueError(f"{text} is no network; write 127.0.0.0/8 or ::1") from None
        return value

    @field_validator("weather_url")
    @classmethod
    def _weather_url(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value().strip():
            weather_source.checked_url(value.get_secret_value())
        return value

    @field_validator("weather_fields")
    @classmethod
    def _weather_fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        weather_source.paths_of(value)
        return value

    @field_validator("bot_factory")
    @classmethod
    def _factory(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", value):
            raise ValueError("must look like package.module:callable")
        return value

    @field_validator("privileged_intents")
    @classmethod
    def _intents(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in _PRIVILEGED:
                raise ValueError(f"{name} is not one of {', '.join(_PRIVILEGED)}")
        return value

    @classmethod
    def load_or_explain(cls) -> Self:
        """Answer the settings, a token among them.

        Raises:
            SettingsError: one line a setting, for exit code 78.
        """
        try:
            settings = cls.load()
        except SettingsInvalidError as error:
            raise SettingsError(error.lines) from None
        if not settings.discord_token.get_secret_value().strip():
            raise SettingsError(
                ["DISCORD_TOKEN: not set; put it into .env (see .env.example), or try --demo"]
            )
        return settings
