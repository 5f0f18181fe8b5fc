"""MessagePack, as far as the service speaks it: no extension types. Binaries are `bytes`, read without a copy."""
import struct
from typing import Any

import numpy as np


def pack(value: Any) -> bytes:
    """
    A message. numpy's numbers are numbers, its arrays lists, NaN where a value stands is nil.

    Raises TypeError for a value that no message holds.
    """
    out = bytearray()
    _put(out, value)
    return bytes(out)


def _put(out: bytearray, value: Any) -> None:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is False or value is True:
        out.append({None: 0xC0, False: 0xC2, True: 0xC3}[value])
    elif isinstance(value, int):
        _put_int(out, value)
    elif isinstance(value, float):
        out += b"\xc0" if value != value else struct.pack(">Bd", 0xCB, value)
    elif isinstance(value, str):
        text = value.encode()
        _put_length(out, len(text), (0xD9, 0xDA, 0xDB), 0xA0, 32)
        out += text
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _put_length(out, len(value), (0xC4, 0xC5, 0xC6))
        out += value
    elif isinstance(value, (list, tuple, np.ndarray)):
        _put_length(out, len(value), (None, 0xDC, 0xDD), 0x90, 16)
        for each in value:
            _put(out, each)
    elif isinstance(value, dict):
        _put_length(out, len(value), (None, 0xDE, 0xDF), 0x80, 16)
        for key, each in value.items():
            _put(out, key)
            _put(out, each)
    else:
        raise TypeError(f"{type(value).__name__} cannot be sent; give numbers, texts, lists or None")


def _put_int(out: bytearray, value: int) -> None:
    if -32 <= value < 128:
        out += struct.pack(">b", value) if value < 0 else bytes([value])
    elif value < 0:
        out += struct.pack(">Bq", 0xD3, value)
    else:
        out += struct.pack(">BI", 0xCE, value) if value < 2**32 else struct.pack(">BQ", 0xCF, value)


def _put_length(
    out: bytearray, length: int, codes: tuple[int | None, int, int], small: int = 0, below: int = 0
) -> None:
    if length < below:
        out.append(small | length)
    elif length < 2**8 and codes[0] is not None:
        out += struct.pack(">BB", codes[0], length)
    elif length < 2**16:
        out += struct.pack(">BH", codes[1], length)
    else:
        out += struct.pack(">BI", codes[2], length)


def unpack(message: bytes) -> Any:
    """The value of a message; binaries are views of it. Raises ValueError for what is none."""
    reader = _Reader(memoryview(message))
    try:
        value = reader.value()
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"the message is cut short or damaged: {error}") from error
    if reader.at != len(message):
        raise ValueError("the message goes on behind its end")
    return value


class _Reader:
    _numbers = {
        0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
        0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
    }
    _lengths = {
        0xC4: (">B", "bin"), 0xC5: (">H", "bin"), 0xC6: (">I", "bin"),
        0xD9: (">B", "str"), 0xDA: (">H", "str"), 0xDB: (">I", "str"),
        0xDC: (">H", "list"), 0xDD: (">I", "list"), 0xDE: (">H", "map"), 0xDF: (">I", "map"),
    }

    def __init__(self, message: memoryview) -> None:
        self.message = message
        self.at = 0

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self.message, self.at)
        self.at += struct.calcsize(form)
        return value

    def _bytes(self, length: int) -> memoryview:
        if self.at + length > len(self.message):
            raise ValueError("the message is cut short")
        self.at += length
        return self.message[self.at - length:self.at]

    def value(self) -> Any:
        code = self._number(">B")
        if code < 0x80 or code >= 0xE0:
            return code if code < 0x80 else code - 256
        if code < 0xC0:
            kind = "map" if code < 0x90 else "list" if code < 0xA0 else "str"
            return self._sized(kind, code & (0x1F if kind == "str" else 0x0F))
        if code in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[code]
        if code in self._numbers:
            return self._number(self._numbers[code])
        if code not in self._lengths:
            raise ValueError(f"the message holds the type {code:#x}, which the service does not speak")
        form, kind = self._lengths[code]
        return self._sized(kind, self._number(form))

    def _sized(self, kind: str, length: int) -> Any:
        if kind == "bin":
            return self._bytes(length)
        if kind == "str":
            return str(self._bytes(length), "utf-8")
        if kind == "list":
            return [self.value() for _ in range(length)]
        return {self.value(): self.value() for _ in range(length)}
