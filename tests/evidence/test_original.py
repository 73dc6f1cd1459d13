"""The unmasked clip is there for a court, and for nobody else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from tests.evidence.golden import FOLDER
from tests.evidence.sins import packed
from tests.evidence.test_two_verifiers import both
from tests.evidence.world import World, frames

from clearway.camera.film import encode_clip
from clearway.errors import SettingsError
from clearway.evidence import canonical
from clearway.evidence.original import Court, load_court
from clearway.evidence.verify import contents, verify
from clearway.settings import Settings

LAW = "Road Traffic Evidence Act, section 12"
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def pem(private: X25519PrivateKey | Ed25519PrivateKey) -> bytes:
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_pem(private: X25519PrivateKey | Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def court() -> X25519PrivateKey:
    return X25519PrivateKey.generate()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, court: X25519PrivateKey) -> World:
    return World(tmp_path_factory.mktemp("world") / "data", encode_clip, court=Court(court.public_key(), LAW))


@pytest.fixture(scope="module")
def sealed(world: World) -> Path:
    return Path(world.seal().path)


def test_without_a_court_no_original_is_kept(tmp_path: Path) -> None:
    files = contents(Path(World(tmp_path).seal().path))
    assert "original.hpke" not in files and json.loads(files["manifest.json"])["original"] == "none"


def test_the_court_opens_it_as_the_page_says_and_sees_what_the_camera_saw(
    sealed: Path, court: X25519PrivateKey, tmp_path: Path
) -> None:
    for name, content in contents(sealed).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "court.pem").write_bytes(pem(court))
    (recipe,) = re.findall(r"```python\n(.*?)```", (FOLDER.parent / "exhibit.md").read_text(), re.DOTALL)
    subprocess.run([sys.executable, "-c", recipe], cwd=tmp_path, check=True, timeout=60)
    with av.open(str(tmp_path / "original.mp4")) as clip:
        seen = [frame.to_ndarray(format="rgb24").astype(int) for frame in clip.decode(video=0)]
    filmed = frames()[2:9]
    assert len(seen) == len(filmed)
    for picture, frame in zip(seen, filmed, strict=True):
        # Lossy coding of pure noise is far from exact, and nearer to it than to a flat fill all over the picture.
        assert np.abs(picture - frame.pixels).mean() < 0.8 * np.abs(128 - frame.pixels.astype(int)).mean()


def test_nobody_else_opens_it_not_even_the_sealer(sealed: Path, court: X25519PrivateKey) -> None:
    files = contents(sealed)
    said = json.loads(files["manifest.json"])
    info = b"clearway-original/1 " + said["salt"].encode()
    with pytest.raises(InvalidTag):
        SUITE.decrypt(files["original.hpke"], X25519PrivateKey.generate(), info=info)
    with pytest.raises(InvalidTag):
        SUITE.decrypt(files["original.hpke"], court, info=b"clearway-original/1 " + b"0" * 64)
    assert SUITE.decrypt(files["original.hpke"], court, info=info)[36:40] == b"ftyp"
    # Nothing of it is anywhere in the data folder: not its container, and no row of its pixels.
    written = b"".join(path.read_bytes() for path in sealed.parents[1].rglob("*") if path.is_file())
    outside = frames()[5].pixels[60, :16].tobytes()
    assert outside not in written and written.count(b"ftyp") == 1


def test_it_is_sealed_anew_each_time(world: World, sealed: Path) -> None:
    again = Path(world.seal().path)
    one, other = (json.loads(contents(path)["manifest.json"])["original"] for path in (sealed, again))
    assert one["salted_sha256"] != other["salted_sha256"], "nobody can tell by the digest that the same clip is in both"
    assert one["sealed_to_sha256"] == other["sealed_to_sha256"] and one["because"] == LAW


def test_verifiers_say_who_can_open_it(world: World, sealed: Path) -> None:
    assert all(both(sealed, list(world.keys.values())))
    words = verify(sealed, world.keys).steps[2].words
    assert "original.hpke is the unmasked clip, which only the holder of the key" in words and LAW in words


@pytest.mark.parametrize(
    "change",
    [
        {"file": "another.hpke"},
        {"sealed_to_sha256": "me"},
        {"salted_sha256": 7},
        {"key": "and one more"},
        {"because": None},
    ],
)
def test_an_original_that_nobody_understands_is_refused(
    world: World, sealed: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    files = contents(sealed)
    said = canonical.loads(files["manifest.json"])
    assert isinstance(said, dict)
    said["original"] = said["original"] | change
    path = tmp_path / "changed.zip"
    path.write_bytes(packed((files | {"manifest.json": canonical.dumps(said)}).items()))
    assert both(path, list(world.keys.values()))[2] is False


def test_a_key_that_is_no_courts_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "signing.pub").write_bytes(public_pem(Ed25519PrivateKey.generate()))
    (tmp_path / "court.pub").write_bytes(public_pem(X25519PrivateKey.generate()))
    for name in ("signing.pub", "nowhere.pub"):
        with pytest.raises(SettingsError, match=r"evidence\.original\.key"):
            load_court(tmp_path / name, LAW)
    assert load_court(tmp_path / "court.pub", LAW).key_id
    with pytest.raises(ValueError, match="key and because belong together"):
        Settings.model_validate({"evidence": {"original": {"key": "court.pub"}}})
