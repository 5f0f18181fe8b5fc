"""The client against a server that answers as it is told; tests/live.py has the real one."""
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional
from unittest.mock import patch

import numpy as np

import headwater
from headwater.messagepack import pack, unpack

Answer = tuple[int, Any, dict[str, str]]


def ok(body: Any) -> Answer:
    return 200, body, {}


def failed(status: int, code: str, details: Any = None, **headers: str) -> Answer:
    error = {"code": code, "message": f"it is {code}", "details": details}
    return status, {"error": error}, {name.replace("_", "-"): value for name, value in headers.items()}


def served(body: Any, encoding: str = "<f2") -> Answer:
    """Two numbers a user: its place among all users, and 0.5."""
    users = body["users"]
    values = np.array([[float(user), 0.5] for user in users])
    part = {
        "model": "sum", "dim": 2, "encoding": body["encoding"], "vectors": values.astype(encoding).tobytes(),
        "status": bytes(len(users)), "snapshot": np.full(len(users), 7, "<u4").tobytes(),
        "frame": np.ones(len(users), "<u4").tobytes(), "featureTimeMs": np.zeros(len(users), "<f8").tobytes(),
        "ageMs": np.full(len(users), np.nan, "<f8").tobytes(),
    }
    return ok({"servedMs": 1.5, "models": [part]})


