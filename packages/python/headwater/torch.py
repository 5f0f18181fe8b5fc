"""
The user tower as a module of PyTorch, with the equations of `headwater.tower`: to be run there, or trained on. And
served logs and exports as a dataset of it.

    tower = headwater.torch.UserTower("model")
    embeddings = tower(tower.rows(snapshot.panel))     # float32 [R, J], published coordinates

    dataset = headwater.torch.RowDataset(headwater.served_log("served/default", model="sum"))
"""
from typing import Any, Mapping, Union

import numpy as np
import torch
import torch.utils.data
from numpy.typing import NDArray

from .snapshot import Path_, Snapshot
from .tower import Events, Rows, forward, rows_of, user_tensors


class UserTower(torch.nn.Module):
    """
    A snapshot's user tower. Its parameters have the tensors' names, with "/" for ".". Center, scale and edges of dense
    values, and the alignment, are buffers: they are fitted, not trained. It knows no dropout.
    """

    _fitted = ("user.dense.center", "user.dense.scale", "user.dense.edges")

    def __init__(self, snapshot: Union[Snapshot, Path_]) -> None:
        super().__init__()
        self.snapshot = snapshot if isinstance(snapshot, Snapshot) else Snapshot(snapshot)
        for name, tensor in user_tensors(self.snapshot).items():
            data = torch.from_numpy(tensor.astype(np.float32))
            if name in self._fitted:
                self.register_buffer(name.replace(".", "/"), data)
            else:
                self.register_parameter(name.replace(".", "/"), torch.nn.Parameter(data))
        weight, bias = self.snapshot.alignment or (None, None)
        self.register_buffer("alignment/weight", None if weight is None else torch.from_numpy(weight.copy()))
        self.register_buffer("alignment/bias", None if bias is None else torch.from_numpy(bias.copy()))

    def rows(self, inputs: Mapping[str, NDArray[Any]]) -> Rows:
        """Arrays by name, as a panel has them, as tensors. Raises InputError."""
        rows = rows_of(self.snapshot.schema, inputs, np.float32)
        device = next(self.parameters()).device

        def tensor(array: NDArray[Any]) -> torch.Tensor:
            return torch.tensor(array, device=device)

        events = rows.events
        return Rows(
            dense=tensor(rows.dense),
            bags={name: (tensor(ids), tensor(lengths)) for name, (ids, lengths) in rows.bags.items()},
            events=None if events is None else Events(
                there=tensor(events.there),
                ids=tensor(events.ids),
                categories={name: tensor(ids) for name, ids in events.categories.items()},
                channels=tensor(events.channels),
                weights=events.weights,
                lengths=tensor(events.lengths),
                ages=tensor(events.ages),
            ),
        )

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The parameters as they are now, by the names that `headwater.publish` takes."""
        return {name.replace("/", "."): tensor.detach().cpu().numpy() for name, tensor in self.named_parameters()}

    def own(self, rows: Rows) -> torch.Tensor:
        """[R, J] in the tower's own coordinates, before alignment."""
        tensors: dict[str, torch.Tensor] = {name.replace("/", "."): tensor for name, tensor in self.named_parameters()}
        tensors.update({name.replace("/", "."): tensor for name, tensor in self.named_buffers()})
        with torch.device(rows.dense.device):
            embeddings: torch.Tensor = forward(torch, self.snapshot.manifest["config"], tensors, rows)
        return embeddings

    def forward(self, rows: Rows) -> torch.Tensor:
        """[R, J] in published coordinates."""
        own = self.own(rows)
        weight, bias = self.get_buffer("alignment/weight"), self.get_buffer("alignment/bias")
        return own if weight is None else own @ weight + bias


class RowDataset(torch.utils.data.Dataset[dict[str, Any]]):
    """
    Arrays by name, of a value a row, as rows for a `DataLoader`: what `headwater.served_log` and `headwater.vectors`
    give, and what you add to it. Numbers are tensors, whole ones int64; times are int64 microseconds since 1970; a text
    that is None is "". Raises ValueError for arrays of several lengths.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"arrays have several lengths, {lengths}; give a value a row in each")
        self._rows = max(lengths.values(), default=0)
        self._columns = {name: _column_of(array) for name, array in arrays.items()}

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {name: column[row] for name, column in self._columns.items()}


def _column_of(array: NDArray[Any]) -> Union[torch.Tensor, list[str]]:
    if array.dtype.kind in "OU":
        return ["" if text is None else str(text) for text in array]
    if array.dtype.kind == "M":
        array = array.astype("M8[us]").astype(np.int64)
    elif array.dtype.kind in "iu":
        array = array.astype(np.int64)
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))
