"""Whatever lies under a fill, the same exhibit comes out, to the last byte of its ZIP: nothing of it can be had back."""

import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.evidence.world import Hider, World, finding, frames, junction, nothing_else, passage
from tqdm import tqdm

from clearway.camera.film import encode_clip
from clearway.errors import InstallationError
from clearway.evidence import seal
from clearway.evidence.hide import Look, fills, with_margin
from clearway.evidence.redact import filled_px, region_at, reveal
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


# At a signal: in one frame a lorry is before its head, later somebody; the look at one more frame fails.
LORRY, PASSER_BY = Detection(Kind.VEHICLE, Box(82, 0, 96, 24), 0.4), Detection(Kind.PERSON, Box(70, 0, 88, 40), 0.2)
# More of the picture than what any vehicle drove over.
ROAD_PX = np.s_[28:54, 8:80]


def found_at_a_signal(number: int) -> Sequence[Detection] | Exception:
    if number == 12:
        return InstallationError("it broke.", remedy="mend it.")
    finds = found(number)
    others = {2: (LORRY,), 11: (PASSER_BY,)}.get(number, ())
    return finds if isinstance(finds, Exception) else (*finds, *others)


def sealed_at_a_signal(folder: Path, keys: Path, source: Sequence[Frame]) -> bytes:
    shutil.copytree(keys, folder / "keys")
    return Path(World(folder, encode_clip, hider=Hider(found_at_a_signal)).seal_red(source).path).read_bytes()


def has_a_say(number: int) -> NDArray[np.bool_]:
    """Which pixels of that frame may have a part in the empty road."""
    mask = np.zeros((64, 96), bool)
    finds = found_at_a_signal(number)
    if not isinstance(finds, Exception):
        mask[ROAD_PX] = True
        for one in finds:
            left, top, right, bottom = filled_px(with_margin(one.box), (0, 0, 96, 64)) or (0, 0, 0, 0)
            mask[top:bottom, left:right] = False
    return mask


def changed_at_a_signal(source: Sequence[Frame], dice: np.random.Generator, whole: bytes) -> list[Frame]:
    """The same frames, in which pixels are others that the manifest of the whole exhibit does not show, and that have no part in
    the road: neither in their own frame, nor beside the next one, which is still where it is as the one before it."""
    with zipfile.ZipFile(io.BytesIO(whole)) as bundle:
        shown = json.loads(bundle.read("manifest.json"))["shown"]
    told = {line["frame"]: line for line in shown["clip"]["frames"]}
    assert shown["road"]["frames"] and {word for line in told.values() for word in line["heads"]} > {
        "shown",
        "vehicle unsure",
        "person carried",
    }
    made = []
    for frame in source:
        kept = has_a_say(frame.number) | has_a_say(frame.number + 1)
        if (line := told.get(frame.number)) is not None:
            seen = np.zeros(kept.shape, bool)
            if line["region_px"] is not None:
                left, top, right, bottom = line["region_px"]
                seen[top:bottom, left:right] = True
            for left, top, right, bottom in line["hidden_px"]:
                seen[top:bottom, left:right] = False
            for head, word in zip(shown["heads"], line["heads"], strict=True):
                left, top, right, bottom = head["px"]
                seen[top:bottom, left:right] |= word == "shown"
            kept |= seen
        others = ~kept & (dice.random(kept.shape) < dice.choice((0.0005, 0.1, 1.0)))
        pixels = np.where(others[:, :, None], dice.integers(0, 256, frame.pixels.shape, np.uint8), frame.pixels)
        made.append(replace(frame, pixels=pixels))
    return made


def assert_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: int, *, at_a_signal: bool = False) -> None:
    """The salt, the clock and the key are the same, and the ledger is new each time."""
    monkeypatch.setattr(seal, "new_salt", lambda: SALT)
    dice = np.random.default_rng(26)
    keys = World(tmp_path / "first").data / "keys"
    source, sealed_as = (junction(), sealed_at_a_signal) if at_a_signal else (frames(), sealed)
    whole = sealed_as(tmp_path / "original", keys, source)
    for _ in tqdm(range(changes), disable=changes < 1000):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            other = changed_at_a_signal(source, dice, whole) if at_a_signal else changed(source, dice)
            assert any(not np.array_equal(a.pixels, b.pixels) for a, b in zip(source, other, strict=True))
            assert sealed_as(Path(folder), keys, other) == whole
    seen = [replace(frame, pixels=frame.pixels ^ np.uint8(1)) for frame in source]
    assert sealed_as(tmp_path / "seen", keys, seen) != whole, "and what is seen does matter"


def test_what_lies_under_a_fill_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same_bytes(tmp_path, monkeypatch, 24)


def test_what_is_not_shown_of_a_signal_and_its_road_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same_bytes(tmp_path, monkeypatch, 24, at_a_signal=True)


@pytest.mark.slow
@pytest.mark.parametrize("at_a_signal", [False, True])
def test_ten_thousand_changes_under_a_fill_change_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_signal: bool
) -> None:
    assert_same_bytes(tmp_path, monkeypatch, 10_000, at_a_signal=at_a_signal)
