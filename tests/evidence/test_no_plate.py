"""An exhibit of a vehicle that shows no plate: what may be one on it is shown, and who surely has one is cleared."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evidence.world import BEGUN_AT, Hider, World, frames, nothing_else, passage

from clearway.evidence import canonical
from clearway.evidence.bundle import MANIFEST, list_exhibits
from clearway.evidence.seal import PlateSeen
from clearway.evidence.verify import contents, verify
from clearway.facts import Answer, Box, Detection, Finding, Kind, Record

# Of the vehicle in frame 5: its region, and a place in the middle of it that may be a plate.
REGION, BUMPER = Box(25.5, 12.0, 57.5, 50.0), Box(34.0, 30.0, 46.0, 34.0)


@pytest.fixture
def world(tmp_path: Path) -> Callable[[Detection], World]:
    """One whose hider finds that in frame 5."""
    return lambda found: World(tmp_path / "data", hider=Hider(lambda number: (found,) if number == 5 else ()))


def finding() -> Finding:
    of = passage()
    bare = replace(of, plate=None, sightings=tuple(replace(one, plate_box=None, reading=None) for one in of.sightings))
    known = {"side": "front", "vehicles": "100", "showed": "100"}
    record = Record("camera", "plates shown", Answer.YES, BEGUN_AT, None, 0.99, known)
    return Finding("no_plate", bare, "", 0.99, "No plate was seen on its front.", (record,), (5, 2))


def sealed(world: World) -> dict[str, object]:
    exhibit = world.sealer.seal(finding(), frames(), clock_source="NTP, stratum 2", hide=nothing_else)
    assert verify(Path(exhibit.path), world.keys).passed
    said = canonical.loads(contents(Path(exhibit.path))[MANIFEST])
    assert isinstance(said, dict)
    return said


def test_it_names_no_plate_and_no_reading(world: Callable[[Detection], World]) -> None:
    said = sealed(world(Detection(Kind.PERSON, Box(0.0, 0.0, 4.0, 4.0), 0.9)))
    assert said["finding"]["plate"] == "" and said["plate"] is None and said["readings"] == []  # type: ignore[index]


def test_what_may_be_a_plate_on_it_is_not_hidden(world: Callable[[Detection], World]) -> None:
    said = sealed(world(Detection(Kind.PLATE, BUMPER, 0.3)))
    assert all(not frame["hidden_px"] for frame in said["shown"]["clip"]["frames"])  # type: ignore[index]


@pytest.mark.parametrize("at", [BUMPER, BUMPER.moved(0.0, -25.0)], ids=["in what is shown", "in its upper half"])
def test_who_surely_has_one_is_cleared_and_nothing_is_sealed(world: Callable[[Detection], World], at: Box) -> None:
    before = world(Detection(Kind.PLATE, at, 0.8))
    entries = before.ledger.size
    with pytest.raises(PlateSeen):
        sealed(before)
    assert not list_exhibits(before.data) and before.ledger.size == entries


def test_the_plate_of_somebody_beside_it_is_hidden(world: Callable[[Detection], World]) -> None:
    beside = Box(REGION.right_px - 4, 30.0, REGION.right_px + 12, 34.0)
    said = sealed(world(Detection(Kind.PLATE, beside, 0.9)))
    assert any(frame["hidden_px"] for frame in said["shown"]["clip"]["frames"])  # type: ignore[index]


def test_a_face_on_it_is_hidden(world: Callable[[Detection], World]) -> None:
    said = sealed(world(Detection(Kind.FACE, BUMPER, 0.3)))
    assert any(frame["hidden_px"] for frame in said["shown"]["clip"]["frames"])  # type: ignore[index]
