"""The officer's work: read, compare, decide; nothing of the match before the reading, nothing shown without a ledger entry."""

import io
import os
import zipfile
from pathlib import Path

import httpx
import pytest
from tests.hub.world import OFFICER, OTHER_OFFICER, Sealed, World, mistaken, running, seal_speeding

from clearway.facts import Verdict
from clearway.store import Store

ID_OF_NOTHING = "ab" * 32


def spells(response: httpx.Response, plate: str) -> bool:
    """Whether a plate stands anywhere in what was sent: body, headers or address."""
    sent = response.content + str(response.headers).encode() + str(response.url).encode()
    spaced = " ".join(plate)  # as the tiles are read aloud
    return any(form.encode() in sent.upper() for form in (plate, spaced, plate.encode().hex().upper()))


def test_the_queue_tells_rule_camera_time_and_waiting_but_no_plate(calm: World) -> None:
    page = calm.officer().client.get("/")
    assert "2 exhibits wait for a decision" in page.text
    for words in ("Listed vehicle", "Registration lapsed", "north-gate", "2026", "waiting "):
        assert words in page.text
    assert not spells(page, calm.wanted.plate)
    assert not spells(page, calm.papers.plate)


def test_nothing_of_the_match_is_sent_before_the_reading(calm: World) -> None:
    officer, exhibit = calm.officer(), calm.wanted
    paths = ["", "/still/1.png", "/still/2.png", "/still/3.png", "/clip.mp4"]
    sent = [officer.client.get(f"/exhibits/{exhibit.id}{path}") for path in paths]
    assert [answer.status_code for answer in sent] == [200] * 5
    assert not any(spells(answer, exhibit.plate) for answer in sent)
    assert not any(spells(answer, mistaken(exhibit.plate)) for answer in sent), "nor what the machine thought of"
    assert "stolen" not in sent[0].text, "nor why it was found, which could sway a reader"


