"""The client of a running `headwater serve`. U users, D numbers of a model's vector, E events, O outcomes."""
import re
import secrets
import ssl
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence
from urllib.parse import quote

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BadRequestError, ClientError, ConflictError, DeadlineError, ProtocolError, error_class
from .transport import Transport

#: Values of `Embeddings.status`.
FRESH, STALE, DEFAULT = 0, 1, 2

#: How many of a user's last event ids the service knows again.
_remembered_ids = 64

#: Between two looks at what became of a promotion.
_poll_s = 0.25


@dataclass(frozen=True)
class Embeddings:
    """What a model served, rows in the order of the users that were asked for."""

    model: str
    #: [U, D] average of the newest embeddings of one frame; the model's default where `status` is DEFAULT
    vectors: NDArray[np.float32]
    #: [U, D] the newest embedding, where it was asked for
    latest: Optional[NDArray[np.float32]]
    #: [U] FRESH, STALE or DEFAULT
    status: NDArray[np.uint8]
    #: [U] of the newest embedding, as is `frame`: vectors of different frames have no common coordinates
    snapshot: NDArray[np.uint32]
    frame: NDArray[np.uint32]
    #: [U] time as of which the features were read, milliseconds since 1970
    feature_time_ms: NDArray[np.float64]
    #: [U] time served minus feature time, milliseconds; NaN where the default was served
    age_ms: NDArray[np.float64]
    #: milliseconds since 1970; of users that travelled in several calls, the last one's
    served_ms: float


@dataclass(frozen=True)
class Items:
    """Vectors of items, rows in the order of the keys that were asked for. I items, H heads of the tower's memory."""

    #: whose they are; with embeddings of other snapshots they go where these are of the same `frame`
    snapshot: int
    frame: int
    #: what is served now
    served_snapshot: int
    served_frame: int
    #: where each head's coefficients and intercept stand in an embedding, as POST /v1/models/{m}/items has it
    layout: dict[str, Any]
    #: [I, width]
    vectors: NDArray[np.float32]

    def scores(self, embeddings: NDArray[Any]) -> NDArray[Any]:
        """[U, H, I] what each head says of each item for embeddings [U, D] of the same frame."""
        width = self.layout["width"]
        return np.stack([
            embeddings[:, head["coefficients"]:head["coefficients"] + width] @ self.vectors.T
            + embeddings[:, head["intercept"], None]
            for head in self.layout["heads"]
        ], axis=1)


