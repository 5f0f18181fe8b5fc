"""Calls over HTTP on connections that are kept, each tried again within its deadline and a budget."""
import http.client
import json
import random
import ssl
import threading
import time
from typing import Any, Optional
from urllib.parse import urlsplit

from .errors import ClientError, DeadlineError, OverloadedError, ProtocolError, UnavailableError, error_class
from .messagepack import pack, unpack

_max_tries = 3
#: Tries again that are saved at most, each call earning a tenth of one, so that no service in trouble meets a multiple
#: of its load.
_max_saved = 10.0
_kept_connections = 8
_message = "application/msgpack"


class Transport:
    """Thread-safe. Use `Client`."""

    def __init__(self, url: str, token: Optional[str], context: Optional[ssl.SSLContext]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no URL of a service; give one as in http://127.0.0.1:8080")
        self._url = url
        self._https = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._token = token
        self._context = context
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._saved = _max_saved

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        deadline_ms: float,
        idempotent: bool = True,
        request: Optional[str] = None,
    ) -> Any:
        """The answer's content. Raises ClientError."""
        end = time.monotonic() + deadline_ms / 1000
        packed = None if body is None else pack(body)
        headers = {"accept": _message}
        if packed is not None:
            headers["content-type"] = _message
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        if request is not None:
            headers["x-request-id"] = request
        with self._lock:
            self._saved = min(_max_saved, self._saved + 0.1)
        for attempt in range(1, _max_tries + 1):
            try:
                return self._attempt(method, path, packed, headers, end, idempotent)
            except (OverloadedError, UnavailableError) as error:
                wait = max(error.retry_after_ms or 0, 10 * 2**attempt * (0.5 + random.random() / 2)) / 1000
                # A wait beyond the deadline would only turn a telling error into a late one.
                if not idempotent or attempt == _max_tries or time.monotonic() + wait >= end or not self._spend():
                    raise
                time.sleep(wait)
        raise AssertionError

    def close(self) -> None:
        """Closes the connections that are kept; the next call makes another."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _spend(self) -> bool:
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True

    def _attempt(
        self, method: str, path: str, body: Optional[bytes], headers: dict[str, str], end: float, idempotent: bool
    ) -> Any:
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        try:
            if kept is not None:
                try:
                    return self._exchange(kept, method, path, body, headers, end)
                except (http.client.RemoteDisconnected, ConnectionError):
                    # It was closed while nobody used it; a call that may be done twice goes over a new one at once.
                    if not idempotent:
                        raise
            return self._exchange(self._connect(), method, path, body, headers, end)
        except TimeoutError as error:
            raise DeadlineError("the deadline has passed") from error
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"{self._url} cannot be reached: {error}") from error

    def _connect(self) -> http.client.HTTPConnection:
        if self._https:
            return http.client.HTTPSConnection(self._host, self._port, context=self._context)
        return http.client.HTTPConnection(self._host, self._port)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Optional[bytes],
        headers: dict[str, str],
        end: float,
    ) -> Any:
        def left() -> float:
            seconds = end - time.monotonic()
            if seconds < 0.001:
                raise TimeoutError
            connection.timeout = seconds
            if connection.sock is not None:
                connection.sock.settimeout(seconds)
            return seconds

        try:
            deadline = {"x-deadline-ms": str(int(1000 * left()))}
            connection.request(method, self._prefix + path, body, {**headers, **deadline})
            left()
            answer = connection.getresponse()
            content = bytearray()
            while part := answer.read(2**18):
                content += part
                left()
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            with self._lock:
                if len(self._idle) < _kept_connections:
                    self._idle.append(connection)
                else:
                    connection.close()
        return _content_of(answer, bytes(content))


def _content_of(answer: http.client.HTTPResponse, body: bytes) -> Any:
    status = answer.status
    succeeded = 200 <= status < 300
    kind = (answer.getheader("content-type") or "").split(";")[0].strip()
    content = None
    try:
        if kind == _message:
            content = unpack(body)
        elif kind == "application/json":
            content = json.loads(body)
        elif succeeded:
            raise ValueError("it is no MessagePack; check the URL")
    except ValueError as error:
        raise ProtocolError(f"the answer cannot be read: {error}", status=status) from error
    if succeeded:
        return content
    # A proxy between may answer an error in its own way.
    told = content.get("error") if isinstance(content, dict) else None
    told = told if isinstance(told, dict) else {}
    code = told.get("code")
    raise _error(status, code, told.get("message") or f"status {status}", answer, told.get("details"))


def _error(
    status: int, code: Optional[str], message: str, answer: http.client.HTTPResponse, details: Any
) -> ClientError:
    try:
        retry_after_ms: Optional[float] = 1000 * float(answer.getheader("retry-after") or "")
    except ValueError:
        retry_after_ms = None
    return error_class(status, code)(message, code=code, status=status, retry_after_ms=retry_after_ms, details=details)
