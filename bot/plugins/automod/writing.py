"""The config as texts in forms, and what moderators made of them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from bot.plugins.automod import editing
from bot.plugins.automod.config import MAX_TIMEOUT_S, RULES, SETTINGS, TIMEOUT, Config, ConfigError
from bot.plugins.automod.folding import fold

MINUTE_S = 60
T = TypeVar("T")


def limits(config: Config) -> str:
    """Answer what rules do, and from when on: ``burst count 7``, a line each."""
    lines = [f"{TIMEOUT} minutes {config.timeout_s // MINUTE_S}"]
    for name in RULES:
        for key in SETTINGS[name]:
            if key not in editing.LISTS:
                lines.append(f"{name} {key} {_value(getattr(config.rules[name], key))}")
    return "\n".join(lines)


def with_limits(config: Config, text: str) -> Config:
    """Answer *config* with what the lines say; what none of them names stays.

    Raises:
        ConfigError: something in it makes no sense; says what.
    """
    for name, key, value in _each(text, _limit):
        if name == TIMEOUT:
            config = replace(config, **{key: value})
        else:
            config = config.changed(name, **{key: value})
    return editing.checked(config)


def words(config: Config) -> str:
    """Answer the words, a line each; in stars those that are found inside of words, too."""
    rule = config.rules["words"]
    return "\n".join([*rule.words, *(f"*{each}*" for each in rule.parts)])


def with_words(config: Config, text: str) -> Config:
    """Answer *config* with these words and no others; the rule is off without any.

    Raises:
        ConfigError: a line holds nothing to look for, or there are too many.
    """
    found = {fold(word): (word, inside) for word, inside in _each(text, _word)}
    words, parts = (
        tuple(word for word, inside in found.values() if inside is wanted)
        for wanted in (False, True)
    )
    enabled = config.rules["words"].enabled and bool(found)
    return editing.checked(config.changed("words", words=words, parts=parts, enabled=enabled))


def domains(config: Config) -> str:
    """Answer the domains that links may and may not lead to, a line each."""
    rule = config.rules["links"]
    return "\n".join(
        [*(f"allow {each}" for each in rule.allow), *(f"deny {each}" for each in rule.deny)]
    )


def with_domains(config: Config, text: str) -> Config:
    """Answer *config* with these domains and no others.

    Raises:
        ConfigError: a line names no domain, or there are too many.
    """
    found = dict(_each(text, _domain))
    allow, deny = (
        tuple(domain for domain, to in found.items() if to == wanted)
        for wanted in ("allow", "deny")
    )
    return editing.checked(config.changed("links", allow=allow, deny=deny))


def _limit(line: str) -> tuple[str, str, Any]:
    name, key, value = (*line.split(maxsplit=2), "", "")[:3]
    if (name.casefold(), key.casefold()) != (TIMEOUT, "minutes"):
        return editing.setting_of(name, key, value)
    minutes = int(value) if value.isascii() and value.isdigit() else 0
    if not 1 <= minutes <= MAX_TIMEOUT_S // MINUTE_S:
        raise ConfigError(f"Minutes are from 1 to {MAX_TIMEOUT_S // MINUTE_S}.")
    return TIMEOUT, "timeout_s", minutes * MINUTE_S


def _word(line: str) -> tuple[str, bool]:
    word, inside = editing.unstarred(line)
    return editing.word_of(word, inside=inside), inside


def _domain(line: str) -> tuple[str, str]:
    to, _, domain = line.partition(" ")
    if to.casefold() not in ("allow", "deny"):
        raise ConfigError("A line begins with `allow` or `deny`.")
    return editing.known_domain(domain), to.casefold()


def _each(text: str, read: Callable[[str], T]) -> list[T]:
    """Answer what *read* makes of each line; its error says of which line it is."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            found.append(read(line))
        except ConfigError as error:
            shown = line.replace("`", "'")[:60]
            raise ConfigError(f"`{shown}`: {error} Nothing was changed.") from None
    return found


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else str(value)
