"""Normalized entropy, AUC and intervals of the arms of `headwater run --out DIR`, from predictions.npz with numpy alone.

    python3 recompute.py DIR/predictions.npz [--log DIGEST] [--over ARM]

It prints two tables, tab between columns: a line for each arm, and a line for each gain over ARM ("without" by default) and way of
drawing. With --log it refuses predictions of another log. Several files are taken as further seeds of the same rows.
"""
import argparse
import math
import sys

import numpy as np

DRAWS = 2000
SEED = 1


def refuse(message):
    sys.exit(f"recompute: {message}")


def load(paths, digest):
    """Rows once, arms by name, logits [arms, seeds, rows]."""
    found = None
    for path in paths:
        try:
            file = np.load(path, allow_pickle=False)
            own = {name: file[name] for name in ("log", "log_digest", "log_rows", "row", "user", "item", "label", "arm", "seed", "logit")}
        except (OSError, ValueError, KeyError) as error:
            refuse(f"{path} is not the predictions.npz of a run: {error}")
        log = f"log {own['log']} ({own['log_rows']} rows, digest {own['log_digest']})"
        if digest is not None and own["log_digest"] != digest:
            refuse(f"{path} has predictions of {log}, not of the log of digest {digest}; give those of that log")
        if own["logit"].shape != (len(own["arm"]), len(own["seed"]), len(own["row"])):
            refuse(f"{path} has logits of shape {own['logit'].shape}, not arms × seeds × rows; write it again")
        if not np.isfinite(own["logit"]).all():
            refuse(f"{path} has logits that are not finite")
        if own["row"].size and own["row"].max() >= own["log_rows"]:
            refuse(f"{path} has row {own['row'].max()} of a {log}; it was mixed up")
        if found is None:
            found, first = own, (path, log)
            continue
        if any(not np.array_equal(own[name], found[name]) for name in ("log_digest", "row", "user", "item", "label", "arm")):
            refuse(f"{path} has predictions of {log}, {first[0]} of {first[1]}: their rows or arms differ; give runs of one log")
        if np.intersect1d(own["seed"], found["seed"]).size:
            refuse(f"{path} has seeds {own['seed']} that {first[0]} has too")
        found["seed"] = np.concatenate([found["seed"], own["seed"]])
        found["logit"] = np.concatenate([found["logit"], own["logit"]], axis=1)
    return found


# Scores.


def log_losses(logits, labels):
    wrong = np.where(labels == 1, -logits, logits)
    return np.maximum(wrong, 0) + np.log1p(np.exp(-np.abs(logits)))


def entropy(rate):
    return -rate * np.log(rate) - (1 - rate) * np.log1p(-rate)


