"""Viewers of C2PA see who made a still or a clip, and nothing that the exhibit does not show."""

import io
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from tests.evidence.test_two_verifiers import both
from tests.evidence.world import PLATE, World, frames

from clearway.camera.film import encode_clip
from clearway.evidence.credentials import CHAIN_NAME, MEDIA_TYPES
from clearway.evidence.verify import contents

c2pa = pytest.importorskip("c2pa", reason="the extra clearway[c2pa] is not installed")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("signed") / "data", encode_clip, credentials=True)


@pytest.fixture(scope="module")
def sealed(world: World) -> dict[str, bytes]:
    path = Path(world.seal().path)
    assert all(both(path, list(world.keys.values()))), "and the exhibit is one"
    return contents(path)


def read(name: str, content: bytes, anchors: str | None) -> dict[str, Any]:
    """What a viewer that trusts these authorities shows."""
    said: dict[str, Any] = {"version": 1, "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if anchors is not None:
        said["trust"] = {"user_anchors": anchors}
    context = c2pa.Context(c2pa.Settings.from_dict(said))
    with c2pa.Reader(MEDIA_TYPES[Path(name).suffix], io.BytesIO(content), context=context) as reader:
        shown: dict[str, Any] = json.loads(reader.json())
        return shown


@pytest.mark.parametrize("name", ["still-1.png", "still-2.png", "clip.mp4"])
def test_a_viewer_shows_who_made_it(name: str, world: World, sealed: dict[str, bytes]) -> None:
    authority = "-----BEGIN" + (world.data / "keys" / CHAIN_NAME).read_text().split("-----BEGIN")[2]
    shown = read(name, sealed[name], authority)
    assert shown["validation_state"] == "Trusted"
    (manifest,) = shown["manifests"].values()
    assert manifest["signature_info"]["common_name"] == "north-gate"
    assert manifest["title"] == name and manifest["claim_generator_info"][0]["name"] == "clearway"
    assert "thumbnail" not in manifest and "ingredients" not in manifest
    assert read(name, sealed[name], None)["validation_state"] == "Valid", "a stranger sees that it holds, not whom to trust"
    assert PLATE not in json.dumps(shown)


@pytest.mark.parametrize("name", ["still-1.png", "clip.mp4"])
def test_a_changed_picture_is_seen(name: str, sealed: dict[str, bytes]) -> None:
    raw = bytearray(sealed[name])
    at = raw.rindex(b"IDAT") + 20 if name.endswith("png") else raw.index(b"mdat") + 200
    raw[at] ^= 1
    assert read(name, bytes(raw), None)["validation_state"] == "Invalid"


def test_the_pictures_are_those_without_it(sealed: dict[str, bytes], tmp_path: Path) -> None:
    plain = contents(Path(World(tmp_path, encode_clip).seal().path))
    for name in ("still-1.png", "still-2.png"):
        one, other = (cv2.imdecode(np.frombuffer(files[name], np.uint8), cv2.IMREAD_COLOR) for files in (sealed, plain))
        assert one is not None and other is not None and (one == other).all()
    clips = []
    for files in (sealed, plain):
        with av.open(io.BytesIO(files["clip.mp4"]), "r") as clip:
            assert [stream.type for stream in clip.streams] == ["video"]
            clips.append([frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)])
    assert len(clips[0]) == len(clips[1]) and all((one == other).all() for one, other in zip(*clips, strict=True))


def test_nothing_hidden_is_in_it(sealed: dict[str, bytes]) -> None:
    """No thumbnail under whatever name: no second picture, and no row of a hidden pixel."""
    outside = frames()[5].pixels[60, :8].tobytes()
    for name in ("still-1.png", "still-2.png", "clip.mp4"):
        content = sealed[name]
        assert outside not in content and b"thumbnail" not in content and b"c2pa.ingredient" not in content
        assert b"\xff\xd8\xff" not in content and content.count(b"\x89PNG") == name.endswith("png")


def test_one_key_makes_one_chain(world: World) -> None:
    """A second program on the same data folder signs under the same certificate."""
    before = (world.data / "keys" / CHAIN_NAME).read_bytes()
    world.new_sealer()
    assert (world.data / "keys" / CHAIN_NAME).read_bytes() == before
    assert sorted(path.name for path in (world.data / "keys").iterdir()) == ["c2pa.pem", "clearway.key", "clearway.pub"]
