"""
Holds what a service serves against the tower in PyTorch: a reader opens articles, and both make a vector of it.

    PYTHONPATH=../../packages/python python3 check.py http://127.0.0.1:8080
"""

import json
import sys
import time
from pathlib import Path

import headwater
import torch

from train import FIRST, LAST, PADDING, UserTower

READER = "a-reader-of-the-check"


def main() -> None:
    articles = json.loads(Path("tower/articles.json").read_text())
    tower = UserTower(len(articles))
    tower.load_state_dict(torch.load("tower/tower.pt", weights_only=True))
    tower.eval()

    now_ms = 1_000 * time.time()
    items, opened = [4, 9, 2], [1.0, 0.0, 1.0]
    times_ms = [now_ms - 7_200_000, now_ms - 3_600_000, now_ms]
    client = headwater.Client(sys.argv[1], deadline_ms=5_000)
    client.ingest([READER] * 3, [articles[item] for item in items], times_ms, {"opened": opened})
    while True:
        found = client.read([READER], ["sum"])["sum"]
        if found.status[0] != headwater.DEFAULT and found.feature_time_ms[0] >= int(now_ms):
            break
        time.sleep(0.05)

    free = LAST - len(items)
    ages = [(float(found.feature_time_ms[0]) - then) / 86_400_000 for then in times_ms]
    with torch.no_grad():
        expected = tower(
            torch.tensor([[FIRST + item for item in items] + [PADDING] * free]),
            torch.tensor([opened + [0.0] * free]),
            torch.tensor([ages + [0.0] * free]),
            torch.tensor([[True] * len(items) + [False] * free]),
        )
    gap = float((torch.from_numpy(found.vectors.copy()) - expected).abs().max())
    largest = float(expected.abs().max())
    print(f"largest difference {gap:.2e}, largest number {largest:.2f}")
    # Vectors are kept as fp16, to 11 bits.
    if not gap <= largest * 2**-10:
        sys.exit("what is served is not what PyTorch gives")


if __name__ == "__main__":
    main()
