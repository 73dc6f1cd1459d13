"""`clearway verify` and docs/formats/verify.py share no line, and agree step by step on every exhibit, whole or sinful."""

import importlib.util
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from tests.evidence.golden import FOLDER, Office
from tests.evidence.sins import SINS, Original, name_of, packed, unpacked
from tests.evidence.world import World

from clearway.envelope import key_id, load_public_key
from clearway.evidence.note import Verifier
from clearway.evidence.token import known_authorities
from clearway.evidence.verify import TITLES, verify

STANDALONE = FOLDER.parent / "verify.py"


def _loaded() -> object:
    spec = importlib.util.spec_from_file_location("standalone_verify", STANDALONE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


standalone = _loaded()


def both(
    path: Path, keys: Sequence[bytes], authorities: Sequence[Certificate] = (), witnesses: Sequence[Verifier] = ()
) -> list[bool]:
    """Which steps pass, once both verifiers say the same."""
    report = verify(path, {key_id(key): key for key in keys}, witnesses, authorities=authorities)
    ours = [step.passed for step in report.steps]
    theirs = standalone.verify(path, keys, authorities, [witness.vkey() for witness in witnesses])  # type: ignore[attr-defined] # a module by its path
    assert [passed for passed, _ in theirs] == ours, (theirs, report)
    return ours


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original.sealed_in(tmp_path_factory.mktemp("sealed"))


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path, Certificate]:
    """An exhibit with a timestamp."""
    folder = tmp_path_factory.mktemp("stamped")
    office = Office(folder / "office")
    world = World(folder / "data", authority=office)
    return world, Path(world.seal().path), office.tsa.ca


@pytest.mark.parametrize(
    "folder", [FOLDER, FOLDER.with_name("example-3"), FOLDER.with_name("example-2"), FOLDER.with_name("example-1")]
)
def test_the_examples_pass_both(folder: Path) -> None:
    (path,) = folder.glob("*.zip")
    key = load_public_key(folder / "clearway.pub")
    assert all(both(path, [key], known_authorities(folder)))
    assert both(path, []) == [True, True, True, True, False, True, False, folder.name == "example-1"]


def test_every_sin_is_one_to_both(original: Original, tmp_path: Path) -> None:
    (key,) = original.world.keys.values()
    for steps, make in SINS.values():
        path = tmp_path / name_of(original, steps)
        path.write_bytes(make(original))
        assert not all(both(path, [key], original.authorities))


@pytest.mark.parametrize("seed", range(3))
def test_they_agree_on_mutated_bundles(stamped: tuple[World, Path, Certificate], tmp_path: Path, seed: int) -> None:
    world, whole, ca = stamped
    (key,) = world.keys.values()
    raw, dice, path = whole.read_bytes(), random.Random(seed), tmp_path / whole.name
    for _ in range(100):
        at, count = dice.randrange(len(raw)), dice.randrange(1, 9)
        path.write_bytes(
            dice.choice(
                (
                    raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :],
                    raw[:at],
                    raw[:at] + raw[at + count :],
                    raw[:at] + dice.randbytes(count) + raw[at:],
                )
            )
        )
        assert not all(both(path, [key], [ca]))


@pytest.mark.parametrize("seed", range(3))
def test_they_agree_on_mutated_files(stamped: tuple[World, Path, Certificate], tmp_path: Path, seed: int) -> None:
    """The container is made anew, so that the other steps are reached."""
    world, whole, ca = stamped
    (key,) = world.keys.values()
    files, dice = unpacked(whole), random.Random(seed)
    for turn in range(100):
        place = dice.randrange(len(files))
        name, content = files[place]
        at, count = dice.randrange(len(content)), dice.randrange(9)
        changed = list(files)
        match dice.randrange(6):
            case 0:
                other = dice.randrange(len(files))
                changed[place], changed[other] = (name, files[other][1]), (files[other][0], content)
            case 1:
                del changed[place]
            case 2:
                changed[place] = name, content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]
            case 3:
                changed[place] = name, content[:at] + dice.randbytes(count) + content[at + count :]
            case 4:
                piece = dice.choice((b'"', b"1", b"0", b" ", b"\n", b"{}", b"[]", b"null", b"-", b"e9", b"\\ud800"))
                changed[place] = name, content[:at] + piece + content[at + count :]
            case _:
                changed[place] = name, content[:at]
        # Every other one has a name of its own, so that a changed manifest is not refused for its id alone.
        path = tmp_path / (whole.name if turn % 2 else "renamed.zip")
        path.write_bytes(packed(changed))
        passed = both(path, [key], [ca])
        assert (
            not all(passed) or changed == files or [each for each, _ in files if each not in dict(changed)] == ["timestamp.tsr"]
        )


@pytest.mark.parametrize(
    "path", ["nothing.zip", "folder", "x" * 300, "a\0b"], ids=["nothing", "folder", "a long name", "a name that is none"]
)
def test_what_is_no_file_passes_nothing(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    assert both(tmp_path / path, []) == [False] * 8


def test_the_file_alone_is_enough(tmp_path: Path) -> None:
    """A defence expert has the file and `cryptography`, not Clearway: -I keeps our folders and variables away from it."""
    (path,) = FOLDER.glob("*.zip")
    alone = tmp_path / "verify.py"
    alone.write_bytes(STANDALONE.read_bytes())
    (tmp_path / "ca.pem").write_bytes(known_authorities(FOLDER)[0].public_bytes(Encoding.PEM))
    program = [
        "import runpy, sys",
        "sys.modules['clearway'] = None",
        f"sys.argv = ['verify.py', {str(path)!r}, '--key', {str(FOLDER / 'clearway.pub')!r}, '--tsa', 'ca.pem']",
        "runpy.run_path('verify.py', run_name='__main__')",
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-c", "\n".join(program)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for number, title in enumerate(TITLES, start=1):
        assert f"{number} passed  {title}\n" in done.stdout


def test_they_share_no_line_and_need_nothing_but_cryptography() -> None:
    text = STANDALONE.read_text(encoding="utf-8")
    imported = {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported - sys.stdlib_module_names == {"cryptography"}
