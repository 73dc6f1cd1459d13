"""The only place where pictures wait: a few seconds of frames in memory, for the vehicles that are in view now."""

from collections import deque
from datetime import datetime, timedelta

from clearway.facts import Frame


class Ring:
    """Holds the newest frames, bounded by age and by memory, and forgets them as soon as nobody in view needs them.

    `held_longest_s` is the longest that any picture was held, by the pictures' own clock.
    """

    def __init__(self, held_s: float, held_mb: int) -> None:
        self._held = timedelta(seconds=held_s)
        self._bytes_max = held_mb * 1_000_000
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self.held_longest_s = 0.0

    def add(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._bytes += frame.pixels.nbytes
        while self._bytes > self._bytes_max or frame.captured_at - self._frames[0].captured_at > self._held:
            self._forget_oldest(frame.captured_at)

    def forget_before(self, at: datetime, now: datetime) -> None:
        """Drops what was captured before `at`."""
        while self._frames and self._frames[0].captured_at < at:
            self._forget_oldest(now)

    def between(self, first_at: datetime, last_at: datetime) -> tuple[Frame, ...]:
        """The held frames of that time, both ends included, in order."""
        return tuple(frame for frame in self._frames if first_at <= frame.captured_at <= last_at)

    def clear(self) -> None:
        """Drops everything: the newest frame that came in is the measure of how long the oldest was held."""
        if self._frames:
            newest_at = self._frames[-1].captured_at
            while self._frames:
                self._forget_oldest(newest_at)

    def __len__(self) -> int:
        return len(self._frames)

    def _forget_oldest(self, now: datetime) -> None:
        gone = self._frames.popleft()
        self._bytes -= gone.pixels.nbytes
        self.held_longest_s = max(self.held_longest_s, (now - gone.captured_at).total_seconds())
