"""What rules say of messages, what is remembered, and what may be set."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.automod import editing, native, writing
from bot.plugins.automod.config import (
    RULES,
    SETTINGS,
    Config,
    ConfigError,
    decode,
    encode,
)
from bot.plugins.automod.reports import Outcome, on_message
from bot.plugins.automod.rules import Facts, Finding, Rulebook, actions_of, judge, reason_of
from bot.plugins.automod.windows import MAX_KEPT, MAX_MEMBERS, Windows, Written

MANY = list(itertools.islice(itertools.permutations("abcdefgh", 4), 301))


def facts(text: str = "", **values: Any) -> Facts:
    """Answer a message of user 1 in channel 2 of guild 3."""
    given: dict[str, Any] = {"guild_id": 3, "channel_id": 2, "user_id": 1}
    given |= {"message_id": 10, "sent_at_ms": 0, "text": text}
    return Facts(**(given | values))


def broken(config: Config, said: Facts, seen: Windows | None = None) -> list[str]:
    """Answer the names of the rules that a message breaks."""
    return [each.rule for each in judge(Rulebook(config), said, frozenset({"own"}), seen)]


def on(rule: str, **values: Any) -> Config:
    """Answer a config with one rule switched on."""
    return Config().changed(rule, enabled=True, **values)


@pytest.mark.parametrize(
    ("config", "said", "rules"),
    [
        pytest.param(Config(), facts("discord.gg/x1 https://a.example"), [], id="all off"),
        pytest.param(on("invites"), facts("discord.gg/other"), ["invites"], id="invite"),
        pytest.param(on("invites"), facts("discord.gg/own"), [], id="own invite"),
        pytest.param(on("invites"), facts("d\u0456scord.gg/other"), ["invites"], id="alike"),
        pytest.param(on("invites"), facts("d\u0456scord.gg/OWN"), [], id="own, alike"),
        pytest.param(on("invites"), facts(files="discord.gg/other"), ["invites"], id="file"),
        pytest.param(on("links"), facts("https://a.example"), ["links"], id="link"),
        pytest.param(on("links"), facts("https://discord.gg/own"), [], id="invites are no links"),
        pytest.param(on("links", allow=("a.example",)), facts("https://x.a.example"), [],
                     id="allowed"),
        pytest.param(on("links", strict=False), facts("https://a.example"), [], id="not strict"),
        pytest.param(on("links", strict=False, deny=("a.example",)), facts("https://a.example"),
                     ["links"], id="denied"),
        pytest.param(on("words", words=("bad",)), facts("b\u0430d"), ["words"], id="word"),
        pytest.param(on("mentions", count=3), facts(mentions=3), ["mentions"], id="mentions"),
        pytest.param(on("mentions", count=3), facts(mentions=2), [], id="fewer mentions"),
    ],
)  # fmt: skip
def test_rules_of_one_message(config: Config, said: Facts, rules: list[str]) -> None:
    """Each looks at its own."""
    assert broken(config, said) == rules


def test_a_burst_is_so_many_messages_in_so_many_seconds() -> None:
    """The window slides: slower ones never add up, and another member's do not count."""
    config, seen = on("burst", count=3, seconds=5), Windows()

    def at(number: int, at_ms: int, user: int = 1) -> list[str]:
        said = facts("x", message_id=number, sent_at_ms=at_ms, user_id=user)
        return broken(config, said, seen)

    assert [at(number, number * 2500) for number in range(6)] == [[]] * 6
    assert at(7, 13_000, user=9) == []
    assert at(8, 13_000) == ["burst"]


def test_repeats_are_read_alike_and_edits_are_none() -> None:
    """Capitals, spaces and unseen characters make no other message."""
    config, seen = on("duplicates", count=3, seconds=60), Windows()

    def said(number: int, text: str, **values: Any) -> list[str]:
        return broken(config, facts(text, message_id=number, **values), seen)

    assert said(1, "Buy it") == []
    assert said(2, "buy  it", is_edit=True) == []
    assert said(3, "something else") == []
    assert said(4, "buy\u200b it") == []
    assert said(4, "buy\u200b it") == []  # the same event again
    assert said(5, "\u0432UY IT") == ["duplicates"]


def test_messages_without_text_are_not_alike() -> None:
    """Pictures in a row are no repetition."""
    config, seen = on("duplicates", count=2, seconds=60), Windows()

    assert [broken(config, facts("", message_id=n), seen) for n in range(5)] == [[]] * 5


def test_files_of_one_name_are_not_alike() -> None:
    """Every picture that is pasted is called the same; what is said beside them counts."""
    config, seen = on("duplicates", count=2, seconds=60), Windows()

    def said(number: int, text: str) -> list[str]:
        return broken(config, facts(text, message_id=number, files="image.png"), seen)

    assert [said(1, ""), said(2, ""), said(3, "look"), said(4, "look")] == [
        [],
        [],
        [],
        ["duplicates"],
    ]


