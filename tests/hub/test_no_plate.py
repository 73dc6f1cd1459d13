"""A case of a vehicle that showed no plate: nobody is told that it is one before they say so themselves."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub.world import Officer, Sealed, World, running, seal_bare

from clearway.facts import Verdict
from clearway.store import NO_PLATE, Store

SEEN = "You saw no plate, and neither did the machine"


@pytest.fixture
def bare(folder: tuple[Path, Sealed, Sealed]) -> Sealed:
    return seal_bare(folder[0])


@pytest.fixture
def world(folder: tuple[Path, Sealed, Sealed], bare: Sealed) -> Iterator[World]:
    with running(*folder) as world:
        yield world


def sees_none(officer: Officer, exhibit: Sealed) -> int:
    officer.open(exhibit.id)
    return officer.post(f"/exhibits/{exhibit.id}/reading", no_plate="1").status_code


def page_of(officer: Officer, exhibit: Sealed) -> str:
    """The page, less all that differs from picture to picture: its address, its time, where in it the vehicle is."""
    page = officer.open(exhibit.id).text.replace(exhibit.id, "ID")
    page = re.sub(r"\d+ \w{3} \d{4}, [\d:]{8} UTC", "TIME", page)
    return re.sub(r'viewBox="[^"]*"', "", page)


def test_until_it_is_read_it_looks_like_any_other(world: World, bare: Sealed) -> None:
    officer = world.officer()
    name = "Listed vehicle, or one without a plate"
    assert officer.client.get("/").text.count(name) == 2, "in the queue, too"
    blind = page_of(officer, bare)
    assert blind == page_of(officer, world.wanted)
    assert f"<h1>{name}</h1>" in blind and "I see no plate" in blind
    for exhibit in (bare, world.wanted):
        officer.type(exhibit.id, "XX99XXX")
    differs = page_of(officer, bare)
    assert differs == page_of(officer, world.wanted)
    assert "Your reading differs from the match" in differs and "I see no plate" in differs
    assert "machine" not in differs and "camera" not in differs


def test_who_sees_no_plate_either_is_shown_the_match_and_may_confirm(world: World, bare: Sealed) -> None:
    officer = world.officer()
    assert sees_none(officer, bare) == 303
    page = officer.open(bare.id).text
    assert SEEN in page and "<h1>Vehicle without a plate</h1>" in page
    for words in (
        "with no plate on it, read or surely seen",
        "Of the 100 vehicles before it whose front was seen as well, 99 showed a plate.",
        "98.0 % that it would have seen one",
    ):
        assert words in page
    assert page.count('<span class="none">no plate</span>') == 2, "the officer's and the machine's"
    for words in ("nothing legible", " says</th>", "from 0 pictures", "answer:"):
        assert words not in page
    assert officer.decide(bare.id, "confirmed", "agrees").status_code == 409, "its reasons are others than a list's"
    assert officer.decide(bare.id, "confirmed", "bare").status_code == 303
    decided = officer.open(bare.id).text
    assert "Confirmed by officer-1" in decided and "and no plate on it" in decided
    assert decided.count('<span class="none">no plate</span>') == 2
    assert officer.client.get(f"/exhibits/{bare.id}/exhibit.zip").content == world.sealed[bare.id]
    assert "Vehicle without a plate" in officer.client.get("/").text, "among those that were decided"
    assert "Findings: vehicle without a plate" in world.visitor().get("/public").text
    with Store(world.data / "clearway.db") as store:
        kept = store.decision(bare.id)
    assert kept is not None and (kept.verdict, kept.typed_plate) == (Verdict.CONFIRMED, NO_PLATE)


@pytest.mark.parametrize("read", [{"plate": "AB12CDE"}, {"plate": "no plate"}, {"illegible": "1"}])
def test_who_says_anything_else_can_only_dismiss(world: World, bare: Sealed, read: dict[str, str]) -> None:
    """Also who cannot read it, and a plate that spells NOPLATE."""
    officer = world.officer()
    officer.open(bare.id)
    assert officer.post(f"/exhibits/{bare.id}/reading", **read).status_code == 303
    assert SEEN not in officer.open(bare.id).text
    assert officer.decide(bare.id, "confirmed", "bare").status_code == 409
    officer.post(f"/exhibits/{bare.id}/give-up")
    page = officer.open(bare.id).text
    assert "The machine saw no plate, and you did not say so, so you can only dismiss" in page
    assert "Confirm the finding" not in page
    assert officer.decide(bare.id, "confirmed", "bare").status_code == 409
    assert officer.decide(bare.id, "dismissed", "plate").status_code == 303
    assert "The picture shows a plate: It is plain to see." in officer.open(bare.id).text


def test_who_sees_no_plate_where_there_is_one_may_look_again(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    sees_none(officer, exhibit)
    page = officer.open(exhibit.id).text
    assert "You saw no plate, but the machine did" in page and "you have 2 looks left" in page
    assert exhibit.plate not in page and "You typed" not in page
    officer.type(exhibit.id, exhibit.plate)
    assert "You read the plate that is on the list" in officer.open(exhibit.id).text


def test_who_sees_no_plate_where_there_is_one_and_gives_up_can_only_dismiss(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    sees_none(officer, exhibit)
    officer.post(f"/exhibits/{exhibit.id}/give-up")
    page = officer.open(exhibit.id).text
    assert "What you saw differs from the list, so you can only dismiss" in page
    assert page.count('<span class="none">no plate</span>') == 1 and exhibit.plate in page
    assert officer.decide(exhibit.id, "confirmed", "agrees").status_code == 409
    assert officer.decide(exhibit.id, "dismissed", "unclear").status_code == 303


def test_it_is_said_three_times_at_most(world: World) -> None:
    officer = world.officer()
    assert [sees_none(officer, world.wanted) for _ in range(4)] == [303, 303, 303, 409]
    assert "I see no plate" not in officer.open(world.wanted.id).text
