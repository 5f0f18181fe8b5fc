"""What calls of a service, and files that are none of Headwater's, fail with."""
from typing import Any, Optional


class HeadwaterError(Exception):
    """Base of every error of this package."""


class FileError(HeadwaterError):
    """A file that is missing, damaged, or not what its reader takes."""


class ClientError(HeadwaterError):
    """
    A call that failed. `code` is the service's, None where none came from it; `status` is the answer's, 0 where there
    was none; `details` are the receipt for `forget_incomplete`.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Optional[str] = None,
        status: int = 0,
        retry_after_ms: Optional[float] = None,
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after_ms = retry_after_ms
        self.details = details


class BadRequestError(ClientError):
    """The request itself is wrong: its message says where. Sending it again does not help."""


class AuthenticationError(ClientError):
    """No token, or one that the service does not know."""


class ForbiddenError(ClientError):
    """A token without the scope that the call needs."""


class NotFoundError(ClientError):
    """A model or a route that the service has not."""


class ConflictError(ClientError):
    """What the service holds stands against it, say a snapshot that is held back."""


class OverloadedError(ClientError):
    """The service has more requests than it can answer in time, or the caller sends more than it may."""


class UnavailableError(ClientError):
    """The service cannot be reached, is stopping, or its store does not answer."""


class DeadlineError(ClientError):
    """The deadline passed, here or at the service. What a write did is not known."""


class ServerError(ClientError):
    """The service failed; its log says why."""


class ProtocolError(ClientError):
    """An answer that is none of this protocol's."""


_by_status = {
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    429: OverloadedError,
    503: UnavailableError,
    504: DeadlineError,
}


def error_class(status: int, code: Optional[str]) -> type[ClientError]:
    """The class of an error answer."""
    if code == "overloaded":
        return OverloadedError
    if status in _by_status:
        return _by_status[status]
    if status >= 500:
        return ServerError
    return BadRequestError if status >= 400 and code is not None else ProtocolError
