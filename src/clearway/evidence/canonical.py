"""JSON and times in the one form that is signed: RFC 8785 (JCS), read strictly.

Exhibits are written with the library `rfc8785` and read here, by code that was written without it and needs nothing but the
standard library. Two texts that mean the same are one text here, so whatever is changed in a signed file is seen.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite

# RFC 8785 rests on IEEE 754 doubles: a whole number beyond 2**53 - 1 has no single spelling (RFC 7493, section 2.2).
WHOLE_MAX = 2**53 - 1
DEPTH_MAX = 32


def rfc3339(at: datetime) -> str:
    """The time as RFC 3339 writes it, in UTC with a final Z."""
    assert at.utcoffset() is not None, "a time without a zone is no time"
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def dumps(value: object) -> bytes:
    """The RFC 8785 form of `value`: dict, list, tuple, str, int, float, bool, None. ValueError where it has none."""
    return _text(value, 0).encode()


def loads(raw: bytes) -> object:
    """What `raw` says. ValueError, in plain words, where it is not JSON or not in RFC 8785 form (also on a duplicate key)."""
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refused, parse_int=_whole)
        again = dumps(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} at character {error.pos})") from None
    if again != raw:
        raise ValueError("it is not in canonical form (RFC 8785)")
    return value


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"it names the key {name[:80]!r} twice")
        fields[name] = value
    return fields


def _whole(digits: str) -> int | float:
    """An int where doubles can tell it from its neighbours; a larger one is a double, whatever its spelling."""
    return int(digits) if len(digits) < 17 and abs(int(digits)) <= WHOLE_MAX else float(digits)


def _refused(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON number")


def _text(value: object, depth: int) -> str:
    if depth > DEPTH_MAX:
        raise ValueError("it is nested too deeply")
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > WHOLE_MAX:
                raise ValueError("a whole number is too large")
            return str(value)
        case float():
            return _number(value)
        case list() | tuple():
            return "[" + ",".join(_text(item, depth + 1) for item in value) + "]"
        case Mapping():
            # Section 3.2.3: keys stand in the order of their UTF-16 code units.
            keys = sorted(value, key=lambda key: str(key).encode("utf-16-be"))
            return "{" + ",".join(f"{_text(str(key), depth)}:{_text(value[key], depth + 1)}" for key in keys) + "}"
        case _:
            raise ValueError(f"{type(value).__name__} has no place in JSON")


def _number(value: float) -> str:
    """A double as ECMAScript's Number::toString spells it (ECMA-262, section 6.1.6.1.20), which RFC 8785 asks for.

    `repr` gives the same shortest digits; only where the point and the exponent stand differs.
    """
    if not isfinite(value):
        raise ValueError(f"{value} is no JSON number")
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The value is 0.digits * 10**point.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    first, rest = digits[0], digits[1:]
    return f"{sign}{first}{'.' + rest if rest else ''}e{point - 1:+d}"
