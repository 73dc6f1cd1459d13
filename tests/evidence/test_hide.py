"""What must be hidden is hidden through looks that missed it, and a frame that could not be looked at shows nothing."""

import random
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.test_redact import decoded
from tests.evidence.world import BEGUN_AT, FRAME_S, HEAD_PX, Hider, World, finding, frames, nothing_else, passage
from tqdm import tqdm

from clearway.errors import InstallationError, SealError
from clearway.evidence import canonical
from clearway.evidence.hide import FILLS_MAX, HELD, LINKED, Cause, Fill, Look, fills, follow, with_margin
from clearway.evidence.redact import FILL_RGB
from clearway.evidence.verify import contents
from clearway.facts import Box, Detection, Kind, Pixels

LOOK_S = 0.1


def look(number: int, *boxes: Box, kind: Kind = Kind.FACE) -> Look:
    return Look(BEGUN_AT + timedelta(seconds=LOOK_S * number), tuple(Detection(kind, box, 0.5) for box in boxes))


def walking(number: int) -> Box:
    """Somebody who goes 5 px to the right in a look."""
    return Box(100 + 5 * number, 50, 120 + 5 * number, 80)


def covers(hidden: tuple[Fill, ...] | None, box: Box) -> bool:
    return hidden is not None and any(one.box.common(box) == box for one in hidden)


@settings(deadline=None, max_examples=60)
@given(st.sets(st.integers(0, 29), min_size=2))
def test_somebody_who_walks_is_hidden_through_every_look_that_missed_them(seen: set[int]) -> None:
    """Found in any of 30 looks: hidden in each of these and in every look that is near enough to one before and one after."""
    hidden = fills([look(number, walking(number)) if number in seen else look(number) for number in range(30)])
    for number in range(30):
        before = max((n for n in seen if n <= number), default=None)
        after = min((n for n in seen if n >= number), default=None)
        if before is not None and after is not None and (after - before) * LOOK_S <= LINKED.total_seconds():
            assert covers(hidden[number], walking(number)), number


@pytest.mark.parametrize("only", ["its first looks", "its last looks"])
def test_before_the_first_and_after_the_last_look_it_is_hidden_where_it_came_from_and_went(only: str) -> None:
    seen = {0, 1, 2} if only == "its first looks" else {17, 18, 19}
    hidden = fills([look(number, walking(number)) if number in seen else look(number) for number in range(20)])
    held = round(HELD.total_seconds() / LOOK_S)
    near = [number for number in range(20) if min(abs(number - n) for n in seen) <= held]
    assert all(covers(hidden[number], walking(number)) for number in near)
    assert all(not hidden[number] for number in range(20) if number not in near), "and nothing for ever"


def test_a_frame_that_could_not_be_looked_at_is_not_known_and_its_neighbours_are() -> None:
    looks = [look(0, walking(0)), Look(BEGUN_AT + timedelta(seconds=LOOK_S), None), look(2)]
    hidden = fills(looks)
    assert hidden[1] is None
    assert covers(hidden[0], walking(0)) and hidden[2]


def test_a_frame_with_more_to_hide_than_can_be_told_shows_nothing() -> None:
    crowd = [Box(40 * n, 0, 40 * n + 10, 10) for n in range(FILLS_MAX + 1)]
    assert fills([look(0, *crowd)]) == [None]
    assert fills([look(0, *crowd[1:])]) != [None]


def test_vehicles_are_not_hidden_and_two_people_stay_two() -> None:
    assert fills([look(0, walking(0), kind=Kind.VEHICLE)]) == [()]
    other = Box(300, 50, 320, 80)
    tracks = follow([look(n, walking(n), other) for n in range(5)], (Kind.FACE,))
    assert [len(track.places) for track in tracks] == [5, 5]


def test_a_box_within_another_is_not_told_twice() -> None:
    (hidden,) = fills([look(0, Box(0, 0, 100, 100), Box(40, 40, 50, 50))])
    assert hidden == (Fill(with_margin(Box(0, 0, 100, 100)), Kind.FACE, Cause.FOUND),)
    assert hidden[0].box == Box(-25, -25, 125, 125)


def test_each_fill_says_why(tmp_path: Path) -> None:
    """By frame: found surely, found in doubt, carried through a look that missed it, seen by the camera itself, nobody looked."""
    somebody, seen = SOMEBODY.box, Box(60, 20, 64, 24)

    def found(number: int) -> Sequence[Detection] | Exception:
        if number == 6:
            return OSError("gone")
        return {3: (), 4: (Detection(Kind.PERSON, somebody, 0.9),)}.get(number, (Detection(Kind.PERSON, somebody, 0.2),))

    world = World(tmp_path, hider=Hider(found))
    exhibit = world.sealer.seal(finding(), frames(), clock_source="NTP", hide=lambda f: [seen] if f.number == 8 else [])
    said = canonical.loads(contents(Path(exhibit.path))["manifest.json"])
    assert isinstance(said, dict)
    because = {line["frame"]: line["because"] for line in said["shown"]["clip"]["frames"]}
    assert because == {
        2: ["person unsure"],
        3: ["person carried"],
        4: ["person found"],
        5: ["person unsure"],
        6: ["not looked at"],
        7: ["person unsure"],
        8: ["person unsure", "camera's look"],
    }
    legend = set(said["shown"]["hidden_because"])
    assert {"found", "unsure", "carried", "not looked at", "camera's look"} <= legend
    assert all(len(line["because"]) == len(line["hidden_px"]) or line["region_px"] is None for line in said["shown"]["stills"])


