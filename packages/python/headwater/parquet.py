"""
Parquet as Headwater writes it, by numpy alone: plain pages of version 2, not compressed, one a column and row group.
Files that other programs wrote need a reader of theirs, pyarrow or DuckDB.
"""
import struct
from pathlib import Path
from typing import Any, Iterator, Optional, Union

import numpy as np
from numpy.typing import NDArray

from .errors import FileError

#: A column: a value a row; or a list a row, as [R] lengths and all values. Texts are objects, None where there is none.
Column = Union[NDArray[Any], tuple[NDArray[Any], NDArray[Any]]]
Struct = dict[int, Any]

_widths = {1: "<i4", 2: "<i8", 4: "<f4", 5: "<f8"}
_text, _fixed = 6, 7


def row_groups(path: Path) -> Iterator[dict[str, Column]]:
    """Columns by name, a row group at a time. Raises FileError."""
    try:
        file = np.memmap(path, np.uint8, "r")
        footer_bytes = int.from_bytes(bytes(file[-8:-4]), "little")
        if bytes(file[:4]) != b"PAR1" or bytes(file[-4:]) != b"PAR1" or footer_bytes + 12 > len(file):
            raise FileError(f"{path} is no whole Parquet file")
        footer = _Thrift(bytes(file[-8 - footer_bytes:-8])).struct()
        columns = list(_columns(footer[2]))
        for group in footer.get(4, ()):
            chunks = zip(columns, group[1], strict=True)
            yield {name: _column(file, chunk[3], elements) for (name, elements), chunk in chunks}
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, IndexError, ValueError, TypeError, struct.error) as error:
        raise FileError(f"{path} is Parquet, but not as Headwater writes it; read it with pyarrow or DuckDB") from error


class _Thrift:
    """Thrift's compact protocol: structs as dictionaries by field number."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while True:
            head = self.data[self.at]
            self.at += 1
            if head == 0:
                return fields
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 15)

    def _value(self, kind: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            self.at += 1
            return self.data[self.at - 1]
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            self.at += 8
            return struct.unpack_from("<d", self.data, self.at - 8)[0]
        if kind == 8:
            length = self._varint()
            self.at += length
            return self.data[self.at - length:self.at]
        if kind == 9:
            head = self.data[self.at]
            self.at += 1
            length = head >> 4 if head >> 4 < 15 else self._varint()
            return [self._value(head & 15) for _ in range(length)]
        if kind == 12:
            return self.struct()
        raise ValueError(f"Thrift type {kind}")


def _columns(schema: list[Struct]) -> Iterator[tuple[str, list[Struct]]]:
    """Each column's name and the elements down to its values: one, or the three of a list."""
    at = 1
    while at < len(schema):
        elements = [schema[at]]
        while elements[-1].get(5):
            elements.append(schema[at + len(elements)])
        yield elements[0][4].decode(), elements
        at += len(elements)


def _column(file: NDArray[np.uint8], about: Struct, elements: list[Struct]) -> Column:
    start = about[9]
    thrift = _Thrift(bytes(file[start:start + 256]))
    page = thrift.struct()
    header = page[8]
    values_read, rows, encoding = header[1], header[3], header[4]
    if about[4] != 0 or encoding != 0 or header.get(7, True) or values_read != about[5]:
        raise ValueError("the page is compressed, encoded, or not the only one")
    body = file[start + thrift.at:start + thrift.at + page[3]]
    repetition, definition = body[:header[6]], body[header[6]:header[6] + header[5]]
    present = values_read - header[2]
    is_list = len(elements) > 1
    is_optional = elements[0].get(3) == 1
    levels = _levels(definition, values_read) if header[5] else None
    if is_list:
        assert levels is not None
        first = _levels(repetition, values_read) == 0
        has_value = levels == (2 if is_optional else 1)
        lengths = np.bincount(np.cumsum(first) - 1, has_value, rows).astype(np.int64)
        return lengths, _values(body[header[5] + header[6]:], elements[-1], int(has_value.sum()))
    values = _values(body[header[5] + header[6]:], elements[-1], present)
    if levels is None:
        return values
    whole = np.full(rows, None, object)
    whole[levels == 1] = values
    return whole


def _levels(runs: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Runs of one level each, all that Headwater writes."""
    thrift, parts, read = _Thrift(runs.tobytes()), [], 0
    while read < count:
        head = thrift._varint()
        if head & 1:
            raise ValueError("levels are packed by bits")
        parts.append(np.full(head >> 1, thrift.data[thrift.at], np.uint8))
        thrift.at += 1
        read += head >> 1
    return np.concatenate(parts) if parts else np.zeros(0, np.uint8)


def _values(data: NDArray[np.uint8], element: Struct, count: int) -> NDArray[Any]:
    kind = element[1]
    if kind == _text:
        return _texts(data.tobytes(), count)
    if kind == _fixed:
        width = element[2]
        whole = data[:count * width].tobytes()
        if _logical(element) == 15:
            return np.frombuffer(whole, "<f2")
        return np.frombuffer(whole, np.uint8).reshape(count, width)
    values = np.frombuffer(data[:count * np.dtype(_widths[kind]).itemsize].tobytes(), _widths[kind])
    if element.get(6) == 10:
        return values.view("<M8[us]")
    return values.view("<u4") if element.get(6) == 13 else values


def _logical(element: Struct) -> Optional[int]:
    """The number of its logical type: 15 is FLOAT16."""
    return next(iter(element.get(10, ())), None)


def _texts(data: bytes, count: int) -> NDArray[Any]:
    texts = np.empty(count, object)
    at = 0
    for i in range(count):
        length = int.from_bytes(data[at:at + 4], "little")
        texts[i] = data[at + 4:at + 4 + length].decode()
        at += 4 + length
    return texts
