"""`python3 publishing.py MODEL`: publishes a tower that differs a little from the one served, for packages/onnx."""
import sys

import numpy as np

from headwater import HeadwaterError, Snapshot, UserTower, publish


def main(model: str) -> None:
    base = Snapshot(model)
    assert base.panel is not None
    random = np.random.default_rng(3)
    changed = {
        name: tensor * (1 + 0.02 * random.standard_normal(tensor.shape))
        for name, tensor in base.tensors.items()
        if name.startswith("user.level") or name == "user.output.weight"
    }
    about = {"data_cutoff_ms": 99_000_000, "trained_rows": 1234}
    for wrong in ({"user.none": np.zeros((1, 1))}, {"user.output.weight": np.zeros((1, 1))}):
        try:
            publish(model, base, wrong, **about)
            raise AssertionError(f"{list(wrong)} was taken")
        except HeadwaterError:
            pass
    published = publish(model, base, changed, **about)
    before, now = UserTower(base)(base.panel), UserTower(published)(base.panel)
    apart = np.linalg.norm(now - before) / np.linalg.norm(before - before.mean(0))
    again = Snapshot(model)
    print(published.number, published.frame, again.number, f"{apart:.4f}", published.manifest["verdict"]["notes"][0])


if __name__ == "__main__":
    main(*sys.argv[1:])
