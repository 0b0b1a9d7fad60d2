"""What a guild has set for automod, as objects and as the JSON that is kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

DELETE, WARN, TIMEOUT, ALERT, KICK = "delete", "warn", "timeout", "alert", "kick"
MESSAGE_ACTIONS = (DELETE, WARN, TIMEOUT)
JOIN_ACTIONS = (ALERT, TIMEOUT, KICK)
RULES = ("invites", "links", "words", "mentions", "duplicates", "burst", "joins")
LABELS: Mapping[str, str] = {
    "invites": "invites to other servers",
    "links": "links",
    "words": "words",
    "mentions": "mass mentions",
    "duplicates": "the same message again and again",
    "burst": "many messages at once",
    "joins": "new accounts that join",
}
MAX_WORDS, MAX_WORD = 300, 60
MAX_DOMAINS, MAX_DOMAIN = 200, 253
MAX_EXEMPT = 100
MAX_TIMEOUT_S = 28 * 86_400  # of Discord
MAX_COUNT, MAX_SECONDS, MAX_AGE_HOURS = 30, 600, 24 * 365


class ConfigError(ValueError):
    """A setting makes no sense; the text says which one and what it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; the attributes that a rule does not use are left at their defaults.

    Attributes:
        actions: Of `MESSAGE_ACTIONS`, or of `JOIN_ACTIONS` for the rule ``joins``.
        count: Messages or mentions from which on it acts.
        seconds: In which that many messages are too many.
        age_hours: Younger accounts are new.
        allow, deny: Domains, with all beneath them; the nearest one counts.
        strict: Links to domains that are in neither list are refused.
        words: Found as whole words.
        parts: Found inside of words as well.
    """

    enabled: bool = False
    actions: tuple[str, ...] = (DELETE,)
    count: int = 5
    seconds: int = 10
    age_hours: int = 24
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    strict: bool = True
    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


# What can be set of each rule, besides whether it is on.
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "invites": ("actions",),
    "links": ("actions", "allow", "deny", "strict"),
    "words": ("actions", "words", "parts"),
    "mentions": ("actions", "count"),
    "duplicates": ("actions", "count", "seconds"),
    "burst": ("actions", "count", "seconds"),
    "joins": ("actions", "age_hours"),
}
DEFAULTS: Mapping[str, Rule] = {
    "invites": Rule(),
    "links": Rule(),
    "words": Rule(),
    "mentions": Rule(count=6),
    "duplicates": Rule(count=3, seconds=30),
    "burst": Rule(actions=(DELETE, TIMEOUT), count=7, seconds=5),
    "joins": Rule(actions=(ALERT,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of a guild's automod.

    Attributes:
        dry_run: What would be done is logged, and not done.
        timeout_s: How long a member who breaks a rule can't write.
        exempt_roles, exempt_channels: Ids.
    """

    dry_run: bool = False
    timeout_s: int = 600
    exempt_roles: tuple[int, ...] = ()
    exempt_channels: tuple[int, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=lambda: dict(DEFAULTS))

    def changed(self, rule: str, **values: Any) -> Config:
        """Answer this with one rule changed."""
        return replace(self, rules={**self.rules, rule: replace(self.rules[rule], **values)})


def decode(document: object) -> Config:
    """Answer what *document*, which came from JSON, says; an empty one is all defaults.

    Raises:
        ConfigError: something in it is unknown, or is not what it should be.
    """
    given = _object(document, "automod")
    rules = _object(given.get("rules", {}), "rules")
    _refuse_unknown(rules, RULES, "rules")
    _refuse_unknown(given, [each.name for each in fields(Config)], "automod")
    values = {name: _READ[name](given[name], name) for name in given if name != "rules"}
    decoded = {
        name: _rule(name, _object(rules[name], name)) if name in rules else DEFAULTS[name]
        for name in RULES
    }
    return Config(rules=decoded, **values)


def encode(config: Config) -> dict[str, Any]:
    """Answer *config* as JSON takes it; `decode` answers the same again."""
    return {
        "dry_run": config.dry_run,
        "timeout_s": config.timeout_s,
        "exempt_roles": list(config.exempt_roles),
        "exempt_channels": list(config.exempt_channels),
        "rules": {
            name: {"enabled": rule.enabled}
            | {key: _plain(getattr(rule, key)) for key in SETTINGS[name]}
            for name, rule in config.rules.items()
        },
    }


def _rule(name: str, given: Mapping[str, Any]) -> Rule:
    _refuse_unknown(given, ("enabled", *SETTINGS[name]), name)
    values = {key: _READ[key](value, f"{name}.{key}") for key, value in given.items()}
    allowed = JOIN_ACTIONS if name == "joins" else MESSAGE_ACTIONS
    unknown = [each for each in values.get("actions", ()) if each not in allowed]
    if unknown:
        raise ConfigError(f"`{name}.actions` may be {', '.join(allowed)}, not {unknown[0]!r:.40}.")
    return replace(DEFAULTS[name], **values)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"`{where}` must be an object.")
    return value


def _refuse_unknown(given: Mapping[str, Any], known: object, where: str) -> None:
    names = list(known) if isinstance(known, (list, tuple)) else []
    for key in given:
        if key not in names:
            raise ConfigError(f"`{where}` has no {str(key)!r:.40}; it has {', '.join(names)}.")


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"`{where}` must be true or false.")
    return value


def _number(lowest: int, highest: int) -> Callable[[object, str], int]:
    def read(value: object, where: str) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise ConfigError(f"`{where}` must be a whole number from {lowest} to {highest}.")
        return value

    return read


def _texts(most: int, longest: int) -> Callable[[object, str], tuple[str, ...]]:
    def read(value: object, where: str) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or len(value) > most:
            raise ConfigError(f"`{where}` must be a list of at most {most} texts.")
        if not all(isinstance(each, str) and 0 < len(each) <= longest for each in value):
            raise ConfigError(f"`{where}` must hold texts of 1 to {longest} characters.")
        return tuple(dict.fromkeys(value))

    return read


def _ids(value: object, where: str) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MAX_EXEMPT:
        raise ConfigError(f"`{where}` must be a list of at most {MAX_EXEMPT} ids.")
    if not all(type(each) is int and 0 < each < 2**63 for each in value):
        raise ConfigError(f"`{where}` must hold ids.")
    return tuple(dict.fromkeys(value))


def _actions(value: object, where: str) -> tuple[str, ...]:
    found = _texts(3, 10)(value, where)
    if not found:
        raise ConfigError(f"`{where}` must name something to do.")
    return found


_READ: Mapping[str, Callable[[object, str], Any]] = {
    "dry_run": _flag,
    "timeout_s": _number(60, MAX_TIMEOUT_S),
    "exempt_roles": _ids,
    "exempt_channels": _ids,
    "enabled": _flag,
    "actions": _actions,
    "count": _number(2, MAX_COUNT),
    "seconds": _number(1, MAX_SECONDS),
    "age_hours": _number(1, MAX_AGE_HOURS),
    "allow": _texts(MAX_DOMAINS, MAX_DOMAIN),
    "deny": _texts(MAX_DOMAINS, MAX_DOMAIN),
    "strict": _flag,
    "words": _texts(MAX_WORDS, MAX_WORD),
    "parts": _texts(MAX_WORDS, MAX_WORD),
}