def auc(logits, labels):
    """Mann–Whitney U; ties count half."""
    _, group, sizes = np.unique(logits, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    positives = labels.sum()
    return (ranks[labels == 1].sum() - positives * (positives + 1) / 2) / positives / (len(labels) - positives)


# The bootstrap: a cluster's weight in a draw is a hash of both, as documented in packages/statistics/src/intervals/cluster-weights.ts.

WEIGHT = -np.log((np.arange(4096) + 0.5) / 4096)


def mix(x):
    x = np.atleast_1d(x).astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def weights(clusters, way):
    """[draws, clusters]"""
    key = mix(np.uint64(SEED + way * 0x9E3779B9) & np.uint64(0xFFFFFFFF))
    of_draw = mix(key + np.arange(DRAWS, dtype=np.uint32))
    return WEIGHT[mix((of_draw[:, None] + mix(clusters)[None, :]).ravel()) >> np.uint32(20)].reshape(DRAWS, -1)


def drawn_sums(ways, columns):
    """Sums of the columns in each draw, [draws, columns]; None where all rows are of one cluster."""
    named = [np.unique(way, return_inverse=True) for way in ways]
    if any(len(clusters) < 2 for clusters, _ in named):
        return None
    drawn = [weights(clusters, way) for way, (clusters, _) in enumerate(named)]
    if len(ways) == 1:
        clusters, place = named[0]
        return drawn[0] @ np.stack([np.bincount(place, column) for column in columns], axis=1)
    places = [place for _, place in named]
    return np.stack([columns @ (drawn[0][d, places[0]] * drawn[1][d, places[1]]) for d in range(DRAWS)])


def summary(value, drawn):
    """Value, standard error and 95 % bounds of a statistic."""
    return value, drawn.std(ddof=1), *np.percentile(drawn, [2.5, 97.5])


# Seeds: the interval of the rows' sample, widened by the spread of the seeds.


def student_reach(freedom):
    """t with P(|T| > t) = .05, from P(|T| ≤ t) = ∫ cos^(ν−1) over [0, atan(t/√ν)] × 2 Γ((ν+1)/2) / (√π Γ(ν/2))."""
    nodes, node_weights = np.polynomial.legendre.leggauss(100)
    scale = 2 * math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    low, high = 1.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        end = math.atan(middle / math.sqrt(freedom))
        inside = scale * end / 2 * (node_weights * np.cos(end / 2 * (nodes + 1)) ** (freedom - 1)).sum()
        low, high = (middle, high) if inside < 0.95 else (low, middle)
    return low


def widened(found, by_seed):
    value, error, low, high = found
    seeds = len(by_seed)
    spread = np.var(by_seed, ddof=1) / seeds if seeds > 1 else 0.0
    if spread == 0:
        return value, low, high
    whole = error**2 + spread
    freedom = (seeds - 1) * (whole / spread) ** 2
    reach = student_reach(freedom) / 1.959963984540054 if freedom < 1e6 else 1.0
    factor = reach * math.sqrt(whole) / error
    return value, value - (value - low) * factor, value + (high - value) * factor


def main():
    arguments = argparse.ArgumentParser(description="Recomputes the figures of predictions.npz.")
    arguments.add_argument("files", nargs="+")
    arguments.add_argument("--log", metavar="DIGEST", help="of the log that they must be of")
    arguments.add_argument("--over", default="without", metavar="ARM")
    options = arguments.parse_args()
    data = load(options.files, options.log)
    label = data["label"].astype(np.float64)
    if not 0 < label.mean() < 1:
        refuse("all rows have one class: normalized entropy is not defined")
    arms = [str(arm) for arm in data["arm"]]
    if options.over not in arms:
        refuse(f"there is no arm {options.over}; there are {', '.join(arms)}")
    users, items = data["user"], data["item"]
    logits = data["logit"].astype(np.float64)
    losses = log_losses(logits, label)

    print(f"# log {data['log']}, {data['log_rows']} rows, digest {data['log_digest']}")
    print(f"# {len(label)} rows scored, seeds {', '.join(map(str, data['seed']))}")
    # Columns that a draw sums: each arm's losses averaged over the seeds, labels, and one a row.
    columns = np.vstack([losses.mean(axis=1), label, np.ones(len(label))])
    totals = columns.sum(axis=1)
    ways = {"users": [users], "items": [items], "both": [users, items]}
    drawn = {name: drawn_sums(way, columns) for name, way in ways.items()}
    if drawn["users"] is None:
        refuse("all rows are of one user: an interval needs at least 2")

    print("arm\tNE\tlow\thigh\tAUC")
    for a, arm in enumerate(arms):
        ne = lambda sums: sums[..., a] / sums[..., -1] / entropy(sums[..., -2] / sums[..., -1])
        by_seed = [loss.mean() / entropy(label.mean()) for loss in losses[a]]
        value, low, high = widened(summary(ne(totals), ne(drawn["users"])), by_seed)
        mean_auc = np.mean([auc(own, label) for own in logits[a]])
        print(f"{arm}\t{value:.9f}\t{low:.9f}\t{high:.9f}\t{mean_auc:.9f}")

    print("gain\tover\tby\tvalue\tlow\thigh")
    over = arms.index(options.over)
    for a, arm in enumerate(arms):
        if a == over:
            continue
        gain = lambda sums: 1 - sums[..., a] / sums[..., over]
        by_seed = [1 - own.sum() / other.sum() for own, other in zip(losses[a], losses[over])]
        for name, sums in drawn.items():
            if sums is None:
                continue
            value, low, high = widened(summary(gain(totals), gain(sums)), by_seed)
            print(f"{arm}\t{options.over}\t{name}\t{value:.9f}\t{low:.9f}\t{high:.9f}")


main()
