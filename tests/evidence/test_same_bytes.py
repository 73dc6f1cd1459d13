"""Whatever lies under a fill, the same exhibit comes out, to the last byte of its ZIP: nothing of it can be had back."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evidence.world import Hider, World, finding, frames, nothing_else, passage
from tqdm import tqdm

from clearway.camera.film import encode_clip
from clearway.errors import InstallationError
from clearway.evidence import seal
from clearway.evidence.hide import Look, fills
from clearway.evidence.redact import region_at, reveal
from clearway.facts import Box, Detection, Frame, Kind

SALT = "5a" * 32
# Somebody in front of the vehicle, a face, another plate; in one frame nobody could look.
FOUND = (
    Detection(Kind.PERSON, Box(40, 16, 46, 30), 0.2),
    Detection(Kind.FACE, Box(52, 20, 57, 26), 0.2),
    Detection(Kind.PLATE, Box(24, 14, 34, 18), 0.3),
)
FAILS_AT = 6


def found(number: int) -> Sequence[Detection] | Exception:
    return InstallationError("it broke.", remedy="mend it.") if number == FAILS_AT else FOUND[: 1 + number % 3]


def changed(source: Sequence[Frame], dice: np.random.Generator) -> list[Frame]:
    """The same frames, in which pixels that nobody may see are others: one, some, or all of them."""
    looks = []
    for frame in source:
        finds = found(frame.number)
        region = region_at(passage(), frame)
        looks.append(Look(frame.captured_at, () if region is None else None if isinstance(finds, Exception) else tuple(finds)))
    made = []
    for frame, hidden in zip(source, fills(looks), strict=True):
        region = None if hidden is None else region_at(passage(), frame)
        visible = (reveal(np.full_like(frame.pixels, 255), region, [fill.box for fill in hidden or ()]) == 255).any(axis=2)
        share = dice.choice((0.0005, 0.1, 1.0))
        others = ~visible & (dice.random(visible.shape) < share)
        pixels = np.where(others[:, :, None], dice.integers(0, 256, frame.pixels.shape, np.uint8), frame.pixels)
        made.append(replace(frame, pixels=pixels))
    return made


def sealed(folder: Path, keys: Path, source: Sequence[Frame]) -> bytes:
    shutil.copytree(keys, folder / "keys")
    world = World(folder, encode_clip, hider=Hider(found))
    exhibit = world.sealer.seal(finding(), source, clock_source="NTP", hide=nothing_else)
    return Path(exhibit.path).read_bytes()


def assert_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: int) -> None:
    """The salt, the clock and the key are the same, and the ledger is new each time."""
    monkeypatch.setattr(seal, "new_salt", lambda: SALT)
    dice = np.random.default_rng(26)
    keys = World(tmp_path / "first").data / "keys"
    source = frames()
    whole = sealed(tmp_path / "original", keys, source)
    for _ in tqdm(range(changes), disable=changes < 1000):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            other = changed(source, dice)
            assert any(not np.array_equal(a.pixels, b.pixels) for a, b in zip(source, other, strict=True))
            assert sealed(Path(folder), keys, other) == whole
    seen = [replace(frame, pixels=frame.pixels ^ np.uint8(1)) for frame in source]
    assert sealed(tmp_path / "seen", keys, seen) != whole, "and what is seen does matter"


def test_what_lies_under_a_fill_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same_bytes(tmp_path, monkeypatch, 24)


@pytest.mark.slow
def test_ten_thousand_changes_under_a_fill_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same_bytes(tmp_path, monkeypatch, 10_000)
