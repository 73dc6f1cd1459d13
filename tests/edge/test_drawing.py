"""What a person draws becomes a scene that reads back as it was drawn; what makes no sense is named before it is saved."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from clearway.cli.calibrate import Desk
from clearway.edge.board import Board
from clearway.edge.drawing import Corner, Draft, DraftPart, DraftPoint, draft_from, draft_of
from clearway.edge.scenes import as_toml, parse_scene
from clearway.errors import SettingsError
from clearway.scene import AskedPlates, Lens, Order, Point, Scene, SignalHead
from clearway.testing.traffic import Site

WHOLE = Path(__file__).parent / "scene.toml"
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def documented() -> Scene:
    return parse_scene(WHOLE.read_bytes(), "scene.toml")


def board(scene: Scene) -> Board:
    width, height = scene.picture_px
    return Board(np.full((height, width, 3), 90, np.uint8), None, lambda: NOW, scene.no_plate)


SCENES = {
    "the documented one": documented(),
    "the simulated junction": Site(3).scene,
    "through a lens that bends": replace(
        documented(), calibration=replace(documented().calibration, lens=Lens(-0.12, 0.01, 1500.0, (955.5, 561.0), 0.2))
    ),
    "with a lamp": replace(documented(), signal_head=(SignalHead("head", "K1", (1000.0, 100.0, 1030.0, 180.0)),)),
    "one that asks for plates": replace(
        documented(), no_plate=AskedPlates(Order("order 2026/7", NOW, datetime(2027, 1, 1, 7, 30, tzinfo=UTC)))
    ),
    "with quotes and a control character": replace(documented(), name='a "b" \\ \x7f ü'),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_reads_back_as_it_was_written(name: str) -> None:
    scene = SCENES[name]
    assert parse_scene(as_toml(scene).encode(), "what was written") == scene


@pytest.mark.parametrize("name", ["the documented one", "with a lamp", "through a lens that bends", "one that asks for plates"])
def test_a_scene_that_is_opened_and_saved_is_the_same(name: str) -> None:
    scene = SCENES[name]
    drawn = board(scene)
    sheet = drawn.sheet(draft_from(scene))
    assert sheet.ready and sheet.problems == []
    again = drawn.scene(draft_from(scene))
    # A direction has no length of its own.
    assert replace(again, one_way=(), stop_line=()) == replace(scene, one_way=(), stop_line=())
    for one, other in zip(again.one_way, scene.one_way, strict=True):
        assert one == replace(other, towards=one.towards) and alike(one.towards, other.towards)
    for line, other_line in zip(again.stop_line, scene.stop_line, strict=True):
        assert line == replace(other_line, towards=line.towards) and alike(line.towards, other_line.towards)


def test_the_page_keeps_that_a_scene_asks_for_plates(tmp_path: Path) -> None:
    """It cannot be drawn, so whoever mends a line on the page must not lose it."""
    scene = SCENES["one that asks for plates"]
    path = tmp_path / "scene.toml"
    path.write_text(as_toml(scene), encoding="utf-8")
    width, height = scene.picture_px
    desk = Desk(np.full((height, width, 3), 90, np.uint8), None, path)
    desk.save(json.dumps(json.loads(desk.begun())["draft"]).encode())
    assert parse_scene(path.read_bytes(), "what was saved").no_plate == scene.no_plate


def alike(one: Point, other: Point) -> bool:
    return bool(np.allclose(np.array(one) / np.hypot(*one), np.array(other) / np.hypot(*other), atol=1e-3))


def part(kind: str, drawn: dict[str, tuple[tuple[float, float], ...]], **typed: str) -> DraftPart:
    """A part that was drawn on the still, its corners in pixels."""
    order = {"source": "sign 1", "valid_from": "2026-01-01", "valid_until": "2030-01-01"}
    return DraftPart(
        kind, "this one", {key: tuple(Corner(px=px) for px in corners) for key, corners in drawn.items()}, order | typed
    )


def with_part(draft: Draft, one: DraftPart) -> Draft:
    return replace(draft, parts=(*draft.parts, one))


def with_points(draft: Draft, *points: DraftPoint) -> Draft:
    return replace(draft, points=points)


GIVEN = draft_from(documented())
EIGHT = tuple(DraftPoint(p.px, p.along, p.across) for p in draft_from(Site(3).scene).points)
SINS = {
    "three points on one line": (
        with_points(GIVEN, *GIVEN.points[:3], DraftPoint((1290.0, 665.0), "22.5", "3.5")),
        "in metres, points 2, 3 and 4 lie on one line",
    ),
    "three points on one line of the picture": (
        with_points(GIVEN, *GIVEN.points[:3], DraftPoint((1290.0, 665.0), "22.5", "-1")),
        "in pixels, points 2, 3 and 4 lie on one line",
    ),
    "three points": (with_points(GIVEN, *GIVEN.points[:3]), "at least four points"),
    "a point without metres": (with_points(GIVEN, *GIVEN.points[:3], DraftPoint((830.0, 440.0))), "type the metres of point 4"),
    "crossed lines": (
        with_part(
            GIVEN, part("lane", {"zone_m": ((500, 800), (1300, 600), (1300, 800), (500, 600)), "towards": ((0, 800), (0, 600))})
        ),
        "Lane, for counting 'this one': lane.0: the lines around a zone cross",
    ),
    "a lamp outside the picture": (
        with_part(GIVEN, part("signal_head", {"box_px": ((1900, 100), (1990, 190))}, signal="K1")),
        "Signal head 'this one' lies outside the picture",
    ),
    "a lamp of one pixel": (
        with_part(GIVEN, part("signal_head", {"box_px": ((190, 100), (190.5, 190))}, signal="K1")),
        "Signal head 'this one': signal_head.0: box_px is left, top",
    ),
    "a corner in the sky": (
        with_part(GIVEN, part("solid_line", {"line_m": ((900, 700), (900, 10))})),
        "Solid line 'this one': a corner lies at the horizon",
    ),
    "a part of one corner": (with_part(GIVEN, part("solid_line", {"line_m": ((900, 700),)})), "draw its two ends"),
    "an order without a source": (
        with_part(GIVEN, part("solid_line", {"line_m": ((900, 700), (900, 600))}, source="")),
        "Solid line 'this one': type the source",
    ),
    "two parts of one name": (
        with_part(GIVEN, replace(part("solid_line", {"line_m": ((900, 700), (900, 600))}), name="bus lane")),
        "no two parts have one name",
    ),
    "a kind that is none": (with_part(GIVEN, part("zebra", {})), "no kind of part 'zebra'"),
    "a height that is no number": (
        replace(GIVEN, typed=GIVEN.typed | {"camera.up_m": "seven"}),
        "camera.up_m: 'seven' is no number",
    ),
    "a camera in the road": (replace(GIVEN, typed=GIVEN.typed | {"camera.up_m": "0.1"}), "the camera hangs higher"),
    "an unknown law": (replace(GIVEN, typed=GIVEN.typed | {"law": "XX"}), "there is no law pack 'XX'"),
    "a view without a name": (replace(GIVEN, typed=GIVEN.typed | {"name": ""}), "give the view a name"),
    "a lens that folds": (
        replace(GIVEN, typed=GIVEN.typed | {"lens.k1": "-2", "lens.focal_px": "1000"}),
        "this lens would show one place twice",
    ),
    "a lens without a focal length": (
        replace(GIVEN, typed=GIVEN.typed | {"lens.k1": "-0.1", "lens.focal_px": " "}),
        "needs its focal length",
    ),
    "a lens surer than sure": (
        replace(GIVEN, typed=GIVEN.typed | {"lens.k1": "-0.1", "lens.focal_px": "1000", "lens.u_px": "-1"}),
        "an uncertainty is not below 0",
    ),
    "a lens whose centre is no number": (
        replace(GIVEN, typed=GIVEN.typed | {"lens.k1": "-0.1", "lens.focal_px": "1000", "lens.centre_x_px": "middle"}),
        "'middle' is no number",
    ),
}


@pytest.mark.parametrize("sin", SINS)
def test_a_sin_is_named_on_the_sheet_and_not_saved(sin: str) -> None:
    draft, words = SINS[sin]
    drawn = board(documented())
    sheet = drawn.sheet(draft)
    assert any(words in problem.words for problem in sheet.problems), [problem.words for problem in sheet.problems]
    assert not sheet.ready
    with pytest.raises(SettingsError):
        drawn.scene(draft)


def test_the_point_that_was_typed_wrongly_is_named() -> None:
    site = Site(3)
    points = list(EIGHT)
    points[4] = replace(points[4], across="-2.5")
    sheet = board(site.scene).sheet(with_points(draft_from(site.scene), *points))
    assert "known point 5 is the one that the others agree without" in " ".join(problem.words for problem in sheet.problems)
    assert max(range(8), key=lambda n: float(sheet.points[n].words.split(" px")[0])) == 4 and sheet.points[4].doubtful


def test_what_could_be_asked_is_said_with_its_interval() -> None:
    drawn = board(documented())
    rules = {rule.rule: rule for rule in drawn.sheet(GIVEN).rules}
    assert rules["speed"].works and "50 km/h would be measured as 50.0 ± " in rules["speed"].words
    assert rules["bus lane"].works and rules["red light"].works
    assert not rules["solid line"].works and rules["solid line"].words == "draw a solid line"
    narrow = with_part(GIVEN, replace(part("lane", {}), drawn={
        "zone_m": tuple(Corner(m=place) for place in ((30.0, 0.0), (34.0, 0.0), (34.0, 0.3), (30.0, 0.3))),
        "towards": (Corner(m=(30.0, 0.0)), Corner(m=(31.0, 0.0))),
    }))  # fmt: skip
    counts = next(rule for rule in drawn.sheet(narrow).rules if rule.rule == "counts by lane")
    assert not counts.works and "narrower than a place in it is sure" in counts.words


@pytest.mark.parametrize(
    "sent", [b"", b"[]", b'{"typed": {}, "more": 1}', b'{"typed": {"a": 1}}', b"\xff", b'{"typed": {}}' + b" " * 300_000]
)
def test_what_is_no_draft_is_refused(sent: bytes) -> None:
    with pytest.raises(SettingsError, match=r"no draft|too large"):
        draft_of(sent)


def test_a_blank_board_says_what_to_do() -> None:
    drawn = board(documented())
    sheet = drawn.sheet(drawn.blank())
    assert [problem.words for problem in sheet.problems] == ["click at least four points that were measured; there are 0."]
    assert asdict(sheet)["map"] is None
