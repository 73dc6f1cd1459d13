"""The exhibit that docs/formats shows and that must verify for ever: `python -m tests.evidence.golden` makes a new one.

Only a new format version is a reason to run it; then the old one stays beside it, and both must verify.
"""

import shutil
import tempfile
from pathlib import Path

from tests.evidence.world import World, finding, frames, passage

from clearway.camera.film import encode_clip
from clearway.facts import Box

FOLDER = Path(__file__).parents[2] / "docs" / "formats" / "example"


def make() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), encode_clip)
        other = Box(36, 40, 44.5, 46)
        exhibit = world.sealer.seal(
            finding(passage((4, 6)), (6, 4)),
            frames(9),
            clock_source="NTP, stratum 2",
            hide=lambda frame: [other] if frame.number == 6 else [],
        )
        FOLDER.mkdir(exist_ok=True)
        shutil.copy(exhibit.path, FOLDER)
        shutil.copy(world.data / "keys" / "clearway.pub", FOLDER)


if __name__ == "__main__":
    make()
