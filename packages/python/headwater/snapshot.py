"""Snapshots of a model as numpy arrays."""
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
from numpy.typing import NDArray

from .errors import FileError

Path_ = Union[str, Path]
Arrays = dict[str, NDArray[Any]]

_dtypes = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}


def read_safetensors(path: Path_) -> Arrays:
    """The tensors of a file by name, in the order of its header. Raises FileError."""
    return _tensors_in(_read(Path(path)), path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error


def _tensors_in(file: bytes, path: Path_) -> Arrays:
    try:
        header_bytes = int.from_bytes(file[:8], "little")
        header = json.loads(file[8:8 + header_bytes])
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            data = file[8 + header_bytes + start:8 + header_bytes + end]
            tensors[name] = np.frombuffer(data, _dtypes[entry["dtype"]]).reshape(entry["shape"])
        return tensors
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path} is no whole safetensors file: {error}") from error


class Snapshot:
    """
    A snapshot: its directory, or that of a model, of which the one that is served is taken. Every file is checked
    against its checksum. Raises FileError.
    """

    #: as in docs/snapshots.md
    manifest: dict[str, Any]
    #: the feature schema
    schema: dict[str, Any]
    #: every tensor of both towers by name, float32 [rows, cols], in the tower's own coordinates
    tensors: Arrays
    #: W [J, J] and b [J] to the published coordinates, y = x W + b; None where they are the same
    alignment: Optional[tuple[NDArray[np.float32], NDArray[np.float32]]]
    #: rows of users as the tower takes them, [U, …] each; `user` [U, 2] is a hash of the key. None where there is none
    panel: Optional[Arrays]

    def __init__(self, path: Path_) -> None:
        self.directory = _snapshot_in(Path(path))
        sums = self._checksums()
        self.manifest = json.loads(self._checked("manifest.json", sums))
        if self.manifest.get("format") != 3:
            raise FileError(f"{self.directory} has format {self.manifest.get('format')}, not 3; publish it again")
        self.schema = json.loads(self._checked("schema.json", sums))
        self.tensors = self._tensors("weights.safetensors", sums) or {}
        aligned = self._tensors("alignment.safetensors", sums)
        self.alignment = None if aligned is None else (aligned["alignment.weight"], aligned["alignment.bias"][0])
        self.panel = self._tensors("panel.safetensors", sums)

    @property
    def number(self) -> int:
        return int(self.manifest["snapshot"])

    @property
    def frame(self) -> int:
        """The snapshot that opened its alignment frame: vectors of one frame have common coordinates."""
        return int(self.manifest["frame"])

    def _checksums(self) -> dict[str, str]:
        lines = _read(self.directory / "SHA256SUMS").decode().splitlines()
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines if "  " in line)}

    def _checked(self, name: str, sums: dict[str, str]) -> bytes:
        file = _read(self.directory / name)
        if hashlib.sha256(file).hexdigest() != sums.get(name):
            raise FileError(f"{self.directory}: the checksum of {name} does not match; publish it again")
        return file

    def _tensors(self, name: str, sums: dict[str, str]) -> Optional[Arrays]:
        return _tensors_in(self._checked(name, sums), self.directory / name) if name in sums else None


def _snapshot_in(path: Path) -> Path:
    if (path / "manifest.json").exists():
        return path
    current = path / "current.json"
    if current.exists():
        try:
            number = int(json.loads(_read(current))["served"][-1]["snapshot"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise FileError(f"{current} is damaged; name the directory of a snapshot") from error
        return path / f"snapshot-{number:06d}"
    numbers = (re.fullmatch(r"snapshot-(\d{6,})", entry.name) for entry in path.glob("snapshot-*"))
    for number in sorted((int(found[1]) for found in numbers if found), reverse=True):
        directory = path / f"snapshot-{number:06d}"
        if json.loads(_read(directory / "manifest.json")).get("verdict", {}).get("status") == "published":
            return directory
    raise FileError(f"{path} has no snapshot that is served; publish one, or name the directory of a snapshot")
