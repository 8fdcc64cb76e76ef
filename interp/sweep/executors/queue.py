"""What Slurm's queue says of the jobs of a round.

`squeue` is asked, not `sacct`: it needs no accounting database, which a small cluster often has not. It forgets a job some
minutes after its end, so a job that it does not know has ended.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from interp.errors import UserError

ASK_FIRST, ASK_EVERY = 2.0, 30.0
"""Seconds between two questions: they become rarer, since every user's questions wait in one line."""
GOES_ON = (
    *("PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"),
    *("PREEMPTED", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "REVOKED"),
)
GONE = "is no longer in the queue"
LIMIT = 1001
"""Jobs of an array, where the cluster does not say how many it takes: Slurm's own default of MaxArraySize."""


class Queue:
    """The states of some jobs, by the names that the cluster gave them (`4711_3`)."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = list(ids)
        self._states: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._begun = self._asked = time.monotonic()
        self._ended_before: set[str] = set()

    def look(self) -> dict[str, str]:
        """Job -> how it ended, of those that are said to have ended since the look before, too: a job that is preempted passes
        through states that look like an end."""
        now = time.monotonic()
        if now - self._asked < min(ASK_EVERY, max(ASK_FIRST, (now - self._begun) / 8)):
            return {}
        self._asked = now
        if (states := self._ask()) is None:
            return {}
        self._states = states
        ended = {job: states.get(job, GONE) for job in self._ids if states.get(job, "") not in GOES_ON}
        sure = {job: state for job, state in ended.items() if job in self._ended_before}
        self._ended_before = set(ended)
        return sure

    @property
    def words(self) -> str:
        """`2 running, 3 pending (Resources)`; empty before the first answer."""
        counts: dict[str, int] = {}
        for job in self._ids:
            state = self._states.get(job, "")
            if state in GOES_ON:
                reason = self._reasons.get(job, "None")
                words = state.lower() + (f" ({reason})" if state == "PENDING" and reason != "None" else "")
                counts[words] = counts.get(words, 0) + 1
        return ", ".join(f"{count} {words}" for words, count in counts.items())

    def _ask(self) -> dict[str, str] | None:
        """Job -> state; None when the scheduler does not answer, which says nothing about the jobs."""
        arrays = ",".join(dict.fromkeys(job.split("_")[0] for job in self._ids))
        command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={arrays}", "--format=%i|%T|%r"]
        try:
            answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if answer.returncode != 0 and "Invalid job id" not in answer.stderr:
            return None
        rows = [line.strip().split("|") for line in answer.stdout.splitlines() if line.count("|") == 2]
        self._reasons = {job: reason for job, _, reason in rows}
        return {job: state for job, state, _ in rows}


def most_in_an_array() -> int:
    """How many jobs the cluster takes in one array."""
    try:
        said = subprocess.run(["scontrol", "show", "config"], check=False, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return LIMIT
    for line in said.stdout.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "MaxArraySize" and value.strip().isdigit():
            return max(1, int(value))
    return LIMIT


def scancel(ids: Sequence[str]) -> None:
    """Cancel jobs of the cluster; UserError when scancel is missing or says no."""
    arrays = sorted({job.split("_")[0] for job in ids})
    try:
        subprocess.run(["scancel", *arrays], check=True, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise UserError("scancel is not on this machine; cancel the sweep where the cluster is") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"scancel {' '.join(arrays)} did not answer within two minutes; try again") from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"scancel {' '.join(arrays)} failed: {' '.join(error.stderr.split())[:300]}") from None
