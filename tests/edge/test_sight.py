"""Whose weights look is a matter of the settings, and stands in every exhibit."""

import subprocess
from pathlib import Path

import pytest
from tests.sight import networks

import clearway
from clearway.edge.station import Station, first_hider, first_sight
from clearway.errors import InstallationError
from clearway.settings import Settings
from clearway.sight import network
from clearway.sight.network import Weights, our_own

PEER = Path(__file__).parents[2] / "../shared/peers/fast_alpr/weights"


def asked(detector: dict[str, str], reader: dict[str, str]) -> Settings:
    return Settings.model_validate({"sight": {"threads": 1, "detector": detector, "reader": reader}})


def named(family: str, weights: Weights) -> dict[str, str]:
    return {"family": family, "file": str(weights.path), "sha256": weights.sha256}


def test_the_programs_hash_is_what_anybody_can_compute(tmp_path: Path) -> None:
    made_with = Station(tmp_path, Settings())._made_with(*first_sight(Settings()), first_hider(Settings()))
    command = "find . -name '*.py' -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    done = subprocess.run(["sh", "-c", command], cwd=Path(clearway.__file__).parent, capture_output=True, text=True, check=True)
    assert made_with["program sha256"] == done.stdout.split()[0]


def test_weights_of_one_s_own_are_named_in_the_settings(tmp_path: Path) -> None:
    street, plate = networks.street(tmp_path / "street.onnx"), networks.plate(tmp_path / "plate.onnx")
    settings = asked(named("clearway-street", street), named("clearway-plate", plate))
    detector, reader = first_sight(settings)
    assert (detector.name, reader.name) == ("clearway-street street", "clearway-plate plate")
    made_with = Station(tmp_path / "data", settings)._made_with(detector, reader, first_hider(settings))
    assert made_with["detector"] == detector.name and made_with["reader"] == reader.name
    assert reader.temperature == 1.0, "as the weights say"
    assert made_with["weights street.onnx sha256"] == street.sha256
    assert made_with["weights plate.onnx sha256"] == plate.sha256
    assert made_with["hider's weights street.onnx sha256"] == our_own("street").sha256, "whoever looks for plates, ours hide"


def test_ours_need_no_naming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "OUR_OWN", tmp_path)
    for name, weights in (
        ("street", networks.street(tmp_path / "street.onnx")),
        ("plate", networks.plate(tmp_path / "plate.onnx")),
    ):
        (tmp_path / f"{name}.md").write_text(f"- **sha256** `{weights.sha256}`\n")
    detector, reader = first_sight(asked({"family": "clearway-street"}, {"family": "clearway-plate"}))
    assert [name for name, _ in (*detector.weights, *reader.weights)] == ["street.onnx", "plate.onnx"]
    (tmp_path / "plate.onnx").write_bytes(b"")
    with pytest.raises(InstallationError, match=r"plate\.onnx .*is cut, or another one"):
        first_sight(asked({"family": "clearway-street"}, {"family": "clearway-plate"}))


def test_rapidocr_brings_its_own() -> None:
    detector, reader = first_sight(asked({"family": "rapidocr"}, {"family": "rapidocr"}))
    assert [name for name, _ in (*detector.weights, *reader.weights)] == ["PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"]


@pytest.mark.skipif(not PEER.exists(), reason="../shared/peers is not here")
def test_fast_alpr_comes_by_the_same_door() -> None:
    detector, reader = first_sight(
        asked(
            named("yolov9-plate", networks.weights(PEER / "yolo-v9-t-416-rebuilt-fp32.onnx")),
            named("cct-plate", networks.weights(PEER / "cct_xs_v2_global.onnx")),
        )
    )
    assert (detector.name, reader.name) == ("yolov9-plate yolo-v9-t-416-rebuilt-fp32", "cct-plate cct_xs_v2_global")
