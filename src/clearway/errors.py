"""What can go wrong that somebody can do something about.

    ClearwayError                    exit code   whose move it is
    ├── UsageError                   2           the caller: words that do not fit together
    ├── SettingsError                3           the operator: clearway.toml, scene.toml or an environment variable
    ├── SourceError                  4           the operator: a camera, clip or picture that cannot be seen
    ├── ListError                    5           the list's publisher: a hot list or register that cannot be taken in
    ├── SealError                    6           the operator: an exhibit that could not be written whole
    ├── ExhibitError                 7           the sender: an exhibit that does not verify
    ├── StoreError                   8           the operator: a data folder that is in use, missing or damaged
    └── InstallationError            9           the operator: a part of the program that is missing or does not start

An ordinary bad day is no error: a silent register answers UNKNOWN, a blurred plate has a low probability. A broken promise
of our own code is an `assert`. Foreign exceptions are translated once, in the file that owns the library.
"""

from typing import ClassVar


class ClearwayError(Exception):
    """Something that the reader of the message can put right.

    `happened` says what went wrong and to what, in one sentence; `remedy` says what to do about it. Neither ever holds a
    plate, a key or a password: messages end in logs.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, happened: str, *, remedy: str) -> None:
        super().__init__(happened)
        self.happened = happened
        self.remedy = remedy

    def diagnosis(self) -> str:
        """Both sentences, as a person reads them on a terminal: two lines, no trailing newline."""
        return f"{self.happened}\n  What to do: {self.remedy}"


class UsageError(ClearwayError):
    exit_code = 2


class SettingsError(ClearwayError):
    exit_code = 3


class SourceError(ClearwayError):
    exit_code = 4


class ListError(ClearwayError):
    exit_code = 5


class SealError(ClearwayError):
    exit_code = 6


class ExhibitError(ClearwayError):
    exit_code = 7


class StoreError(ClearwayError):
    exit_code = 8


class InstallationError(ClearwayError):
    exit_code = 9
