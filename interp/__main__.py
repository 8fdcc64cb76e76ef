"""`python -m interp`, and the console script: Ctrl-C is one line also while the first modules come in."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from interp.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
