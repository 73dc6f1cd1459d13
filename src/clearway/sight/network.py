"""The one door for weights, ours and anybody else's: a file is opened only where it is the one that was meant, and takes and
gives nothing but what its family may.

A family is an interface: how pictures go in and what comes out. Its outputs are an allow-list of names and shapes, so that no
weights file can hand out a description of a person or a face. What is refused is refused by name, with what to do about it.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from clearway.errors import InstallationError

# What Clearway brings, each file beside its card.
OUR_OWN = Path(__file__).parent / "weights"
_SHA256_IN_CARD = re.compile(r"^\W*sha256\W+([0-9a-f]{64})\b", re.MULTILINE)
FILE_MB_MAX = 200


@dataclass(frozen=True, slots=True)
class Array:
    """What goes in or comes out under one name. A side of None may have any length; `kind` is float or uint8."""

    name: str
    shape: tuple[int | None, ...]
    kind: str = "float"

    def allows(self, shape: tuple[int | str | None, ...]) -> bool:
        """Whether an array of that shape is this one; a side that is fixed here may not be left open there."""
        return len(shape) == len(self.shape) and all(own in (None, side) for own, side in zip(self.shape, shape, strict=True))


@dataclass(frozen=True, slots=True)
class Family:
    """Weights of one interface: they take this, give these and nothing else, and say this much about themselves (metadata)."""

    name: str
    takes: Array
    gives: tuple[Array, ...]
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """A file, and the SHA-256 in hex that it must have."""

    path: Path
    sha256: str


def our_own(name: str) -> Weights:
    """The weights of that name that Clearway brings. Their card says which bytes they must be: no card, no weights."""
    card = OUR_OWN / f"{name}.md"
    try:
        stated = _SHA256_IN_CARD.search(card.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stated = None
    if stated is None:
        raise InstallationError(f"the card {card} is missing or states no sha256.", remedy="install clearway anew.")
    return Weights(OUR_OWN / f"{name}.onnx", stated[1])


class Network:
    """Weights that have passed the door, ready to run on the processor.

    `name` and `weights` are a detector's or a reader's (see `ports`); `says` is what the file says about itself.
    """

    def __init__(self, family: Family, weights: Weights, threads: int) -> None:
        self._family, self._path = family, weights.path
        self.name = f"{family.name} {weights.path.stem}"
        self.weights: tuple[tuple[str, str], ...] = ((weights.path.name, weights.sha256),)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
        # Pictures come in many sizes, and a plan of memory for each would pile up.
        options.enable_mem_pattern = False
        # What is hashed is what is run: bytes in memory, which cannot change in between and can name no file beside them.
        content = self._content(weights.sha256)
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises a dozen kinds, whose only common ancestor this is
            self.refuse("is no ONNX file that can be run: it is cut, or made for another version", error)
        self.says: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self._refuse_what_the_family_may_not()

    def __call__(self, pixels: NDArray[np.float32] | NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """What the weights give for `pixels`, in the family's order. A shape that was not announced is refused here, too."""
        try:
            given = self._session.run([array.name for array in self._family.gives], {self._family.takes.name: pixels})
        except Exception as error:  # the same, from inside the weights
            self.refuse("does not run on a picture of that shape", error)
        for array, output in zip(self._family.gives, given, strict=True):
            if not array.allows(output.shape):
                self.refuse(f"gave {array.name} in the shape {_words(output.shape)}, not {_words(array.shape)}")
        return tuple(given)

    def takes(self) -> tuple[int | str | None, ...]:
        """The shape of the input as the file has it; a word stands for a side of any length."""
        return tuple(self._session.get_inputs()[0].shape)

    def refuse(self, fault: str, error: Exception | None = None) -> NoReturn:
        """Raises InstallationError that names the file, its family and its fault."""
        raise InstallationError(
            f"the weights {self._path} ({self._family.name}) are refused: the file {fault}.",
            remedy="fetch the file again, and name its sha256 and its family in [sight]; our own come with clearway.",
        ) from error

    def _content(self, sha256: str) -> bytes:
        try:
            with self._path.open("rb") as file:
                content = file.read(FILE_MB_MAX * 1_000_000 + 1)
        except OSError as error:
            self.refuse(f"cannot be read: {error.strerror}", error)
        if len(content) > FILE_MB_MAX * 1_000_000:
            self.refuse(f"has more than {FILE_MB_MAX} MB")
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            self.refuse(f"has {len(content):,} bytes and the sha256 {found}, not {sha256}: it is cut, or another one")
        return content

    def _refuse_what_the_family_may_not(self) -> None:
        takes, gives = self._session.get_inputs(), {output.name: output for output in self._session.get_outputs()}
        if [array.name for array in takes] != [self._family.takes.name]:
            self.refuse(f"takes {', '.join(array.name for array in takes)}, not {self._family.takes.name} alone")
        if unknown := gives.keys() - {array.name for array in self._family.gives}:
            self.refuse(f"gives {', '.join(sorted(unknown))}, which is not on the list of what may come out")
        for array in (self._family.takes, *self._family.gives):
            made = takes[0] if array is self._family.takes else gives.get(array.name)
            if made is None:
                self.refuse(f"gives no {array.name}")
            if made.type != f"tensor({array.kind})" or not array.allows(tuple(made.shape)):
                self.refuse(f"has {array.name} as {made.type} {_words(made.shape)}, not {array.kind} {_words(array.shape)}")
        if missing := set(self._family.says) - self.says.keys():
            self.refuse(f"does not say its {', '.join(sorted(missing))}")


def _words(shape: Sequence[int | str | None]) -> str:
    return " x ".join("any" if side is None else str(side) for side in shape)
