"""The one door for weights: what is not the file that was meant, or would give more than it may, is refused by name."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.sight import networks

from clearway.errors import InstallationError
from clearway.sight import network, plate, street
from clearway.sight.network import Network, Weights, our_own
from clearway.sight.plate import PlateReader
from clearway.sight.street import StreetDetector

FAMILIES = {"street": street.FAMILY, "plate": plate.FAMILY}


def cut(path: Path) -> Weights:
    meant = networks.street(path)
    path.write_bytes(path.read_bytes()[:-100])
    return meant


def cut_and_pinned(path: Path) -> Weights:
    cut(path)
    return networks.weights(path)


def another(path: Path) -> Weights:
    networks.street(path)
    return Weights(path, "0" * 64)


def missing(path: Path) -> Weights:
    return Weights(path, "0" * 64)


def folder(path: Path) -> Weights:
    path.mkdir()
    return Weights(path, "0" * 64)


def text(path: Path) -> Weights:
    path.write_text("<html>404: not found</html>")
    return networks.weights(path)


def elsewhere(path: Path) -> Weights:
    """Its numbers lie in a second file, which no hash covers."""
    networks.street(path)
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location="numbers", size_threshold=0)
    return networks.weights(path)


def plate_for_street(path: Path) -> Weights:
    return networks.plate(path)


def sinful(sin: str) -> Callable[[Path], Weights]:
    return lambda path: networks.street(path, sin)


SINS: dict[str, tuple[Callable[[Path], Weights], str]] = {
    "missing": (missing, "cannot be read: No such file"),
    "a folder": (folder, "cannot be read: Is a directory"),
    "empty": (lambda path: (path.write_bytes(b""), networks.weights(path))[1], "no ONNX file that can be run"),
    "cut": (cut, "it is cut, or another one"),
    "cut, and its hash is that of the cut file": (cut_and_pinned, "no ONNX file that can be run"),
    "of another hash": (another, "not 0000"),
    "an error page": (text, "no ONNX file that can be run"),
    "numbers in a second file": (elsewhere, "no ONNX file that can be run"),
    "of another family": (plate_for_street, "takes plates, not pixels alone"),
    "four channels": (sinful("four channels"), "has pixels as tensor(float) 1 x 4 x height x width"),
    "an embedding": (sinful("an embedding"), "gives embedding, which is not on the list of what may come out"),
    "an embedding called scores": (sinful("an embedding called scores"), "has scores as tensor(float) 1 x n x 512"),
    "a side left open": (sinful("a side left open"), "has scores as tensor(float) 1 x n x "),
    "no corners": (sinful("no corners"), "gives no corners"),
}


@pytest.mark.parametrize("sin", SINS)
def test_weights_are_refused_by_name(sin: str, tmp_path: Path) -> None:
    make, words = SINS[sin]
    with pytest.raises(InstallationError) as told:
        StreetDetector(make(tmp_path / "street.onnx"), threads=1)
    assert "street.onnx" in told.value.happened and "clearway-street" in told.value.happened
    assert words in told.value.happened and told.value.remedy


def test_what_comes_out_is_held_to_what_was_announced(tmp_path: Path) -> None:
    """A file may say that its scores are five numbers and give fifteen."""
    made = Network(street.FAMILY, networks.street(tmp_path / "street.onnx", "wider than announced"), 1)
    with pytest.raises(InstallationError, match="gave scores in the shape 1 x 16 x 15, not 1 x any x 5"):
        made(np.zeros((1, 3, 32, 32), np.float32))


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"alphabet": ""}, "does not say its alphabet"),
        ({"alphabet": "0123456789"}, "reads another alphabet"),
        ({"temperature": "warm"}, "states no temperature"),
        ({"temperature": "-1"}, "states no temperature"),
        ({"temperature": "nan"}, "states no temperature"),
        ({"regions": "unknown GB FR"}, "names other regions than it tells apart"),
    ],
)
def test_a_reader_s_weights_must_say_what_they_read(says: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match=words):
        PlateReader(networks.plate(tmp_path / "plate.onnx", says=says), threads=1)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "FILE_MB_MAX", 0)
    with pytest.raises(InstallationError, match="more than 0 MB"):
        StreetDetector(networks.street(tmp_path / "street.onnx"))


def test_no_card_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "OUR_OWN", tmp_path)
    made = networks.street(tmp_path / "street.onnx")
    with pytest.raises(InstallationError, match=r"street\.md is missing or states no sha256"):
        our_own("street")
    (tmp_path / "street.md").write_text("# A card\n\nsha256: to be told\n")
    with pytest.raises(InstallationError, match="states no sha256"):
        our_own("street")
    (tmp_path / "street.md").write_text(f"# A card\n\nsha256: {made.sha256}\n")
    assert our_own("street") == made


@pytest.mark.parametrize("path", sorted(network.OUR_OWN.glob("*.onnx")), ids=lambda path: path.name)
def test_what_we_ship_passes_its_own_door(path: Path) -> None:
    """Outputs on the list, and a card that states these very bytes."""
    shipped = our_own(path.stem)
    assert shipped.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    Network(FAMILIES[path.stem], shipped, 1)


def test_every_card_has_its_weights() -> None:
    cards = {path.stem for path in network.OUR_OWN.glob("*.md")} - {"README"}
    assert cards == {path.stem for path in network.OUR_OWN.glob("*.onnx")}
