"""
The user tower of a snapshot, by numpy: the equations of docs/model.md, for many rows at once. The same equations run in
torch, where they can be trained: see `headwater.torch`.

Shape letters: R rows, F dense columns, M values of a bag at most, L events of C channels, d numbers of a token, n
tokens, K embeddings of D numbers, J = K · D.
"""
import math
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Union

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .errors import HeadwaterError
from .snapshot import Path_, Snapshot

#: An array of numpy or a tensor of torch.
Array = Any
Tensors = Mapping[str, Array]


class InputError(HeadwaterError):
    """Rows that are not those of the snapshot's schema."""


@dataclass(frozen=True)
class Events:
    """The events of R rows. Behind a row's length channels are 0 and ids those of a row of zeros."""

    #: [R, L] is there such an event
    there: Array
    #: [R, L] and by category [R, L]
    ids: Array
    categories: Mapping[str, Array]
    #: [R, L, C], of which the last `weights` are those of sums
    channels: Array
    weights: int
    #: [R]
    lengths: Array
    #: [R, L] whole seconds
    ages: Array


@dataclass(frozen=True)
class Rows:
    """What the tower reads of R users."""

    #: [R, F]
    dense: Array
    #: by name ids [R, M] and lengths [R]
    bags: Mapping[str, tuple[Array, Array]]
    events: Optional[Events]


