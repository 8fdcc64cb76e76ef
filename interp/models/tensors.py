"""Safetensors chosen, read and held against what a model expects. No library sees a folder, so none can fall back on pickles.

What a file lacks, has too much, or has in another shape is an error that names the tensor: a weight that stays random, or
that nothing reads, would give wrong numbers without a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open

from interp.errors import UserError
from interp.models.files import named, one_line, read_mapping

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
Shapes = dict[str, tuple[int, ...]]
READING = (SafetensorError, OSError, RuntimeError, TypeError, AttributeError)
MAPPED_AT_ONCE = 2**24
CHECKED_AT_ONCE = 2**20


def weight_files(folder: Path, field: str = "model") -> list[Path]:
    """The safetensors of a model's folder: the single file, or those that the index names.

    Raises UserError when there are none, when a part is missing, or when the index names a pickle or a file elsewhere.
    """
    parts = _parts(folder / INDEX, field) if (folder / INDEX).is_file() else []
    if (folder / WHOLE).is_file():
        return [folder / WHOLE]
    if not parts:
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt*"))
        raise UserError(
            f"{field}: {folder} holds no safetensors ({WHOLE}, or {INDEX} with its parts)"
            + (", only pickled weights, which are never loaded because they can run code" if pickled else "")
        )
    for part in parts:
        if not (folder / part).is_file():
            raise UserError(f"{field}: the weights in {folder} are incomplete: {part}, which {INDEX} names, is missing")
    return [folder / part for part in parts]


def _parts(index: Path, field: str) -> list[str]:
    """The files that an index names, each once."""
    names = read_mapping(index, field).get("weight_map")
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names.values()):
        raise UserError(f"{field}: {index} has no weight_map from the names of tensors to the names of files")
    for name in names.values():
        if not name.endswith(".safetensors"):
            raise UserError(
                f"{field}: {index} names {name!r}; only safetensors are loaded, because pickles can run code"
            )
        if name != Path(name).name or "\\" in name or "\0" in name:
            raise UserError(f"{field}: {index} names {name!r}, which does not lie in the model's own folder")
    return sorted(set(names.values()))


class Header(NamedTuple):
    """What a file's header says of a tensor; `dtype` in safetensors' words, such as F32."""

    shape: tuple[int, ...]
    dtype: str


def headers_in(files: Sequence[Path], field: str = "model") -> dict[str, Header]:
    """Name, shape and type of every tensor, from the files' headers alone."""
    headers: dict[str, Header] = {}
    for path in files:
        with _opened(path, field) as file:
            for name in file.keys():  # noqa: SIM118 - no mapping
                if name in headers:
                    raise UserError(f"{field}: the tensor {name} stands in {path} and in another part of the weights")
                part = file.get_slice(name)
                headers[name] = Header(tuple(part.get_shape()), str(part.get_dtype()))
    return headers


def read_tensors(files: Sequence[Path], field: str = "model") -> dict[str, torch.Tensor]:
    """All tensors of some safetensors files; UserError when one is damaged."""
    tensors: dict[str, torch.Tensor] = {}
    for path in files:
        with _opened(path, field) as file:
            try:
                tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            except READING as error:
                raise UserError(f"{field}: the weights {path} cannot be read: {one_line(error)}") from None
    return tensors


class Stored:
    """A tensor that still lies in its file: `stored[...]` reads it, into memory of its own."""

    def __init__(self, reader: _Reader, path: Path, name: str) -> None:
        self._reader, self._path, self._name = reader, path, name

    def __getitem__(self, _: Any) -> torch.Tensor:
        return self._reader.read(self._path, self._name)


class _Reader:
    """Copies tensors out of files. What of a file was read counts as memory while it is open, so it is closed now and then."""

    def __init__(self, dtype: torch.dtype | None, field: str) -> None:
        self._dtype, self._field = dtype, field
        self._path: Path | None = None
        self._file: Any = None
        self._read = 0

    def read(self, path: Path, name: str) -> torch.Tensor:
        if self._path != path or self._read > MAPPED_AT_ONCE:
            self._file = None
            self._path, self._file, self._read = path, _opened(path, self._field), 0
        try:
            mapped = self._file.get_tensor(name)
            tensor: torch.Tensor = mapped.to(self._dtype or mapped.dtype, copy=True)
        except READING as error:
            raise UserError(f"{self._field}: the weights {path} cannot be read: {one_line(error)}") from None
        self._read += mapped.nbytes
        return tensor


def stored_tensors(files: Sequence[Path], dtype: torch.dtype | None = None, field: str = "model") -> dict[str, Stored]:
    """All tensors of some safetensors files, none of them read yet; in `dtype` once they are (None: in their own)."""
    reader = _Reader(dtype, field)
    return {name: Stored(reader, path, name) for path in files for name in _names_in(path, field)}


def _names_in(path: Path, field: str) -> list[str]:
    with _opened(path, field) as file:
        return list(file.keys())


def _opened(path: Path, field: str):  # type: ignore[no-untyped-def]  # safetensors has no types
    try:
        return safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{field}: the weights {path} cannot be read: {one_line(error)}") from None


def check_fit(expected: Mapping[str, tuple[int, ...]], given: Mapping[str, tuple[int, ...]], what: str) -> None:
    """UserError that names the tensors which `given` lacks, has too much, or has in another shape."""
    faults = []
    if absent := sorted(expected.keys() - given.keys()):
        faults.append(f"{named(absent)} {_are(absent)} missing")
    if strange := sorted(given.keys() - expected.keys()):
        faults.append(f"{named(strange)} {_are(strange)} not in the model, so nothing would read {_it(strange)}")
    if misshapen := [name for name in sorted(expected.keys() & given.keys()) if expected[name] != given[name]]:
        first = misshapen[0]
        more = f" (and {len(misshapen) - 1} more)" if len(misshapen) > 1 else ""
        faults.append(f"{first} has shape {list(given[first])}, where the model has {list(expected[first])}{more}")
    if faults:
        raise UserError(f"{what} do not fit: {'; '.join(faults)}")


def check_real(tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """UserError that names the tensors of whole or complex numbers: they would be cast, and lose what they mean."""
    if strange := [name for name, tensor in sorted(tensors.items()) if not tensor.is_floating_point()]:
        kind = str(tensors[strange[0]].dtype).removeprefix("torch.")
        raise UserError(f"{what} hold {named(strange)} in {kind}, where floating-point numbers belong")


def check_finite(tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """UserError that names the tensors with a value that is NaN or infinite."""
    bad = [name for name, tensor in sorted(tensors.items()) if tensor.is_floating_point() and not finite(tensor)]
    if bad:
        raise UserError(
            f"{what} hold NaN or infinity in {named(bad)}, so nothing that the model says would be a number"
        )


def finite(tensor: torch.Tensor) -> bool:
    """Whether all numbers are finite; asked part by part, for the answers take memory, too."""
    return all(bool(part.isfinite().all()) for part in torch.split(tensor.detach().flatten(), CHECKED_AT_ONCE))


def shapes_of(tensors: Mapping[str, torch.Tensor]) -> Shapes:
    """Name and shape of every tensor."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _are(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"


def _it(names: Sequence[str]) -> str:
    return "them" if len(names) > 1 else "it"
