"""The only place where pictures wait: a few seconds of frames in memory, for the vehicles that are in view now."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from clearway.facts import Frame


class Ring:
    """Holds the newest frames, bounded by age and by memory, and forgets them as soon as nobody in view needs them. A few may
    outlast the others: the first pictures of a vehicle that stands where nobody may.

    `held_longest_s` is the longest that any picture was held, by the pictures' own clock.
    """

    def __init__(self, held_s: float, held_mb: int) -> None:
        self._held = timedelta(seconds=held_s)
        self._bytes_max = held_mb * 1_000_000
        self._frames: deque[Frame] = deque()
        self._kept: list[Frame] = []
        self._bytes = 0
        self.held_longest_s = 0.0

    def add(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._bytes += frame.pixels.nbytes
        while self._frames and (self._bytes > self._bytes_max or frame.captured_at - self._frames[0].captured_at > self._held):
            self._forget_oldest(frame.captured_at)

    def keep(self, frame: Frame, at_most: int) -> None:
        """Keeps a frame until `let_go`, however old it becomes. Of more than `at_most`, or than take half of the memory, every
        other one goes, never the first."""
        self._kept.append(frame)
        self._bytes += frame.pixels.nbytes
        while len(self._kept) > 1 and (len(self._kept) > at_most or 2 * self._kept_bytes > self._bytes_max):
            self._let_go(self._kept[1::2], frame.captured_at)

    @property
    def _kept_bytes(self) -> int:
        return sum(frame.pixels.nbytes for frame in self._kept)

    def let_go(self, before: datetime, now: datetime) -> None:
        """Drops what `keep` kept of the time before that."""
        self._let_go([frame for frame in self._kept if frame.captured_at < before], now)

    @property
    def kept(self) -> tuple[Frame, ...]:
        """The frames that `keep` kept, in order."""
        return tuple(self._kept)

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest of the others was captured."""
        return self._frames[0].captured_at if self._frames else None

    def forget_before(self, at: datetime, now: datetime) -> None:
        """Drops what was captured before `at`."""
        while self._frames and self._frames[0].captured_at < at:
            self._forget_oldest(now)

    def between(self, first_at: datetime, last_at: datetime) -> tuple[Frame, ...]:
        """The held frames of that time, both ends included, in order."""
        held = {frame.number: frame for frame in (*self._kept, *self._frames)}
        return tuple(frame for _, frame in sorted(held.items()) if first_at <= frame.captured_at <= last_at)

    def clear(self) -> None:
        """Drops everything: the newest frame that came in is the measure of how long the oldest was held."""
        if newest := (*self._kept, *self._frames)[-1:]:
            newest_at = newest[0].captured_at
            while self._frames:
                self._forget_oldest(newest_at)
            self._let_go(self._kept, newest_at)

    def __len__(self) -> int:
        return len(self._frames)

    def _let_go(self, frames: Sequence[Frame], now: datetime) -> None:
        gone = {frame.number for frame in frames}
        for frame in frames:
            self._bytes -= frame.pixels.nbytes
            self.held_longest_s = max(self.held_longest_s, (now - frame.captured_at).total_seconds())
        self._kept = [frame for frame in self._kept if frame.number not in gone]

    def _forget_oldest(self, now: datetime) -> None:
        gone = self._frames.popleft()
        self._bytes -= gone.pixels.nbytes
        self.held_longest_s = max(self.held_longest_s, (now - gone.captured_at).total_seconds())
