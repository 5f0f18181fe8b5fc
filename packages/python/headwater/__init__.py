"""Headwater from Python: a service's client, snapshots, towers, served logs and exported vectors, as numpy."""
from .client import DEFAULT, FRESH, STALE, Client, Embeddings, Items
from .errors import (
    AuthenticationError,
    BadRequestError,
    ClientError,
    ConflictError,
    DeadlineError,
    FileError,
    ForbiddenError,
    HeadwaterError,
    NotFoundError,
    OverloadedError,
    ProtocolError,
    ServerError,
    UnavailableError,
)
from .publish import publish
from .snapshot import Snapshot, read_safetensors
from .tables import served_log, vector_parts, vectors
from .tower import InputError, UserTower

__all__ = [
    "AuthenticationError", "BadRequestError", "Client", "ClientError", "ConflictError", "DEFAULT", "DeadlineError",
    "Embeddings", "FRESH", "FileError", "ForbiddenError", "HeadwaterError", "InputError", "Items", "NotFoundError",
    "OverloadedError", "ProtocolError", "STALE", "ServerError", "Snapshot", "UnavailableError", "UserTower",
    "publish", "read_safetensors", "served_log", "vector_parts", "vectors",
]
