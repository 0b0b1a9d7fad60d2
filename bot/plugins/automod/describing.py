"""How automod is set up and what it would do, for moderators to read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.plugins.automod.config import LABELS, RULES, SETTINGS, Config
from bot.plugins.automod.reports import PLANNED, quoted
from bot.plugins.automod.rules import Finding, actions_of
from bot.views.page import Field, Page

MAX_LISTED = 900  # characters of one list


def status(config: Config, *, log_channel_id: int | None, sees_joins: bool) -> Page:
    """Answer the page of ``/automod status``."""
    lines = [_line(name, config) for name in RULES]
    if config.dry_run:
        lines.insert(0, "**Dry run:** I only tell in the log channel what I would do.\n")
    if log_channel_id is None:
        lines.append("\nThere is no log channel, so nobody sees what I do: set one in `settings`.")
    if config.rules["joins"].enabled and not sees_joins:
        lines.append("\nI can't see who joins: the bot's owner has to enable the members intent.")
    fields = [
        Field(name="Timeouts", value=f"{config.timeout_s // 60} minutes", inline=True),
        Field(
            name="Exempt",
            value=_joined(
                [
                    *(f"<@&{each}>" for each in config.exempt_roles),
                    *(f"<#{each}>" for each in config.exempt_channels),
                    "who may manage messages",
                ],
                none="",
            ),
        ),
    ]
    links = config.rules["links"]
    if links.allow:
        fields.append(Field(name="Allowed domains", value=_joined(links.allow)))
    if links.deny:
        fields.append(Field(name="Denied domains", value=_joined(links.deny)))
    return Page(title="Automod", text="\n".join(lines), fields=tuple(fields))


def words(config: Config) -> Page:
    """Answer the list of words; for moderators alone."""
    rule = config.rules["words"]
    return Page(
        title="Words that are not wanted",
        text="Found in whatever guise: other alphabets, digits, accents, spaces.",
        fields=(
            Field(name="Whole words", value=_joined([quoted(each) for each in rule.words])),
            Field(name="Inside of words", value=_joined([quoted(each) for each in rule.parts])),
        ),
    )


def verdict(findings: Sequence[Finding]) -> str:
    """Answer what ``/automod test`` says."""
    if not findings:
        return "No rule is broken by that."
    found = "\n".join(f"- {LABELS[each.rule]}: {quoted(each.what)}" for each in findings)
    would = ", ".join(PLANNED[each] for each in actions_of(tuple(findings)))
    return f"{found}\nI would {would}."


def _line(name: str, config: Config) -> str:
    rule = config.rules[name]
    if not rule.enabled:
        return f"- `{name}` off"
    parts = ["+".join(rule.actions)]
    for key in SETTINGS[name]:
        value = getattr(rule, key)
        if key == "actions":
            continue
        if isinstance(value, tuple):
            parts.append(f"{key} {len(value)}")
        elif isinstance(value, bool):
            parts.append(f"{key} {'yes' if value else 'no'}")
        else:
            parts.append(f"{key.replace('_', ' ')} {value}")
    return f"- `{name}` **on**: {', '.join(parts)}"


def _joined(items: Sequence[str], none: str = "none") -> str:
    text = ", ".join(items)
    if len(text) > MAX_LISTED:
        text = f"{text[:MAX_LISTED].rpartition(', ')[0]} and more ({len(items)} in all)"
    return text or none