def test_reading_the_list_s_spelling_shows_the_match(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    answer = officer.type(exhibit.id, f" {exhibit.plate[:3].lower()}-{exhibit.plate[3:].lower()} ")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/exhibits/{exhibit.id}")
    page = officer.open(exhibit.id)
    assert "You read the plate that is on the list" in page.text
    for words in (exhibit.plate, mistaken(exhibit.plate), "97.2 %", "2.1 %", "99.4 %", "stolen", "2026-1187", "All 8 checks"):
        assert words in page.text


def test_another_reading_keeps_the_match_hidden_and_may_be_made_again(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    officer.type(exhibit.id, mistaken(exhibit.plate))
    page = officer.open(exhibit.id)
    assert "Your reading differs from the match" in page.text
    assert mistaken(exhibit.plate) in page.text, "the officer sees what they typed"
    assert not spells(page, exhibit.plate)
    assert "stolen" not in page.text
    officer.post(f"/exhibits/{exhibit.id}/reading", plate=exhibit.plate)
    assert "You read the plate that is on the list" in officer.open(exhibit.id).text


def test_what_was_measured_is_told_only_after_the_reading(world: World) -> None:
    exhibit = seal_speeding(world.data)
    officer = world.officer()
    blind = officer.open(exhibit.id)
    assert "km/h" not in blind.text and "moment/" not in blind.text
    assert officer.client.get(f"/exhibits/{exhibit.id}/moment/at.png").status_code == 409
    officer.type(exhibit.id, mistaken(exhibit.plate))
    assert "Your reading differs from the match" in officer.open(exhibit.id).text
    assert officer.client.get(f"/exhibits/{exhibit.id}/moment/at.png").status_code == 409
    officer.type(exhibit.id, exhibit.plate)
    page = officer.open(exhibit.id).text
    for words in (
        "where 50 km/h are allowed",
        "beyond what is tolerated",
        "simulated sign 274-50",
        "MessEV",
        "places of the plate",
    ):
        assert words in page
    assert "The list says" not in page, "no list had a part in it"
    for name, status in (("before", 200), ("at", 200), ("after", 200), ("later", 404)):
        assert officer.client.get(f"/exhibits/{exhibit.id}/moment/{name}.png").status_code == status
    assert officer.decide(exhibit.id, "confirmed", "agrees").status_code == 409, "its reasons are others than a list's"
    assert officer.decide(exhibit.id, "dismissed", "excused").status_code == 303
    assert "an ambulance" in officer.open(exhibit.id).text


def test_a_mismatch_permits_dismissing_only(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    officer.type(exhibit.id, mistaken(exhibit.plate))
    early = officer.decide(exhibit.id, "confirmed", "agrees")
    assert early.status_code == 409
    assert "have not seen the match" in early.text
    officer.post(f"/exhibits/{exhibit.id}/give-up")
    page = officer.open(exhibit.id).text
    assert "you can only dismiss" in page
    assert 'class="tile off"' in page
    assert "Confirm the finding" not in page
    retyped = officer.post(f"/exhibits/{exhibit.id}/reading", plate=exhibit.plate)
    assert retyped.status_code == 409, "a reading after the match was shown is not blind"
    confirmed = officer.decide(exhibit.id, "confirmed", "agrees")
    assert confirmed.status_code == 409
    assert "differs from the match" in confirmed.text
    assert officer.decide(exhibit.id, "dismissed", "misread").status_code == 303
    assert "Dismissed by officer-1" in officer.open(exhibit.id).text


def test_another_officer_starts_blind(world: World) -> None:
    first, second, exhibit = world.officer(), world.officer(OTHER_OFFICER), world.wanted
    first.type(exhibit.id, mistaken(exhibit.plate))
    first.post(f"/exhibits/{exhibit.id}/give-up")
    assert not spells(second.open(exhibit.id), exhibit.plate)
    second.type(exhibit.id, exhibit.plate)
    second.open(exhibit.id)
    assert second.decide(exhibit.id, "confirmed", "agrees").status_code == 303


def test_a_plate_that_cannot_be_read_is_said_so(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    officer.open(exhibit.id)
    officer.post(f"/exhibits/{exhibit.id}/reading", illegible="1")
    page = officer.open(exhibit.id)
    assert "You could not read the plate" in page.text
    assert not spells(page, exhibit.plate)


def test_three_looks_and_no_more(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    for _ in range(3):
        assert officer.type(exhibit.id, mistaken(exhibit.plate)).status_code == 303
    assert "Look again" not in officer.open(exhibit.id).text
    assert officer.type(exhibit.id, exhibit.plate).status_code == 409


@pytest.mark.parametrize("typed", ["", "   ", "-", "A", "ABCDEFGHJKLMN"])  # nothing, no letters, too short, too long
def test_what_is_no_plate_is_no_reading(calm: World, typed: str) -> None:
    officer, exhibit = calm.officer(), calm.wanted
    answer = officer.type(exhibit.id, typed)
    assert answer.status_code == 409
    assert "type what you read" in answer.text
    assert "First, your own eyes" in officer.open(exhibit.id).text


def test_a_reading_needs_a_look_at_the_picture(calm: World) -> None:
    officer, exhibit = calm.officer("officer-7"), calm.wanted
    officer.client.get("/")
    answer = officer.post(f"/exhibits/{exhibit.id}/reading", plate=exhibit.plate)
    assert answer.status_code == 409
    assert "have not seen this picture" in answer.text


def test_a_decision_is_final_shown_and_needs_words(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    officer.type(exhibit.id, exhibit.plate)
    officer.open(exhibit.id)
    assert officer.decide(exhibit.id, "confirmed", "agrees", words="  ").status_code == 409
    assert officer.decide(exhibit.id, "confirmed", "because").status_code == 409
    assert officer.decide(exhibit.id, "confirmed", "misread").status_code == 409, "a reason to dismiss is none to confirm"
    assert officer.decide(exhibit.id, "perhaps", "agrees").status_code == 400
    assert officer.decide(exhibit.id, "confirmed", "agrees", words="Blue <b>car</b>.").status_code == 303
    page = officer.open(exhibit.id).text
    assert "Confirmed by officer-1" in page
    assert "Blue &lt;b&gt;car&lt;/b&gt;." in page, "what people type is escaped"
    again = officer.decide(exhibit.id, "dismissed", "entry")
    assert again.status_code == 409
    assert "made once" in again.text
    assert "1 exhibit waits" in officer.client.get("/").text
    with Store(world.data / "clearway.db") as store:
        kept = store.decision(exhibit.id)
    assert kept is not None
    assert (kept.verdict, kept.officer, kept.typed_plate) == (Verdict.CONFIRMED, OFFICER, exhibit.plate)


def test_each_view_disclosure_decision_and_export_is_one_entry(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    officer.type(exhibit.id, exhibit.plate)
    officer.open(exhibit.id)
    officer.decide(exhibit.id, "confirmed", "agrees")
    officer.client.get(f"/exhibits/{exhibit.id}/exhibit.zip")
    told = [(event, by) for event, subject, by in world.events() if subject == exhibit.id]
    assert told == [
        ("exhibit:seal", "camera:north-gate"),
        ("exhibit:view", "officer:officer-1"),
        ("exhibit:view", "officer:officer-1"),
        ("exhibit:reveal", "officer:officer-1"),
        ("exhibit:decide", "officer:officer-1"),
        ("exhibit:export", "officer:officer-1"),
    ]
    files = [path for path in (world.data / "ledger").rglob("*") if path.is_file()]
    assert (world.data / "ledger" / "ledger.db") in files
    assert not any(exhibit.plate.encode() in path.read_bytes() for path in files)


def test_no_log_entry_no_disclosure(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    officer.type(exhibit.id, exhibit.plate)
    (world.data / "ledger" / "checkpoint").write_text("somebody was here\n")
    page = officer.open(exhibit.id)
    assert page.status_code == 503
    assert "ledger" in page.text
    assert not spells(page, exhibit.plate)
    form_token = officer.client.get("/public").text.split('name="form_token" value="')[1][:64]
    fields = {"form_token": form_token, "verdict": "confirmed", "reason": "agrees", "words": "seen"}
    assert officer.client.post(f"/exhibits/{exhibit.id}/decision", data=fields).status_code == 503
    with Store(world.data / "clearway.db") as store:
        assert store.decision(exhibit.id) is None


def test_pictures_are_for_officers_who_opened_the_case(calm: World) -> None:
    officer, exhibit = calm.officer("officer-8"), calm.wanted
    assert officer.client.get(f"/exhibits/{exhibit.id}/still/1.png").status_code == 409
    officer.open(exhibit.id)
    still = officer.client.get(f"/exhibits/{exhibit.id}/still/1.png")
    assert (still.status_code, still.headers["content-type"]) == (200, "image/png")
    with zipfile.ZipFile(io.BytesIO(calm.sealed[exhibit.id])) as sealed:
        assert still.content == sealed.read("still-1.png")
    assert officer.client.get(f"/exhibits/{exhibit.id}/still/9.png").status_code == 404
    assert calm.visitor().get(f"/exhibits/{exhibit.id}/still/1.png").status_code == 401


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ("", 200, 0, None),
        ("bytes=0-99", 206, 0, 100),
        ("bytes=100-", 206, 100, None),
        ("bytes=-50", 206, -50, None),
        ("bytes=10-99999999", 206, 10, None),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=5-2", 416, 0, 0),
        ("bytes=0-1,4-5", 200, 0, None),  # several ranges: the whole, which RFC 9110 allows
        ("bytes=-", 200, 0, None),
        ("lines=1-2", 200, 0, None),
        ("bytes=²-3", 200, 0, None),
        (f"bytes={'9' * 5000}-", 200, 0, None),  # longer than Python reads a number
    ],
)
def test_the_clip_is_sent_in_ranges(calm: World, asked: str, status: int, start: int, stop: int | None) -> None:
    officer, exhibit = calm.officer(), calm.wanted
    officer.open(exhibit.id)
    with zipfile.ZipFile(io.BytesIO(calm.sealed[exhibit.id])) as sealed:
        clip = sealed.read("clip.mp4")
    answer = officer.client.get(f"/exhibits/{exhibit.id}/clip.mp4", headers=[(b"range", asked.encode())])
    assert (answer.status_code, answer.content) == (status, clip[start:stop])


def test_only_a_confirmed_exhibit_leaves_the_house(world: World) -> None:
    officer = world.officer()
    for exhibit, verdict, reason, status in (
        (world.wanted, "confirmed", "agrees", 200),
        (world.papers, "dismissed", "entry", 409),
    ):
        address = f"/exhibits/{exhibit.id}/exhibit.zip"
        assert officer.client.get(address).status_code == 409
        officer.type(exhibit.id, exhibit.plate)
        officer.open(exhibit.id)
        assert officer.client.get(address).status_code == 409
        officer.decide(exhibit.id, verdict, reason)
        answer = officer.client.get(address)
        assert answer.status_code == status
        if status == 200:
            assert answer.content == world.sealed[exhibit.id]
            assert exhibit.plate not in answer.headers["content-disposition"]


def tamper(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_tampered_exhibit_is_shown_as_such_and_cannot_be_confirmed(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    officer.type(exhibit.id, exhibit.plate)
    tamper(world.kept(exhibit))
    queue = officer.client.get("/").text
    assert "This exhibit does not verify" in queue
    assert "damaged or changed on its way" in queue
    assert "Listed vehicle" in queue, "the index remembers what it was"
    page = officer.open(exhibit.id)
    assert "1 of 8 checks failed, 7 could not be tried" in page.text
    assert not spells(page, exhibit.plate)
    assert "<svg" not in page.text
    assert officer.client.get(f"/exhibits/{exhibit.id}/still/1.png").status_code == 404
    refused = officer.decide(exhibit.id, "confirmed", "agrees")
    assert refused.status_code == 409
    assert "does not verify" in refused.text
    assert officer.decide(exhibit.id, "dismissed", "unverified").status_code == 303
    assert "Dismissed by officer-1" in officer.open(exhibit.id).text


def test_an_exhibit_tampered_with_after_its_confirmation_stays_in_the_house(world: World) -> None:
    officer, exhibit = world.officer(), world.wanted
    officer.type(exhibit.id, exhibit.plate)
    officer.open(exhibit.id)
    officer.decide(exhibit.id, "confirmed", "agrees")
    before = world.kept(exhibit).stat()
    tamper(world.kept(exhibit))
    os.utime(world.kept(exhibit), ns=(before.st_atime_ns, before.st_mtime_ns))  # who tampers also sets back the time
    assert officer.client.get(f"/exhibits/{exhibit.id}/exhibit.zip").status_code == 409
    assert "Download" not in officer.open(exhibit.id).text


def test_an_exhibit_nobody_can_read_waits_too(world: World) -> None:
    (world.data / "exhibits" / f"{ID_OF_NOTHING}.zip").write_bytes(b"")
    officer = world.officer()
    queue = officer.client.get("/").text
    assert "Exhibit that cannot be read" in queue
    assert "no whole ZIP" in queue
    assert "This exhibit does not verify" in officer.open(ID_OF_NOTHING).text


def test_an_exhibit_under_another_s_name_is_not_believed(world: World) -> None:
    (world.data / "exhibits" / f"{ID_OF_NOTHING}.zip").write_bytes(world.sealed[world.wanted.id])
    officer = world.officer()
    assert "named by another exhibit" in officer.client.get("/").text
    assert "This exhibit does not verify" in officer.open(ID_OF_NOTHING).text


def test_an_exhibit_whose_file_has_gone_is_told(world: World) -> None:
    officer = world.officer()
    officer.client.get("/")
    world.kept(world.wanted).unlink()
    assert "Its file is missing from the data folder" in officer.client.get("/").text
    assert officer.open(world.wanted.id).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"/exhibits/{ID_OF_NOTHING}",
        f"/exhibits/{ID_OF_NOTHING}/still/1.png",
        f"/exhibits/{ID_OF_NOTHING}/clip.mp4",
        f"/exhibits/{ID_OF_NOTHING}/exhibit.zip",
        f"/exhibits/{ID_OF_NOTHING.upper()}",
        f"/exhibits/{ID_OF_NOTHING}%0a",
        "/exhibits/..%2f..%2fkeys%2fclearway.key",
        "/exhibits/%2e%2e/%2e%2e/keys/clearway.key",
        "/exhibits/still-1.png",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/ledger?before=-1",
        "/ledger?before=x",
        "/docs",
        "/openapi.json",
        "/nothing",
    ],
)
def test_what_is_not_there_is_not_found(calm: World, path: str) -> None:
    officer = calm.officer()
    officer.client.get("/")  # the index is filled
    answer = officer.client.get(path)
    assert answer.status_code in (404, 409), "a picture of nothing was never opened"
    assert b"PRIVATE" not in answer.content
    assert b"import " not in answer.content


def test_the_ledger_is_paged_newest_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearway.hub.review.ENTRIES_A_PAGE", 5)
    officer = world.officer()
    for _ in range(6):
        officer.open(world.wanted.id)
    page = officer.client.get("/ledger").text
    assert "8 entries" in page
    assert page.index(">7</td>") < page.index(">3</td>")
    assert ">2</td>" not in page
    assert "clearway/ledger/" in page, "the checkpoint is there to be copied"
    assert 'href="/ledger?before=3"' in page
    older = officer.client.get("/ledger?before=3").text
    assert ">2</td>" in older
    assert ">0</td>" in older
    assert 'href="/ledger"' in older


def test_the_public_sees_counts_and_nothing_else(world: World) -> None:
    officer, visitor = world.officer(), world.visitor()
    assert "Findings: listed vehicle" in visitor.get("/public").text, "counted before any officer has looked"
    officer.type(world.wanted.id, world.wanted.plate)
    officer.open(world.wanted.id)
    officer.decide(world.wanted.id, "confirmed", "agrees")
    page = visitor.get("/public")
    assert page.status_code == 200
    for words in ("1,187", "1,102", "Findings: listed vehicle", "Confirmed by an officer", "<svg"):
        assert words in page.text
    for secret in (world.wanted.plate, world.papers.plate, world.wanted.id, "north-gate", OFFICER, "stolen"):
        assert secret not in page.text


def test_findings_sealed_while_the_hub_runs_appear(folder: tuple[Path, Sealed, Sealed]) -> None:
    data, _, papers = folder
    path = data / "exhibits" / f"{papers.id}.zip"
    later = path.rename(data / "papers.zip")
    with running(*folder) as world:
        officer = world.officer()
        assert "1 exhibit waits" in officer.client.get("/").text
        later.rename(path)
        assert "2 exhibits wait" in officer.client.get("/").text