class Client:
    """
    A service's client. Thread-safe; connections are kept until `close()`.

    Whatever may be done twice is tried again, at most twice and within a budget, where the service is overloaded or
    away. `deadline_ms` is that of a call, all tries together. Vectors travel as fp16, as the store holds them, unless
    `encoding` is "f32". `context` is for HTTPS by an authority of your own, or to show a certificate.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Optional[str] = None,
        encoding: str = "f16",
        deadline_ms: float = 1_000,
        max_users: int = 1_000,
        context: Optional[ssl.SSLContext] = None,
    ) -> None:
        if encoding not in ("f16", "f32"):
            raise ValueError(f'encoding is {encoding!r}; give "f16" or "f32"')
        self._transport = Transport(url, token, context)
        self._encoding = encoding
        self._deadline_ms = deadline_ms
        self._max_users = max_users

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that are kept; the next call makes another."""
        self._transport.close()

    def read(
        self,
        users: Sequence[str],
        models: Sequence[str],
        *,
        latest: bool = False,
        segments: Optional[Sequence[Optional[str]]] = None,
        request: Optional[str] = None,
        deadline_ms: Optional[float] = None,
    ) -> dict[str, Embeddings]:
        """
        Embeddings by model. More than `max_users` users travel in several calls within one deadline.

        `segments` names by user the segment whose default is served where nothing is held of the user. `request` is the
        name of the request that is answered with it, as served log and outcomes name it. Raises ClientError.
        """
        if request is not None and not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]{0,510}[\x21-\x7e])?", request):
            raise BadRequestError("request is no name; give 1 to 512 characters of ASCII")
        users = list(users)
        whole_ms = self._deadline_ms if deadline_ms is None else deadline_ms
        end = time.monotonic() + whole_ms / 1000
        parts: list[dict[str, Embeddings]] = []
        for start in range(0, max(len(users), 1), self._max_users):
            some = users[start:start + self._max_users]
            body: dict[str, Any] = {
                "users": some, "models": list(models), "encoding": self._encoding, "latest": latest,
            }
            if segments is not None:
                body["segments"] = list(segments)[start:start + self._max_users]
            answer = self._transport.call(
                "POST", "/v1/embeddings/read", body, request=request, deadline_ms=1000 * (end - time.monotonic())
            )
            parts.append(_embeddings_of(answer, len(some)))
        return parts[0] if len(parts) == 1 else {model: _joined([part[model] for part in parts]) for model in parts[0]}

    def ingest(
        self,
        users: Sequence[str],
        items: Sequence[str],
        times_ms: ArrayLike,
        fields: Optional[Mapping[str, Any]] = None,
        *,
        ids: Optional[Sequence[Optional[str]]] = None,
        deadline_ms: Optional[float] = None,
    ) -> int:
        """
        Ingests events, all or none, in their order; returns how many once they are durable.

        `times_ms` are milliseconds since 1970, or datetime64. `fields` has, by field of the schema, a value an event: a
        number, a text, a list of these, or None (or NaN) where it is missing. Events without an id are given one, so
        that a second try changes nothing; only a call with over 64 events of a user is tried once. Raises ClientError.
        """
        users = list(users)
        call = secrets.token_hex(12)
        made = [f"{call}.{i}" for i in range(len(users))]
        body = {
            "users": users,
            "items": list(items),
            "timesMs": _times(times_ms),
            "ids": made if ids is None else [own or made[i] for i, own in enumerate(ids)],
            "fields": {name: list(values) for name, values in (fields or {}).items()},
        }
        known = max(Counter(users).values(), default=0) <= _remembered_ids
        return int(self._call("POST", "/v1/events", body, deadline_ms, idempotent=known)["accepted"])

    def put_features(
        self,
        user: str,
        values: Mapping[str, Any],
        *,
        time_ms: Optional[float] = None,
        deadline_ms: Optional[float] = None,
    ) -> None:
        """Sets fields that describe a user, as of `time_ms` (now); they are durable then. Raises ClientError."""
        body = {"values": dict(values), **({} if time_ms is None else {"timeMs": time_ms})}
        self._call("PUT", f"{_user_path(user)}/features", body, deadline_ms)

    def outcomes(
        self,
        downstream: str,
        requests: Sequence[str],
        predictions: ArrayLike,
        labels: ArrayLike,
        times_ms: ArrayLike,
        *,
        users: Optional[Sequence[str]] = None,
        deadline_ms: Optional[float] = None,
    ) -> dict[str, Any]:
        """
        Tells what came of a downstream model's predictions; returns once they are durable, with `accepted`, `rows` and
        `normalizedEntropy` as in POST /v1/outcomes. Raises ClientError.
        """
        body = {
            "downstream": downstream,
            "requests": list(requests),
            "predictions": np.asarray(predictions, "<f8").tobytes(),
            "labels": np.asarray(labels, "u1").tobytes(),
            "timesMs": _times(times_ms),
            **({} if users is None else {"users": list(users)}),
        }
        return dict(self._call("POST", "/v1/outcomes", body, deadline_ms))

    def forget(self, user: str, *, deadline_ms: Optional[float] = None) -> dict[str, Any]:
        """Forgets a user; returns the receipt, which for `forget_incomplete` is the `details` of the ClientError."""
        return dict(self._call("DELETE", _user_path(user), None, deadline_ms))

    def items(
        self,
        model: str,
        items: Sequence[str],
        *,
        snapshot: Optional[int] = None,
        deadline_ms: Optional[float] = None,
    ) -> Items:
        """
        Vectors of items, of a model whose tower has a memory: of the snapshot that is served, or of another. Raises
        ClientError, of the code `no_item_vectors` for a model without.
        """
        body: dict[str, Any] = {"items": list(items), "encoding": self._encoding}
        if snapshot is not None:
            body["snapshot"] = snapshot
        return _items_of(self._call("POST", f"{_model_path(model)}/items", body, deadline_ms), len(items))

    def models(self, *, deadline_ms: Optional[float] = None) -> list[dict[str, Any]]:
        """Models, and the snapshots that refreshes go through. Raises ClientError."""
        return list(self._call("GET", "/v1/models", None, deadline_ms)["models"])

    def snapshots(self, model: str, *, deadline_ms: Optional[float] = None) -> dict[str, Any]:
        """A model's snapshots, as in GET /v1/models/{m}. Raises ClientError."""
        return dict(self._call("GET", _model_path(model), None, deadline_ms))

    def promote(self, model: str, snapshot: int, *, deadline_ms: float = 300_000) -> int:
        """Serves a snapshot; returns its number once it is served, which may take minutes. Raises ClientError."""
        return self._change(model, "promote", {"snapshot": snapshot}, deadline_ms, idempotent=True)

    def rollback(self, model: str, *, deadline_ms: float = 300_000) -> int:
        """Serves the snapshot before again. Not tried again: a second time goes back further. Raises ClientError."""
        return self._change(model, "rollback", {}, deadline_ms, idempotent=False)

    def _call(
        self, method: str, path: str, body: Any, deadline_ms: Optional[float], *, idempotent: bool = True
    ) -> Any:
        deadline_ms = self._deadline_ms if deadline_ms is None else deadline_ms
        return self._transport.call(method, path, body, deadline_ms=deadline_ms, idempotent=idempotent)

    def _change(self, model: str, what: str, body: Any, deadline_ms: float, *, idempotent: bool) -> int:
        end = time.monotonic() + deadline_ms / 1000
        answer = self._call("POST", f"{_model_path(model)}/{what}", body, deadline_ms, idempotent=idempotent)
        if "change" not in answer:
            return int(answer["snapshot"])
        asked = answer["change"]["snapshot"]
        while True:
            time.sleep(_poll_s)
            if time.monotonic() > end:
                raise DeadlineError(f"the deadline of {deadline_ms} ms has passed")
            change = self.snapshots(model, deadline_ms=1000 * (end - time.monotonic()))["change"]
            if change is None or (asked is not None and change["snapshot"] != asked):
                raise ConflictError(f'"{model}" was changed by another meanwhile, or the service was started again')
            if change["state"] == "served":
                return int(change["snapshot"])
            if change["state"] == "refused":
                raise _refusal(change["error"])


