"""The same finding comes out of an exhibit again, to the last bit, and no other one passes for it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.edge.test_pipeline import Played
from tests.evidence import world
from tests.evidence.sins import packed

from clearway.cli.main import main
from clearway.edge.replay import Outcome, replay
from clearway.edge.station import Station
from clearway.errors import ExhibitError
from clearway.evidence import canonical
from clearway.evidence.bundle import list_exhibits
from clearway.evidence.verify import contents
from clearway.facts import Answer, Box, Finding, Kind, Reading, Record, Sighting
from clearway.plates import ALPHABET, PLACE
from clearway.settings import Settings
from clearway.testing.road import Road, hotlist_csv, register_csv
from clearway.testing.truth import TruthDetector, TruthReader
from clearway.track.tracker import READINGS_MAX, Tracker

# The steps, without the first: how a picture was read is never derived.
READINGS, PLATE, RECORDS, DRIVE, FINDING = range(2, 7)


@pytest.fixture(scope="module")
def exhibits(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What a camera on the simulated road sealed: two listed vehicles and a lapsed registration. Its reader errs."""
    folder = tmp_path_factory.mktemp("road")
    starts_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    road = Road(seed=4, vehicles=8, width_px=480, height_px=270, starts_at=starts_at)
    (folder / "hotlist.csv").write_text(hotlist_csv(road))
    (folder / "register.csv").write_text(register_csv(road))
    station = Station(folder / "data", Settings())
    station.publish_hotlist(folder / "hotlist.csv")
    station.publish_register(folder / "register.csv")
    truth = TruthDetector(road)
    list(station.pipeline(Played(list(road.frames())), truth, TruthReader(road, error_rate=0.05), hider=truth).run())
    sealed = list(list_exhibits(station.data))
    assert len(sealed) >= 2
    return sealed


@pytest.fixture(scope="module")
def wanted(exhibits: list[Path]) -> Path:
    return next(path for path in exhibits if b'"rule":"wanted"' in contents(path)["manifest.json"])


def outcomes(path: Path) -> dict[int, Outcome]:
    return {step.number: step.outcome for step in replay(path)}


