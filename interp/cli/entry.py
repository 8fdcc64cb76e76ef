"""The entry point of the command line: what must hold before anything else is imported.

Ctrl-C is one sentence from the first moment, a terminal that knows few letters gets what it can show, a user's mistake is
one sentence and exit code 2. A bug keeps its traceback. The commands are in interp.cli.commands.
"""

from __future__ import annotations

import codecs
import os
import signal
import sys
import threading

PLAIN = {
    "→": "->",
    "←": "<-",
    "−": "-",
    "–": "-",
    "—": "-",
    "×": "x",
    "…": "...",
    "·": ".",
    "⏎": "\\n",
    "±": "+-",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
}


def main() -> None:
    """Run the command line."""
    _show_what_can_be_shown()
    sys.unraisablehook = _unraisable
    try:
        _run()
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from what is finished", file=sys.stderr)
        raise SystemExit(130) from None


def _run() -> None:
    from interp.errors import Interrupted, Mistakes, UserError, interruptions

    try:
        with interruptions():
            from interp.cli.commands import app

            app(prog_name="interp")
    except Interrupted:
        raise KeyboardInterrupt from None
    except UserError as error:
        several = isinstance(error, Mistakes) and len(error.clauses) > 1
        if isinstance(error, Mistakes) and several:
            _say(
                f"error: {error.where} has {len(error.clauses)} mistakes:", *(f"  {clause}" for clause in error.clauses)
            )
        else:
            _say(f"error: {error}")
        raise SystemExit(2) from None


def _say(*lines: str) -> None:
    from rich.console import Console
    from rich.text import Text

    from interp.words.visible import visible

    console = Console(stderr=True)
    for line in lines:
        console.print(Text(visible(line), style="red"), soft_wrap=True)


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Ctrl-C inside a finaliser cannot be raised there, and would be printed and forgotten: it is sent again.

    Half a second later: while this function still runs, on a busy machine, it could not be raised either.
    """
    if unraisable.exc_type is not None and issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(unraisable)


def schema_texts() -> dict[str, str]:
    """File name -> JSON Schema of a kind of YAML."""
    from interp.cli.commands import schema_texts

    return schema_texts()


def _show_what_can_be_shown() -> None:
    """A letter that the terminal's encoding lacks is written in plain ones, `->` for an arrow, or as a question mark."""
    codecs.register_error("interp-plain", _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="interp-plain")


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end
