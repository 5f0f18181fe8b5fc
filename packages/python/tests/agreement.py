"""
`python3 agreement.py DIRECTORY [numpy|torch]`: towers against the embeddings beside their snapshots,
`expected.safetensors`, as tests of packages/onnx write them. What stands behind the lengths of a row must not matter.
"""
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater import Snapshot, UserTower, read_safetensors


def spoilt(panel: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The same rows, with ids of no table and NaN behind their lengths."""
    rows = {name: array.copy() for name, array in panel.items()}
    for name, ids in rows.items():
        if not name.endswith(".ids"):
            continue
        lengths = panel["sequence.lengths" if name.startswith("sequence.") else name.replace(".ids", ".lengths")]
        behind = np.arange(ids.shape[1]) >= lengths
        ids[behind] = 2**32 - 1
        if name == "sequence.ids":
            rows["sequence.channels"].reshape(*ids.shape, -1)[behind] = np.nan
    return rows


def published(snapshot: Snapshot, rows: dict[str, NDArray[Any]], library: str) -> NDArray[np.float32]:
    if library == "numpy":
        return UserTower(snapshot)(rows)
    import torch

    from headwater.torch import UserTower as TorchTower
    tower = TorchTower(snapshot)
    embeddings = tower(tower.rows(rows))
    # It can be trained: every parameter that the rows reach has a gradient, and none is NaN.
    embeddings.square().sum().backward()
    gradients = [one.grad for one in tower.parameters() if one.grad is not None]
    assert gradients and all(torch.isfinite(one).all() for one in gradients), snapshot.directory
    return np.asarray(embeddings.detach().numpy())


def main(directory: str, library: str = "numpy") -> None:
    shares = {}
    for home in sorted(Path(directory).iterdir()):
        snapshot = Snapshot(home)
        assert snapshot.panel is not None
        expected = read_safetensors(home / "expected.safetensors")["embeddings"]
        worst = 0.0
        for rows in (snapshot.panel, spoilt(snapshot.panel)):
            found = published(snapshot, rows, library)
            assert found.shape == expected.shape and found.dtype == np.float32
            share = float(np.max(np.abs(found - expected) / (1e-4 + 1e-4 * np.abs(expected))))
            assert share < 1, f"{home}: {share:.3f} of the tolerance"
            worst = max(worst, share)
        shares[home.name] = worst
    print(f"{len(shares)} towers agree within {max(shares.values()):.2g} of the tolerance, by {library}:")
    for name, share in shares.items():
        print(f"{share:.2g} {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
