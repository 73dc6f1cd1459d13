"""A data folder with keys, a ledger and a sealer, and one vehicle that drives through noise.

Every pixel of every frame is random, so a pixel that gets out where it should not has nowhere to hide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from clearway.envelope import PUBLIC_KEY_NAME, create_keys, keep_public_key
from clearway.evidence.credentials import Credentials, load_chain
from clearway.evidence.ledger import Ledger
from clearway.evidence.original import Court
from clearway.evidence.pkcs11 import TokenKey, TokenSigner, open_signer
from clearway.evidence.seal import Sealer
from clearway.evidence.sketch import Line, Place, Sketch, worded
from clearway.evidence.witness import Witnesses
from clearway.facts import (
    Answer,
    Bound,
    Box,
    Detection,
    Drive,
    Exhibit,
    Finding,
    Frame,
    Kind,
    Lamp,
    Light,
    Measurement,
    Passage,
    Pixels,
    Plate,
    Reading,
    Record,
    Sighting,
    Waypoint,
)
from clearway.plates import ALPHABET, PLACE
from clearway.ports import ClipEncoder, Detector, Signer, TimestampAuthority

BEGUN_AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SEALED_AT = datetime(2026, 11, 22, 8, 30, 9, 250_000, tzinfo=UTC)
FRAME_S = 0.2
PLATE = "AB12CDE"
MADE_WITH = {"program": "clearway", "version": "0.1.0", "settings_sha256": "00" * 32}


def stub_encode(pictures: Sequence[Pixels], times: Sequence[datetime]) -> bytes:
    """Stands where the clip's content does not matter: every picture's pixels, one after the other."""
    assert len(pictures) == len(times)
    return b"".join(picture.tobytes() for picture in pictures)


def frames(count: int = 12, width_px: int = 96, height_px: int = 64, seed: int = 7) -> list[Frame]:
    dice = np.random.default_rng(seed)
    return [
        Frame(
            "north-gate",
            number,
            BEGUN_AT + timedelta(seconds=FRAME_S * number),
            40.0,
            dice.integers(0, 256, (height_px, width_px, 3), dtype=np.uint8),
        )
        for number in range(count)
    ]


def reading(text: str = PLATE, p: float = 0.97) -> Reading:
    p_characters = np.zeros((len(text), len(ALPHABET)))
    for place, character in enumerate(text):
        p_characters[place, PLACE[character]] = p
    p_characters[-1, PLACE["F"]] = 0.02
    return Reading(text, p_characters)


def sighting(number: int, box: Box) -> Sighting:
    plate_box = Box(box.left_px + 4, box.bottom_px - 12, box.left_px + 24, box.bottom_px - 6)
    at = BEGUN_AT + timedelta(seconds=FRAME_S * number)
    return Sighting(number, at, Kind.VEHICLE, box, 0.9, plate_box, reading())


def passage(numbers: Sequence[int] = (2, 5, 8)) -> Passage:
    """A vehicle that moves 3 px to the right with every frame."""
    sightings = tuple(sighting(n, Box(10.5 + 3 * n, 12.0, 42.5 + 3 * n, 50.0)) for n in numbers)
    plate = Plate(PLATE, 0.985, len(sightings), (("A812CDE", 0.011), ("AB12CDF", 0.002)), reading().p_characters, "GB")
    return Passage("north-gate-1", "north-gate", sightings, 40.0, plate)


def finding(of: Passage | None = None, decisive_frames: tuple[int, ...] = (5, 2)) -> Finding:
    line = {"plate": "AB12 CDE", "reason": "stolen", "case": "2026-1187", "expires": "2026-12-31T00:00:00Z"}
    asked_at, published_at = BEGUN_AT + timedelta(seconds=2), BEGUN_AT - timedelta(hours=3)
    listed = Record("hotlist", "listed", Answer.YES, asked_at, published_at, 0.98, line, "5e" * 32)
    because = "The hot list says that this vehicle is stolen."
    return Finding("wanted", of or passage(), PLATE, 0.98, because, (listed,), decisive_frames)


def measured(of: Passage | None = None, decisive_frames: tuple[int, ...] = (5, 2)) -> Finding:
    """That the vehicle drove in a bus lane: a register's answer, and a way that was measured."""
    of = of or passage()
    ways_m = zip(of.sightings, (42.5, 25.1, 7.7), strict=True)
    places = tuple(Waypoint(sighting.captured_at, along_m, 1.75, 0.31, 0.12) for sighting, along_m in ways_m)
    of = replace(of, drive=Drive(places))
    line = {"plate": PLATE, "class": "car"}
    asked_at, published_at = BEGUN_AT + timedelta(seconds=2), BEGUN_AT - timedelta(hours=3)
    registered = Record("register", "registered", Answer.YES, asked_at, published_at, 0.98, line, "5e" * 32)
    bound = Bound(0.0, "sign 245, order 2022/3", 30.0, "StVO § 41 with sign 245 of Anlage 2")
    way = Measurement("way in the bus lane", 34.8, 0.62, "m", "between two of 3 places of the plate, 1.2 s apart", bound)
    because = "In the bus lane it drove 34.8 m ± 0.6 m, and the register calls it a car."
    moments = tuple(sighting.frame_number for sighting in of.sightings)
    return Finding("bus_lane", of, PLATE, 0.98, because, (registered,), decisive_frames, (way,), "bus lane", moments)


