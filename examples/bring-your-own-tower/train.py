"""
Trains a user tower in PyTorch on a log of clicks, and writes it as an ONNX model with the vocabulary that it was trained with.

    python3 train.py log.csv --until 2026-02-09 --out tower

Shape letters: R rows, N events, d width.
"""

import argparse
import csv
import json
from datetime import datetime, timezone
from pathlib import Path

import torch
from torch import nn

LAST = 16
WIDTH = 32
PADDING, UNKNOWN, FIRST = 0, 1, 2


class UserTower(nn.Module):
    """What a user met, how it went and how long ago it was, as one vector [R, d]."""

    def __init__(self, articles: int) -> None:
        super().__init__()
        self.articles = nn.Embedding(FIRST + articles, WIDTH, padding_idx=PADDING)
        self.event = nn.Sequential(nn.Linear(WIDTH + 2, 64), nn.ReLU(), nn.Linear(64, WIDTH + 1))
        self.user = nn.Sequential(nn.Linear(WIDTH + 1, 64), nn.ReLU(), nn.Linear(64, WIDTH))

    def forward(self, items: torch.Tensor, opened: torch.Tensor, ages: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """items int64 [R, N], opened [R, N], ages in days [R, N], mask bool [R, N]: true where there is an event."""
        told = torch.stack([opened, torch.log1p(ages)], dim=2)
        events = self.event(torch.cat([self.articles(items), told], dim=2))
        scores = events[:, :, WIDTH].masked_fill(~mask, -1e4)
        # The last weight is that of nothing, which a user without events has alone.
        nothing = torch.zeros_like(scores[:, :1])
        weights = torch.softmax(torch.cat([scores, nothing], dim=1), dim=1)
        met = (weights[:, :-1, None] * events[:, :, :WIDTH]).sum(dim=1)
        count = torch.log1p(mask.sum(dim=1, keepdim=True).float())
        return self.user(torch.cat([met, count], dim=1))


class Clicks(nn.Module):
    """What the tower is trained by, and is not exported: a user's vector meets an article's."""

    def __init__(self, tower: UserTower, articles: int) -> None:
        super().__init__()
        self.tower = tower
        self.articles = nn.Embedding(FIRST + articles, WIDTH)
        self.appeal = nn.Embedding(FIRST + articles, 1)
        self.keenness = nn.Linear(WIDTH, 1)
        nn.init.normal_(self.articles.weight, std=0.05)
        nn.init.zeros_(self.appeal.weight)

    def forward(self, target: torch.Tensor, *events: torch.Tensor) -> torch.Tensor:
        user = self.tower(*events)
        met = (user * self.articles(target)).sum(dim=1)
        return met + self.appeal(target)[:, 0] + self.keenness(user)[:, 0]


def read_log(path: Path, until: datetime):
    """Rows before a time, in time order: seconds since 1970, reader, article, opened."""
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            time = datetime.fromisoformat(row["time"].replace("Z", "+00:00"))
            if time < until:
                yield time.timestamp(), row["reader"], row["article"], float(row["opened"])


def examples_of(log, rows: dict[str, int]):
    """For each row what its reader met before, as the map gives it at serving, oldest first, padding at the end."""
    past: dict[str, list[tuple[int, float, float]]] = {}
    columns = {"target": [], "items": [], "opened": [], "ages": [], "mask": [], "label": []}
    for time, reader, article, opened in log:
        events = past.setdefault(reader, [])
        recent, free = events[-LAST:], max(0, LAST - len(events))
        columns["target"].append(rows[article])
        columns["items"].append([item for item, _, _ in recent] + [PADDING] * free)
        columns["opened"].append([went for _, went, _ in recent] + [0.0] * free)
        columns["ages"].append([(time - then) / 86_400 for _, _, then in recent] + [0.0] * free)
        columns["mask"].append([True] * len(recent) + [False] * free)
        columns["label"].append(opened)
        events.append((rows[article], opened, time))
    return {name: torch.tensor(values) for name, values in columns.items()}


def train(model: Clicks, examples, epochs: int, rows: int = 512) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    loss_of = nn.BCEWithLogitsLoss()
    inputs = ["target", "items", "opened", "ages", "mask"]
    for epoch in range(epochs):
        order, total = torch.randperm(len(examples["label"])), 0.0
        for places in order.split(rows):
            # Some articles are unknown while it trains, so that their row means something.
            batch = {name: values[places] for name, values in examples.items()}
            unknown = (torch.rand(batch["items"].shape) < 0.02) & batch["mask"]
            batch["items"] = batch["items"].masked_fill(unknown, UNKNOWN)
            loss = loss_of(model(*(batch[name] for name in inputs)), batch["label"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(places)
        print(f"epoch {epoch + 1}: loss {total / len(order):.4f}")


def export(tower: UserTower, path: Path) -> None:
    tower.eval()
    shape = (2, LAST)
    items, mask = torch.zeros(shape, dtype=torch.int64), torch.ones(shape, dtype=torch.bool)
    inputs = (items, torch.zeros(shape), torch.zeros(shape), mask)
    names = ["items", "opened", "ages", "mask"]
    torch.onnx.export(
        tower,
        inputs,
        str(path),
        input_names=names,
        output_names=["embeddings"],
        dynamic_axes={name: {0: "rows"} for name in [*names, "embeddings"]},
        opset_version=17,
        dynamo=False,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("log", type=Path)
    parser.add_argument("--until", type=datetime.fromisoformat, required=True, help="trains on rows before it, UTC")
    parser.add_argument("--out", type=Path, default=Path("tower"))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    log = list(read_log(options.log, options.until.replace(tzinfo=timezone.utc)))
    articles = sorted({article for _, _, article, _ in log})
    rows = {article: FIRST + place for place, article in enumerate(articles)}
    print(f"{len(log)} rows, {len(articles)} articles")
    model = Clicks(UserTower(len(articles)), len(articles))
    train(model, examples_of(log, rows), options.epochs)
    options.out.mkdir(exist_ok=True)
    export(model.tower, options.out / "tower.onnx")
    torch.save(model.tower.state_dict(), options.out / "tower.pt")
    (options.out / "articles.json").write_text(json.dumps(articles))
    print(f"{options.out / 'tower.onnx'} and {options.out / 'articles.json'}")


if __name__ == "__main__":
    main()
