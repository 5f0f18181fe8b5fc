"""Served logs and exports as arrays. R rows, D numbers of a vector."""
import json
from pathlib import Path
from typing import Any, Iterator

import numpy as np
from numpy.typing import NDArray

from .errors import FileError
from .parquet import Column, row_groups
from .snapshot import Arrays, Path_

_several = "vectors are of several lengths, as of another model that had the name; read the files one by one"
_rows_of_old_files = {"served_ms": "served_at", "feature_time_ms": "feature_time"}


def served_log(path: Path_, *, model: str, latest: bool = False) -> Arrays:
    """
    What was served of a model: the directory of a served log, as `headwater serve --served-log` or `headwater run`
    leave it, one of its files, or an export of `headwater logs export`, Parquet or .npz.

    `request` (None, in .npz empty: it had no name) and `user` are texts, `served_at` and `feature_time` datetime64[us],
    `snapshot`, `frame` and `status` [R] numbers, `vector` [R, D] float32; with `latest` the newest vector alone too,
    NaN where the read did not ask for it. Rows of status 2 have the default. An export has `age_ms` too, and with
    `--as-of` the `row` and `time` that were asked for. Raises FileError.
    """
    parts = []
    for part in _parts(Path(path), "served-"):
        for old, name in _rows_of_old_files.items():
            if old in part:
                part[name] = (np.asarray(part.pop(old)) * 1000).round().astype("M8[us]")
        names = part.pop("model")
        chosen = np.asarray(names) == model
        if chosen.any():
            own = {name: column for name, column in part.items() if name != "latest" or latest}
            parts.append({name: _chosen(column, chosen) for name, column in own.items()})
    if not parts:
        raise FileError(f"{path} has no rows of a model {model!r}")
    return _joined(parts)


def vectors(path: Path_) -> Arrays:
    """
    All of an export of `headwater store export`: `user` [R] texts, `snapshot`, `frame`, `feature_time`, `written_at`,
    `age_ms` [R], and `vector` [R, D] float32. Raises FileError, also for one that was stopped.
    """
    return _joined(list(vector_parts(path)))


def vector_parts(path: Path_) -> Iterator[Arrays]:
    """As `vectors`, a file at a time, for exports larger than memory. Raises FileError."""
    directory = Path(path)
    try:
        about = json.loads((directory / "export.json").read_bytes())
    except (OSError, ValueError) as error:
        raise FileError(f"{directory} is no export of `headwater store export`") from error
    if not about["isDone"]:
        raise FileError(f"{directory} is an export that was stopped; run the same command again")
    for part in _parts(directory, "part-"):
        yield {name: _as_array(column) for name, column in part.items()}


def _parts(path: Path, prefix: str) -> Iterator[dict[str, Column]]:
    files = [path] if path.is_file() else sorted(path.glob("*"))
    begins = (path.name,) if path.is_file() else (prefix, "part-")
    files = [file for file in files if file.name.startswith(begins) and file.suffix in (".parquet", ".npz")]
    if not files:
        raise FileError(f"{path} has no files of a served log or an export")
    for file in files:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                yield {name: arrays[name] for name in arrays.files}
        else:
            yield from row_groups(file)


def _as_array(column: Column) -> NDArray[Any]:
    """A vector column as float32 [R, D]: a list of one length in all rows, bytes of fp16, or as it is."""
    if isinstance(column, tuple):
        lengths, values = column
        width = int(lengths.max(initial=0))
        if ((lengths != width) & (lengths != 0)).any():
            raise FileError(_several)
        array = np.full((len(lengths), width), np.nan, np.float32)
        array[lengths > 0] = values.reshape(-1, width) if width else 0
        return array
    if column.ndim == 2 and column.dtype == np.uint8:
        return column.view("<f2").astype(np.float32)
    return column.astype(np.float32) if column.ndim == 2 else column


def _chosen(column: Column, chosen: NDArray[np.bool_]) -> NDArray[Any]:
    if not isinstance(column, tuple):
        return _as_array(column[chosen])
    lengths, values = column
    return _as_array((lengths[chosen], values[np.repeat(chosen, lengths)]))


def _joined(parts: list[Arrays]) -> Arrays:
    try:
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    except ValueError as error:
        raise FileError(_several) from error
