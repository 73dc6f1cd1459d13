"""`clearway calibrate`: measure a view and draw on it what may be driven where."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from clearway import settings as settings_file
from clearway.camera.stills import SUFFIXES, Stills, read_picture
from clearway.edge.board import Board
from clearway.edge.drawing import FIELDS, KINDS, draft_from, draft_of, typed_lens
from clearway.edge.guard import leave_no_dump
from clearway.edge.scenes import as_toml, parse_scene
from clearway.edge.station import first_hider, now, open_camera
from clearway.edge.still import still_of
from clearway.errors import SettingsError, SourceError, StoreError
from clearway.facts import Box, Frame, Pixels
from clearway.hub.calibrate import run_page
from clearway.scene import Lens, View
from clearway.settings import Settings
from clearway.sight.chart import boards_of, lens_of
from clearway.sight.view import Look, seen_in, view_of

SCENE = Path("scene.toml")

_DESCRIPTION = """\
Opens a page on this machine with a still of the source. Click points that were measured and type their metres (or the corners of
a lane of known width), draw lines, lanes, zones and signal heads, see the road from above and how far each place may be off, and
save scene.toml. What makes no sense is refused there by its name.

The still is the middle one of many moments, so that nobody who passes is in it. It is held in memory only.

A lens that bends straight lines is measured with --chart: a checkerboard (5 by 4 squares or more, glued to something flat) that
was held before the same camera in a dozen places and more, out to every corner and at several slants. The page opens with its k1,
k2, focal length and centre, and with how sure they are."""
_EPILOG = """\
examples:
  clearway calibrate road.mp4
  clearway calibrate rtsp://10.0.0.7/main --scene north-arm.toml     mends that scene, where there is one
  clearway calibrate still.jpg --port 8800
  clearway calibrate road.mp4 --chart board.mp4                      measures the lens first, from a clip or a folder of pictures
  clearway calibrate rtsp://10.0.0.7/main --chart rtsp://10.0.0.7/main   watches for the board for three minutes at most

docs/calibrate.md walks through it. Ctrl-C ends it.

exit code: 0 ended by Ctrl-C · 3 a scene that cannot be read · 4 the source"""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "calibrate",
        help="measure a view on a page: points, lanes, lines, and save scene.toml",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("source", metavar="SOURCE", help="a clip, a picture, a folder of pictures, rtsp://…, or a camera device")
    verb.add_argument("--scene", metavar="FILE", type=Path, default=SCENE, help="the scene to mend or make (default: scene.toml)")
    verb.add_argument("--chart", metavar="SOURCE", help="a checkerboard held before this camera: measures its lens")
    verb.add_argument("--port", metavar="N", type=int, default=0, help="the page's port (default: any free one)")
    verb.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 when the page was ended by Ctrl-C or SIGTERM."""
    leave_no_dump()
    settings = settings_file.load(given.settings)
    lens = _lens(given.chart, settings) if given.chart else None
    pixels = _still(given.source, settings)
    if lens is not None:
        _refuse_other_size(lens[1], pixels)
    # Of vehicles that stood there, of people and of plates no landmark is made: they go, and nothing is kept of them.
    found = first_hider(settings).find(Frame("still", 0, now(), 0.0, pixels), Box(0, 0, pixels.shape[1], pixels.shape[0]))
    view = view_of(pixels, [one.box for one in found])
    if view is None:
        _say("this still has too few landmarks: that the camera is moved will not be noticed. Try by day, or a sharper picture.")
    run_page(Desk(pixels, view, given.scene, lens[0] if lens else None), given.port, _say)
    return 0


def _lens(source: str, settings: Settings) -> tuple[Lens, tuple[int, int]]:
    """The lens that showed a checkerboard there, and the pictures' (width, height)."""
    camera = open_camera(source, settings, _say)
    _say("looking for a checkerboard …")
    boards, size_px = boards_of(camera, live=camera.frames_expected is None, paced=not isinstance(camera, Stills), say=_say)
    lens = lens_of(boards, size_px)
    _say(
        f"the lens, from {len(boards)} views: k1 {lens.k1:.4f}, k2 {lens.k2:.4f}, focal length {lens.focal_px:.1f} px, centre "
        f"{lens.centre_px[0]:.1f}, {lens.centre_px[1]:.1f}; sure to {lens.u_px:.2f} px"
    )
    return lens, size_px


def _refuse_other_size(size_px: tuple[int, int], pixels: Pixels) -> None:
    height_px, width_px = pixels.shape[:2]
    if size_px != (width_px, height_px):
        raise SourceError(
            f"the board was filmed in {size_px[0]} x {size_px[1]} pixels, the road in {width_px} x {height_px}.",
            remedy="film both with the same camera, setting and zoom.",
        )


def _still(source: str, settings: Settings) -> Pixels:
    if Path(source).suffix.lower() in SUFFIXES:
        return read_picture(Path(source))[0]
    camera = open_camera(source, settings, _say)
    _say("watching for a moment, until nobody who passes is left in the picture …")
    return still_of(camera, live=camera.frames_expected is None)


class Desk:
    """The board behind the page: drafts in, sheets out, and a file that is written whole or not at all."""

    def __init__(self, pixels: Pixels, view: View | None, scene: Path, lens: Lens | None = None) -> None:
        known = parse_scene(scene.read_bytes(), str(scene)) if scene.exists() else None
        self._board, self._scene = Board(pixels, view, now, known.no_plate if known is not None else None), scene
        self.title, self.saves_to = scene.stem, scene.name
        self.size_px, self.still_jpeg = self._board.size_px, self._board.still_jpeg
        self._draft = self._board.blank()
        if known is not None:
            if known.picture_px != self.size_px:
                raise SettingsError(
                    f"{scene} is of a picture of {known.picture_px[0]} x {known.picture_px[1]} pixels, this one has "
                    f"{self.size_px[0]} x {self.size_px[1]}.",
                    remedy="name another file with --scene.",
                )
            self._draft = draft_from(known)
            if known.view is not None and seen_in(known.view, pixels).look is not Look.STEADY:
                _say(f"the camera does not look where it looked when {scene} was measured: check every point on the page.")
        if lens is not None:
            self._draft = replace(self._draft, typed=self._draft.typed | typed_lens(lens))

    def begun(self) -> bytes:
        return _json(
            {"draft": asdict(self._draft), "kinds": {key: asdict(kind) for key, kind in KINDS.items()}, "fields": FIELDS}
        )

    def sheet(self, draft: bytes) -> bytes:
        return _json(asdict(self._board.sheet(draft_of(draft))))

    def birdseye(self) -> bytes:
        return self._board.birdseye_jpeg

    def save(self, draft: bytes) -> str:
        scene = self._board.scene(draft_of(draft))
        text = as_toml(scene)
        assert parse_scene(text.encode(), "what was written") == scene, "what is saved reads back as what was drawn"
        beside = self._scene.with_name(f".{self._scene.name}.new")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._scene)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise StoreError(f"{self._scene} cannot be written: {error.strerror}.", remedy="make its folder writable.") from error
        _say(f"saved {self._scene}: {len(scene.calibration.survey.points)} points, {len(scene.names)} parts")
        return f"Saved {self._scene.name}: {len(scene.calibration.survey.points)} points, {len(scene.names)} parts."


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
