"""The chat page, where somebody trying a bot talks with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

# Nothing but the page's own script, style and API: what a message says stays text.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/static/chat.css">
<link rel="icon" href="data:,">
</head>
<body data-user="{user}" data-channel="{channel}">
<header>
<h1>{guild}</h1>
<p id="state" class="{state_class}" role="status">{state}</p>
</header>
<nav aria-label="Channels">{channels}</nav>
<main>
<ol id="messages" class="messages" aria-live="polite">{messages}</ol>
<form id="form" class="composer" autocomplete="off">
<label class="who">as <select id="user" name="user">{users}</select></label>
<input id="text" name="text" maxlength="2000" list="commands" autofocus
 aria-label="Message" placeholder="{hint}">
<datalist id="commands"></datalist>
<button type="submit">Send</button>
</form>
<p id="error" class="error" role="alert" hidden></p>
</main>
<dialog id="modal"></dialog>
<footer>A simulated Discord on this machine. Nothing here reaches discord.com.</footer>
<script src="/static/chat.js"></script>
</body>
</html>
"""


def render(
    *,
    guild: str,
    bot: str,
    channel: str,
    channels: Sequence[str],
    user: str,
    users: Sequence[str],
    messages: Sequence[Mapping[str, Any]],
    online: bool,
) -> str:
    """Answer the page; every text in it is escaped."""
    return _FRAME.format(
        title=escape(f"#{channel} · {guild}"),
        guild=escape(guild),
        state_class="state online" if online else "state",
        state=escape(f"{bot} is {'online' if online else 'offline'}"),
        user=escape(user),
        channel=escape(channel),
        channels="".join(_channel(each, selected=each == channel) for each in channels),
        users="".join(_option(each, selected=each == user) for each in users),
        messages="".join(_message(each) for each in messages),
        hint=escape(f"Message #{channel}: try !ping hello or /ping"),
    )


def _channel(name: str, *, selected: bool) -> str:
    current = ' aria-current="page"' if selected else ""
    return f'<a href="/?channel={escape(name)}"{current}>#{escape(name)}</a>'


def _option(name: str, *, selected: bool) -> str:
    return f"<option{' selected' if selected else ''}>{escape(name)}</option>"


def _message(message: Mapping[str, Any]) -> str:
    kind = "bot" if message["is_bot"] else "person"
    return (
        f'<li class="{kind}"><b>{escape(str(message["author"]))}</b>'
        f"<p>{escape(str(message['content']))}</p></li>"
    )
