"""What the pages say is what the program does.

A block marked `console` is run: each line after `$ ` is a command (lines after `> ` continue it), and what follows is all that it
prints, stdout and stderr together. In what follows, `…` stands for any text, also for several lines. A command that is meant to
fail says so itself (`|| echo "exit code $?"`). The blocks of one page run in order in one temporary folder that holds `.venv/bin`
and `docs` as a clone does, and a clip `road.mp4`. Blocks marked otherwise (`text`, `sh`, …) are not run.
"""

import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from clearway.check.hotlist import HEADER, PURPOSES
from clearway.settings import Settings, as_toml
from clearway.testing.road import Road, film

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/lists.md", "docs/rules.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A command takes a second or two; the bound is for a machine that does much else.
COMMAND_S_MAX = 120


@dataclass(frozen=True, slots=True)
class Example:
    """One command and what the page says that it prints."""

    command: str
    printed: str


def blocks(text: str, language: str) -> list[str]:
    return [body for marked, body in BLOCK.findall(text) if marked == language]


def section(page: str, title: str) -> str:
    """The text under that second-level heading."""
    _, heading, rest = page.partition(f"\n## {title}\n")
    assert heading, f"there is a section {title}"
    return rest.split("\n## ")[0]


def examples(page: str) -> list[Example]:
    """The page's commands in order."""
    found = []
    for block in blocks(page, "console"):
        for told in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = told.splitlines()
            count = 1 + next((n for n, line in enumerate(lines[1:]) if not line.startswith("> ")), len(lines) - 1)
            command = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:count])])
            found.append(Example(command, "\n".join(lines[count:]).strip()))
    return found


def agrees(said: str, printed: str) -> bool:
    """Whether `printed` is what the page says, `…` standing for any text."""
    pattern = ".*?".join(re.escape(part) for part in said.split("…"))
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder in which the commands of a page find what they find in a clone."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, called in (("clearway", f"{sys.executable} -m clearway.cli.main"), ("python", sys.executable)):
        (programs / name).write_text(f'#!/bin/sh\nexec {called} "$@"\n')
        (programs / name).chmod(stat.S_IRWXU)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    film(Road(seed=1, vehicles=1, width_px=320, height_px=180, events=False), tmp_path / "road.mp4")
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_print_what_the_page_says(page: str, clone: Path) -> None:
    told = examples((ROOT / page).read_text(encoding="utf-8"))
    assert told, "a page that is named here has examples"
    settings = {name: value for name, value in os.environ.items() if not name.startswith("CLEARWAY_")}
    for example in told:
        done = subprocess.run(
            ["sh", "-c", example.command],
            cwd=clone,
            env=settings | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=COMMAND_S_MAX,
            check=False,
        )
        printed = done.stdout.strip()
        assert done.returncode == 0, f"{example.command}\n{printed}"
        assert agrees(example.printed, printed), f"{example.command}\nprinted\n{printed}\nthe page says\n{example.printed}"


@pytest.mark.parametrize("title", ["Try it", "Test it"])
def test_one_command_on_one_line_tries_and_tests(title: str) -> None:
    (command,) = blocks(section((ROOT / "README.md").read_text(encoding="utf-8"), title), "sh")
    (line,) = command.splitlines()
    shell, script = line.split()
    assert shell == "sh"
    assert (ROOT / script).is_file()


def test_what_runs_before_anything_lands_is_the_pages_test_command() -> None:
    """`.ci/run` reads the command from the README with awk; the two cannot drift."""
    found = re.search(r"test_command=\$\((awk '.*' README\.md)\)", (ROOT / ".ci" / "run").read_text())
    assert found is not None
    done = subprocess.run(["sh", "-c", found[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    (command,) = blocks(section((ROOT / "README.md").read_text(encoding="utf-8"), "Test it"), "sh")
    assert done.stdout == command


def test_every_link_between_the_pages_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert not broken


def test_the_page_of_settings_is_what_init_writes() -> None:
    (shown,) = blocks((ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), "toml")
    assert shown.strip() == as_toml(Settings()).strip()


def test_the_page_of_lists_names_every_reason_and_column() -> None:
    page = (ROOT / "docs" / "lists.md").read_text(encoding="utf-8")
    for reason, purpose in PURPOSES.items():
        assert f"| `{reason}` | {purpose} |" in page
    for column in HEADER:
        assert f"`{column}`" in page


def test_every_decision_is_listed_and_numbered_in_order() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    titles = [page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for page in pages]
    listed = re.findall(r"^(\d+\. )\[(.*)\]\((.*)\)$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [number + words for number, words, _ in listed] == titles
    assert [name for _, _, name in listed] == [page.name for page in pages]
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
