"""The contract tests of the ports. Whoever writes a plug-in runs these on it; the built-in ones pass them too.

    from clearway.testing import contracts
    contracts.detector(MyDetector(), frames)

Each function raises AssertionError, with words that name the broken promise.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from clearway import plates
from clearway.envelope import verifies
from clearway.facts import Answer, Box, Detection, Frame, Kind, Passage, Pixels, Plate, Record
from clearway.ports import ClipEncoder, Detector, Reader, Register, Rule, Signer, Source

_SHA256 = re.compile("[0-9a-f]{64}")


def source(made: Source) -> None:
    """A recording's frames are numbered from 0, upright RGB, never go back in time, and are as many as announced."""
    frames = list(made)
    assert frames, "a source that can be opened gives a frame"
    assert [frame.number for frame in frames] == list(range(len(frames))), "frames are numbered in order, from 0"
    assert all(a.captured_at <= b.captured_at for a, b in pairwise(frames)), "time never runs backwards"
    assert {frame.camera for frame in frames} == {made.camera}, "frames name their camera"
    assert made.frames_expected in (None, len(frames)), "as many frames come as were announced"
    assert made.clock, "a source says where its times come from"


def detector(made: Detector, frames: Iterable[Frame]) -> None:
    """Detections lie inside the region that was asked for, come best first, and are the same when asked again."""
    _tells_what_it_is(made)
    for frame in frames:
        middle = Box(frame.width_px * 0.25, frame.height_px * 0.25, frame.width_px * 0.75, frame.height_px * 0.75)
        for region in (frame.whole, middle):
            found = made.find(frame, region)
            assert all(_inside(d.box, region) for d in found), "a detection lies inside the region"
            assert [d.p for d in found] == sorted((d.p for d in found), reverse=True), "detections come best first"
            again = made.find(frame, region)
            assert [(d.kind, d.box) for d in again] == [(d.kind, d.box) for d in found], "the same frame gives the same answer"


def reader(made: Reader, frames: Iterable[Frame], places: Sequence[Box]) -> None:
    """Readings are canonical and carry a probability for every character; no pixels make a reader raise."""
    _tells_what_it_is(made)
    for frame in frames:
        for place in places:
            reading = made.read(frame, Detection(Kind.PLATE, place, 0.9))
            if reading is None:
                continue
            assert plates.canonical(reading.text) == reading.text, "a reading is canonical"
            assert reading.p_characters.shape == (len(reading.text), len(plates.ALPHABET)), "a row a character"
            assert plates.text_of(reading.p_characters) == reading.text, "the text is what its probabilities say"


def hostile_frames(at: datetime) -> list[Frame]:
    """Pictures that no detector or reader may trip over: black, white, noise, a sliver, a single line."""
    dice = np.random.default_rng(5)
    pictures: list[Pixels] = [
        np.zeros((120, 200, 3), np.uint8),
        np.full((120, 200, 3), 255, np.uint8),
        dice.integers(0, 256, (120, 200, 3), np.uint8),
        np.zeros((3, 400, 3), np.uint8),
        np.zeros((400, 3, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ]
    return [Frame("hostile", number, at, 0.0, pixels) for number, pixels in enumerate(pictures)]


def register(made: Register, sure: Plate, unsure: Plate, asked_at: datetime) -> None:
    """Answers are about the question, repeatable, and UNKNOWN for a plate that was hardly read; UNKNOWN tells of nobody."""
    for plate in (sure, unsure):
        record = made.ask(plate, asked_at, 0.0)
        assert isinstance(record, Record) and record.register == made.name and record.asked_at == asked_at
        assert made.ask(plate, asked_at, 0.0) == record, "the same question gets the same answer"
        assert record.answer is not Answer.UNKNOWN or not record.entry, "UNKNOWN tells of nobody's vehicle"
    assert made.ask(unsure, asked_at, 0.0).answer is Answer.UNKNOWN, "a plate that was hardly read is UNKNOWN"


def rule(made: Rule, passage: Passage, asked_at: datetime) -> None:
    """No rule accuses without records, or on UNKNOWN."""
    assert made.judge(passage, ()) is None, "no records, no finding"
    for name, question in (("hotlist", "listed"), ("register", "registered")):
        unknown = Record(name, question, Answer.UNKNOWN, asked_at, None)
        assert made.judge(passage, (unknown,)) is None, "never on UNKNOWN"


def signer(made: Signer) -> None:
    """What it signs verifies against its public key, and nothing else does."""
    signature = made.sign(b"road")
    assert verifies(made.public_key(), signature, b"road")
    assert not verifies(made.public_key(), signature, b"rode")


def clip_encoder(made: ClipEncoder, pictures: Sequence[Pixels], began_at: datetime) -> None:
    """The same pictures give the same bytes."""
    times = [began_at + timedelta(milliseconds=40 * number) for number in range(len(pictures))]
    assert made(pictures, times) == made(pictures, times), "the same pictures give the same bytes"


def _tells_what_it_is(made: Detector | Reader) -> None:
    assert made.name, "an exhibit names what was seen with"
    assert all(name and _SHA256.fullmatch(digest) for name, digest in made.weights), "and its weights by their SHA-256"


def _inside(box: Box, region: Box) -> bool:
    return (
        box.left_px >= region.left_px - 1
        and box.top_px >= region.top_px - 1
        and box.right_px <= region.right_px + 1
        and box.bottom_px <= region.bottom_px + 1
    )
