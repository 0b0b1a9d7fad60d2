"""Changes that moderators make to the config, from what they write in commands. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from bot.plugins.automod.config import (
    LABELS,
    RULES,
    SETTINGS,
    Config,
    ConfigError,
    Rule,
    decode,
    encode,
)
from bot.plugins.automod.folding import fold
from bot.plugins.automod.links import domain_of

YES, NO = ("yes", "true", "on"), ("no", "false", "off")
LISTS = {
    "words": "word add",
    "parts": "word add",
    "allow": "link allow",
    "deny": "link deny",
}  # settings with commands of their own


def checked(config: Config) -> Config:
    """Answer *config* if it may be kept.

    Raises:
        ConfigError: something in it may not be; says what.
    """
    return decode(encode(config))


def switched(config: Config, rule: str, *, enabled: bool) -> Config:
    """Switch a rule on or off.

    Raises:
        ConfigError: there is no such rule, or nothing for it to look for.
    """
    name = _rule(rule)
    if enabled and name == "words" and not (config.rules[name].words or config.rules[name].parts):
        raise ConfigError("There are no words yet: add one with `automod word add`.")
    return config.changed(name, enabled=enabled)


def switched_to(config: Config, rules: Collection[str]) -> Config:
    """Switch the named rules on and all others off.

    Raises:
        ConfigError: there is nothing for one of them to look for.
    """
    for name in RULES:
        if config.rules[name].enabled != (name in rules):
            config = switched(config, name, enabled=name in rules)
    return config


def configured(config: Config, rule: str, setting: str, value: str) -> Config:
    """Set one of the numbers, flags or actions of a rule.

    Raises:
        ConfigError: there is no such rule or setting, or the value makes no sense.
    """
    name, key, meant = setting_of(rule, setting, value)
    return checked(config.changed(name, **{key: meant}))


def setting_of(rule: str, setting: str, value: str) -> tuple[str, str, object]:
    """Answer which rule, which of its settings, and what is meant; `checked` says if it may be.

    Raises:
        ConfigError: there is no such rule or setting, or the value makes no sense.
    """
    name, key = _rule(rule), setting.strip().casefold().replace(" ", "_")
    known = [each for each in SETTINGS[name] if each not in LISTS]
    if key in LISTS and key in SETTINGS[name]:
        raise ConfigError(f"Use `automod {LISTS[key]}` for that.")
    if key not in known:
        raise ConfigError(f"The rule `{name}` has the settings {_listed(known)}.")
    return name, key, _value(key, value)


def with_word(config: Config, word: str, *, inside: bool) -> Config:
    """Add a word to look for, inside of other words as well if *inside*.

    Raises:
        ConfigError: there is nothing in it to look for, or there are too many.
    """
    word, key = word_of(word, inside=inside), "parts" if inside else "words"
    before = without_word(config, word) if _held(config, word) else config
    return checked(before.changed("words", **{key: (*getattr(before.rules["words"], key), word)}))


def unstarred(text: str) -> tuple[str, bool]:
    """Answer a word without the stars that mean inside of words, and whether it had them."""
    text = text.strip()
    inside = len(text) > 2 and text[0] == text[-1] == "*"
    return text[1:-1] if inside else text, inside


def word_of(text: str, *, inside: bool) -> str:
    """Answer the word as it is kept.

    Raises:
        ConfigError: there is nothing in it to look for.
    """
    word = " ".join(text.split())
    if not fold(word):
        raise ConfigError("That has neither letters nor digits.")
    if inside and len(fold(word)) < 2:
        raise ConfigError("One letter is in nearly every word. Add it as a whole word.")
    return word


def without_word(config: Config, word: str) -> Config:
    """Take a word off, however it is written.

    Raises:
        ConfigError: it is not on the list.
    """
    if not _held(config, word):
        raise ConfigError("That word is not on the list.")
    rule, folded = config.rules["words"], fold(word)
    return config.changed(
        "words",
        words=tuple(each for each in rule.words if fold(each) != folded),
        parts=tuple(each for each in rule.parts if fold(each) != folded),
    )


def with_domain(config: Config, text: str, *, to: str) -> tuple[Config, str]:
    """Put a domain on the list *to*, ``allow`` or ``deny``; answers it as it is compared, too.

    Raises:
        ConfigError: it is no domain, or there are too many.
    """
    domain, rule = known_domain(text), config.rules["links"]
    values: dict[str, Any] = {
        key: tuple(each for each in getattr(rule, key) if each != domain)
        for key in ("allow", "deny")
    }
    values[to] = (*values[to], domain)
    return checked(config.changed("links", **values)), domain


def known_domain(text: str) -> str:
    """Answer the domain as hosts are compared.

    Raises:
        ConfigError: it is none.
    """
    domain = domain_of(text)
    if domain is None:
        raise ConfigError("That is no domain. Write it like `example.org`.")
    return domain


def without_domain(config: Config, text: str) -> tuple[Config, str]:
    """Take a domain off both lists.

    Raises:
        ConfigError: it is on neither.
    """
    domain, rule = domain_of(text) or text, config.rules["links"]
    if domain not in (*rule.allow, *rule.deny):
        raise ConfigError("That domain is on neither list.")
    changed = config.changed(
        "links",
        allow=tuple(each for each in rule.allow if each != domain),
        deny=tuple(each for each in rule.deny if each != domain),
    )
    return changed, domain


def exempting(config: Config, kind: str, number: int, *, exempt: bool) -> Config:
    """Spare a role or channel from all rules, or no longer; *kind* is ``roles`` or ``channels``.

    Raises:
        ConfigError: there are too many.
    """
    name = f"exempt_{kind}"
    ids = tuple(each for each in getattr(config, name) if each != number)
    changes: dict[str, Any] = {name: (*ids, number) if exempt else ids}
    return checked(replace(config, **changes))


def suggestions(rule: str) -> list[str]:
    """Answer what can be configured of a rule; of all when there is none of that name."""
    names = [rule] if rule in RULES else list(RULES)
    keys = dict.fromkeys(key for name in names for key in SETTINGS[name] if key not in LISTS)
    return list(keys)


def _rule(text: str) -> str:
    name = text.strip().casefold()
    if name not in LABELS:
        raise ConfigError(f"There is no such rule; there are {_listed(RULES)}.")
    return name


def _value(key: str, text: str) -> object:
    words = text.casefold().replace(",", " ").split()
    if key == "actions":
        return tuple(dict.fromkeys(words))
    if isinstance(getattr(Rule(), key), bool):
        if len(words) != 1 or words[0] not in (*YES, *NO):
            raise ConfigError(f"`{key}` must be yes or no.")
        return words[0] in YES
    if len(words) != 1 or not (words[0].isascii() and words[0].isdigit() and len(words[0]) < 10):
        raise ConfigError(f"`{key}` must be a whole number.")
    return int(words[0])


def _held(config: Config, word: str) -> bool:
    rule, folded = config.rules["words"], fold(word)
    return any(fold(each) == folded for each in (*rule.words, *rule.parts))


def _listed(names: object) -> str:
    return ", ".join(f"`{name}`" for name in names) if isinstance(names, list | tuple) else ""
