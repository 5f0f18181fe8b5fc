"""
`python3 trouble.py URL PROCESS`: the client against a `headwater serve` that takes two requests a second of a token, is
held, and ends. Its tokens are `ranker`, which may read, and `writer`, which may write.
"""
import os
import signal
import sys
import time
from typing import Callable

import headwater


def expect(kind: type[headwater.ClientError], code: str | None, call: Callable[[], object]) -> headwater.ClientError:
    try:
        call()
    except headwater.ClientError as error:
        assert type(error) is kind and error.code == code, repr(error)
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def main(url: str, process: str) -> None:
    pid = int(process)
    nobody, ranker, writer = (
        headwater.Client(url, token=token, deadline_ms=20_000) for token in (None, "ranker", "writer")
    )
    now = 1_000 * time.time()
    expect(headwater.AuthenticationError, "unauthenticated", lambda: nobody.models())
    expect(headwater.ForbiddenError, "forbidden", lambda: ranker.ingest(["ann"], ["i1"], [now], {"click": [1]}))
    assert writer.ingest(["ann"], ["i1"], [now], {"click": [1]}) == 1
    expect(headwater.ForbiddenError, "forbidden", lambda: writer.forget("ann"))

    # More than it may: what cannot wait is told when to come again, and what can comes through by being tried again.
    told = None
    for _ in range(20):
        try:
            ranker.read(["ann"], ["sum"], deadline_ms=900)
        except headwater.OverloadedError as error:
            told = error
            break
    assert told is not None and (told.code, told.status, told.retry_after_ms) == ("too_many_requests", 429, 1_000)
    begun = time.monotonic()
    for _ in range(4):
        ranker.read(["ann"], ["sum"])
    assert time.monotonic() - begun > 0.9

    # A service that does not answer: the deadline is the caller's, and the next call goes over another connection.
    time.sleep(1.5)
    os.kill(pid, signal.SIGSTOP)
    expect(headwater.DeadlineError, None, lambda: ranker.read(["ann"], ["sum"], deadline_ms=300))
    os.kill(pid, signal.SIGCONT)
    ranker.read(["ann"], ["sum"])

    os.kill(pid, signal.SIGTERM)
    while True:
        try:
            ranker.models(deadline_ms=2_000)
        except headwater.UnavailableError as error:
            # While it ends it says so; then nobody answers.
            if error.status == 0:
                break
        except (headwater.OverloadedError, headwater.DeadlineError):
            pass
    print("each trouble has its error")


if __name__ == "__main__":
    main(*sys.argv[1:])
