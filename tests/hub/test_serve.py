"""One hub, one folder: the second is turned away with advice, and whoever ends it leaves nothing held."""

import shutil
import signal
import socket
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import httpx
import pytest
from tests.hub.conftest import Template
from tests.hub.world import World

from clearway.cli import serve
from clearway.errors import ClearwayError, SettingsError, StoreError
from clearway.hub.serve import open_hub


@pytest.fixture
def data(sealed_once: Template, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed_once[0], tmp_path / "data"))


def refusal(error: type[ClearwayError], data: Path, host: str = "127.0.0.1", port: int = 0) -> str:
    with pytest.raises(error) as refused:
        open_hub(data, host, port)
    return refused.value.diagnosis()


def test_a_second_hub_on_the_same_folder_is_turned_away(world: World) -> None:
    told = refusal(StoreError, world.data)
    assert "another hub is running" in told
    assert "--data" in told
    assert StoreError.exit_code == 8
    assert world.visitor().get("/public").status_code == 200, "the first one goes on"


def test_a_folder_is_free_again_when_its_hub_has_ended(data: Path) -> None:
    for _ in range(2):
        with open_hub(data) as hub:
            assert hub.port > 0
            assert hub.address == f"http://127.0.0.1:{hub.port}"


def test_a_port_that_is_taken_frees_the_folder_again(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = refusal(SettingsError, data, port=taken.getsockname()[1])
    assert "taken by another program" in told
    assert "--port" in told
    with open_hub(data):
        pass


def test_an_address_of_no_machine_here(data: Path) -> None:
    with pytest.raises(SettingsError, match="cannot listen"):
        open_hub(data, "192.0.2.1", beyond_this_machine=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "hub.example"])
def test_other_machines_are_let_in_by_settings_only(data: Path, host: str) -> None:
    assert "plain HTTP" in refusal(SettingsError, data, host)


def test_a_missing_folder_and_missing_keys_say_what_to_run(data: Path, tmp_path: Path) -> None:
    assert "clearway init" in refusal(StoreError, tmp_path / "nowhere")
    shutil.rmtree(data / "keys")
    assert "clearway init" in refusal(StoreError, data)


def test_a_damaged_database_is_told_before_anything_is_served(data: Path) -> None:
    (data / "clearway.db").write_bytes(b"not a database, but long enough to be looked at " * 100)
    assert "damaged" in refusal(StoreError, data)


def test_early_visitors_wait_for_the_first_answer(data: Path) -> None:
    with open_hub(data) as hub, socket.create_connection(("127.0.0.1", hub.port), timeout=5):
        pass  # the port is ours before the link is printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_end(data: Path, number: signal.Signals, tmp_path: Path) -> None:
    """As a person runs it: address and link on stderr, nothing on stdout, no address of any request anywhere."""
    program = (
        "import argparse, sys; from clearway.cli import serve; p = argparse.ArgumentParser(); serve.add_to(p.add_subparsers());"
    )
    program += "g = p.parse_args(sys.argv[1:]); sys.exit(g.run(g))"
    command = [sys.executable, "-W", "error", "-c", program, "serve", "--data", str(data), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as running:
        assert running.stderr is not None
        first, second, third = (running.stderr.readline() for _ in range(3))
        assert third == "Ctrl-C ends it.\n"
        address = first.split()[4].rstrip(".")
        link = second.split()[-1]
        assert link.startswith(f"{address}/sign-in/")
        with httpx.Client(trust_env=False) as client:
            assert client.post(link).status_code == 303
            assert client.get(f"{address}/").status_code == 200
        running.send_signal(number)
        out, rest = running.communicate(timeout=20)
    assert running.returncode == 0
    assert out == ""
    assert rest == ""
    assert sorted(path.name for path in data.iterdir()) == ["clearway.db", "exhibits", "hub.lock", "keys", "ledger", "vault"], (
        "no write-ahead log stays"
    )


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    serve.add_to(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(["serve", "--help"])
    told = capsys.readouterr().out
    for words in ("examples:", "--port 0", "/public", "clearway init", "one hub runs on one data folder"):
        assert words in told


def test_the_command_line_cannot_open_the_hub_to_others(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    parser = ArgumentParser()
    serve.add_to(parser.add_subparsers())
    given = parser.parse_args(["serve", "--data", str(data), "--host", "0.0.0.0", "--port", "0"])
    with pytest.raises(SettingsError, match="other machines"):
        serve.run(given)