def test_what_is_remembered_is_bounded() -> None:
    """By members, and by messages of each."""
    seen = Windows()
    for number in range(2 * MAX_MEMBERS):
        seen.add(1, number, Written(0, 1, 2, number))
    for number in range(2 * MAX_KEPT):
        lately = seen.add(1, 5, Written(0, 1, 2, number))

    assert len(seen) == MAX_MEMBERS
    assert len(lately) == MAX_KEPT


def test_a_guild_that_is_left_is_forgotten() -> None:
    """Others are not."""
    seen = Windows()
    seen.add(1, 5, Written(0, 1, 2, 3))
    seen.add(2, 5, Written(0, 1, 2, 3))
    seen.forget_guild(1)

    assert len(seen) == 1


def test_all_findings_are_acted_on_once() -> None:
    """What hides the message comes first."""
    found = (
        Finding(rule="burst", what="", actions=("timeout", "delete")),
        Finding(rule="words", what="", actions=("warn", "delete")),
    )

    assert actions_of(found) == ("delete", "timeout", "warn")
    assert reason_of(found) == "Automod: many messages at once, words"


def test_a_report_quotes_what_cannot_break_out() -> None:
    """Backticks end no block, and a long text is cut."""
    finding = Finding(rule="words", what="the word `x`", actions=("delete",))
    report = on_message(
        user_id=1,
        channel_id=2,
        text="```" + "y" * 4000,
        findings=[finding],
        asked=("delete",),
        outcomes=[Outcome(action="delete", note="I lack a permission there.", failed=True)],
    )

    assert report.text.count("```") == 2
    assert len(report.text) < 1000
    assert "I could not delete the message: I lack a permission there." in report.text


# What may be set


def test_what_is_kept_is_read_again() -> None:
    """Through JSON, whatever was set."""
    config = replace(on("words", words=("a b", "\u0430")), exempt_roles=(2**62,), dry_run=True)

    assert decode(json.loads(json.dumps(encode(config)))) == config


def test_a_guild_that_set_nothing_has_everything_off() -> None:
    """An empty document is the defaults."""
    assert decode({}) == Config()
    assert not any(rule.enabled for rule in Config().rules.values())
    assert Rulebook(Config()).is_empty


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param([], "`automod` must be an object", id="no object"),
        pytest.param({"dryrun": True}, "`automod` has no 'dryrun'", id="unknown key"),
        pytest.param({"dry_run": 1}, "true or false", id="no flag"),
        pytest.param({"timeout_s": 5}, "from 60 to", id="too short"),
        pytest.param({"timeout_s": True}, "whole number", id="a flag for a number"),
        pytest.param({"exempt_roles": ["x"]}, "must hold ids", id="no id"),
        pytest.param({"exempt_roles": [2**63]}, "must hold ids", id="too large an id"),
        pytest.param({"rules": {"word": {}}}, "`rules` has no 'word'", id="unknown rule"),
        pytest.param({"rules": {"words": []}}, "`words` must be an object", id="rule no object"),
        pytest.param({"rules": {"words": {"count": 3}}}, "has no 'count'", id="another's setting"),
        pytest.param({"rules": {"burst": {"count": 1}}}, "from 2 to", id="too few"),
        pytest.param({"rules": {"burst": {"actions": []}}}, "name something", id="no action"),
        pytest.param({"rules": {"burst": {"actions": ["kick"]}}}, "may be delete", id="no such"),
        pytest.param({"rules": {"words": {"words": [""]}}}, "1 to 60", id="empty word"),
        pytest.param({"rules": {"words": {"words": ["x"] * 301}}}, "at most 300", id="too many"),
    ],
)
def test_what_makes_no_sense_is_explained(document: Any, words: str) -> None:
    """The text names the setting and what it may be."""
    with pytest.raises(ConfigError, match=words):
        decode(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*RULES, "rules", "dry_run", "actions", "x"]), inner)
    ),
    max_leaves=8,
)


@given(JSON)
def test_no_document_is_more_than_refused(document: Any) -> None:
    """It is read, or its fault is told."""
    try:
        config = decode(document)
    except ConfigError:
        return  # any other error would fail the test

    assert decode(encode(config)) == config


@pytest.mark.parametrize(
    ("rule", "setting", "value", "kept"),
    [
        pytest.param("burst", "count", " 6 ", 6, id="number"),
        pytest.param("Words", "actions", "delete, warn", ("delete", "warn"), id="actions"),
        pytest.param("links", "strict", "No", False, id="flag"),
        pytest.param("joins", "age hours", "48", 48, id="setting with a space"),
    ],
)
def test_settings_are_read_from_words(rule: str, setting: str, value: str, kept: object) -> None:
    """As a moderator writes them."""
    changed = editing.configured(Config(), rule, setting, value)

    name, key = rule.casefold(), setting.replace(" ", "_")
    assert key in SETTINGS[name]
    assert getattr(changed.rules[name], key) == kept