def _refusal(error: Mapping[str, Any]) -> ClientError:
    code = error["code"]
    status = {"unknown_snapshot": 404, "internal": 500, "encoder_unavailable": 503}.get(code, 409)
    return error_class(status, code)(error["message"], code=code, status=status)


def _user_path(user: str) -> str:
    return f"/v1/users/{quote(user, safe='')}"


def _model_path(model: str) -> str:
    return f"/v1/models/{quote(model, safe='')}"


def _times(times: ArrayLike) -> bytes:
    """[E] float64 milliseconds, little-endian."""
    array = np.asarray(times)
    if array.dtype.kind == "M":
        array = array.astype("M8[us]").astype("i8") / 1000
    return np.ascontiguousarray(array, "<f8").tobytes()


def _embeddings_of(answer: Any, users: int) -> dict[str, Embeddings]:
    """Raises ProtocolError for an answer that does not fit."""
    try:
        return {part["model"]: _model_of(part, users, float(answer["servedMs"])) for part in answer["models"]}
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"the answer does not fit: {error!r}") from error


_values = {"f16": "<f2", "f32": "<f4"}


def _items_of(answer: Any, items: int) -> Items:
    """Raises ProtocolError for an answer that does not fit."""
    try:
        vectors = np.frombuffer(answer["vectors"], _values[answer["encoding"]])
        return Items(
            snapshot=answer["snapshot"],
            frame=answer["frame"],
            served_snapshot=answer["servedSnapshot"],
            served_frame=answer["servedFrame"],
            layout=answer["layout"],
            vectors=vectors.reshape(items, answer["layout"]["width"]).astype(np.float32),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"the answer does not fit: {error!r}") from error


def _model_of(part: Any, users: int, served_ms: float) -> Embeddings:
    def column(name: str, dtype: str, shape: tuple[int, ...] = (users,)) -> NDArray[Any]:
        # A binary may begin at any byte of its message, so it is copied.
        return np.frombuffer(part[name], dtype).reshape(shape).copy()

    halves = _values[part["encoding"]]

    def vectors(name: str) -> NDArray[np.float32]:
        return column(name, halves, (users, part["dim"])).astype(np.float32)

    return Embeddings(
        model=part["model"],
        vectors=vectors("vectors"),
        latest=vectors("latest") if part.get("latest") is not None else None,
        status=column("status", "u1"),
        snapshot=column("snapshot", "<u4"),
        frame=column("frame", "<u4"),
        feature_time_ms=column("featureTimeMs", "<f8"),
        age_ms=column("ageMs", "<f8"),
        served_ms=served_ms,
    )


def _joined(parts: Sequence[Embeddings]) -> Embeddings:
    def all_of(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    return Embeddings(
        model=parts[0].model,
        latest=None if parts[0].latest is None else all_of("latest"),
        served_ms=parts[-1].served_ms,
        **{name: all_of(name) for name in ("vectors", "status", "snapshot", "frame", "feature_time_ms", "age_ms")},
    )