class ClientTest(unittest.TestCase):
    def serve(self, respond: Callable[[str, str, Any, int], Optional[Answer]], **options: Any) -> headwater.Client:
        """A client of a server that gives `respond(method, path, body, number of the call)`; at None it hangs up."""
        self.calls: list[tuple[str, str, Any, dict[str, str]]] = []
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = unpack(self.rfile.read(length)) if length else None
                headers = {name.lower(): text for name, text in self.headers.items()}
                calls.append((self.command, self.path, body, headers))
                told = respond(self.command, self.path, body, len(calls))
                if told is None:
                    self.close_connection = True
                    return
                status, content, more = told
                packed = content if isinstance(content, bytes) else pack(content)
                self.send_response(status)
                for name, value in {"content-type": "application/msgpack", **more}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(packed)))
                self.end_headers()
                self.wfile.write(packed)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that hung up is no failure."""

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        client = headwater.Client(f"http://127.0.0.1:{server.server_port}", **{"deadline_ms": 60_000, **options})

        def end() -> None:
            client.close()
            server.shutdown()
            server.server_close()

        self.addCleanup(end)
        return client

    def test_many_users_travel_in_several_calls_and_come_back_in_order(self) -> None:
        client = self.serve(lambda *call: served(call[2]), max_users=3, token="secret")
        users = [str(i) for i in range(8)]
        found = client.read(users, ["sum"], segments=[None, "a"] * 4, request="r 1")["sum"]
        self.assertEqual([call[2]["users"] for call in self.calls], [users[:3], users[3:6], users[6:]])
        self.assertEqual(self.calls[1][2]["segments"], ["a", None, "a"])
        self.assertEqual({call[3]["x-request-id"] for call in self.calls}, {"r 1"})
        self.assertEqual(self.calls[0][3]["authorization"], "Bearer secret")
        np.testing.assert_array_equal(found.vectors, np.array([[i, 0.5] for i in range(8)], np.float32))
        self.assertEqual((found.vectors.dtype, found.snapshot.dtype), (np.float32, np.uint32))
        self.assertEqual(found.snapshot.tolist(), [7] * 8)
        self.assertTrue(np.isnan(found.age_ms).all())
        self.assertIsNone(found.latest)

    def test_items_are_scored_by_the_heads_of_a_memory(self) -> None:
        vectors = np.array([[1, 2], [3, 4], [5, 6]], "<f2")
        heads = [{"coefficients": 1, "intercept": 3}, {"coefficients": 4, "intercept": 6}]
        about = {"snapshot": 5, "frame": 2, "servedSnapshot": 7, "servedFrame": 2}
        layout = {"learnt": 1, "width": 2, "heads": heads}
        client = self.serve(lambda *_: ok({**about, "layout": layout, "encoding": "f16", "vectors": vectors.tobytes()}))
        found = client.items("a b", ["i", "j", "k"], snapshot=5)
        self.assertEqual(self.calls[0][1:3], (
            "/v1/models/a%20b/items", {"items": ["i", "j", "k"], "encoding": "f16", "snapshot": 5},
        ))
        self.assertEqual((found.snapshot, found.served_snapshot, found.vectors.dtype), (5, 7, np.float32))
        scores = found.scores(np.array([[9, 1, 0, 100, 0, 1, 200], [9, 2, 1, 0, 1, 1, 0]], np.float32))
        np.testing.assert_array_equal(scores, [[[101, 103, 105], [202, 204, 206]], [[4, 10, 16], [3, 7, 11]]])
        with self.assertRaises(headwater.ProtocolError):
            client.items("a", ["only one"])

    def test_vectors_may_travel_as_float32(self) -> None:
        client = self.serve(lambda *call: served(call[2], "<f4"), encoding="f32")
        self.assertEqual(client.read(["70001"], ["sum"])["sum"].vectors[0, 0], 70001)

    def test_a_connection_is_kept_and_made_anew_where_it_was_closed(self) -> None:
        client = self.serve(lambda *call: ok({"models": []}) if call[3] != 2 else None)
        self.assertEqual([client.models(deadline_ms=59_000), client.models()], [[], []])
        self.assertLessEqual(int(self.calls[0][3]["x-deadline-ms"]), 59_000)
        # The second one met a closed connection, and went over another without waiting.
        self.assertEqual(len(self.calls), 3)

    def test_what_may_be_done_twice_is_tried_again(self) -> None:
        client = self.serve(lambda *call: failed(429, "too_many_requests") if call[3] < 3 else ok({"accepted": 1}))
        self.assertEqual(client.ingest(["ann"], ["a1"], [1.0], {"stars": [float("nan")]}), 1)
        bodies = [body for _, _, body, _ in self.calls]
        self.assertEqual(bodies[0], bodies[2])
        self.assertEqual(len(bodies), 3)
        self.assertEqual(bodies[0]["fields"], {"stars": [None]})
        self.assertEqual(np.frombuffer(bodies[0]["timesMs"], "<f8").tolist(), [1.0])

    def test_events_that_the_service_may_not_know_again_are_tried_once(self) -> None:
        client = self.serve(lambda *_: failed(503, "store_unavailable"))
        with self.assertRaises(headwater.UnavailableError):
            client.ingest(["ann"] * 65, ["a"] * 65, np.arange(65, dtype=float))
        with self.assertRaises(headwater.UnavailableError):
            client.rollback("sum")
        self.assertEqual(len(self.calls), 2)

    def test_times_may_be_datetimes(self) -> None:
        client = self.serve(lambda *_: ok({"accepted": 1}))
        client.ingest(["ann"], ["a"], np.array(["2026-01-02T03:04:05.5"], "M8[ms]"))
        self.assertEqual(np.frombuffer(self.calls[0][2]["timesMs"], "<f8").tolist(), [1_767_323_045_500])

    def test_a_wait_beyond_the_deadline_is_not_waited(self) -> None:
        client = self.serve(lambda *_: failed(503, "draining", retry_after="300"))
        with self.assertRaises(headwater.UnavailableError) as raised:
            client.models()
        self.assertEqual((raised.exception.code, raised.exception.retry_after_ms), ("draining", 300_000))
        self.assertEqual(len(self.calls), 1)

    def test_tries_again_are_a_tenth_of_the_calls(self) -> None:
        client = self.serve(lambda *_: failed(503, "store_unavailable", retry_after="0"))
        for _ in range(20):
            with self.assertRaises(headwater.UnavailableError):
                client.models()
        # Ten are saved at first, and twenty calls earn two.
        self.assertEqual(len(self.calls), 20 + 11)

    def test_a_server_that_does_not_answer_is_a_deadline(self) -> None:
        wait = threading.Event()
        self.addCleanup(wait.set)

        def silent(*_: Any) -> Answer:
            wait.wait(60)
            return ok({"models": []})

        client = self.serve(silent)
        with self.assertRaises(headwater.DeadlineError):
            client.models(deadline_ms=50)

    def test_a_server_that_is_away_is_unavailable(self) -> None:
        client = self.serve(lambda *_: None)
        with self.assertRaises(headwater.UnavailableError):
            client.models()
        with self.assertRaisesRegex(ValueError, "no URL of a service"):
            headwater.Client("127.0.0.1:8080")

    def test_every_error_has_its_class(self) -> None:
        for status, code, kind in [
            (400, "invalid_event", headwater.BadRequestError), (413, "body_too_large", headwater.BadRequestError),
            (401, "unauthenticated", headwater.AuthenticationError), (403, "forbidden", headwater.ForbiddenError),
            (404, "unknown_model", headwater.NotFoundError), (409, "snapshot_refused", headwater.ConflictError),
            (500, "forget_incomplete", headwater.ServerError), (504, "deadline_exceeded", headwater.DeadlineError),
            (507, "store_full", headwater.ServerError), (503, "overloaded", headwater.OverloadedError),
        ]:
            client = self.serve(lambda *_: failed(status, code, {"user": "ann"}))
            with self.assertRaises(kind) as raised:
                client.forget("ann/ü")
            self.assertIs(type(raised.exception), kind)
            self.assertEqual((raised.exception.code, raised.exception.status), (code, status))
            self.assertEqual((str(raised.exception), raised.exception.details), (f"it is {code}", {"user": "ann"}))
            self.assertEqual(self.calls[0][:2], ("DELETE", "/v1/users/ann%2F%C3%BC"))

    def test_an_answer_of_something_else_is_a_protocol_error(self) -> None:
        html = {"content-type": "text/html"}
        answers: list[Answer] = [(200, b"<html>", html), (404, b"<html>", html), ok(b"\xc1"), ok({"models": [{}]})]
        for answer in answers:
            client = self.serve(lambda *_: answer)
            with self.assertRaises(headwater.ClientError) as raised:
                client.read(["1"], ["sum"])
            expected = headwater.NotFoundError if answer[0] == 404 else headwater.ProtocolError
            self.assertIs(type(raised.exception), expected)

    def test_a_promotion_that_takes_long_is_waited_for(self) -> None:
        states = iter(["loading", "served", "loading", "refused"])
        error = {"code": "snapshot_refused", "message": "the gate holds it"}

        def loading(method: str, *_: Any) -> Answer:
            if method == "POST":
                return 202, {"model": "sum", "change": {"snapshot": 4, "state": "loading", "error": None}}, {}
            state = next(states)
            change = {"snapshot": 4, "state": state, "error": error if state == "refused" else None}
            return ok({"model": "sum", "change": change})

        client = self.serve(loading)
        with patch("headwater.client._poll_s", 0.01):
            self.assertEqual(client.promote("sum", 4), 4)
            with self.assertRaisesRegex(headwater.ConflictError, "the gate holds it"):
                client.promote("sum", 4)


if __name__ == "__main__":
    unittest.main()
