"""What can go wrong with the database.

StorageError (BotError)    it did not answer in time; nothing of this transaction was kept
NoAnswerError (BotError)    never seen outside: it becomes a StorageError
SchemaError (PermanentError)    it was written by a newer version: exit 78
"""

from __future__ import annotations

from bot.errors import BotError, PermanentError


class StorageError(BotError):
    """The database did not do it; *advice* says what to look at, without address or password."""

    def __init__(self, database: str, advice: str) -> None:
        self.database, self.advice = database, advice
        super().__init__(f"{database}: {advice}")


class NoAnswerError(BotError):
    """The database neither answers nor fails: its host is gone, or its disk hangs."""

    def __init__(self) -> None:
        super().__init__("it neither answers nor fails; see that its host and its disk are well")


class SchemaError(PermanentError):
    """The database has tables of a version of this program that is newer than this one."""

    def __init__(self, database: str, revision: str) -> None:
        self.revision = revision
        super().__init__(
            "newer_schema",
            f"{database} was written by a newer version (schema {revision}): install that version"
            " again, or restore a backup that this version made (docs/storage.md)",
        )