def sketch(of: Finding) -> Sketch:
    """A zone, and a path through it."""
    assert of.passage.drive is not None
    zone = Line("bus lane", ((4.0, 20.0), (90.0, 20.0), (95.0, 62.0), (1.0, 62.0)), True)
    path = tuple(
        Place(place.at, (x, 56.0), ((x - 3, 54.0), (x + 3, 54.0), (x + 3, 58.0), (x - 3, 58.0)))
        for x, place in zip((20.0, 29.0, 38.0), of.passage.drive.waypoints, strict=True)
    )
    return Sketch((zone,), path, worded(of.measurements[0]))


HEAD_PX = (84, 2, 90, 20)


def junction(count: int = 16, width_px: int = 96, height_px: int = 64) -> list[Frame]:
    """A fixed camera before a signal: what stands still is the same noise in every frame; the lamps, and from frame 1 to 9 the
    vehicle, are not."""
    still = frames(1, width_px, height_px, seed=11)[0].pixels
    made = []
    for frame in frames(count, width_px, height_px):
        pixels = still.copy()
        left, top, right, bottom = HEAD_PX
        pixels[top:bottom, left:right] = frame.pixels[top:bottom, left:right]
        if 0 < frame.number < 10:
            at = slice(10 + 3 * frame.number, 43 + 3 * frame.number)
            pixels[:50, at] = frame.pixels[:50, at]
        made.append(replace(frame, pixels=pixels))
    return made


def ran_red(of: Passage | None = None, decisive_frames: tuple[int, ...] = (5, 2)) -> Finding:
    """That the vehicle crossed a stop line when its signal had been red for a while: nothing but what was measured."""
    of = of or passage()
    ways_m = zip(of.sightings, (42.5, 25.1, 7.7), strict=True)
    places = tuple(Waypoint(sighting.captured_at, along_m, 1.75, 0.31, 0.12) for sighting, along_m in ways_m)
    lamps = (Lamp("K1", Light.RED, BEGUN_AT - timedelta(seconds=3), BEGUN_AT + timedelta(seconds=4), 50.0),)
    of = replace(of, drive=Drive(places, lamps=lamps))
    bound = Bound(0.0, "signal plan 14-3", 0.5, "BKatV no. 132")
    red = Measurement("red when it crossed", 3.9, 0.2, "s", "between two of 3 places of the plate", bound)
    because = "At the arm it crossed the stop line when signal K1 had been red for 3.9 s ± 0.2 s and went on."
    moments = tuple(sighting.frame_number for sighting in of.sightings)
    return Finding("red_light", of, PLATE, 0.98, because, (), decisive_frames, (red,), "the arm", moments)