# Somebody stands still in front of the vehicle, which passes behind them; beside its plate in every frame that shows it.
SOMEBODY = Detection(Kind.PERSON, Box(40, 16, 46, 30), 0.2)


def assert_never_shown(folder: Path, failures: Mapping[int, str], count: int = 12) -> int:
    """Seals while the hider fails on these frames; how many frames of the clip show something, and none shows SOMEBODY."""
    clip: list[Pixels] = []

    def record(pictures: Sequence[Pixels], times: Sequence[datetime]) -> bytes:
        clip.extend(pictures)
        return b"clip"

    def found(number: int) -> Sequence[Detection] | Exception:
        failure = failures.get(number)
        return InstallationError("it broke.", remedy="mend it.") if failure == "raises" else () if failure else (SOMEBODY,)

    world = World(folder, record, hider=Hider(found))
    try:
        exhibit = world.sealer.seal(finding(), frames(count), clock_source="NTP", hide=nothing_else)
    except SealError:
        assert all(failures.get(number) == "raises" for number in range(2, 9)), "only where no frame at all could be looked at"
        return 0
    said = canonical.loads(contents(Path(exhibit.path))["manifest.json"])
    assert isinstance(said, dict)
    box = tuple(map(round, (SOMEBODY.box.left_px, SOMEBODY.box.top_px, SOMEBODY.box.right_px, SOMEBODY.box.bottom_px)))
    for line, picture in zip(said["shown"]["clip"]["frames"], clip, strict=True):
        assert (picture[box[1] : box[3], box[0] : box[2]] == FILL_RGB).all(), line["frame"]
        if failures.get(line["frame"]) == "raises":
            assert line["region_px"] is None and (picture == FILL_RGB).all()
    shown = {line["frame"]: line for line in said["shown"]["clip"]["frames"] if line["region_px"] is not None}
    assert all(still["frame"] in shown for still in said["shown"]["stills"])
    return len(shown)


@pytest.mark.parametrize("failure", ["raises", "finds nothing"])
@pytest.mark.parametrize("number", range(2, 9))
def test_a_failure_on_one_frame_shows_nobody(failure: str, number: int, tmp_path: Path) -> None:
    assert assert_never_shown(tmp_path, {number: failure}) == (6 if failure == "raises" else 7)


def test_where_every_look_fails_there_is_no_exhibit(tmp_path: Path) -> None:
    assert assert_never_shown(tmp_path, dict.fromkeys(range(12), "raises")) == 0
    world = World(tmp_path / "again", hider=Hider(lambda number: OSError("gone")))
    with pytest.raises(SealError, match="is not known: hider fails"):
        world.seal()
    assert world.ledger.size == 0


@pytest.mark.slow
def test_ten_thousand_failures_show_nobody(tmp_path: Path) -> None:
    """On any frames the hider raises or finds nothing."""
    dice = random.Random(26)
    for _ in tqdm(range(10_000)):
        failures = {number: "raises" for number in range(12) if dice.random() < 0.3}
        failures |= {number: "finds nothing" for number in range(2, 9) if dice.random() < 0.3}
        found = [number for number in range(2, 9) if number not in failures]
        missed = [number for number in range(2, 9) if failures.get(number) == "finds nothing"]
        # Whom no look found within HELD nobody can know of; the vehicle is looked at in the frames 2 to 8.
        if all(min(abs(number - other) for other in found or [99]) * FRAME_S < HELD.total_seconds() for number in missed):
            with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
                assert_never_shown(Path(folder), failures)


# At a signal, besides: somebody before its head, and somebody who stands on the road that the vehicle is seen to drive over. They
# stand as still as the road does.
BEFORE_THE_HEAD = Detection(Kind.PERSON, Box(82, 6, 92, 18), 0.2)
ON_THE_ROAD = Detection(Kind.PERSON, Box(32, 36, 37, 48), 0.2)


