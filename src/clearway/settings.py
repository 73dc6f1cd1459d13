"""clearway.toml, read once. Tables stand in story order; environment variables win (CLEARWAY_CAMERA__LOOKS_PER_S=2); there is
no third place, and an unknown key is an error that names it."""

import json
import os
import re
import tomllib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from clearway.errors import SettingsError
from clearway.evidence.note import COSIGNATURE, SIGNATURES_MAX, read_vkey
from clearway.evidence.pkcs11 import PIN_VARIABLE, TokenKey
from clearway.evidence.witness import Asked
from clearway.facts import Retention

FILE_NAME = "clearway.toml"
ENVIRONMENT_PREFIX = "CLEARWAY_"

Positive = Annotated[float, Field(gt=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Table(BaseModel):
    # A camera called 7 is called so, whether or not the number stands in quotation marks.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class CameraSettings(_Table):
    name: str = Field("camera-1", min_length=1, max_length=64, description="how this camera is called in exhibits")
    looks_per_s: Positive = Field(4.0, le=60, description="how often the picture is looked at closely, where something moves")
    region: tuple[float, float, float, float] = Field(
        (0.0, 0.0, 1.0, 1.0), description="the part that is looked at: left, top, right, bottom as shares of the picture"
    )
    unstated_clock_error_s: float = Field(
        86400.0, ge=0, le=3.2e9, description="how wrong a clip's time may be where the clip does not say when it was filmed"
    )
    retry_for_s: float = Field(60.0, ge=0, description="how long a live camera that gives no picture is tried again")

    @field_validator("region")
    @classmethod
    def _is_part(cls, region: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        left, top, right, bottom = region
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError("left must be less than right, top less than bottom, and each between 0 and 1")
        return region


# Who finds and who reads where nobody says otherwise.
DETECTOR: Final = "rapidocr"
READER: Final = "rapidocr"


class _SeenWith(_Table):
    family: str
    file: str = Field("", description="an ONNX file with other weights of that family; empty: those that come with it")
    sha256: str = Field("", pattern="^([0-9a-f]{64})?$", description="the SHA-256 that this file must have, in hex")

    @model_validator(mode="after")
    def _is_pinned(self) -> Self:
        if bool(self.file) != bool(self.sha256):
            raise ValueError("file and sha256 belong together: name both or neither")
        if self.file and self.family == "rapidocr":
            raise ValueError("rapidocr brings its own weights: name no file")
        if not self.file and self.family in ("yolov9-plate", "cct-plate"):
            raise ValueError(f"no weights of {self.family} come with clearway: name their file and its sha256")
        return self


class DetectorSettings(_SeenWith):
    family: Literal["clearway-street", "yolov9-plate", "rapidocr"] = Field(
        DETECTOR, description="who finds plates: clearway-street, yolov9-plate (fast-alpr's detectors) or rapidocr"
    )


class ReaderSettings(_SeenWith):
    family: Literal["clearway-plate", "cct-plate", "rapidocr"] = Field(
        READER, description="who reads plates: clearway-plate, cct-plate (fast-alpr's reader) or rapidocr"
    )


class SightSettings(_Table):
    threads: int = Field(2, ge=1, le=64, description="processor threads for the detector and the reader")
    detector: DetectorSettings = DetectorSettings()
    reader: ReaderSettings = ReaderSettings()


class TrackSettings(_Table):
    lost_after_s: Positive = Field(2.5, le=60, description="a vehicle unseen for this long has passed")
    judged_after_s: Positive = Field(
        6.0, le=60, description="a vehicle still in view is judged after this long, once its plate is sure"
    )
    plate_p_min: Probability = Field(0.5, description="a plate less certain than this is not told to anybody")


class CheckSettings(_Table):
    match_p_min: float = Field(0.9, gt=0.5, le=1, description="a match less certain than this is UNKNOWN")
    register_fresh_days: Positive = Field(31.0, le=3660, description="a register extract older than this answers UNKNOWN")


class TimestampSettings(_Table):
    url: str = Field(
        "",
        pattern=r"^(https?://[^@\s]+)?$",
        description="the timestamp authority (RFC 3161) that is asked when an exhibit is sealed; empty: none",
    )
    certificate: str = Field("", description="its certificate in PEM, or one above it, from a source that you trust")

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if bool(self.url) != bool(self.certificate):
            raise ValueError("url and certificate belong together: name both or neither")
        return self


class OriginalSettings(_Table):
    key: str = Field(
        "",
        description="the public key (X25519, PEM) of the court that alone can open the unmasked clip; empty: no original is kept",
    )
    because: str = Field("", max_length=200, description="the law that asks for originals, as exhibits name it")

    @model_validator(mode="after")
    def _is_asked_for(self) -> Self:
        if bool(self.key) != bool(self.because):
            raise ValueError("key and because belong together: name the court's key and the law, or neither")
        return self


class SignerSettings(_Table):
    module: str = Field(
        "", description="the PKCS#11 library of the token that holds the signing key; empty: the key is a file in the data folder"
    )
    token: str = Field("", max_length=32, description="the token's label")
    key: str = Field("", max_length=200, description="the label of the Ed25519 key pair in it")
    pin_file: str = Field("", description=f"a file with its PIN, for its owner only; empty: the variable {PIN_VARIABLE} has it")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len({bool(self.module), bool(self.token), bool(self.key)}) > 1 or (self.pin_file and not self.module):
            raise ValueError("module, token and key belong together: name all of them or none")
        return self

    def named(self) -> TokenKey | None:
        """Where the key is, where it is in a token."""
        if not self.module:
            return None
        return TokenKey(Path(self.module), self.token, self.key, Path(self.pin_file) if self.pin_file else None)


class RulesSettings(_Table):
    scene: str = Field(
        "", description="the surveyed view (scene.toml, see docs/rules.md), which names its law; empty: only the lists are asked"
    )


class EvidenceSettings(_Table):
    stills: int = Field(3, ge=1, le=12, description="pictures in one exhibit")
    held_s: Positive = Field(
        12.0, le=120, description="how long pictures are held in memory, at most; a few of who stands where nobody may, longer"
    )
    held_mb: int = Field(1024, ge=64, le=65536, description="how much memory the held pictures may take, at most")
    credentials: bool = Field(
        False,
        description="whether stills and clip carry C2PA manifests, which viewers show; needs clearway[c2pa]",
    )
    witnesses: tuple[tuple[str, str], ...] = Field(
        (),
        max_length=SIGNATURES_MAX - 1,
        description='witnesses that cosign the ledger when an exhibit is sealed, each as ["address", "key"]; empty: none',
    )
    signer: SignerSettings = SignerSettings()
    timestamp: TimestampSettings = TimestampSettings()
    original: OriginalSettings = OriginalSettings()

    @field_validator("witnesses")
    @classmethod
    def _are_known(cls, witnesses: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        names = [_witness(*witness).key.name for witness in witnesses]
        if len(set(names)) != len(names):
            raise ValueError("each witness has a name of its own")
        return witnesses

    def asked_witnesses(self) -> tuple[Asked, ...]:
        """The witnesses, with their keys read."""
        return tuple(_witness(*witness) for witness in self.witnesses)


def _witness(url: str, word: str) -> Asked:
    if not re.fullmatch(r"https?://[^@\s]+", url):
        raise ValueError("a witness' address begins with http:// or https://")
    key = read_vkey(word)
    if key.kind != COSIGNATURE:
        raise ValueError("it is the key of a ledger, not of a witness")
    return Asked(url, key)


Days = Annotated[float, Field(gt=0, le=3660)]


class RetentionSettings(_Table):
    wanted_days: Days = Field(30.0, description="an exhibit of a listed vehicle must be gone this long after it was sealed")
    papers_days: Days = Field(90.0, description="the same, of a lapsed registration")
    offence_days: Days = Field(180.0, description="the same, of a traffic offence")
    dismissed_days: Days = Field(7.0, description="what an officer dismissed must be gone this long after that, if not before")

    def of(self, rule: str) -> Retention:
        """What exhibits of that rule are kept for, and for how long."""
        if rule == "wanted":
            return Retention("to find a listed vehicle", timedelta(days=self.wanted_days))
        if rule == "papers":
            return Retention("to see to a lapsed registration", timedelta(days=self.papers_days))
        return Retention("to pursue a traffic offence", timedelta(days=self.offence_days))


class StoreSettings(_Table):
    data: Path = Field(Path("clearway-data"), description="the data folder: keys, lists, exhibits, ledger, database")


class HubSettings(_Table):
    host: str = Field("127.0.0.1", description="the address that the hub listens on; keep it on loopback")
    port: int = Field(8765, ge=0, le=65535, description="the port that the hub listens on; 0 takes any free one")


class Settings(_Table):
    camera: CameraSettings = CameraSettings()
    sight: SightSettings = SightSettings()
    track: TrackSettings = TrackSettings()
    check: CheckSettings = CheckSettings()
    rules: RulesSettings = RulesSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    retention: RetentionSettings = RetentionSettings()
    store: StoreSettings = StoreSettings()
    hub: HubSettings = HubSettings()


def load(path: Path | None = None) -> Settings:
    """The settings of `path`; where none is named, of ./clearway.toml, or the defaults where there is none.

    SettingsError names the key, the value's fault, and the file or the variable.
    """
    named = path is not None
    path = path or Path(FILE_NAME)
    tables: dict[str, object] = {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if named:
            raise SettingsError(f"there is no settings file {path}.", remedy="run `clearway init` to write one.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is no TOML: {error}.", remedy="mend that line, or write the file anew.") from error
    variables: dict[str, str] = {}
    for name, value in os.environ.items():
        *path_to, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        if not path_to and key.partition("_")[0] in Settings.model_fields:
            raise SettingsError(f"the variable {name} is no setting.", remedy="write two underscores after the table's name.")
        if path_to:
            _within(tables, path_to)[key] = _from_environment(value)
            variables[".".join((*path_to, key))] = name
    try:
        return Settings.model_validate(tables)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        variable = next(
            (name for key, name in variables.items() if f"{key}.".startswith(f"{at}.") or at.startswith(f"{key}.")), None
        )
        fault = f"{at}: {first['msg']}" if first["type"] != "extra_forbidden" else f"{at} is no setting"
        raise SettingsError(
            f"{f'the variable {variable}' if variable else path}: {fault}.",
            remedy="see the comments that `clearway init` writes: they name every setting, its meaning and its bounds.",
        ) from None


def _within(tables: dict[str, object], path: Sequence[str]) -> dict[str, object]:
    """The table of that name inside those tables, made where there is none."""
    for name in path:
        inner = tables.get(name)
        tables[name] = inner = inner if isinstance(inner, dict) else {}
        tables = inner
    return tables


def _from_environment(text: str) -> object:
    """A value as TOML would write it, so that lists and numbers keep their type; anything else is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def as_toml(settings: Settings) -> str:
    """A commented clearway.toml that says the same as `settings`."""
    lines = ["# Clearway's settings. Environment variables win: CLEARWAY_CAMERA__LOOKS_PER_S=2", ""]
    for name in Settings.model_fields:
        lines += _as_toml(name, getattr(settings, name))
    return "\n".join(lines)


def _as_toml(name: str, table: _Table) -> list[str]:
    """The lines of one table, then those of the tables inside it."""
    lines, inside = [f"[{name}]"], []
    for key, field in type(table).model_fields.items():
        value = getattr(table, key)
        if isinstance(value, _Table):
            inside += _as_toml(f"{name}.{key}", value)
            continue
        shown = value
        if isinstance(value, (str, Path, bool, tuple)):
            # A TOML basic string is written like a JSON string, and so are true and a list.
            shown = json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
        lines += [f"# {field.description}", f"{key} = {shown}"]
    return [*lines, "", *inside]
