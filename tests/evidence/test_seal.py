"""Sealing is all or nothing, through a full disk and a read-only folder; `tests/crash` has kill -9 and power cuts."""

import errno
import hashlib
import json
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.evidence.world import PLATE, SEALED_AT, World, finding, frames, nothing_else, passage, sighting

from clearway.camera.film import encode_clip
from clearway.errors import ClearwayError, SealError
from clearway.evidence import canonical
from clearway.evidence.bundle import list_exhibits
from clearway.evidence.fsck import check
from clearway.evidence.ledger import Event
from clearway.evidence.manifest import FORMAT, readings_json
from clearway.evidence.seal import Sealer
from clearway.evidence.verify import FORMAT as FORMAT_READ
from clearway.evidence.verify import contents, verify
from clearway.facts import Exhibit, Reading
from clearway.plates import ALPHABET, text_of
from clearway.settings import RetentionSettings


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "data")


@pytest.fixture
def open_world() -> Iterator[World]:
    """A world that a child can reach after it gave up root, which pytest's own private folder would hide from it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield World(Path(folder) / "data")
        (Path(folder) / "data" / "exhibits").chmod(0o755)
        (Path(folder) / "data" / "ledger").chmod(0o755)


def in_a_child(work: Callable[[], None]) -> str:
    """What `work` raised, as 'ErrorName: what happened'; empty where nothing. Limits and rights end with the child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            work()
        except BaseException as error:  # the parent judges it
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(writer, said.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def assert_nothing_partial(world: World) -> None:
    """Every listed exhibit verifies and is in the ledger; the ledger is consistent."""
    sealed = {entry.subject for entry in world.ledger.entries() if entry.event is Event.EXHIBIT_SEAL}
    for path in list_exhibits(world.data):
        assert verify(path, world.keys).passed, verify(path, world.keys)
        assert path.stem in sealed
    check(world.data / "ledger", world.signer.public_key())


def test_an_exhibit_says_everything_that_the_finding_rests_on(tmp_path: Path) -> None:
    world = World(tmp_path, encode_clip)
    exhibit = world.seal()
    assert exhibit == Exhibit(exhibit.id, str(world.exhibits / f"{exhibit.id}.zip"), "wanted", SEALED_AT)
    files = contents(Path(exhibit.path))
    assert list(files) == [
        "VERIFY.md", "manifest.json", "statement.dsse.json", "clip.mp4", "readings.json", "still-1.png", "still-2.png",
        "ledger.tlog-proof",
    ]  # fmt: skip
    assert hashlib.sha256(files["manifest.json"]).hexdigest() == exhibit.id
    said = canonical.loads(files["manifest.json"])
    assert isinstance(said, dict)
    assert said["format"] == FORMAT == FORMAT_READ
    assert said["finding"]["plate"] == PLATE
    assert said["plate"]["runners_up"] == [{"text": "A812CDE", "p": 0.011}, {"text": "AB12CDF", "p": 0.002}]
    assert [(r["frame"], r["text"], r["at"]) for r in said["readings"]] == [
        (2, PLATE, "2026-11-22T08:30:00.400000Z"),
        (5, PLATE, "2026-11-22T08:30:01Z"),
        (8, PLATE, "2026-11-22T08:30:01.600000Z"),
    ]
    assert said["readings"][0]["p"] == pytest.approx(0.97**7)
    assert said["passage"]["clock"] == {"source": "NTP, stratum 2", "error_ms": 40}
    assert said["records"][0]["entry"]["case"] == "2026-1187"
    assert said["made_with"]["program"] == "clearway"
    assert said["timestamp"] == "none"
    assert said["readings"][0]["candidates"][-1] == {"E": 0.97, "F": 0.02}
    assert said["records"][0]["list_sha256"] == "5e" * 32
    assert said["calibration"] == {"reader's temperature": 1.25}
    held = said["frames_held"]
    assert (held["count"], held["before_clip"], held["after_clip"]) == (12, 2, 3)
    assert (held["first_at"], held["last_at"]) == ("2026-11-22T08:30:00Z", "2026-11-22T08:30:02.200000Z")
    assert said["custody"] == [
        {"what": "filmed", "at": "2026-11-22T08:30:00.400000Z", "by": "camera:north-gate"},
        {"what": "sealed", "at": "2026-11-22T08:30:09.250000Z", "by": f"key:{world.signer.key_id}"},
    ]
    assert len(bytes.fromhex(said["salt"])) == 32
    assert verify(Path(exhibit.path), world.keys).passed
    assert (Path(exhibit.path).stat().st_mode & 0o777) == 0o600


def test_what_nobody_knows_is_not_made_up(tmp_path: Path) -> None:
    world = World(tmp_path, temperature=None)
    (listed,) = finding().records
    unlisted = replace(finding(), records=(replace(listed, data_as_of=None, list_sha256=None),))
    exhibit = world.sealer.seal(unlisted, frames(), clock_source="NTP", hide=nothing_else)
    said = json.loads(contents(Path(exhibit.path))["manifest.json"])
    assert said["calibration"] == {"reader's temperature": "not measured"}
    assert said["error_rates"] == "not measured"
    assert said["retention"] == {"policy": "none", "gone_by": "none"}
    assert (said["records"][0]["data_as_of"], said["records"][0]["list_sha256"]) == (None, "none")


def test_an_exhibit_says_for_what_and_how_long_it_is_kept(world: World) -> None:
    sealer = Sealer(
        world.data,
        world.signer,
        world.ledger,
        world.encode,
        world.hider,
        {},
        lambda: SEALED_AT,
        1,
        retention=RetentionSettings().of,
    )
    exhibit = sealer.seal(finding(), frames(), clock_source="NTP", hide=nothing_else)
    said = json.loads(contents(Path(exhibit.path))["manifest.json"])
    assert said["retention"] == {"policy": "to find a listed vehicle: 30 days", "gone_by": "2026-12-22T08:30:09.250000Z"}
    assert verify(Path(exhibit.path), world.keys).passed


def test_readings_are_kept_to_the_last_bit() -> None:
    dice = np.random.default_rng(3)
    p_characters = dice.dirichlet(np.full(len(ALPHABET), 0.02), 7)
    unsure = replace(passage().sightings[0], reading=Reading(text_of(p_characters), p_characters, 0.7, "GB"))
    said = json.loads(readings_json(replace(passage(), sightings=(unsure, *passage().sightings[1:]))))
    assert [line["frame"] for line in said["readings"]] == [2, 5, 8]
    assert (said["readings"][0]["legibility"], said["readings"][0]["region"]) == (0.7, "GB")
    again = np.array([[place.get(character, 0.0) for character in ALPHABET] for place in said["readings"][0]["p_characters"]])
    assert np.array_equal(again, p_characters)


def test_the_same_finding_sealed_twice_is_two_exhibits(world: World) -> None:
    first, second = world.seal(), world.seal()
    assert first.id != second.id, "the salt is fresh, so that nobody finds an id by guessing what it is about"
    assert list_exhibits(world.data) == tuple(sorted(map(Path, (first.path, second.path))))


def test_the_ledger_holds_no_plate(world: World) -> None:
    world.seal()
    files = [path for path in (world.data / "ledger").rglob("*") if path.is_file()]
    assert len(files) >= 5
    for path in files:
        assert PLATE.encode() not in path.read_bytes()


def test_only_whole_exhibits_are_listed(world: World) -> None:
    exhibit = world.seal()
    for name in (".sealing-1", f"{exhibit.id}.zip.part", "notes.txt", f"{exhibit.id[:-1]}.zip"):
        (world.exhibits / name).write_bytes(b"")
    assert list_exhibits(world.data) == (Path(exhibit.path),)
    assert list_exhibits(world.data / "nowhere") == ()


def test_a_finding_whose_pictures_are_gone_is_not_sealed(world: World) -> None:
    with pytest.raises(SealError, match="no picture"):
        world.sealer.seal(finding(), frames()[9:], clock_source="NTP", hide=nothing_else)
    assert world.ledger.size == 0


def test_a_vehicle_that_left_the_picture_is_not_shown_there(world: World) -> None:
    """A tracked region may lie wholly outside the frame; such a frame is blank, not an error."""
    gone = sighting(9, sighting(8, passage().sightings[-1].box).box.moved(400, 0))
    moved = type(passage())("p", "north-gate", (*passage().sightings, gone), 40.0, passage().plate)
    exhibit = world.sealer.seal(finding(moved), frames(), clock_source="NTP", hide=nothing_else)
    assert verify(Path(exhibit.path), world.keys).passed


def test_leftovers_of_a_crash_go_and_those_of_a_living_sealer_stay(world: World) -> None:
    (world.exhibits / ".sealing-dead").write_bytes(b"half an exhibit")
    seen: list[list[str]] = []

    # A second sealer starts at the moment when the ledger is asked, that is while the first one's file is half written.
    append = world.ledger.append

    def append_late(event: Event, subject: str, at: datetime, by: str) -> int:
        world.new_sealer()
        seen.append([path.name for path in world.exhibits.glob(".sealing-*")])
        return append(event, subject, at, by)

    world.ledger.append = append_late  # type: ignore[method-assign] # the moment between two steps has no other door
    exhibit = world.seal()
    assert [len(names) for names in seen] == [1]
    assert seen[0][0] != ".sealing-dead"
    assert verify(Path(exhibit.path), world.keys).passed
    assert [path.name for path in world.exhibits.iterdir()] == [f"{exhibit.id}.zip"]


def test_a_full_disk_at_any_byte_leaves_a_whole_exhibit_or_none(world: World) -> None:
    whole_bytes = Path(world.seal().path).stat().st_size
    listed = set(list_exhibits(world.data))
    outcomes = set()
    for limit_bytes in [0, 100, 1000, *range(4000, whole_bytes + 40_000, 9_000)]:

        def seal_within(limit_bytes: int = limit_bytes) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))
            world.seal()

        said = in_a_child(seal_within)
        now = set(list_exhibits(world.data))
        assert [path for path in world.exhibits.iterdir() if path.name.startswith(".")] == []
        if said:
            assert said.startswith("SealError: no exhibit could be"), said
            assert now == listed
        else:
            assert len(now - listed) == 1
        listed = now
        outcomes.add(bool(said))
        assert_nothing_partial(world)
    assert outcomes == {True, False}, "some failed, some did not"
    assert len(list(world.ledger.entries())) == len(listed), "what failed for want of room is not in the ledger"


