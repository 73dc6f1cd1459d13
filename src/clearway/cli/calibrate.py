"""`clearway calibrate`: measure a view and draw on it what may be driven where."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from clearway import settings as settings_file
from clearway.camera.stills import SUFFIXES, read_picture
from clearway.edge.board import Board
from clearway.edge.drawing import FIELDS, KINDS, draft_from, draft_of
from clearway.edge.guard import leave_no_dump
from clearway.edge.scenes import as_toml, parse_scene
from clearway.edge.station import first_hider, now, open_camera
from clearway.edge.still import still_of
from clearway.errors import SettingsError, StoreError
from clearway.facts import Box, Frame, Pixels
from clearway.hub.calibrate import run_page
from clearway.scene import View
from clearway.settings import Settings
from clearway.sight.view import Look, seen_in, view_of

SCENE = Path("scene.toml")

_DESCRIPTION = """\
Opens a page on this machine with a still of the source. Click points that were measured and type their metres (or the corners of
a lane of known width), draw lines, lanes, zones and signal heads, see the road from above and how far each place may be off, and
save scene.toml. What makes no sense is refused there by its name.

The still is the middle one of many moments, so that nobody who passes is in it. It is held in memory only."""
_EPILOG = """\
examples:
  clearway calibrate road.mp4
  clearway calibrate rtsp://10.0.0.7/main --scene north-arm.toml     mends that scene, where there is one
  clearway calibrate still.jpg --port 8800

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
    verb.add_argument("--port", metavar="N", type=int, default=0, help="the page's port (default: any free one)")
    verb.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 when the page was ended by Ctrl-C or SIGTERM."""
    leave_no_dump()
    settings = settings_file.load(given.settings)
    pixels = _still(given.source, settings)
    # Of vehicles that stood there, of people and of plates no landmark is made: they go, and nothing is kept of them.
    found = first_hider(settings).find(Frame("still", 0, now(), 0.0, pixels), Box(0, 0, pixels.shape[1], pixels.shape[0]))
    view = view_of(pixels, [one.box for one in found])
    if view is None:
        _say("this still has too few landmarks: that the camera is moved will not be noticed. Try by day, or a sharper picture.")
    run_page(Desk(pixels, view, given.scene), given.port, _say)
    return 0


def _still(source: str, settings: Settings) -> Pixels:
    if Path(source).suffix.lower() in SUFFIXES:
        return read_picture(Path(source))[0]
    camera = open_camera(source, settings, _say)
    _say("watching for a moment, until nobody who passes is left in the picture …")
    return still_of(camera, live=camera.frames_expected is None)


class Desk:
    """The board behind the page: drafts in, sheets out, and a file that is written whole or not at all."""

    def __init__(self, pixels: Pixels, view: View | None, scene: Path) -> None:
        self._board, self._scene = Board(pixels, view, now), scene
        self.title, self.saves_to = scene.stem, scene.name
        self.size_px, self.still_jpeg = self._board.size_px, self._board.still_jpeg
        self._draft = self._board.blank()
        if scene.exists():
            known = parse_scene(scene.read_bytes(), str(scene))
            if known.picture_px != self.size_px:
                raise SettingsError(
                    f"{scene} is of a picture of {known.picture_px[0]} x {known.picture_px[1]} pixels, this one has "
                    f"{self.size_px[0]} x {self.size_px[1]}.",
                    remedy="name another file with --scene.",
                )
            self._draft = draft_from(known)
            if known.view is not None and seen_in(known.view, pixels).look is not Look.STEADY:
                _say(f"the camera does not look where it looked when {scene} was measured: check every point on the page.")

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
