"""What is written into the picture is told from the plate of a vehicle, also of one that stands where it stood from the first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from clearway.facts import Box, Frame, Kind, Passage, Pixels, Sighting
from clearway.sight.overlay import Overlay

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
ROAD: Pixels = np.random.default_rng(1).integers(90, 110, (360, 640, 3), np.uint8)
TEXT = Box(300, 180, 400, 202)
# How it is written: (letters, the box drawn behind them or none).
STYLES = {
    "white letters": ((255, 255, 255), None),
    "white letters in a black box": ((255, 255, 255), (0, 0, 0)),
    "black letters in a white box": ((0, 0, 0), (255, 255, 255)),
    "yellow letters": ((255, 230, 0), None),
}


def write(pixels: Pixels, place: Box, colour: tuple[int, ...], behind: tuple[int, ...] | None) -> None:
    left, top, right, bottom = (round(edge) for edge in (place.left_px, place.top_px, place.right_px, place.bottom_px))
    if behind is not None:
        cv2.rectangle(pixels, (left, top), (right, bottom), behind, cv2.FILLED)
    cv2.putText(pixels, "BD51SMR", (left + 2, bottom - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.65, colour, 2, cv2.LINE_AA)


def look(number: int, *, noise: float = 2.0) -> Frame:
    """The road while lorries drive past, each of another grey: those at look 2, 6, 10, … fill the middle of the picture."""
    dice = np.random.default_rng(number)
    pixels = ROAD.astype(float)
    if number % 4 == 2:
        pixels[60:320, 200:520] = dice.integers(0, 50) if number % 8 == 2 else dice.integers(170, 250)
    pixels += dice.normal(0.0, noise, pixels.shape)
    return Frame("camera", number, AT + timedelta(seconds=number / 4), 0.0, pixels.clip(0, 255).astype(np.uint8))


def passage(*places: Box) -> Passage:
    sightings = [
        Sighting(n, AT + timedelta(seconds=n / 4), Kind.VEHICLE, place.grown(20), 0.9, place) for n, place in enumerate(places)
    ]
    return Passage("camera/1", "camera", tuple(sightings), 0.0)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("votes", [1, 5])
@pytest.mark.parametrize("top_px", [0, 180, 338])
def test_what_vehicles_pass_under_is_written_into_the_picture(style: str, votes: int, top_px: int) -> None:
    overlay, place = Overlay(), replace(TEXT, top_px=top_px, bottom_px=top_px + 22)
    for number in range(24):
        frame = look(number)
        if top_px != 180:  # the lorries are as high as the picture
            frame.pixels[:] = np.roll(frame.pixels, 60 if top_px else -60, axis=0)
        write(frame.pixels, place, *STYLES[style])
        overlay.add(frame)
    assert overlay.is_all_of(passage(*[place.moved(0.4 * n, 0) for n in range(votes)]))


def parked(pixels: Pixels, plate: Box) -> None:
    """A vehicle with that plate: its body is drawn as wide and as high as a small car's is around its plate."""
    body = Box(plate.left_px - 120, plate.top_px - 60, plate.right_px + 120, plate.bottom_px + 40)
    left, top, right, bottom = (round(edge) for edge in (body.left_px, body.top_px, body.right_px, body.bottom_px))
    pixels[max(0, top) : bottom, max(0, left) : right] = (120, 30, 30)
    write(pixels, plate, (0, 0, 0), (240, 240, 240))


def test_a_parked_car_keeps_its_plate_while_others_pass_behind_it() -> None:
    overlay = Overlay()
    for number in range(40):
        frame = look(number)
        parked(frame.pixels, TEXT)
        overlay.add(frame)
    assert not overlay.is_all_of(passage(*[TEXT] * 10))


def test_a_car_keeps_its_plate_where_others_stood_and_drove_before() -> None:
    overlay = Overlay()
    for number in range(40):
        frame = look(number)
        if number >= 32:
            parked(frame.pixels, TEXT)
        overlay.add(frame)
    assert not overlay.is_all_of(passage(*[TEXT] * 8))


def test_a_parked_car_keeps_its_plate_while_the_light_changes() -> None:
    overlay = Overlay()
    for number in range(40):
        frame = look(number)
        parked(frame.pixels, TEXT)
        frame.pixels[:] = frame.pixels // (1 + number % 2)
        overlay.add(frame)
    assert not overlay.is_all_of(passage(*[TEXT] * 10))


def test_what_moves_is_a_vehicles_wherever_it_is() -> None:
    overlay = Overlay()
    for number in range(24):
        frame = look(number)
        write(frame.pixels, TEXT, *STYLES["white letters"])
        overlay.add(frame)
    assert not overlay.is_all_of(passage(TEXT.moved(-15, 0), TEXT, TEXT.moved(15, 0)))


def test_where_nothing_passed_nothing_is_said() -> None:
    overlay = Overlay()
    assert not overlay.is_all_of(passage(TEXT)), "before the first look"
    for number in (0, 1, 4, 5, 8, 9):
        frame = look(number)
        write(frame.pixels, TEXT, *STYLES["white letters"])
        overlay.add(frame)
    assert not overlay.is_all_of(passage(TEXT, TEXT))


def test_what_was_read_once_and_is_gone_changed_the_picture() -> None:
    overlay = Overlay()
    for number in (0, 1, 4, 5, 8, 9):
        frame = look(number)
        write(frame.pixels, TEXT, *STYLES["white letters in a black box"])
        if number == 5:
            parked(frame.pixels, TEXT.moved(-150, 100))
        overlay.add(frame)
    assert not overlay.is_all_of(passage(TEXT.moved(-150, 100))), "a vehicle came and went"
    assert overlay.is_all_of(passage(TEXT)), "nothing came, and nothing went"


def test_another_size_and_a_new_beginning_forget_what_was_counted() -> None:
    for anew in (True, False):
        overlay = Overlay()
        for number in range(24):
            frame = look(number)
            write(frame.pixels, TEXT, *STYLES["white letters"])
            overlay.add(frame)
        if anew:
            overlay.begin_anew()
        else:
            overlay.add(replace(look(24), pixels=np.zeros((400, 640, 3), np.uint8)))
        assert not overlay.is_all_of(passage(TEXT))