def test_every_exhibit_of_the_road_comes_out_the_same(exhibits: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    for path in exhibits:
        assert outcomes(path) == {1: Outcome.NOT_DERIVED} | dict.fromkeys(range(2, 7), Outcome.SAME)
        assert main(["replay", str(path)]) == 0
        assert "5 of 6 steps came out as the exhibit says; 1 cannot be derived from it." in capsys.readouterr().out
    assert main(["replay", str(exhibits[0]), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [step["number"] for step in said["steps"]] == [1, 2, 3, 4, 5, 6]


def changed(path: Path, into: Path, name: str, change: Callable[[Any], object]) -> Path:
    """The same exhibit with one of its JSON files changed, whole in all that needs no key."""
    files = contents(path)
    said = canonical.loads(files[name])
    change(said)
    files[name] = canonical.dumps(said)
    manifest = canonical.loads(files["manifest.json"])
    assert isinstance(manifest, dict)
    for line in manifest["files"]:
        content = files[line["name"]]
        line |= {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    files["manifest.json"] = canonical.dumps(manifest)
    made = into / "changed.zip"
    made.write_bytes(packed(files.items()))
    return made


def other_character(said: Any) -> None:
    """In one frame another character was likelier, and the manifest is not told."""
    row = said["readings"][0]["p_characters"][0]
    (other,) = [character for character in "XY" if character not in row][:1]
    row |= {key: p / 10 for key, p in row.items()} | {other: 0.7}


def less_sure(said: Any) -> None:
    row = said["readings"][-1]["p_characters"][-1]
    row |= {key: p * 0.999 for key, p in row.items()}


def test_one_reading_changed_is_found(wanted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for change in (other_character, less_sure):
        path = changed(wanted, tmp_path, "readings.json", change)
        found = outcomes(path)
        assert found[READINGS] is Outcome.DIFFERS
        assert found[PLATE] is not Outcome.SAME
        assert main(["replay", str(path)]) == 7
        assert "does not follow from this exhibit's own evidence" in capsys.readouterr().out


CLAIMS: dict[str, tuple[set[int], Callable[[Any], object]]] = {
    "a reading's text": ({READINGS}, lambda said: said["readings"][0].update(text="XX00XXX")),
    "a reading's legibility": ({READINGS}, lambda said: said["readings"][0].update(legibility=0.5)),
    "a reading that is left out": ({READINGS, PLATE, RECORDS, FINDING}, lambda said: said["readings"].pop()),
    "the plate's probability": ({PLATE}, lambda said: said["plate"].update(p=0.9999999)),
    "the plate's other texts": ({PLATE}, lambda said: said["plate"].update(runners_up=[])),
    "an entry about another plate": ({RECORDS, FINDING}, lambda said: said["records"][0]["entry"].update(plate="XX00XXX")),
    "an entry that had ended": (
        {RECORDS, FINDING},
        lambda said: said["records"][0]["entry"].update(expires="2020-01-01T00:00:00Z"),
    ),
    "an entry with another reason": ({FINDING}, lambda said: said["records"][0]["entry"].update(reason="uninsured")),
    "an entry without a plate": ({RECORDS, FINDING}, lambda said: said["records"][0].update(entry={"reason": "stolen"})),
    "a register's answer": ({RECORDS}, lambda said: said["records"][0].update(answer="no")),
    "the finding's plate": ({FINDING}, lambda said: said["finding"].update(plate="XX00XXX")),
    "the finding's reason": ({FINDING}, lambda said: said["finding"].update(because="It looked at us.")),
    "the finding's frames": ({FINDING}, lambda said: said["finding"]["decisive_frames"].reverse()),
    "the clock's error": ({RECORDS, FINDING}, lambda said: said["passage"]["clock"].update(error_ms=4e12)),
    "that no plate was seen": ({FINDING}, lambda said: said["finding"].update(rule="no_plate", plate="")),
    "a camera's word beside the list's": (
        {RECORDS, FINDING},
        lambda said: said["records"].append(said["records"][0] | {"register": "camera", "question": "plates shown"}),
    ),
    "another rule": ({FINDING}, lambda said: said["finding"].update(rule="papers")),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_that_does_not_follow_is_found(claim: str, wanted: Path, tmp_path: Path) -> None:
    steps, change = CLAIMS[claim]
    found = outcomes(changed(wanted, tmp_path, "manifest.json", change))
    differing = {number for number, outcome in found.items() if outcome is Outcome.DIFFERS}
    assert differing == steps


def less_by_a_digit(said: Any) -> None:
    said["plate"]["p"] = float(np.nextafter(said["plate"]["p"], 0))


def test_a_last_digit_is_told_apart_from_a_change(wanted: Path, tmp_path: Path) -> None:
    """Another processor's sum may end otherwise."""
    path = changed(wanted, tmp_path, "manifest.json", less_by_a_digit)
    assert outcomes(path)[PLATE] is Outcome.ROUNDED
    assert main(["replay", str(path)]) == 0


def test_a_rule_that_nobody_knows_is_not_derived(wanted: Path, tmp_path: Path) -> None:
    path = changed(wanted, tmp_path, "manifest.json", lambda said: said["finding"].update(rule="be\x1bautiful"))
    step = replay(path)[-1]
    assert step.outcome is Outcome.NOT_DERIVED and "\x1b" not in step.words


def _first(said: Any) -> Any:
    return said["readings"][0]


NONSENSE: dict[str, tuple[str, Callable[[Any], object]]] = {
    "no readings": ("manifest.json", lambda said: said.pop("readings")),
    "a time that is none": ("manifest.json", lambda said: _first(said).update(at="yesterday")),
    "a box without size": ("manifest.json", lambda said: _first(said).update(plate_px=[1, 1, 1, 1])),
    "records that are none": ("manifest.json", lambda said: said.update(records=[7])),
    "a clock of words": ("manifest.json", lambda said: said["passage"].update(clock="right")),
    "another format": ("readings.json", lambda said: said.update(format="clearway-readings/9")),
    "a character that no plate has": ("readings.json", lambda said: _first(said)["p_characters"][0].update({"ß": 0.1})),
    "a probability beyond 1": ("readings.json", lambda said: _first(said)["p_characters"][0].update({"A": 7})),
    "a text of thousands": (
        "readings.json",
        lambda said: _first(said).update(text="A" * 5000, p_characters=[{"A": 0.9}] * 5000),
    ),
    "hundreds of readings": ("readings.json", lambda said: said.update(readings=[_first(said)] * 300)),
    "frames that are lists": ("readings.json", lambda said: _first(said).update(frame=[1])),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_is_refused_in_words(nonsense: str, wanted: Path, tmp_path: Path) -> None:
    name, change = NONSENSE[nonsense]
    with pytest.raises(ExhibitError, match="does not say what can be replayed"):
        replay(changed(wanted, tmp_path, name, change))


def bare(made: Path) -> Path:
    """An exhibit of a vehicle that showed no plate."""
    of = world.passage()
    sightings = tuple(replace(one, plate_box=None, reading=None) for one in of.sightings)
    before = {"side": "front", "vehicles": "100", "showed": "100"}
    record = Record("camera", "plates shown", Answer.YES, of.last_at, None, 0.99, before)
    because = "No plate was seen on its front."
    found = Finding("no_plate", replace(of, plate=None, sightings=sightings), "", 0.99, because, (record,), (5, 2))
    sealer = world.World(made / "data").sealer
    return Path(sealer.seal(found, world.frames(), clock_source="NTP", hide=world.nothing_else).path)


def test_that_no_plate_was_seen_is_not_derived(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bare(tmp_path)
    not_derived = dict.fromkeys((1, RECORDS, FINDING), Outcome.NOT_DERIVED)
    assert outcomes(path) == dict.fromkeys((READINGS, PLATE, DRIVE), Outcome.SAME) | not_derived
    assert main(["replay", str(path)]) == 0
    said = capsys.readouterr().out
    for words in (
        "no plate was read in any picture",
        "nothing else is kept of them",
        "look for a plate in the pictures yourself",
    ):
        assert words in said


def test_a_plate_out_of_no_reading_is_found(tmp_path: Path) -> None:
    """Somebody says that a plate was read on a vehicle that showed none."""
    plate = {"text": "AB12CDE", "p": 0.99, "votes": 3, "region": "GB", "runners_up": []}
    path = changed(bare(tmp_path), tmp_path, "manifest.json", lambda said: said.update(plate=plate))
    assert outcomes(path)[PLATE] is Outcome.DIFFERS


def test_a_damaged_file_is_no_exhibit(wanted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = bytearray(wanted.read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / wanted.name).write_bytes(raw)
    assert main(["replay", str(tmp_path / wanted.name)]) == 7
    assert "is no whole exhibit" in capsys.readouterr().err


@pytest.mark.parametrize("looks", [READINGS_MAX + 40, 400])
def test_a_long_stay_is_fused_from_the_same_readings(looks: int, tmp_path: Path) -> None:
    """A tracker fuses the readings that are worth most; of a very long stay a sample is kept, and that is said."""
    dice, at = np.random.default_rng(3), world.BEGUN_AT
    tracker = Tracker("north-gate", lost_after_s=1.0, judged_after_s=1e6, plate_p_min=0.0)
    for number in range(looks):
        p_characters = np.zeros((7, len(ALPHABET)))
        for place, character in enumerate(world.PLATE):
            p_characters[place, PLACE[character]] = dice.choice([0.7, 0.8, 0.9])
        box = Box(20.0, 20.0, 60.0, 40.0)
        read = Reading(world.PLATE, p_characters, float(dice.choice([0.5, 1.0])))
        seen = Sighting(number, at + timedelta(seconds=0.05 * number), Kind.VEHICLE, box, 0.9, Box(30, 30, 50, 36), read)
        tracker.update(seen.captured_at, [seen], 40.0)
    (passage,) = tracker.finish()
    assert passage.plate is not None
    sealer = world.World(tmp_path, sealed_at=at + timedelta(seconds=60)).sealer
    shown = [replace(frame, number=number) for number, frame in enumerate(world.frames(3))]
    exhibit = sealer.seal(world.finding(passage, (0,)), shown, clock_source="NTP", hide=world.nothing_else)
    found = outcomes(Path(exhibit.path))
    assert found[READINGS] is Outcome.SAME
    assert found[PLATE] is (Outcome.SAME if looks < 256 else Outcome.NOT_DERIVED)
