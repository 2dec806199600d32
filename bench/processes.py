"""processes - run programs for bench/compare: bounded in time, and nothing of them left.

Every program gets BENCH_RUN=TOKEN in its environment, which its children inherit: that is how they are found.
"""
import os
import select
import signal
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Outcome:
    seconds: float
    status: int      # exit status, 128 + n for a signal
    timed_out: bool
    out: str
    err: str

    def failed(self):
        return self.timed_out or self.status != 0

    def why(self):
        """What went wrong, in a line."""
        if self.timed_out:
            return f"not done within {self.seconds:.1f} s"
        lines = [line.strip() for line in self.err.splitlines() if any(c.isalnum() for c in line)]
        return f"exit status {self.status}" + (f": {lines[-1][:150]}" if lines else "")


def environment(token, extra):
    return {**os.environ, **extra, "BENCH_RUN": token}


def start(argv, env, out="/dev/null", err="/dev/null"):
    """A program in a session of its own, without input; its process id."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o600),
               (os.POSIX_SPAWN_OPEN, 2, err, flags, 0o600)]
    return os.posix_spawnp(argv[0], argv, env, file_actions=actions, setsid=True)


def wait(pid, limit_s):
    """The exit status, or None when it has not ended in time."""
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll(max(0.0, limit_s) * 1000):
            return None
    finally:
        os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status >= 0 else 128 - status


def run(argv, token, extra, limit_s):
    """Run to the end, or to the limit: then it and all that it started is ended."""
    env = environment(token, extra)
    with tempfile.TemporaryDirectory(prefix="weft-bench.") as folder:
        out, err = os.path.join(folder, "out"), os.path.join(folder, "err")
        began = time.monotonic()
        pid = start(argv, env, out, err)
        status = wait(pid, limit_s)
        seconds = time.monotonic() - began
        if status is None:
            end(pid, token)
        return Outcome(seconds, status or 0, status is None, read(out), read(err))


def end(pid, token, patience_s=0.5):
    """End a program of ours: first asked, then made to; and whatever bears its token."""
    os.kill(pid, signal.SIGTERM)
    if wait(pid, patience_s) is None:
        os.kill(pid, signal.SIGKILL)
        wait(pid, 5.0)
    kill_all(token)


def kill_all(token):
    """Kill what bears the token, until there is nothing."""
    for _ in range(50):
        found = bearing(token)
        if not found:
            return
        for pid, _ in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def bearing(token):
    """(pid, name) of the processes with a token that starts so, except this one and what is a corpse."""
    mark = b"BENCH_RUN=" + token.encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as f:
                if any(v.startswith(mark) for v in f.read().split(b"\0")):
                    found.append((int(entry), read(f"/proc/{entry}/comm").strip()))
        except OSError:
            pass
    return found


def resident_kib(pid):
    for line in read(f"/proc/{pid}/status").splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1])
    return 0.0


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except OSError:
        return ""