@pytest.mark.parametrize(
    ("rule", "setting", "value", "words"),
    [
        pytest.param("bursts", "count", "6", "no such rule", id="rule"),
        pytest.param("burst", "strict", "yes", "has the settings `actions`, `count`", id="setting"),
        pytest.param("burst", "count", "\u0666", "whole number", id="other digits"),
        pytest.param("burst", "count", "9" * 5000, "whole number", id="a very long number"),
        pytest.param("burst", "count", "31", "from 2 to 30", id="too many"),
        pytest.param("links", "strict", "maybe", "yes or no", id="no flag"),
        pytest.param("words", "words", "x", "automod word add", id="has its command"),
        pytest.param("joins", "actions", "delete", "may be alert", id="not at a join"),
    ],
)
def test_a_wrong_setting_is_explained(rule: str, setting: str, value: str, words: str) -> None:
    """And nothing is changed."""
    with pytest.raises(ConfigError, match=words):
        editing.configured(Config(), rule, setting, value)


def test_words_are_kept_once_however_they_are_written() -> None:
    """Added as a part, it is no longer a whole word; removed in another guise, it is gone."""
    config = editing.with_word(Config(), "Bad", inside=False)
    config = editing.with_word(config, "b\u0430d", inside=True)

    assert (config.rules["words"].words, config.rules["words"].parts) == ((), ("b\u0430d",))
    assert editing.without_word(config, "BAD").rules["words"].parts == ()
    with pytest.raises(ConfigError, match="not on the list"):
        editing.without_word(Config(), "bad")
    with pytest.raises(ConfigError, match="neither letters nor digits"):
        editing.with_word(Config(), "\u200b!", inside=False)


def test_a_domain_is_on_one_list() -> None:
    """Allowing what was denied takes it off there."""
    config, _ = editing.with_domain(Config(), "evil.example", to="deny")
    config, domain = editing.with_domain(config, "https://Evil.example/x", to="allow")

    assert domain == "evil.example"
    assert (config.rules["links"].allow, config.rules["links"].deny) == (("evil.example",), ())


def test_texts_of_forms_are_read_as_they_were_written() -> None:
    """Whatever is configured; a form that is sent as it was opened changes nothing."""
    config = on("words", words=("no way", "\u0430"), parts=("scam",))
    config = config.changed("links", allow=("a.example",), deny=("b.example",), strict=False)
    config = replace(config.changed("joins", actions=("alert", "kick")), timeout_s=3600)

    assert writing.with_limits(config, writing.limits(config)) == config
    assert writing.with_words(config, writing.words(config)) == config
    assert writing.with_domains(config, writing.domains(config)) == config


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        pytest.param(writing.with_limits, "burst", "`burst`: The rule `burst` has", id="half"),
        pytest.param(writing.with_limits, "timeout minutes 0", "Minutes are from 1 to", id="none"),
        pytest.param(writing.with_limits, "timeout minutes 99999", "from 1 to 40320", id="much"),
        pytest.param(writing.with_limits, "burst count 31", "from 2 to 30", id="too many"),
        pytest.param(writing.with_words, "ok\n*a*", "`\\*a\\*`: One letter is in", id="a letter"),
        pytest.param(writing.with_words, "\n".join(map("".join, MANY)), "at most 300",
                     id="too many words"),
        pytest.param(writing.with_domains, "a.example", "begins with `allow`", id="no list"),
        pytest.param(writing.with_domains, "allow x", "That is no domain", id="no domain"),
    ],
)  # fmt: skip
def test_a_form_that_makes_no_sense_is_explained(read: Any, text: str, words: str) -> None:
    """By its line."""
    with pytest.raises(ConfigError, match=words):
        read(Config(), text)


def test_discords_rules_are_what_is_configured() -> None:
    """As far as it knows them; its limit is one below ours."""
    config = on("words", words=("a*b", "*"), parts=("c",)).changed(
        "mentions", enabled=True, count=5, actions=("delete", "timeout")
    )
    words, mentions = native.rules_for(config, own_invites=frozenset(), alert_channel_id=7)

    assert words.trigger.keyword_filter == ["ab", "*c*"]
    assert mentions.trigger.mention_limit == 4
    assert [action.type.name for action in mentions.actions] == [
        "block_message",
        "send_alert_message",
        "timeout",
    ]
    assert native.rules_for(Config(), own_invites=frozenset(), alert_channel_id=None) == ()