class UserTower:
    """
    A snapshot's user tower: `tower(snapshot.panel)` are the embeddings [R, J], float32, in published coordinates, as
    `headwater serve` computes them. Rows are arrays by name, as a panel has them and docs/onnx.md lists them.

    `dtype` is that of the sums. Raises InputError; FileError; HeadwaterError for a config of another version.
    """

    def __init__(self, snapshot: Union[Snapshot, Path_], dtype: DTypeLike = np.float64) -> None:
        self.snapshot = snapshot if isinstance(snapshot, Snapshot) else Snapshot(snapshot)
        if "external" in self.snapshot.manifest:
            raise HeadwaterError(f"{self.snapshot.directory} has a tower that was made elsewhere; run its ONNX model")
        if not isinstance(self.snapshot.manifest["config"]["user"].get("tokens"), list):
            raise HeadwaterError(f"{self.snapshot.directory} has the config of an earlier version; publish it again")
        self.dtype = np.dtype(dtype)
        self._tensors = {name: tensor.astype(self.dtype) for name, tensor in user_tensors(self.snapshot).items()}

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        own = self.own(inputs)
        alignment = self.snapshot.alignment
        return (own if alignment is None else own @ alignment[0] + alignment[1]).astype(np.float32)

    def own(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """[R, J] in the tower's own coordinates, before alignment."""
        rows = rows_of(self.snapshot.schema, inputs, self.dtype)
        return np.asarray(forward(np, self.snapshot.manifest["config"], self._tensors, rows))


def user_tensors(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    """Those of the user tower; a memory may share the item's table."""
    shared = any(token.get("shared") for token in snapshot.manifest["config"]["user"]["tokens"])
    return {
        name: tensor
        for name, tensor in snapshot.tensors.items()
        if name.startswith("user.") or (shared and name == "item.item")
    }


def rows_of(schema: Mapping[str, Any], inputs: Mapping[str, NDArray[Any]], dtype: DTypeLike) -> Rows:
    """Checks arrays by name and makes of them what the tower reads. Raises InputError."""

    def array(name: str, dtype: DTypeLike) -> NDArray[Any]:
        if name not in inputs:
            raise InputError(f"there is no array {name}; the snapshot's schema needs it, as its panel has it")
        found = np.asarray(inputs[name], dtype)
        if len(found) != len(dense):
            raise InputError(f"{name} has {len(found)} rows, dense {len(dense)}; give rows of the same users")
        return found

    dense = np.asarray(inputs.get("dense", ()), np.float32)
    if dense.ndim != 2:
        raise InputError("dense is no array [rows, columns]; give arrays by name, as a snapshot's panel has them")
    if not np.isfinite(dense).all():
        row, column = np.argwhere(~np.isfinite(dense))[0]
        raise InputError(f"row {row}, dense column {column}: is {dense[row, column]}; give a finite number")
    named = [field["name"] for field in schema["fields"] if field["of"] == "user" and field["type"] in ("id", "ids")]
    bags = {
        name: (array(f"bag.{name}.ids", np.int64), array(f"bag.{name}.lengths", np.int64))
        for name in [*named, *schema.get("userCalendar", ())]
    }
    sequence = schema.get("sequence")
    return Rows(
        dense=dense,
        bags={name: (_masked(ids, lengths.reshape(-1)), lengths.reshape(-1)) for name, (ids, lengths) in bags.items()},
        events=None if sequence is None else _events_of(sequence, array, dtype),
    )


#: An id that no table has.
_nowhere = np.iinfo(np.int64).max


def _masked(ids: NDArray[Any], lengths: NDArray[Any]) -> NDArray[Any]:
    return np.where(np.arange(ids.shape[1]) < lengths[:, None], ids, _nowhere)


def _events_of(sequence: Mapping[str, Any], array: Any, dtype: DTypeLike) -> Events:
    lengths = array("sequence.lengths", np.int64).reshape(-1)
    ids = array("sequence.ids", np.int64)
    there = np.arange(ids.shape[1]) < lengths[:, None]
    channels = array("sequence.channels", np.float64).reshape(*ids.shape, -1)
    channels = np.where(there[..., None], channels, 0)
    if not np.isfinite(channels).all():
        row, event, channel = np.argwhere(~np.isfinite(channels))[0]
        raise InputError(f"row {row}, event {event}, channel {channel}: is no finite number")
    # Categories are `sequence.category.NAME` among the inputs of an ONNX model.
    named = [*sequence.get("categories", ()), *sequence.get("calendar", ())]
    categories = {name: array(f"sequence.{name}.ids", np.int64) for name in named}
    return Events(
        there=there,
        ids=_masked(ids, lengths),
        categories={name: _masked(own, lengths) for name, own in categories.items()},
        channels=channels.astype(dtype),
        weights=2 * len(sequence.get("halfLivesDays", ())),
        lengths=lengths,
        ages=np.clip(np.floor(np.exp(16 * channels[..., 1]) - 0.5), 0, 2**32 - 1),
    )


# ---------------------------------------------------------------- Arithmetic


def _silu(xp: Any, x: Array) -> Array:
    return x / (1 + xp.exp(-x))


def _gelu(xp: Any, x: Array) -> Array:
    return 0.5 * x * (1 + xp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _relu(xp: Any, x: Array) -> Array:
    return xp.clip(x, 0, None)


def _softmax(xp: Any, z: Array, axis: int) -> Array:
    powers = xp.exp(z - xp.amax(z, axis=axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def _cut(x: Array, d: int) -> Array:
    """Tokens [R, n, d] of numbers [R, n · d]."""
    return x.reshape(x.shape[0], x.shape[1] // d, d)


def _flat(x: Array) -> Array:
    return x.reshape(x.shape[0], -1)


def _linear(t: Tensors, name: str, x: Array) -> Array:
    """x W + b over the last axis, W [in, out]."""
    y = x @ t[f"{name}.weight"]
    return y + t[f"{name}.bias"][0] if f"{name}.bias" in t else y


def _token_map(xp: Any, t: Tensors, name: str, x: Array) -> Array:
    """W X + b of each row's tokens, W [out, in], b a number a token."""
    y = xp.einsum("oi,rid->rod", t[f"{name}.weight"], x)
    return y + t[f"{name}.bias"][0][:, None] if f"{name}.bias" in t else y


def _standardized(xp: Any, x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / xp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)


def _norm(xp: Any, t: Tensors, name: str, kind: Optional[str], x: Array) -> Array:
    if kind is None:
        return x
    if kind == "layer":
        return _standardized(xp, x) * t[f"{name}.gain"][0] + t[f"{name}.shift"][0]
    return x / xp.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * t[f"{name}.gain"][0]


def _looked_up(xp: Any, table: Array, ids: Array) -> Array:
    """Vectors [..., d] of ids; zeros for one that the table does not have."""
    rows = table.shape[0]
    is_there = ids < rows
    return xp.where(is_there[..., None], table[xp.where(is_there, ids, 0)], 0)


def _weighed(xp: Any, scores: Array, there: Array, axis: int) -> Array:
    """Softmax over what is there; of rows with nothing it is of no meaning."""
    return _softmax(xp, xp.where(there, scores, -1e30), axis)


# ---------------------------------------------------------------- Input tokens


def _standard(xp: Any, t: Tensors, token: Optional[Mapping[str, Any]], dense: Array) -> Array:
    """x̂ [R, F]. Rounded as the tower rounds, since a step of an encoding may lie at a value that many rows have."""
    if not (token or {}).get("standardize"):
        return dense
    centre, scale = (t[f"user.dense.{what}"][0] for what in ("center", "scale"))
    return (dense - xp.asarray(centre, dtype=xp.float32)) * xp.asarray(scale, dtype=xp.float32)


def _dense_tokens(xp: Any, t: Tensors, token: Mapping[str, Any], d: int, dense: Array) -> Array:
    x = xp.asarray(_standard(xp, t, token, dense), dtype=t["user.dense-tokens.weight"].dtype)
    encoding = token.get("encoding")
    if encoding is not None:
        x = _periodic(xp, t, x) if encoding["kind"] == "periodic" else _piecewise(xp, t, x)
        # Zeros up to a multiple of 4, then four more.
        zeros = [xp.zeros_like(x[:, :, :1])] * (-x.shape[2] % 4 + 4)
        x = _flat(xp.concatenate([x] + zeros, axis=2))
    return _cut(_linear(t, "user.dense-tokens", x), d)


def _periodic(xp: Any, t: Tensors, x: Array) -> Array:
    angles = 2 * math.pi * t["user.dense.frequencies"] * x[:, :, None]
    return xp.concatenate([xp.sin(angles), xp.cos(angles)], axis=2)


def _piecewise(xp: Any, t: Tensors, x: Array) -> Array:
    edges = t["user.dense.edges"]
    low, high = edges[:, :-1], edges[:, 1:]
    is_step = low == high
    share = (x[:, :, None] - low) / xp.where(is_step, 1, high - low)
    # The first component goes on below its edge, the last one above.
    first = xp.concatenate([share[:, :, :1], xp.clip(share[:, :, 1:], 0, None)], axis=2)
    bounded = xp.concatenate([xp.clip(first[:, :, :-1], None, 1), first[:, :, -1:]], axis=2)
    return xp.where(is_step, xp.asarray(x[:, :, None] >= high, dtype=x.dtype), bounded)


def _bag_tokens(xp: Any, t: Tensors, token: Mapping[str, Any], bags: Mapping[str, tuple[Array, Array]]) -> Array:
    tokens = []
    for name, (ids, lengths) in bags.items():
        vectors = _looked_up(xp, t[f"user.{name}"], ids)
        if token["pooling"] == "attention" and f"user.{name}.query" in t:
            there = xp.asarray(np.arange(ids.shape[1])) < lengths[:, None]
            scores = vectors @ t[f"user.{name}.query"][0] / math.sqrt(vectors.shape[2])
            tokens.append(xp.einsum("rm,rmd->rd", _weighed(xp, scores, there, 1), vectors))
        else:
            total = vectors.sum(1)
            tokens.append(total if token["pooling"] == "sum" else total / xp.clip(lengths, 1, None)[:, None])
    return xp.stack(tokens, axis=1)


def _bucket(xp: Any, distance: Array, buckets: int) -> Array:
    """By powers of two: 0, 1 – 2, 3 – 6, …; what is farther than all of them is in the last."""
    return xp.asarray(xp.clip(xp.floor(xp.log2(1 + distance)), None, buckets - 1), dtype=xp.int64)


def _block(xp: Any, t: Tensors, name: str, block: Mapping[str, Any], h: Array, events: Events) -> Array:
    """A transformer block over the events of each row."""
    rows, length, d = h.shape
    heads = block["heads"]
    projected = _linear(t, f"{name}.projection", _norm(xp, t, f"{name}.attention-norm", "layer", h))
    q, k, v = (projected[:, :, i * d:(i + 1) * d].reshape(rows, length, heads, d // heads) for i in range(3))
    scores = xp.einsum("rlhs,rjhs->rhlj", q, k) / math.sqrt(d // heads)
    there = events.there[:, None, None, :]
    pointwise = block.get("pointwise")
    if pointwise is None:
        shares = _weighed(xp, scores, there, 3)
    else:
        biases, places = t[f"{name}.pointwise.biases"], pointwise["places"]
        place = xp.asarray(np.arange(length, dtype=np.float64))
        between = place[:, None] - place[None, :]
        near = _bucket(xp, xp.clip(between, 0, None), places)
        gaps = _bucket(xp, abs(events.ages[:, :, None] - events.ages[:, None, :]), pointwise["times"])
        # [heads, L, L] and [heads, R, L, L]
        bias = biases[:, near][:, None] + biases[:, places + gaps]
        seen = there & (between >= 0)
        shares = xp.where(seen, _silu(xp, scores + xp.einsum("hrlj->rhlj", bias)), 0) / math.sqrt(length)
    attended = xp.einsum("rhlj,rjhs->rlhs", shares, v).reshape(rows, length, d)
    h = h + _linear(t, f"{name}.attention", attended)
    hidden = _gelu(xp, _linear(t, f"{name}.hidden", _norm(xp, t, f"{name}.hidden-norm", "layer", h)))
    return h + _linear(t, f"{name}.output", hidden)


def _event_tokens(xp: Any, t: Tensors, token: Mapping[str, Any], events: Events) -> list[Array]:
    """[pooled events | recent events | sums of events | events by pointwise attention], [R, …, d] each."""
    v = _looked_up(xp, t["user.sequence"], events.ids)
    for name, ids in events.categories.items():
        v = v + _looked_up(xp, t[f"user.sequence.{name}"], ids)
    length, d, channels = v.shape[1], v.shape[2], events.channels.shape[2]
    pooled, recent, pointwise = token.get("pooled", 0), token.get("recent", 0), token.get("pointwise")
    sums = []
    if token.get("sums") and events.weights > 0:
        sums = [8 * xp.einsum("rlw,rld->rwd", events.channels[:, :, channels - events.weights:], v)]
    if pooled + recent == 0 and pointwise is None:
        return sums
    pooling = t["user.sequence.pooling"]
    there = xp.asarray(events.there[:, :, None], dtype=v.dtype)
    h = v + events.channels @ pooling[:channels]
    blocks = token.get("blocks")
    for b in range(blocks["count"] if blocks else 0):
        h = _block(xp, t, f"user.sequence.block{b + 1}", blocks or {}, h, events)
    # What stands behind a row's length must not count.
    h = h * there
    before: list[Array] = []
    if pooled:
        scores = xp.einsum("rld,md->rml", h, pooling[channels:]) / math.sqrt(d)
        before.append(xp.einsum("rml,rld->rmd", _weighed(xp, scores, events.there[:, None, :], 2), h))
    if recent:
        at = events.lengths[:, None] - 1 - xp.asarray(np.arange(recent))
        rows = xp.asarray(np.arange(v.shape[0]))[:, None]
        is_there = xp.asarray((at >= 0)[:, :, None], dtype=v.dtype)
        before.append(h[rows, xp.clip(at, 0, None)] * is_there)
    after = []
    if pointwise is not None:
        queries, biases = (t[f"user.sequence.pointwise.{what}"] for what in ("queries", "biases"))
        newer = xp.clip(events.lengths[:, None] - 1 - xp.asarray(np.arange(length)), 0, None)
        bias = biases[:, _bucket(xp, newer, pointwise["places"])]
        bias = bias + biases[:, pointwise["places"] + _bucket(xp, events.ages, pointwise["times"])]
        scores = xp.einsum("rld,md->mrl", h, queries) / math.sqrt(d) + bias
        after = [4 / math.sqrt(length) * xp.einsum("mrl,rld->rmd", _silu(xp, scores), h)]
    return before + sums + after


def _memory(xp: Any, t: Tensors, token: Mapping[str, Any], events: Events) -> Array:
    """
    Of each head the ridge regression of what is left of outcomes on item vectors q: [of q | intercept, 0, 0, 0], all
    heads side by side.
    """
    mix, ridge, decays = t["user.memory.residuals"], t["user.memory.ridge"], t["user.memory.decays"][0]
    channels = mix.shape[0]
    q = _looked_up(xp, t["item.item" if token.get("shared") else "user.memory.vectors"], events.ids)
    phi = xp.concatenate([q, xp.ones_like(q[:, :, :1])], axis=2)
    counts = events.there
    if channels - events.weights >= 3:
        counts = counts & ~(events.channels[:, :, 2] > 0.5)
    age = xp.clip(events.lengths[:, None] - 1 - xp.asarray(np.arange(phi.shape[1])), 0, None)
    coefficients = []
    for head in range(len(token["decays"])):
        w = xp.exp(-xp.exp(decays[head]) * age) * counts
        right = xp.einsum("rl,rli->ri", w * (events.channels @ mix[:, head]), phi)
        penalties = xp.exp(ridge[head, :-3])
        matrix = xp.einsum("rl,rli,rlj->rij", w, phi, phi) + xp.diag(penalties)
        solved = xp.linalg.solve(matrix, right[:, :, None])[:, :, 0]
        coefficients += [solved, xp.zeros_like(solved[:, :3])]
    return xp.concatenate(coefficients, axis=1)


# ---------------------------------------------------------------- Levels


def _extracted(xp: Any, t: Tensors, name: str, extractor: Mapping[str, Any], x: Array) -> Array:
    kind, d = extractor["kind"], x.shape[2]
    if kind == "mlp":
        return _cut(_linear(t, f"{name}.output", _relu(xp, _linear(t, f"{name}.hidden", _flat(x)))), d)
    if kind == "compression":
        hidden = _relu(xp, _linear(t, f"{name}.hidden", _flat(x)))
        z = _cut(_linear(t, f"{name}.logits", hidden), extractor["columns"])
        sums = xp.einsum("rnc,rnd->rcd", _softmax(xp, z, 1), x)
        products = xp.einsum("rnd,rcd->rnc", x, sums) / math.sqrt(d)
        return _cut(_linear(t, f"{name}.output", _flat(products)), d)
    if kind == "cross":
        x0 = xl = _flat(x)
        for layer in range(1, extractor["layers"] + 1):
            xl = x0 * _linear(t, f"{name}.up{layer}", _linear(t, f"{name}.down{layer}", xl)) + xl
        return _token_map(xp, t, f"{name}.tokens", _cut(xl, d))
    if kind == "mixer":
        normed = _norm(xp, t, f"{name}.token-norm", "layer", x)
        across = _gelu(xp, _token_map(xp, t, f"{name}.token-hidden", normed))
        y = x + _token_map(xp, t, f"{name}.token-output", across)
        hidden = _gelu(xp, _linear(t, f"{name}.channel-hidden", _norm(xp, t, f"{name}.channel-norm", "layer", y)))
        return _token_map(xp, t, f"{name}.tokens", y + _linear(t, f"{name}.channel-output", hidden))
    raise HeadwaterError(f"this version knows no extractor {kind!r}; use that of the snapshot's version")


def _level(xp: Any, t: Tensors, name: str, level: Mapping[str, Any], x: Array, dense: list[Array]) -> Array:
    tokens = [_extracted(xp, t, f"{name}.{own['kind']}", own, x) for own in level["extractors"]]
    y = xp.concatenate(tokens + (dense if level.get("dense") else []), axis=1)
    if level.get("residual"):
        y = y + _token_map(xp, t, f"{name}.residual", x)
    return _norm(xp, t, f"{name}.norm", level.get("norm"), y)


def forward(xp: Any, config: Mapping[str, Any], t: Tensors, rows: Rows) -> Array:
    """
    Embeddings [R, J] in the tower's own coordinates.

    `xp` is numpy or torch, `t` the user tower's tensors in it, `rows` what `rows_of` gives, in it too.
    """
    user, head = config["user"], config["embeddings"]
    d, width, events = user["tokenWidth"], head["width"], rows.events
    tokens: list[Array] = []
    dense: list[Array] = []
    dense_config, memory = None, None
    for token in user["tokens"]:
        kind = token["kind"]
        if kind == "dense":
            dense_config = token
            if rows.dense.shape[1] > 0:
                dense = [_dense_tokens(xp, t, token, d, rows.dense)]
            tokens += dense
        elif kind == "bags":
            tokens += [_bag_tokens(xp, t, token, rows.bags)] if rows.bags else []
        elif kind == "events":
            tokens += _event_tokens(xp, t, token, events) if events is not None else []
        elif kind == "memory":
            if events is not None:
                memory = _memory(xp, t, token, events)
                tokens.append(_cut(_linear(t, "user.memory.tokens", memory), d))
        else:
            raise HeadwaterError(f"this version knows no token {kind!r}; use that of the snapshot's version")
    x = xp.concatenate(tokens, axis=1)
    for k, level in enumerate(user["levels"]):
        x = _level(xp, t, f"user.level{k + 1}", level, x, dense)
    e = _cut(_linear(t, "user.output", _flat(x)), width)
    norm = head.get("norm")
    if norm is not None and norm["kind"] == "layer":
        e = _standardized(xp, e)
    elif norm is not None:
        size = xp.sqrt((e**2).sum(-1, keepdims=True))
        e = e * xp.clip(norm["largest"] / xp.clip(size, 1e-30, None), None, 1)
    e = _flat(e)
    if head.get("linear") and rows.dense.shape[1] > 0:
        values = xp.asarray(_standard(xp, t, dense_config, rows.dense), dtype=e.dtype)
        e = e + _linear(t, "user.linear", values)
    parts = [e] if memory is None else [e, memory]
    missing = head["count"] * width - sum(part.shape[1] for part in parts)
    # A memory is kept in whole embeddings.
    return xp.concatenate(parts + [xp.zeros_like(e[:, :1])] * missing, axis=1)
