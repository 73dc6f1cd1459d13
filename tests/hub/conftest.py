import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub.world import Sealed, World, running, seal_everything

Template = tuple[Path, tuple[Sealed, Sealed]]


@pytest.fixture(scope="session")
def sealed_once(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A data folder that was sealed once; tests work on copies."""
    data = tmp_path_factory.mktemp("hub") / "data"
    return data, seal_everything(data)


@pytest.fixture(scope="session")
def calm(sealed_once: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for tests that leave no mark on it, so that they can share one."""
    template, (wanted, papers) = sealed_once
    data = tmp_path_factory.mktemp("calm") / "data"
    shutil.copytree(template, data)
    with running(data, wanted, papers) as world:
        yield world


@pytest.fixture
def folder(sealed_once: Template, tmp_path: Path) -> tuple[Path, Sealed, Sealed]:
    """A copy of the data folder that no hub has seen yet, and its two exhibits."""
    template, sealed = sealed_once
    return shutil.copytree(template, tmp_path / "data"), *sealed


@pytest.fixture
def world(folder: tuple[Path, Sealed, Sealed]) -> Iterator[World]:
    with running(*folder) as world:
        yield world