def signal_sketch(of: Finding) -> Sketch:
    """A stop line, a path over it, and the head of its signal."""
    left, top, right, bottom = map(float, HEAD_PX)
    head = Line("signal K1", ((left, top), (right, top), (right, bottom), (left, bottom)), True)
    assert of.passage.drive is not None
    bare = sketch(of)
    line = Line("stop line", ((4.0, 40.0), (80.0, 40.0)))
    return replace(bare, lines=(line, head), heads=(head,), lamps=of.passage.drive.lamps)


SURVEYED = {"scene.toml": b"# the scene as it was read\n", "law.toml": b"# the law as it was read\n"}


def nothing_else(_: Frame) -> Sequence[Box]:
    return ()


class Hider:
    """Finds what it was told to find in the frame of that number, or raises it."""

    name = "hider"
    weights: tuple[tuple[str, str], ...] = ()

    def __init__(self, found: Callable[[int], Sequence[Detection] | Exception] = lambda number: ()) -> None:
        self._found = found

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        found = self._found(frame.number)
        if isinstance(found, Exception):
            raise found
        return tuple(found)


@dataclass
class World:
    data: Path
    encode: ClipEncoder = stub_encode
    stills: int = 2
    hider: Detector = field(default_factory=Hider)
    temperature: float | None = 1.25
    authority: TimestampAuthority | None = None
    court: Court | None = None
    credentials: bool = False
    witnesses: Witnesses | None = None
    token: TokenKey | None = None
    sealed_at: datetime = SEALED_AT
    signer: Signer = field(init=False)
    ledger: Ledger = field(init=False)
    sealer: Sealer = field(init=False)

    def __post_init__(self) -> None:
        folder = self.data / "keys"
        if (folder / PUBLIC_KEY_NAME).exists():
            self.signer = open_signer(folder, self.token)
        elif self.token is None:
            self.signer = create_keys(folder)
        else:
            self.signer = TokenSigner(self.token)
            keep_public_key(folder, self.signer)
        self.ledger = Ledger(self.data / "ledger", self.signer)
        self.sealer = self.new_sealer()

    @property
    def keys(self) -> dict[str, bytes]:
        return {self.signer.key_id: self.signer.public_key()}

    @property
    def exhibits(self) -> Path:
        return self.data / "exhibits"

    def new_sealer(self) -> Sealer:
        return Sealer(
            self.data,
            self.signer,
            self.ledger,
            self.encode,
            self.hider,
            MADE_WITH,
            lambda: self.sealed_at,
            self.stills,
            temperature=self.temperature,
            authority=self.authority,
            court=self.court,
            credentials=self._made_credentials() if self.credentials else None,
            witnesses=self.witnesses,
        )

    def _made_credentials(self) -> Credentials:
        return Credentials(self.signer, load_chain(self.data / "keys", self.signer, "north-gate", self.sealed_at))

    def seal(self) -> Exhibit:
        return self.sealer.seal(finding(), frames(), clock_source="NTP, stratum 2", hide=nothing_else)

    def seal_measured(self) -> Exhibit:
        found = measured()
        return self.sealer.seal(
            found, frames(), clock_source="NTP, stratum 2", hide=nothing_else, sketch=sketch(found), surveyed=SURVEYED
        )

    def seal_red(self, source: Sequence[Frame] | None = None, hide: Callable[[Frame], Sequence[Box]] = nothing_else) -> Exhibit:
        found = ran_red()
        frames = junction() if source is None else source
        return self.sealer.seal(
            found, frames, clock_source="NTP, stratum 2", hide=hide, sketch=signal_sketch(found), surveyed=SURVEYED
        )
