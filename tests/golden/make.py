"""Writes the newest folder of exhibits anew: `python -m tests.golden.make`. Only a new way to sin is a reason to run it, or a new
version of the format; then the folder before stays beside it, and both are tested."""

import shutil
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from tests.evidence.sins import SINS, Original, packed
from tests.golden.test_golden import FOLDER, REFUSED_AT

from clearway.camera.film import encode_clip
from clearway.evidence.bundle import TIMESTAMP
from clearway.evidence.token import AUTHORITIES_NAME


def make() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        original = Original.sealed_in(Path(folder), encode_clip)
        stamped = [*original.files, (TIMESTAMP, original.office.stamped(dict(original.files)["statement.dsse.json"]))]
        red_light = Path(original.world.seal_red().path).read_bytes()
        contents = {"none": original.raw, "none-stamped": packed(stamped), "none-red-light": red_light} | {
            name: SINS[name][1](original) for name in REFUSED_AT if name in SINS
        }
        for name, content in contents.items():
            (FOLDER / f"{name}.zip").write_bytes(content)
        shutil.copy(original.world.data / "keys" / "clearway.pub", FOLDER)
        (FOLDER / AUTHORITIES_NAME).write_bytes(original.office.ca.public_bytes(Encoding.PEM))


if __name__ == "__main__":
    make()
