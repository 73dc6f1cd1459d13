"""A whole exhibit passes; whatever was done to it, it does not."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.evidence.sins import SINS, Original, name_of, packed, unpacked

from clearway.cli import verify as verb
from clearway.envelope import PUBLIC_KEY_NAME, create_keys
from clearway.errors import ExhibitError
from clearway.evidence.bundle import MEMBERS_MAX
from clearway.evidence.verify import contents, verify


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original.sealed_in(tmp_path_factory.mktemp("sealed"))


def test_a_whole_exhibit_passes(original: Original) -> None:
    report = verify(original.path, original.world.keys)
    assert report.passed, report
    assert [step.number for step in report.steps] == list(range(1, 9))
    assert report.exhibit == original.path.stem
    assert "timestamp: asked for, not obtained" in report.steps[7].words


@pytest.mark.parametrize("sin", SINS)
def test_a_sin_is_found_by_its_own_step(original: Original, tmp_path: Path, sin: str) -> None:
    steps, make = SINS[sin]
    path = tmp_path / name_of(original, steps)
    path.write_bytes(make(original))
    report = verify(path, original.world.keys, authorities=original.authorities)
    found = {step.number for step in report.steps if not step.passed and not step.words.startswith("not tried")}
    assert found == steps, report
    assert len(report.steps) == 8
    assert not report.passed
    assert all(step.words for step in report.steps)


def test_a_changed_claim_under_its_own_id_is_not_what_was_signed(original: Original, tmp_path: Path) -> None:
    (tmp_path / "renamed.zip").write_bytes(SINS["changed-claim"][1](original))
    report = verify(tmp_path / "renamed.zip", original.world.keys)
    assert [step.number for step in report.steps if not step.passed] == [5, 6, 7]
    assert "another manifest" in report.steps[4].words
    assert "does not lead" in report.steps[5].words


def test_a_stranger_is_called_a_stranger(original: Original, tmp_path: Path) -> None:
    stranger = create_keys(tmp_path)
    report = verify(original.path, {stranger.key_id: stranger.public_key()})
    assert "signed by a stranger" in report.steps[4].words
    assert "signed by a stranger" in report.steps[6].words
    assert [step.passed for step in report.steps] == [True, True, True, True, False, True, False, True]


def test_what_a_stranger_wrote_moves_no_cursor(original: Original, tmp_path: Path) -> None:
    def with_a_name(manifest: bytes) -> bytes:
        return manifest.replace(b'"name":"clip.mp4"', b'"name":"\\u001b[2Jall is well"')

    (tmp_path / "foreign.zip").write_bytes(original.with_file("manifest.json", with_a_name))
    report = verify(tmp_path / "foreign.zip", original.world.keys)
    assert "all is well" in report.steps[2].words
    assert all(step.words.isprintable() for step in report.steps)


def test_without_a_key_it_says_that_none_is_known(original: Original) -> None:
    report = verify(original.path, {})
    assert "no key is known" in report.steps[4].words
    assert not report.passed


def test_a_renamed_exhibit_passes_and_one_under_another_id_does_not(original: Original, tmp_path: Path) -> None:
    for name, passes in (("from my lawyer.zip", True), (f"{'0' * 64}.zip", False)):
        (tmp_path / name).write_bytes(original.raw)
        assert verify(tmp_path / name, original.world.keys).passed is passes


def test_a_folder_a_pipe_and_nothing_are_no_exhibits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    for path in (tmp_path, tmp_path / "pipe.zip", tmp_path / "nothing.zip", tmp_path / ("x" * 300), Path("a\0b")):
        report = verify(path, {})
        assert not report.passed
        assert len(report.steps) == 8
        with pytest.raises(ExhibitError):
            contents(path)


def test_the_container_is_what_other_programs_write_and_read(original: Original) -> None:
    assert packed(original.files) == original.raw, "Python's zipfile writes the same bytes"
    assert contents(original.path) == dict(unpacked(original.path))
    with zipfile.ZipFile(original.path) as bundle:
        assert bundle.testzip() is None
    assert len(original.files) < MEMBERS_MAX


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_mutation_passes(original: Original, tmp_path: Path, data: st.DataObject) -> None:
    raw = original.raw
    # Media are one hash; the interest lies in everything else, so half of the mutations fall outside it.
    media_start = raw.index(b"clip.mp4", raw.index(b"still")) if b"clip.mp4" in raw else 0
    media_end = raw.rindex(b"ledger.tlog-proof", 0, raw.rindex(b"PK\x01\x02"))
    outside = st.integers(0, media_start) | st.integers(media_end, len(raw) - 1)
    at = data.draw(outside | st.integers(0, len(raw) - 1))
    match data.draw(st.sampled_from(["flip", "insert", "delete", "copy", "case"])):
        case "flip":
            mutated = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :]
        case "insert":
            mutated = raw[:at] + data.draw(st.binary(min_size=1, max_size=8)) + raw[at:]
        case "delete":
            mutated = raw[:at] + raw[at + data.draw(st.integers(1, 64)) :]
        case "copy":
            source = data.draw(outside)
            piece = raw[source : source + data.draw(st.integers(1, 64))]
            mutated = raw[:at] + piece + raw[at + len(piece) :]
        case _:
            mutated = raw[:at] + raw[at : at + 1].swapcase() + raw[at + 1 :]
    path = tmp_path / original.path.name
    path.write_bytes(mutated)
    assert verify(path, original.world.keys).passed is (mutated == raw)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["manifest.json", "statement.dsse.json", "ledger.tlog-proof"]), st.data())
def test_no_mutation_within_a_sound_container_passes(original: Original, tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = dict(original.files)[name]
    at = data.draw(st.integers(0, len(content) - 1))
    rest = content[at + data.draw(st.integers(0, 8)) :]
    mutated = content[:at] + data.draw(st.binary(max_size=4) | st.sampled_from([b'"', b"{}", b"[]", b"1", b" "])) + rest
    path = tmp_path / original.path.name
    path.write_bytes(original.with_file(name, lambda _: mutated))
    assert verify(path, original.world.keys).passed is (mutated == content)


@given(st.binary(max_size=400))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_make_it_raise(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "foreign.zip"
    for content in (raw, raw + b"PK\x05\x06" + raw[:18].ljust(18, b"\0")):
        path.write_bytes(content)
        assert not verify(path, {}).passed


def test_verifying_loads_nothing_but_cryptography_and_goes_nowhere() -> None:
    """In a program of its own: what it loads, whether it opens a socket, and how much of a processor's time it takes."""
    example = next((Path(__file__).parents[2] / "docs" / "formats" / "example").glob("*.zip"))
    program = f"""
import sys, time
sys.addaudithook(lambda event, _: event.startswith("socket.") and sys.exit(f"it calls {{event}}"))
began = set(sys.modules)
import argparse
from pathlib import Path
from clearway.cli import verify as verb
verbs = argparse.ArgumentParser()
verb.add_to(verbs.add_subparsers())
folder = Path({str(example.parent)!r})
words = ["verify", {str(example)!r}, "--key", str(folder / "clearway.pub"), "--tsa", str(folder / "tsa.pem")]
given = verbs.parse_args(words)
code = given.run(given)
loaded = {{name.partition(".")[0] for name in sys.modules.keys() - began}} - sys.stdlib_module_names
others = sorted(loaded - {{"clearway", "cryptography", "_cffi_backend", "_openssl"}})
sys.exit(f"it loads {{others}}" if others else "too slow" if time.process_time() > 1.0 else code)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# --- the verb ---


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verb.add_to(parser.add_subparsers())
    return parser.parse_args(["verify", *words])


def test_the_verb_takes_the_data_folders_own_key(original: Original, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.run(parsed(str(original.path))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line[:1].isdigit()) == "1 passed  The file is an ordinary ZIP, within bounds"
    assert sum(line[1:].startswith(" passed  ") for line in lines) == 8
    assert lines[-1] == "This exhibit is as it was sealed."


def test_the_verb_says_that_it_knows_no_key(original: Original, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(shutil.copy(original.path, tmp_path))
    assert verb.run(parsed(str(path))) == 7
    assert "--key" in capsys.readouterr().out
    assert verb.run(parsed(str(path), "--key", str(original.world.data / "keys" / PUBLIC_KEY_NAME))) == 0


def test_the_verb_tells_programs_in_json(original: Original, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.run(parsed(str(original.path), "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["exhibit"], said["passed"], len(said["steps"])) == (original.path.stem, True, 8)
    assert verb.run(parsed(str(tmp_path / "nothing.zip"), "--json")) == 7
    assert json.loads(capsys.readouterr().out)["steps"][0]["passed"] is False


def test_the_instructions_inside_work_as_written(original: Original, tmp_path: Path) -> None:
    """VERIFY.md's commands, run by a shell, with openssl and no line of ours."""
    with zipfile.ZipFile(original.path) as bundle:
        bundle.extractall(tmp_path)
    shutil.copy(original.world.data / "keys" / PUBLIC_KEY_NAME, tmp_path)
    commands = re.findall(r"^       (\w.+)$", (tmp_path / "VERIFY.md").read_text(), re.MULTILINE)
    assert len(commands) == 8
    done = subprocess.run(["bash", "-ec", "\n".join(commands)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(original.path.stem)
    assert f'"sha256":"{original.path.stem}"' in done.stdout
    assert "Signature Verified Successfully" in done.stdout
    assert Path(tmp_path / "statement.json").read_bytes() in (tmp_path / "signed.bin").read_bytes()
