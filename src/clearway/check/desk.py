"""The desk that asks every register on this machine about one plate. It keeps nothing of the question."""

from collections.abc import Iterable
from datetime import datetime

from clearway.facts import Plate, Record
from clearway.ports import Register


class Desk:
    """One place to ask; the registers answer in the order in which they were given."""

    def __init__(self, registers: Iterable[Register]) -> None:
        self._registers = tuple(registers)

    def ask(self, plate: Plate | None, asked_at: datetime, clock_error_ms: float) -> tuple[Record, ...]:
        """One record from each register; none where no plate was read, since there is nothing to ask about."""
        if plate is None:
            return ()
        return tuple(register.ask(plate, asked_at, clock_error_ms) for register in self._registers)
