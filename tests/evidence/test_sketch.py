"""What is drawn lies beside the vehicle: no pixel from the camera changes, and nothing that was hidden comes back."""

from pathlib import Path

import cv2
import numpy as np
from tests.evidence.world import SURVEYED, World, frames, measured, sketch

from clearway.camera.film import encode_clip
from clearway.evidence import canonical
from clearway.evidence.redact import FILL_RGB, reveal
from clearway.evidence.sketch import drawn, strip_px
from clearway.evidence.verify import contents, verify
from clearway.facts import Box


def test_only_the_fill_is_drawn_on() -> None:
    """On noise, so that a pixel from the camera has nowhere to hide; the path leads right through vehicle and hidden box."""
    found = measured()
    frame, region, hidden = frames()[5], (20, 40, 60, 62), Box(30, 50, 40, 60)
    masked = reveal(frame.pixels, Box(*map(float, region)), [hidden])
    picture = drawn(masked, region, sketch(found), frame.captured_at)
    height, width = masked.shape[:2]
    assert picture.shape == (height + strip_px(width, 3), width, 3)
    left, top, right, bottom = region
    assert (picture[top:bottom, left:right] == masked[top:bottom, left:right]).all()
    assert (picture[50:60, 30:40] == FILL_RGB).all(), "what was hidden stays hidden"
    outside = np.ones((height, width), bool)
    outside[top:bottom, left:right] = False
    again = drawn(np.full_like(masked, FILL_RGB), None, sketch(found), frame.captured_at)
    assert (picture[:height][outside] == again[:height][outside]).all(), "the rest is the sketch alone, whatever was filmed"
    assert (picture[:height][outside] != FILL_RGB).any()


def test_lines_far_outside_the_picture_are_drawn_as_far_as_it_goes() -> None:
    found = measured()
    (zone,), path = sketch(found).lines, sketch(found).path
    far = type(zone)("far", ((-1e9, 30.0), (1e9, 30.0)))
    picture = drawn(np.full((64, 96, 3), FILL_RGB, np.uint8), None, type(sketch(found))((far,), path, ()), found.passage.last_at)
    assert (picture[30] != FILL_RGB).any(axis=1).sum() > 60


def test_a_measured_exhibit_shows_the_moments_and_says_what_it_rests_on(tmp_path: Path) -> None:
    world = World(tmp_path, encode_clip)
    exhibit = world.seal_measured()
    assert verify(Path(exhibit.path), world.keys).passed
    files = contents(Path(exhibit.path))
    said = canonical.loads(files["manifest.json"])
    assert isinstance(said, dict)
    (one,) = said["finding"]["measurements"]
    held = one["held_against"]
    assert one["value"] - one["uncertainty"] > held["limit"] + held["tolerance"]
    assert (held["limit_source"], held["tolerance_source"]) == ("sign 245, order 2022/3", "StVO § 41 with sign 245 of Anlage 2")
    assert said["surveyed"] == sorted(SURVEYED) and all(files[name] == content for name, content in SURVEYED.items())
    assert [place["m"] for place in said["drive"]["places"]] == [[42.5, 1.75], [25.1, 1.75], [7.7, 1.75]]
    for moment, number in zip(said["shown"]["moments"], (2, 5, 8), strict=True):
        assert moment["frame"] == number
        decoded = cv2.imdecode(np.frombuffer(files[moment["file"]], np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        picture = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
        left, top, right, bottom = moment["region_px"]
        assert (picture[top:bottom, left:right] == frames()[number].pixels[top:bottom, left:right]).all()


def test_an_exhibit_without_a_measurement_tells_no_way(tmp_path: Path) -> None:
    said = canonical.loads(contents(Path(World(tmp_path).seal().path))["manifest.json"])
    assert isinstance(said, dict)
    assert (said["drive"], said["surveyed"], said["shown"]["moments"], said["shown"]["drawn"]) == ("none", [], [], "none")
