"""A picture that was taken over is not kept alive by its decoder, not even until Python's collector runs."""

import gc
from pathlib import Path

import av

from clearway.camera.clip import Clip
from clearway.testing.road import Road, film


def test_pictures_go_as_soon_as_they_are_let_go(tmp_path: Path) -> None:
    film(Road(seed=1, vehicles=2, width_px=320, height_px=180, events=False), tmp_path / "road.mp4")
    gc.collect()
    gc.disable()
    try:
        frames = sum(1 for _ in Clip(tmp_path / "road.mp4", "camera", 0.0))
        alive = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert frames > 50
    assert alive <= 8, "only what the decoder itself still holds"
