"""Settings say what is wrong with them, and in which of their two places."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clearway.errors import SettingsError
from clearway.settings import Settings, as_toml, load

BAD_SETTINGS: dict[str, tuple[bytes, dict[str, str], tuple[str, ...]]] = {
    "an unknown key": (b'[camera]\nnaem = "gate"\n', {}, ("clearway.toml: camera.naem is no setting", "clearway init")),
    "an unknown table": (b"[cinema]\n", {}, ("cinema is no setting",)),
    "a value out of bounds": (b"[camera]\nlooks_per_s = 0\n", {}, ("camera.looks_per_s: Input should be greater than 0",)),
    "a value of another kind": (b'[hub]\nport = "many"\n', {}, ("hub.port: Input should be a valid integer",)),
    "a region that is none": (
        b"[camera]\nregion = [0.5, 0.0, 0.5, 1.0]\n",
        {},
        ("camera.region: ", "left must be less than right"),
    ),
    "no TOML": (b"[camera\n", {}, ("clearway.toml is no TOML", "line 1")),
    "no text": (b"\xff\xfe\x00\x01", {}, ("clearway.toml is no TOML",)),
    # The variable wins, so it is the variable that is wrong.
    "a variable out of bounds": (
        b"[camera]\nlooks_per_s = 2\n",
        {"CLEARWAY_CAMERA__LOOKS_PER_S": "-1"},
        ("the variable CLEARWAY_CAMERA__LOOKS_PER_S: camera.looks_per_s",),
    ),
    "weights that are not pinned": (
        b'[sight.reader]\nfamily = "clearway-plate"\nfile = "plate.onnx"\n',
        {},
        ("sight.reader: ", "file and sha256 belong together"),
    ),
    "weights that nobody brings": (
        b'[sight.detector]\nfamily = "yolov9-plate"\n',
        {},
        ("sight.detector: ", "no weights of yolov9-plate come with clearway"),
    ),
    "weights for who brings their own": (
        f'[sight.reader]\nfile = "rec.onnx"\nfamily = "rapidocr"\nsha256 = "{"0" * 64}"\n'.encode(),
        {},
        ("sight.reader: ", "rapidocr brings its own weights"),
    ),
    "a hash that is none": (b'[sight.reader]\nsha256 = "abc"\n', {}, ("sight.reader.sha256: ",)),
    "a family that nobody knows": (
        b"",
        {"CLEARWAY_SIGHT__DETECTOR__FAMILY": "yolov5"},
        ("the variable CLEARWAY_SIGHT__DETECTOR__FAMILY: sight.detector.family: Input should be 'clearway-street'",),
    ),
    "a variable that makes the file wrong": (
        b'[sight.detector]\nfile = "street.onnx"\n',
        {"CLEARWAY_SIGHT__DETECTOR__FAMILY": "clearway-street"},
        ("the variable CLEARWAY_SIGHT__DETECTOR__FAMILY: sight.detector: ", "file and sha256 belong together"),
    ),
    "a variable below a value": (b"", {"CLEARWAY_HUB__PORT__HIGH": "1"}, ("the variable CLEARWAY_HUB__PORT__HIGH: hub.port: ",)),
    "a variable with an underscore too few": (b"", {"CLEARWAY_CAMERA_NAME": "gate"}, ("CLEARWAY_CAMERA_NAME", "two underscores")),
}


@pytest.mark.parametrize("sin", BAD_SETTINGS)
def test_a_bad_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sin: str) -> None:
    toml, variables, words = BAD_SETTINGS[sin]
    monkeypatch.chdir(tmp_path)
    Path("clearway.toml").write_bytes(toml)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as told:
        load()
    assert all(word in told.value.diagnosis() for word in words), told.value.diagnosis()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CLEARWAY_CAMERA__LOOKS_PER_S", "7.5", lambda s: s.camera.looks_per_s == 7.5),
        ("CLEARWAY_CAMERA__REGION", "[0.1, 0.2, 0.9, 1]", lambda s: s.camera.region == (0.1, 0.2, 0.9, 1.0)),
        ("CLEARWAY_CAMERA__NAME", "gate", lambda s: s.camera.name == "gate"),
        ("CLEARWAY_CAMERA__NAME", "7", lambda s: s.camera.name == "7"),  # a name that looks like a number
        ("CLEARWAY_CAMERA__RETRY_FOR_S", "inf", lambda s: s.camera.retry_for_s == float("inf")),  # never give up
        ("CLEARWAY_STORE__DATA", "/srv/a b", lambda s: s.store.data == Path("/srv/a b")),
        ("CLEARWAY_SIGHT__READER__FAMILY", "clearway-plate", lambda s: s.sight.reader.family == "clearway-plate"),
        ("CLEARWAY_TEST_SCREENSHOTS", "x", lambda s: s.camera.looks_per_s == 2),  # no table's name: nobody's business
    ],
)
def test_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: Callable[[Settings], bool]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clearway.toml").write_text('[camera]\nlooks_per_s = 2\nname = "file"\n')
    monkeypatch.setenv(variable, value)
    assert says(load())


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    odd = Settings.model_validate(
        {
            "camera": {"name": 'gate "7"\\', "region": (0.1, 0.2, 0.9, 1.0)},
            "sight": {"detector": {"family": "yolov9-plate", "file": 'odd "name".onnx', "sha256": "0" * 64}},
            "store": {"data": "C:\\clearway\\new Köln"},
        }
    )
    (tmp_path / "clearway.toml").write_text(as_toml(odd), encoding="utf-8")
    assert load(tmp_path / "clearway.toml") == odd
    assert load(tmp_path / "clearway.toml") != Settings()


def test_a_file_that_was_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load() == Settings(), "without a file the defaults hold"
    with pytest.raises(SettingsError) as told:
        load(Path("none.toml"))
    assert "none.toml" in told.value.happened and "clearway init" in told.value.remedy