def test_a_disk_that_fails_after_the_ledger_took_the_entry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("clearway.evidence.seal.sync_folder", fail)
        with pytest.raises(SealError, match="Input/output error"):
            world.seal()
    assert list(world.exhibits.iterdir()) == []
    assert world.ledger.size == 1, "the entry stays: it is about an exhibit that never was"
    world.seal()
    assert_nothing_partial(world)


def test_a_read_only_folder_is_said_and_leaves_nothing(open_world: World) -> None:
    open_world.exhibits.chmod(0o555)

    def seal_without_rights() -> None:
        if os.getuid() == 0:
            os.setuid(65534)  # nobody: root may write anywhere
        open_world.seal()

    said = in_a_child(seal_without_rights)
    assert said.startswith("SealError: no exhibit could be written"), said
    assert "Permission denied" in said
    assert list(open_world.exhibits.iterdir()) == []
    assert open_world.ledger.size == 0


def test_a_read_only_ledger_is_said_and_leaves_nothing(open_world: World) -> None:
    open_world.exhibits.chmod(0o777)

    def seal_without_rights() -> None:
        if os.getuid() == 0:
            os.setuid(65534)
        else:
            (open_world.data / "ledger").chmod(0o555)
            (open_world.data / "ledger" / "lock").chmod(0o444)
        open_world.seal()

    said = in_a_child(seal_without_rights)
    assert said.startswith("SealError: no exhibit could be sealed: the ledger"), said
    assert list(open_world.exhibits.iterdir()) == []


def test_errors_say_what_to_do_and_never_the_plate(world: World) -> None:
    with pytest.raises(ClearwayError) as caught:
        world.sealer.seal(finding(), [], clock_source="NTP", hide=nothing_else)
    assert "held_s" in caught.value.remedy
    assert PLATE not in caught.value.diagnosis()


def test_the_clip_is_silent_and_carries_nothing_but_pictures(tmp_path: Path) -> None:
    world = World(tmp_path, encode_clip)
    clip = contents(Path(world.seal().path))["clip.mp4"]
    for leak in (b"Lavf", b"Lavc", b"libvpx", b"soun", PLATE.encode(), b"north-gate"):
        assert leak not in clip
    assert np.frombuffer(clip, np.uint8).size > 0
    assert datetime.now(UTC).strftime("%Y").encode() not in clip
