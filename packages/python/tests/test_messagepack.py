import struct
import unittest
from typing import Any

import numpy as np

from headwater.messagepack import pack, unpack


class MessagePackTest(unittest.TestCase):
    def test_values_have_the_bytes_of_the_specification(self) -> None:
        cases: list[tuple[Any, bytes]] = [
            (None, b"\xc0"), (False, b"\xc2"), (True, b"\xc3"),
            (0, b"\x00"), (127, b"\x7f"), (-1, b"\xff"), (-32, b"\xe0"),
            (128, b"\xce\x00\x00\x00\x80"), (2**32, b"\xcf" + (2**32).to_bytes(8, "big")),
            (-33, b"\xd3" + struct.pack(">q", -33)), (0.5, b"\xcb" + struct.pack(">d", 0.5)),
            ("ü", b"\xa2\xc3\xbc"), ("a" * 32, b"\xd9\x20" + b"a" * 32), (b"ab", b"\xc4\x02ab"),
            ([1, "a"], b"\x92\x01\xa1a"), ({"a": [None]}, b"\x81\xa1a\x91\xc0"),
        ]
        for value, message in cases:
            self.assertEqual(pack(value), message, value)
            self.assertEqual(unpack(message), value)

    def test_lengths_of_every_size_are_read_back(self) -> None:
        for length in (0, 15, 16, 31, 32, 255, 256, 65_535, 65_536):
            for value in ("x" * length, b"x" * length, [None] * length, dict.fromkeys(range(min(length, 300)))):
                self.assertEqual(unpack(pack(value)), value)

    def test_numbers_of_all_forms_are_read(self) -> None:
        for message, value in [
            (b"\xcc\xff", 255), (b"\xcd\x01\x00", 256), (b"\xd0\x80", -128), (b"\xd1\x80\x00", -32768),
            (b"\xd2\x80\x00\x00\x00", -2**31), (b"\xca\x3f\x00\x00\x00", 0.5),
        ]:
            self.assertEqual(unpack(message), value)

    def test_numbers_of_numpy_are_sent_and_nan_is_missing(self) -> None:
        values = [np.float32(0.5), np.int64(-7), np.bool_(True), float("nan")]
        self.assertEqual(unpack(pack(values)), [0.5, -7, True, None])
        self.assertEqual(unpack(pack(np.array([1.5, 2.0]))), [1.5, 2.0])
        with self.assertRaisesRegex(TypeError, "object cannot be sent"):
            pack(object())

    def test_what_is_no_message_is_refused(self) -> None:
        whole = pack({"a": [1.5, "text", b"bytes"]})
        for message in [whole[:length] for length in range(len(whole))] + [whole + b"\x00", b"\xc1", b"\xd4\x01\x02"]:
            with self.assertRaises(ValueError):
                unpack(message)


if __name__ == "__main__":
    unittest.main()
