"""`python3 live.py URL`: the client against a `headwater serve` of two snapshots, as tests of packages/cli start it."""
import sys
import time
from typing import Callable

import numpy as np

import headwater


def until_served(client: headwater.Client, user: str, time_ms: float) -> headwater.Embeddings:
    while True:
        found = client.read([user], ["sum"], latest=True, request=f"until-{time_ms:.0f}")["sum"]
        if found.feature_time_ms[0] >= time_ms:
            return found
        time.sleep(0.005)


def main(url: str) -> None:
    client = headwater.Client(url, deadline_ms=10_000)
    nobody = client.read(["ann", "bob"], ["sum"])["sum"]
    assert nobody.status.tolist() == [headwater.DEFAULT] * 2 and np.isnan(nobody.age_ms).all()

    now = time.time() * 1000
    fields = {"price": [2.5, float("nan")], "click": [1, 0]}
    assert client.ingest(["ann", "bob"], ["i1", "i2"], [now, now], fields, ids=["e-1", None]) == 2
    ann = until_served(client, "ann", now)
    assert ann.status.tolist() == [headwater.FRESH] and ann.snapshot.tolist() == [1] and ann.age_ms[0] >= 0
    assert ann.latest is not None and ann.vectors.any()
    # Known again by its id: nothing is refreshed, and the embedding stays.
    client.ingest(["ann"], ["i1"], [now], {"click": [1]}, ids=["e-1"])
    exactly = headwater.Client(url, encoding="f32", deadline_ms=10_000).read(["ann"], ["sum"], latest=True)["sum"]
    np.testing.assert_allclose(ann.vectors, exactly.vectors, rtol=2**-11, atol=2**-24)

    many = [f"user-{i}" for i in range(2_500)] + ["ann"]
    found = client.read(many, ["sum"])["sum"]
    assert found.vectors.shape == (2_501, ann.vectors.shape[1])
    np.testing.assert_array_equal(found.vectors[-1], exactly.vectors[0].astype(np.float16))

    times = [now] * 2
    told = client.outcomes("ctr", ["r-1", "r-2"], [0.25, 0.75], [0, 1], times, users=["ann", "bob"])
    assert told["accepted"] == 2 and told["rows"] == 2 and told["normalizedEntropy"] < 1
    assert client.outcomes("ctr", ["r-1"], [0.25], [0], [now])["accepted"] == 0

    [model] = client.models()
    assert (model["model"], model["snapshot"]) == ("sum", 1)
    assert client.promote("sum", 2) == 2
    assert client.snapshots("sum")["snapshots"][-1]["state"] == "served"
    assert client.rollback("sum") == 1

    wrongs: list[tuple[Callable[[], object], type[headwater.ClientError], str]] = [
        (lambda: client.read(["ann"], ["none"]), headwater.NotFoundError, "unknown_model"),
        (lambda: client.read([""], ["sum"]), headwater.BadRequestError, "invalid_key"),
        (lambda: client.ingest(["ann"], ["i"], [now], {"none": [1]}), headwater.BadRequestError, "invalid_request"),
        (lambda: client.outcomes("ctr", ["r"], [1.0], [1], [now]), headwater.BadRequestError, "invalid_outcome"),
        (lambda: client.promote("sum", 9), headwater.NotFoundError, "unknown_snapshot"),
    ]
    for wrong, kind, code in wrongs:
        try:
            wrong()
            raise AssertionError(f"{code} was taken")
        except headwater.ClientError as error:
            assert type(error) is kind and error.code == code, repr(error)

    receipt = client.forget("ann")
    assert receipt["user"] == "ann" and {"where": "store", "what": "ring", "count": 1} in receipt["removed"]
    assert client.read(["ann"], ["sum"])["sum"].status.tolist() == [headwater.DEFAULT]
    client.close()
    print("the service is as the client says")


if __name__ == "__main__":
    main(*sys.argv[1:])
