"""Every implementation of a port passes the same tests."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.evidence.hsm import PIN, softhsm

from clearway import plates
from clearway.camera.clip import Clip
from clearway.camera.film import encode_clip
from clearway.camera.stills import Stills
from clearway.check import hotlist, register
from clearway.envelope import create_keys
from clearway.evidence.pkcs11 import PIN_VARIABLE, TokenSigner
from clearway.facts import Box, Detection, Frame, Kind, Passage, Plate, Sighting
from clearway.ports import Detector, Reader, Register, Rule, Source
from clearway.rules.papers import Papers
from clearway.rules.wanted import Wanted
from clearway.sight.rapid import RapidDetector, RapidReader
from clearway.testing import contracts
from clearway.testing.road import Road, film, hotlist_csv, register_csv
from clearway.testing.truth import TruthDetector, TruthReader

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
ROAD = Road(seed=3, vehicles=3, width_px=640, height_px=360, events=False)
FRAMES = [ROAD.frame(number) for number in (30, 60)]


def plate(text: str, p: float) -> Plate:
    """A plate that was read with this probability for each character."""
    p_characters = np.zeros((len(text), len(plates.ALPHABET)))
    p_characters[range(len(text)), [plates.PLACE[character] for character in text]] = p
    return Plate(text, p ** len(text), 3, (), p_characters)


@pytest.mark.parametrize("made", [TruthDetector(ROAD), RapidDetector(threads=1, enlarge_max=1.0)], ids=lambda made: made.name)
def test_detectors(made: Detector) -> None:
    contracts.detector(made, FRAMES)
    for frame in contracts.hostile_frames(AT):
        made.find(frame, frame.whole)


@pytest.mark.parametrize("made", [TruthReader(ROAD), RapidReader(threads=1)], ids=lambda made: made.name)
def test_readers(made: Reader) -> None:
    shown = [vehicle.plate_box for vehicle in ROAD.truth(60) if vehicle.plate_box]
    contracts.reader(made, FRAMES, [*shown, Box(0, 0, 3, 3), Box(10, 10, 200, 60)])
    for frame in contracts.hostile_frames(AT):
        made.read(frame, Detection(Kind.PLATE, frame.whole, 1.0))


@pytest.fixture(params=["clip", "stills"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    if request.param == "clip":
        film(ROAD, tmp_path / "road.mp4")
        return Clip(tmp_path / "road.mp4", "camera", 1000.0)
    for frame in FRAMES:
        cv2.imwrite(str(tmp_path / f"{frame.number}.png"), frame.pixels[:, :, ::-1])
    return Stills(tmp_path, "camera", 1000.0)


def test_sources(recording: Source) -> None:
    contracts.source(recording)


@pytest.mark.parametrize("kind", ["hotlist", "register"])
def test_registers(kind: str, tmp_path: Path) -> None:
    signer = create_keys(tmp_path / "keys")
    keys = {hashlib.sha256(signer.public_key()).hexdigest(): signer.public_key()}
    made: Register
    if kind == "hotlist":
        hotlist.publish(hotlist_csv(ROAD).encode(), tmp_path, signer, ROAD.starts_at)
        made = hotlist.load(tmp_path, keys)
    else:
        register.publish(register_csv(ROAD).encode(), tmp_path, signer, ROAD.starts_at)
        made = register.load(tmp_path, keys)
    contracts.register(made, plate(ROAD.listed[0], 0.9999), plate(ROAD.listed[0], 0.5), ROAD.starts_at + timedelta(hours=1))


@pytest.mark.parametrize("made", [Wanted(), Papers()], ids=lambda made: made.name)
def test_rules(made: Rule) -> None:
    sighting = Sighting(0, AT, Kind.VEHICLE, Box(0, 0, 9, 9), 1.0)
    contracts.rule(made, Passage("1", "camera", (sighting,), 0.0, plate(ROAD.listed[0], 0.999)), AT)


def test_signers(tmp_path: Path) -> None:
    contracts.signer(create_keys(tmp_path))


def test_a_signer_in_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    named = softhsm().token("contract")
    monkeypatch.setenv(PIN_VARIABLE, PIN)
    contracts.signer(TokenSigner(named))


def test_clip_encoders() -> None:
    contracts.clip_encoder(encode_clip, [frame.pixels for frame in FRAMES], AT)


def test_a_contract_can_fail() -> None:
    """A detector that looks beyond its region is caught."""

    class Overreaching:
        name = "overreaching"
        weights: tuple[tuple[str, str], ...] = ()

        def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
            return (Detection(Kind.PLATE, frame.whole, 1.0),)

    with pytest.raises(AssertionError, match="inside the region"):
        contracts.detector(Overreaching(), FRAMES)