def assert_never_shown_at_a_signal(folder: Path, failures: Mapping[int, str]) -> dict[str, int]:
    """Seals while the hider fails on these frames: in how many frames of the clip the head is shown, how many pixels of the road
    are; and none shows one of the three. The look at the finished road is number 0."""
    clip: list[Pixels] = []

    def record(pictures: Sequence[Pixels], times: Sequence[datetime]) -> bytes:
        clip.extend(pictures)
        return b"clip"

    def found(number: int) -> Sequence[Detection] | Exception:
        failure = failures.get(number)
        people = (SOMEBODY, BEFORE_THE_HEAD, ON_THE_ROAD)
        return InstallationError("it broke.", remedy="mend it.") if failure == "raises" else () if failure else people

    world = World(folder, record, hider=Hider(found))
    try:
        exhibit = world.seal_red()
    except SealError:
        assert all(failures.get(number) == "raises" for number in range(2, 9)), "only where no frame at all could be looked at"
        return {"heads": 0, "road": 0}
    files = contents(Path(exhibit.path))
    said = canonical.loads(files["manifest.json"])
    assert isinstance(said, dict)
    pictures = [*clip, *(decoded(files[name]) for name in files if name.startswith(("still", "road")))]
    for somebody in (SOMEBODY, BEFORE_THE_HEAD, ON_THE_ROAD):
        box = somebody.box
        for picture in pictures:
            at = np.s_[int(box.top_px) : int(box.bottom_px), int(box.left_px) : int(box.right_px)]
            assert (picture[at] == FILL_RGB).all(), somebody
    for line, picture in zip(said["shown"]["clip"]["frames"], clip, strict=True):
        if failures.get(line["frame"]) == "raises":
            assert line["region_px"] is None and line["heads"] == ["not looked at"]
            assert (picture[HEAD_PX[1] : HEAD_PX[3], HEAD_PX[0] : HEAD_PX[2]] == FILL_RGB).all()
    road = decoded(files["road.png"]) if "road.png" in files else np.full((1, 1, 3), FILL_RGB, np.uint8)
    heads = [line["heads"] for line in said["shown"]["clip"]["frames"]]
    return {"heads": heads.count(["shown"]), "road": int((road != FILL_RGB).any(axis=2).sum())}


@pytest.mark.parametrize("failure", ["raises", "finds nothing"])
@pytest.mark.parametrize("number", range(16))
def test_a_failure_at_a_signal_shows_nobody(failure: str, number: int, tmp_path: Path) -> None:
    shown = assert_never_shown_at_a_signal(tmp_path, {number: failure})
    assert shown["heads"] == 0
    assert (shown["road"] > 100) == (number != 0 or failure != "raises"), "the road is shown beside whoever stood on it"


def test_who_is_missed_in_half_of_the_frames_is_not_on_the_road(tmp_path: Path) -> None:
    """In seven frames, enough for a road, nobody is found, nor in the finished road; all of them show whoever stands there."""
    assert assert_never_shown_at_a_signal(tmp_path, dict.fromkeys((0, *range(9, 16)), "finds nothing"))["road"] > 100


@pytest.mark.slow
def test_thousands_of_failures_at_a_signal_show_nobody(tmp_path: Path) -> None:
    """On any frames the hider raises or finds nothing."""
    dice = random.Random(43)
    for _ in tqdm(range(3_000)):
        failures = {number: "raises" for number in range(16) if dice.random() < 0.3}
        failures |= {number: "finds nothing" for number in range(16) if dice.random() < 0.3}
        found = [number for number in range(16) if number not in failures]
        missed = [number for number in range(2, 9) if failures.get(number) == "finds nothing"]
        seen = [number for number in found if 2 <= number <= 8]
        # As above; and whom no look at a whole frame found, nobody can know of on the road either.
        if seen and all(min(abs(number - other) for other in seen) * FRAME_S < HELD.total_seconds() for number in missed):
            with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
                assert_never_shown_at_a_signal(Path(folder), failures)


def test_the_subjects_own_plate_is_not_hidden_and_another_is(tmp_path: Path) -> None:
    """The hider finds the plate itself, a little off, and in one frame another one beside it."""
    own = {sighting.frame_number: sighting.plate_box for sighting in passage().sightings}
    other = Detection(Kind.PLATE, Box(50, 20, 56, 24), 0.4)

    def found(number: int) -> Sequence[Detection]:
        plate = own.get(number)
        mine = [] if plate is None else [Detection(Kind.PLATE, plate.moved(2, 1), 0.9)]
        return [*mine, other] if number == 8 else mine

    world = World(tmp_path, hider=Hider(found), stills=3)
    said = canonical.loads(contents(Path(world.seal().path))["manifest.json"])
    assert isinstance(said, dict)
    hidden = {line["frame"]: line["hidden_px"] for line in said["shown"]["clip"]["frames"]}
    assert hidden[8] and hidden[6], "the other one, also before it was found"
    assert not hidden[2] and not hidden[4]


def test_a_still_shows_its_plate_where_any_frame_does(tmp_path: Path) -> None:
    """Something is in front of the plate in the best of the two decisive frames."""
    plate = passage().sightings[1].plate_box
    assert plate is not None
    world = World(tmp_path)
    exhibit = world.sealer.seal(finding(), frames(), clock_source="NTP", hide=lambda f: [plate] if f.number == 5 else [])
    said = canonical.loads(contents(Path(exhibit.path))["manifest.json"])
    assert isinstance(said, dict)
    assert [still["frame"] for still in said["shown"]["stills"]] == [2]
