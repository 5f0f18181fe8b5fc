"""Publishes a user tower that was trained in Python. U users of the panel, J numbers of a user's embeddings."""
import hashlib
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy as np
from numpy.typing import NDArray

from .errors import FileError, HeadwaterError
from .snapshot import Path_, Snapshot
from .tower import UserTower, forward, rows_of, user_tensors

#: As of a publication's gate: beyond it vectors tell users apart in another way, and are of a frame of their own.
_most_residual = 0.8

#: Singular values below this share of the largest say nothing.
_rank_tolerance = 1e-10


def publish(
    model: Path_,
    base: Snapshot,
    tensors: Mapping[str, NDArray[Any]],
    *,
    data_cutoff_ms: int,
    trained_rows: int,
) -> Snapshot:
    """
    Writes a snapshot of a model: that of `base` with other values in `tensors`, which was trained on `trained_rows`
    rows up to `data_cutoff_ms`, milliseconds since 1970. It is lined up with `base` over the panel by a rotation and a
    shift, so that its vectors are of the same alignment frame, unless too little of them carries over.

    No gate has judged it: it is held, until `headwater snapshots promote MODEL NUMBER --force` serves it. One process
    publishes into a model's directory at a time. Raises HeadwaterError for tensors that are not the tower's, or a tower
    with a memory, whose item vectors training publishes; FileError.
    """
    matrices = _changed(base, tensors)
    numbers = [int(found[1]) for found in map(_numbered, Path(model).glob("snapshot-*")) if found]
    number = 1 + max(numbers, default=0)
    alignment, note = _lined_up(base, matrices)
    frame = base.frame if alignment is not None else number
    verdict = {"status": "held", "reasons": ["It was trained elsewhere, and no gate has judged it."], "notes": [note]}
    manifest = {
        **base.manifest,
        "snapshot": number,
        "frame": frame,
        "dataCutoffMs": int(data_cutoff_ms),
        "trainedRows": int(trained_rows),
        "publishedMs": int(time.time() * 1000),
        "parent": base.number,
        "alignment": "none" if alignment is None else "procrustes",
        "verdict": verdict,
        **dict.fromkeys(("log", "codeVersion", "panel", "items", "forward")),
    }
    files = {
        "schema.json": (base.directory / "schema.json").read_bytes(),
        "weights.safetensors": _safetensors(matrices, {"snapshot": str(number)}),
        "manifest.json": (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode(),
    }
    if alignment is not None:
        files["alignment.safetensors"] = _safetensors(alignment, {})
    return Snapshot(_written(Path(model), number, files, base))


def _numbered(path: Path) -> Optional[re.Match[str]]:
    return re.fullmatch(r"snapshot-(\d{6,})", path.name)


def _changed(base: Snapshot, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    if any(token["kind"] == "memory" for token in base.manifest["config"]["user"]["tokens"]):
        raise HeadwaterError("a tower with a memory has item vectors, which `headwater train` alone publishes")
    matrices = dict(base.tensors)
    for name, tensor in tensors.items():
        array = np.asarray(tensor, "<f4")
        if name not in matrices or array.shape != matrices[name].shape:
            wanted = f"; give {matrices[name].shape}" if name in matrices else ", which the tower does not have"
            raise HeadwaterError(f"tensor {name} has the shape {array.shape}{wanted}")
        if not np.isfinite(array).all():
            raise HeadwaterError(f"tensor {name} holds NaN or infinite values: training diverged")
        matrices[name] = array
    return matrices


def _lined_up(base: Snapshot, matrices: Mapping[str, NDArray[Any]]) -> tuple[Optional[dict[str, NDArray[Any]]], str]:
    """The map from the new tower's coordinates to the published ones, None where there is none, and a note of it."""
    if base.panel is None:
        return None, "There is no panel to line it up by: its vectors are of a frame of their own."
    before = UserTower(base)(base.panel).astype(np.float64)
    config = base.manifest["config"]
    own_tensors = {name: matrices[name].astype(np.float64) for name in user_tensors(base)}
    own = forward(np, config, own_tensors, rows_of(base.schema, base.panel, np.float64))
    near = np.eye(own.shape[1]) if base.alignment is None else base.alignment[0].astype(np.float64)
    # A rotation that is near the one before: a scale of that is no part of it.
    weight = _rotation(own - own.mean(0), before - before.mean(0), near)
    bias = before.mean(0) - own.mean(0) @ weight
    spread = float(np.linalg.norm(before - before.mean(0)))
    residual = float(np.linalg.norm(own @ weight + bias - before)) / max(spread, 1e-30)
    users = f"Over the panel's {len(before)} users the residual is {residual:.4f}"
    if residual > _most_residual:
        return None, f"{users}, more than {_most_residual}: its vectors are of a frame of their own."
    alignment = {"alignment.weight": weight.astype("<f4"), "alignment.bias": bias.astype("<f4")[None, :]}
    return alignment, f"{users}."


def _rotation(x: NDArray[Any], y: NDArray[Any], near: NDArray[Any]) -> NDArray[Any]:
    """
    W orthogonal for which ‖x W − y‖ is least (Schönemann 1966), x and y centred. Directions that they do not reach
    leave it open; there it is the closest to `near`.
    """
    u, size, vt = np.linalg.svd(x.T @ y)
    rank = int((size > _rank_tolerance * float(size[0])).sum())
    if rank == len(size):
        return np.asarray(u @ vt)
    free_u, free_v = u[:, rank:], vt[rank:].T
    a, _, bt = np.linalg.svd(free_u.T @ near @ free_v)
    return np.asarray(u[:, :rank] @ vt[:rank] + free_u @ (a @ bt) @ free_v.T)


def _safetensors(tensors: Mapping[str, NDArray[Any]], metadata: dict[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    # Spaces up to a multiple of 8 keep the data aligned.
    text += b" " * (-len(text) % 8)
    data = b"".join(tensor.astype("<f4").tobytes() for tensor in tensors.values())
    return len(text).to_bytes(8, "little") + text + data


def _written(model: Path, number: int, files: dict[str, bytes], base: Snapshot) -> Path:
    """Whole or not at all, by one rename."""
    target = model / f"snapshot-{number:06d}"
    partial = model / f".publishing-{number}-{os.getpid()}"
    try:
        partial.mkdir()
        if base.panel is not None:
            # Empty first: who forgets a user meanwhile sees it, and waits; before, the base's has lost the user's row.
            _write(partial / "panel.safetensors", b"")
            files["panel.safetensors"] = (base.directory / "panel.safetensors").read_bytes()
        for name, content in files.items():
            _write(partial / name, content)
        # The manifest's stands last, so that a list that was cut short lacks it.
        names = sorted(files, key=lambda name: (name == "manifest.json", name))
        sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in names)
        _write(partial / "SHA256SUMS", sums.encode())
        _sync(partial)
        os.rename(partial, target)
        _sync(model)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise FileError(f"{target} cannot be written: {error.strerror}; what was there is as it was") from error
    return target


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
