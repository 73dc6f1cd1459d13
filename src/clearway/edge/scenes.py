"""scene.toml and the law that it names, read strictly: an unknown key, a missing one or a value that makes no sense is refused
by its name, before a camera is opened."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from clearway.errors import SettingsError
from clearway.rules.laws import Law
from clearway.scene import Scene

# A scene of 32 parts and 64 points takes about 10 kB.
BYTES_MAX = 1_000_000
LAWS = resources.files("clearway.rules") / "laws"

T = TypeVar("T")
_SCENE, _LAW = TypeAdapter(Scene), TypeAdapter(Law)


def load_scene(path: Path, now: datetime) -> Scene:
    """The scene of that file. SettingsError names the key and its fault, or says that its survey is not in force at `now`."""
    scene = parse_scene(scene_bytes(path), str(path))
    refuse_expired(scene, str(path), now)
    return scene


def scene_bytes(path: Path) -> bytes:
    """What the file holds, up to a byte more than a scene may have. SettingsError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(
            f"the scene {path} cannot be read: {error.strerror or error}.",
            remedy="name the file of your view in rules.scene; docs/rules.md names every key of a scene.",
        ) from error


def refuse_expired(scene: Scene, what: str, now: datetime) -> None:
    """SettingsError where its survey is not in force at `now`."""
    if not scene.surveyed.holds(now, now):
        until = f"{scene.surveyed.valid_from:%Y-%m-%d} to {scene.surveyed.valid_until:%Y-%m-%d}"
        raise SettingsError(
            f"{what}: the survey holds from {until}, not now.", remedy="survey the view anew and state it in [surveyed]."
        )


def parse_scene(data: bytes, what: str) -> Scene:
    """The scene that those bytes describe; `what` names them in a SettingsError."""
    return _parsed(_SCENE, data, what)


def scene_of(tables: Mapping[str, object], what: str) -> Scene:
    """The scene of those tables, as TOML holds them; `what` names them in a SettingsError."""
    return _validated(_SCENE, tables, what)


def as_toml(scene: Scene) -> str:
    """A scene.toml that reads back as that scene."""
    return "\n".join(_tables(scene, "")).strip() + "\n"


def load_law(code: str) -> Law:
    """The law pack of that name ("DE"). SettingsError where there is none, or where it is not whole."""
    return parse_law(law_bytes(code), f"the law pack {code}")


def law_bytes(code: str) -> bytes:
    """The law pack of that name, as it was written. SettingsError where there is none."""
    known = {Path(entry.name).stem: entry for entry in LAWS.iterdir() if entry.name.endswith(".toml")}
    if code not in known:
        raise SettingsError(f"there is no law pack {code!r}.", remedy=f"name one of {', '.join(sorted(known))}.")
    return known[code].read_bytes()


def parse_law(data: bytes, what: str) -> Law:
    """The law that those bytes describe; `what` names them in a SettingsError."""
    return _parsed(_LAW, data, what)


def _parsed(adapter: TypeAdapter[T], data: bytes, what: str) -> T:
    remedy = "mend it; docs/rules.md names every key."
    if len(data) > BYTES_MAX:
        raise SettingsError(f"{what} has more than {BYTES_MAX:,} bytes.", remedy="check that it is the right file.")
    try:
        tables = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{what} is no TOML: {error}.", remedy=remedy) from error
    return _validated(adapter, tables, what)


def _validated(adapter: TypeAdapter[T], tables: Mapping[str, object], what: str) -> T:
    remedy = "mend it; docs/rules.md names every key."
    try:
        # Read as JSON, numbers must be numbers and lists may be tuples; TOML's times become text on the way.
        return adapter.validate_json(json.dumps(tables, default=_as_text), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"]) or "the whole"
        fault = {"unexpected_keyword_argument": f"{at} is no key here", "missing": f"{at} is missing"}
        said = fault.get(first["type"], f"{at}: {first['msg'].removeprefix('Value error, ')}")
        raise SettingsError(f"{what}: {said}.", remedy=remedy) from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{what} is no TOML: {error}.", remedy=remedy) from error


def _as_text(value: object) -> str:
    isoformat = getattr(value, "isoformat", None)
    if isoformat is None:
        raise ValueError("a value of a kind that no key has")
    return str(isoformat())


def _tables(value: object, name: str) -> Iterator[str]:
    """The lines of one table: what fits on a line first, then the tables inside it, then those of which there are several."""
    inner: list[tuple[str, object]] = []
    repeated: list[tuple[str, tuple[object, ...]]] = []
    if name:
        yield from ("", f"[{name}]")
    for field in fields(value):  # type: ignore[arg-type]  # it is a dataclass, as all parts of a scene are
        one = getattr(value, field.name)
        if one is None or (isinstance(one, tuple) and not one) or one == field.default:
            continue
        if is_dataclass(one):
            inner.append((f"{name}.{field.name}" if name else field.name, one))
        elif isinstance(one, tuple) and is_dataclass(one[0]) and not name:
            repeated.append((field.name, one))
        elif isinstance(one, tuple) and is_dataclass(one[0]):
            yield f"{field.name} = ["
            yield from (f"  {_inline(each)}," for each in one)
            yield "]"
        else:
            yield f"{field.name} = {_inline(one)}"
    for key, table in inner:
        yield from _tables(table, key)
    for key, parts in repeated:
        for part in parts:
            yield from ("", f"[[{key}]]")
            yield from (f"{each} = {_inline(one)}" for each, one in _stated(part))


def _stated(value: object) -> list[tuple[str, object]]:
    """The fields that say more than their default does."""
    named = ((field.name, getattr(value, field.name), field.default) for field in fields(value))  # type: ignore[arg-type]
    return [(name, one) for name, one, default in named if one is not None and one != default]


def _inline(value: object) -> str:
    if is_dataclass(value):
        return "{ " + ", ".join(f"{key} = {_inline(one)}" for key, one in _stated(value)) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float):
        return repr(float(value))
    # A TOML basic string is written like a JSON string, but for one control character that JSON lets stand.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
