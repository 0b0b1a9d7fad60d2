"""What becomes of an answer that comes after the interaction was deferred for it. Pure.

Discord takes one first answer, within 3 s. When we deferred in the handler's place, its own first
answer must take another way: it edits the deferred message, or follows it. Numbers are Discord's
interaction callback types.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

MESSAGE = 4
DEFERRED_MESSAGE = 5  # "… is thinking"
DEFERRED_UPDATE = 6  # nothing is shown; the message that bears the component stays as it is
UPDATE = 7
MODAL = 9

EPHEMERAL = 1 << 6  # flag of a message that one user alone sees

COMMAND_INTERACTION = 2
COMPONENT_INTERACTION = 3
MODAL_INTERACTION = 5


class Way(Enum):
    """How a late answer reaches the user."""

    EDIT = auto()  # it becomes the deferred message
    FOLLOW_UP = auto()  # a message of its own
    REPLACE = auto()  # so too, and the deferred message goes: its privacy can't be changed
    AGREE = auto()  # the handler wished to defer, which has been done
    AGREE_DIFFERENTLY = auto()  # so too, but what it says next needs another privacy
    REFUSE = auto()  # a modal can be opened only by a first answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """How we deferred: *callback* is `DEFERRED_MESSAGE` or `DEFERRED_UPDATE`."""

    callback: int
    private: bool = False


def deferral(interaction: int, *, on_message: bool, private: bool) -> Deferral:
    """Answer how to defer an interaction whose handler is slow.

    Args:
        interaction: Discord's type of the interaction.
        on_message: It comes from a message that bears components, which stays as it is meanwhile.
        private: The answer to a command is for the user alone.
    """
    if interaction == COMMAND_INTERACTION:
        return Deferral(callback=DEFERRED_MESSAGE, private=private)
    if on_message:
        return Deferral(callback=DEFERRED_UPDATE)
    # A form opened by a command: its answer is a receipt for the one who filled it in.
    return Deferral(callback=DEFERRED_MESSAGE, private=True)


def way(deferred: Deferral, callback: int, *, private: bool) -> Way:
    """Answer how a handler's first answer, of type *callback*, goes out after *deferred*."""
    thinking = deferred.callback == DEFERRED_MESSAGE
    if callback == MODAL:
        return Way.REFUSE
    if callback == DEFERRED_UPDATE:
        return Way.AGREE
    if callback == DEFERRED_MESSAGE:
        same = thinking and private == deferred.private
        return Way.AGREE if same else Way.AGREE_DIFFERENTLY
    if callback == UPDATE:
        return Way.EDIT
    if not thinking:
        return Way.FOLLOW_UP
    return Way.EDIT if private == deferred.private else Way.REPLACE


def with_privacy(flags: int, private: bool) -> int:
    """Answer message *flags* with the ephemeral bit as wished."""
    return flags | EPHEMERAL if private else flags & ~EPHEMERAL
