"""What becomes of a handler that ends the process by itself."""

from __future__ import annotations

import pytest

from bot.stop import no_silent_exit


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param(0, 1, id="0"),
        pytest.param(None, 1, id="nothing"),
        pytest.param(3, 3, id="another code"),
        pytest.param("out of money", "out of money", id="a text, which is a code of 1"),
    ],
)
def test_a_handler_never_exits_as_the_shutdown_command_does(given: object, code: object) -> None:
    """Exit code 0 is an operator's wish; another one is kept."""
    with pytest.raises(SystemExit) as raised, no_silent_exit():
        raise SystemExit(given)

    assert raised.value.code == code
