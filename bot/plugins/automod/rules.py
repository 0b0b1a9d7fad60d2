"""What the rules say of a message. Pure."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import cached_property

from bot.plugins.automod import links, windows
from bot.plugins.automod.config import DELETE, LABELS, Config, Rule
from bot.plugins.automod.folding import letters, likeness, readings
from bot.plugins.automod.patterns import Patterns
from bot.plugins.automod.windows import Windows, Written

MAX_TEXT = 10_000  # characters: Discord's longest message has 4000, its files and polls some more
SHOWN = 60  # characters of what was found


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A message as rules see it.

    Attributes:
        sent_at_ms: By the message's id.
        text: All that is said.
        files: What files are called: looked at, and no part of what is said.
        mentions: How many different users and roles it mentions.
        is_edit: An edited message is not one more.
    """

    guild_id: int
    channel_id: int
    message_id: int
    user_id: int
    sent_at_ms: int
    text: str
    files: str = ""
    mentions: int = 0
    is_edit: bool = False

    @property
    def whole(self) -> str:
        """All words of the message."""
        return f"{self.text}\n{self.files}"[:MAX_TEXT] if self.files else self.text[:MAX_TEXT]

    @cached_property
    def plain(self) -> str:
        """As addresses are read."""
        return links.plain(self.whole)

    @cached_property
    def folded(self) -> str:
        """As words are read."""
        return letters(self.whole)

    @cached_property
    def invites(self) -> tuple[str, ...]:
        """Codes of invites, also of such as are to be read by people alone."""
        found = links.invites(self.plain)
        if not found and not self.plain.isascii():
            return links.invites(self.folded)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that a message breaks.

    Attributes:
        what: Such as ``the word x``; for moderators, not to be posted where members read.
        earlier: Other messages that have part in it.
    """

    rule: str
    what: str
    actions: tuple[str, ...]
    earlier: tuple[Written, ...] = ()


class Rulebook:
    """A guild's config, made ready to judge messages by."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.exempt_channels = frozenset(config.exempt_channels)
        self.links_allowed = frozenset(config.rules["links"].allow)
        self.links_denied = frozenset(config.rules["links"].deny)
        rule = config.rules["words"]
        self._words = _folded(rule.words)
        self._parts = _folded(rule.parts)

    @property
    def is_empty(self) -> bool:
        """Whether no message can break a rule."""
        return not any(rule.enabled for name, rule in self.config.rules.items() if name != "joins")

    @cached_property
    def _in_text(self) -> Patterns:
        phrases = [f" {word} " for word in self._words if " " in word]
        return Patterns([*phrases, *self._parts])

    @cached_property
    def _in_runs(self) -> Patterns:
        singles = [word for word in self._words if " " not in word and len(word) > 2]
        return Patterns([*singles, *self._parts])

    def word_in(self, folded: str) -> str | None:
        """Answer the listed word that a text of `letters` holds in some guise, None without any."""
        for reading in readings(folded):
            said = reading.text.split()
            if self._words.keys().isdisjoint(said):
                found = self._in_text.first_in(f" {reading.text} ")
            else:
                found = next(word for word in said if word in self._words)
            for run in reading.runs:
                found = found or self._in_runs.first_in(run)
            if found:
                found = found.strip()
                return self._words.get(found) or self._parts.get(found)
        return None


def judge(
    book: Rulebook, facts: Facts, own_invites: Set[str], seen: Windows | None
) -> tuple[Finding, ...]:
    """Answer every rule that a message breaks, and note the message in *seen*.

    Args:
        own_invites: Codes that lead to the guild itself.
        seen: None leaves out the rules that count messages.
    """
    found: list[Finding] = []

    def check(name: str, see: Callable[[Rule], str | None]) -> None:
        rule = book.config.rules[name]
        what = see(rule) if rule.enabled else None
        if what is not None:
            found.append(Finding(rule=name, what=what[:SHOWN], actions=rule.actions))

    check("invites", lambda _: _invite(facts, own_invites))
    check("links", lambda rule: _link(facts, book, rule))
    check("words", lambda _: _word(facts, book))
    check("mentions", lambda rule: _mentions(facts, rule))
    if seen is not None and not facts.is_edit:
        found += _counted(book, facts, seen)
    return tuple(found)


def actions_of(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Answer everything that is to be done, each once, what hides the message first."""
    asked = dict.fromkeys(action for finding in findings for action in finding.actions)
    return tuple(sorted(asked, key=lambda action: action != DELETE))


def reason_of(findings: tuple[Finding, ...]) -> str:
    """Answer the reason of a case: the rules, without what was written."""
    return "Automod: " + ", ".join(LABELS[finding.rule] for finding in findings)


def _counted(book: Rulebook, facts: Facts, seen: Windows) -> list[Finding]:
    burst, repeats = book.config.rules["burst"], book.config.rules["duplicates"]
    if not (burst.enabled or repeats.enabled):
        return []
    said = likeness(letters(facts.text[:MAX_TEXT]) if facts.files else facts.folded)
    written = Written(facts.sent_at_ms, said, facts.channel_id, facts.message_id)
    lately = seen.add(facts.guild_id, facts.user_id, written)
    found = []
    for name, rule, look in (
        ("burst", burst, windows.burst),
        ("duplicates", repeats, windows.repeats),
    ):
        together = look(lately, count=rule.count, seconds=rule.seconds) if rule.enabled else ()
        if together:
            what = f"{len(together)} messages in {rule.seconds} s"
            earlier = tuple(each for each in together if each.message_id != facts.message_id)
            found.append(Finding(rule=name, what=what, actions=rule.actions, earlier=earlier))
    return found


def _invite(facts: Facts, own: Set[str]) -> str | None:
    alike = {code.casefold() for code in own} if facts.invites else ()
    foreign = [code for code in facts.invites if code not in own and code.casefold() not in alike]
    return f"the invite {foreign[0]}" if foreign else None


def _link(facts: Facts, book: Rulebook, rule: Rule) -> str | None:
    for host in sorted(links.hosts(facts.plain)):
        allowed = links.listed(host, book.links_allowed, book.links_denied)
        if allowed is None:
            allowed = not rule.strict or links.is_invite_host(host)
        if not allowed:
            return f"a link to {host}"
    return None


def _word(facts: Facts, book: Rulebook) -> str | None:
    word = book.word_in(facts.folded)
    return f"the word {word}" if word is not None else None


def _mentions(facts: Facts, rule: Rule) -> str | None:
    return f"{facts.mentions} mentions" if facts.mentions >= rule.count else None


def _folded(words: tuple[str, ...]) -> dict[str, str]:
    """Answer what to look for → the word as the moderator wrote it, in every reading."""
    return {
        reading.text: word for word in words for reading in readings(letters(word)) if reading.text
    }
