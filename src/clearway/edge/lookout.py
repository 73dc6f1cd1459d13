"""Whether a surveyed camera still looks where it was surveyed: told when that changes, and kept where `clearway doctor` finds it.

views/….json     {"camera", "look", "since"}: no picture, no plate
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clearway.errors import StoreError
from clearway.evidence.tiles import replace_file
from clearway.facts import Frame, Passage
from clearway.scene import View
from clearway.sight.view import REMEDIES, WORDS, Look, ViewWatch, seen_in

FOLDER = "views"
# What is written takes less than 900 bytes.
BYTES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """What a camera's watch found last, and since when, by the camera's clock."""

    look: Look
    since: datetime


class Lookout:
    """Watches the view of one camera beside its pipeline. `announce` hears of each change once, with what to do.

    A camera that moved is noticed only when most pictures of half a minute say so, and until then passages would be measured by a
    survey that no longer holds: so the pictures of a finding are looked at themselves as well (`amiss_in`).
    """

    def __init__(self, view: View, data: Path, camera: str, announce: Callable[[str], None]) -> None:
        self._view, self._data, self._camera, self._announce = view, data, camera, announce
        self._watch = ViewWatch(view)
        self._state: Kept | None = None
        self.held_longest_s = 0.0

    def add(self, frame: Frame) -> None:
        """Takes in the next frame, of the size that was surveyed."""
        look = self._watch.add(frame)
        self.held_longest_s = max(self.held_longest_s, self._watch.held_longest_s)
        if self._state is None:
            self._announce(
                f"{self._camera}: no rule of the road asks until the view is known again, which takes about 20 seconds by day"
            )
        elif look is self._state.look:
            return
        else:
            asks = "rules of the road ask" if look is Look.STEADY else "until that changes, no rule of the road asks"
            remedy = f". What to do: {REMEDIES[look]}" if look.amiss else ""
            self._announce(f"{self._camera}: {WORDS[look]}; {asks}{remedy}")
        self._state = Kept(look, frame.captured_at)
        self._keep(self._state)

    def knew(self, passage: Passage) -> bool:
        """Whether the view was steady from before the vehicle came until now."""
        return self._state is not None and self._state.look is Look.STEADY and self._state.since <= passage.first_at

    def amiss_in(self, frames: Sequence[Frame]) -> bool:
        """Whether the first or the last of these pictures, by itself, shows another view than the surveyed one, or a blur."""
        return any(seen_in(self._view, frame.pixels).look.amiss for frame in (*frames[:1], *frames[1:][-1:]))

    def begin_anew(self) -> None:
        """Lets go of every picture; what was known of the view before counts no more."""
        self._watch = ViewWatch(self._view)

    def _keep(self, state: Kept) -> None:
        path = _path(self._data, self._camera)
        said = {"camera": self._camera, "look": state.look.value, "since": state.since.astimezone(UTC).isoformat()}
        try:
            path.parent.mkdir(exist_ok=True)
            replace_file(path, (json.dumps(said) + "\n").encode())
        except OSError as error:
            # The rules fall silent all the same; a watch does not end because a note could not be made of it.
            self._announce(f"{self._camera}: {path} cannot be written ({error.strerror}): `clearway doctor` does not know of it")


def kept(data: Path, camera: str) -> Kept | None:
    """What the last watch of that camera kept in the data folder; None where none did. StoreError where it cannot be read."""
    path = _path(data, camera)
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(BYTES_MAX))
        since = datetime.fromisoformat(said["since"])
        if since.utcoffset() is None:
            raise ValueError("a time without a zone")
        return Kept(Look(said["look"]), since.astimezone(UTC))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise StoreError(
            f"{path} cannot be read: {type(error).__name__}.", remedy="delete it; a watch of the camera writes it anew."
        ) from error


def _path(data: Path, camera: str) -> Path:
    # A camera's name may hold anything, and be longer in bytes than a file's may.
    return data / FOLDER / f"{hashlib.sha256(camera.encode()).hexdigest()[:16]}.json"
