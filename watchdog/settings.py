"""Settings of the watchdog process; `docs/settings.md` is generated from here."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from watchdog.heartbeat.addresses import is_loopback, web_host
from watchdog.heartbeat.installation import InstallationSettings, words_of


class WatchdogSettings(InstallationSettings):
    """What the watchdog reads; names in the environment are the same in capitals."""

    foreign_names: ClassVar[frozenset[str]] = frozenset(
        {
            "BOT_FACTORY",
            "CATCH_UP_MAX_MESSAGES",
            "COMMAND_PREFIX",
            "COMMAND_TIMEOUT_S",
            "DATABASE_URL",
            "DISCORD_API_URL",
            "DISCORD_TOKEN",
            "EVENT_ACK_AFTER_S",
            "GATEWAY_READY_TIMEOUT_S",
            "IDENTIFY_MAX_10_MIN",
            "IDENTIFY_MAX_24_H",
            "JOB_QUEUE_SIZE",
            "JOB_WORKERS",
            "JOURNAL_MAX_EVENTS",
            "JOURNAL_MAX_MB",
            "OUTBOUND_NETWORKS",
            "PLUGINS",
            "PRIVILEGED_INTENTS",
            "SLOW_CALLBACK_MS",
            "STOP_ENDS_SESSION",
            "WEATHER_FIELDS",
            "WEATHER_URL",
        }
    )

    poll_interval_s: float = Field(
        0.5, ge=0.05, le=5, allow_inf_nan=False, description="Seconds between two polls."
    )
    hung_after_s: float = Field(
        5.0,
        ge=0.5,
        le=300,
        allow_inf_nan=False,
        description="Polls worth this long without progress of the loop are a hang.",
    )
    frozen_after_s: float = Field(
        5.0,
        ge=0.5,
        le=300,
        allow_inf_nan=False,
        description="Polls worth this long without any heartbeat are a frozen process.",
    )
    startup_timeout_s: float = Field(
        60.0, ge=5, le=900, allow_inf_nan=False, description="Seconds a start may take to ready."
    )
    zombie_after_s: float = Field(
        120.0,
        ge=5,
        le=3600,
        allow_inf_nan=False,
        description="Seconds without any gateway event or ACK that make a zombie.",
    )
    zombie_grace_s: float = Field(
        900.0,
        ge=10,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds between two restarts for a silent gateway.",
    )
    waiting_after_s: float = Field(
        60.0,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="Seconds in which none of the handlers at work ended, that are told.",
    )
    max_restarts: int = Field(5, ge=1, le=100, description="Restarts allowed in the window.")
    restart_window_s: float = Field(
        600.0, ge=10, le=86_400, allow_inf_nan=False, description="Length of that window."
    )
    restart_base_s: float = Field(
        2.0, ge=0.05, le=60, allow_inf_nan=False, description="Delay of the second restart."
    )
    restart_cap_s: float = Field(
        120.0, ge=0.05, le=3600, allow_inf_nan=False, description="Longest delay of a restart."
    )
    forgiven_after_s: float = Field(
        300.0,
        ge=1,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds of health after which earlier restarts no longer count.",
    )
    max_rss_mb: int = Field(
        1024, ge=0, le=1_000_000, description="Memory that asks for a graceful restart; 0: never."
    )
    max_rss_for_s: float = Field(
        300.0, ge=1, le=3600, allow_inf_nan=False, description="Seconds above it before acting."
    )
    supervisor_timeout_s: float = Field(
        2.0, ge=0.2, le=30, allow_inf_nan=False, description="Limit of a call to supervisord."
    )
    tick_limit_s: float = Field(
        10.0,
        ge=1,
        le=120,
        allow_inf_nan=False,
        description="A tick of the watchdog that takes longer ends it, with a stack dump.",
    )
    http_host: str = Field("127.0.0.1", min_length=1, description="Address of the status page.")
    http_port: int = Field(5001, ge=1, le=65_535, description="Port of the status page.")
    http_retry_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="Seconds until a port that somebody else holds is asked for again.",
    )
    http_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names, separated by commas, that the page is asked for behind a proxy; on"
        " loopback no other is answered.",
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""), description="Discord webhook that alerts go to. Secret."
    )
    push_monitor_url: SecretStr = Field(
        SecretStr(""), description="Fetched while the bot is healthy. Secret."
    )
    push_interval_s: float = Field(
        60.0, ge=1, le=3600, allow_inf_nan=False, description="Seconds between two fetches."
    )

    @field_validator("http_allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return words_of(value)

    @field_validator("http_allowed_hosts")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", name):
                raise ValueError(f"{name} is no name of a host; no port, no address with ://")
        return value

    @field_validator("alert_webhook_url", "push_monitor_url")
    @classmethod
    def _web_address(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and web_host(text) is None:
            raise ValueError("must be an http:// or https:// address")
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _secret_in_transit(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("http:// would send the webhook's token in the clear; use https://")
        return value
