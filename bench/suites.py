"""suites - which figures there are, and how each one is taken from a system.

A figure's take(system, bench) returns what one turn gave (Taken), or raises Cannot.
"""
import threading
import time

import processes
from samples import Sample, Taken, parse
from systems import Cannot, Weft

ALL = ("weft", "openmpi", "openmpi-nosc", "mpich", "pvm", "bare")
PEERS = ("weft", "openmpi", "mpich", "pvm")  # where Open MPI's settings make no difference
OFTEN, SELDOM = 100, 3  # turns at most: what takes long, or hardly differs, is not taken more often
CROWDED = ("weft", "openmpi", "openmpi-yield", "mpich", "pvm")


class Measured:
    """One run of bench/measure between some tasks."""
    turns = OFTEN

    def __init__(self, measure, systems, prefix="", tasks=2, wire="shm", timed=True):
        self.measure, self.systems, self.prefix, self.tasks, self.wire = measure, systems, prefix, tasks, wire
        self.timed = timed  # does it depend on how fast a cache line goes?

    def __str__(self):
        return self.prefix + self.measure

    def take(self, system, bench):
        words, limit = [self.measure, str(bench.sample_s)], bench.limit_s(30.0)

        def one():
            return self.read(system.run(words, self.tasks, limit, self.wire))
        return bench.beside_handover(one) if self.timed and self.tasks != 2 else one()

    def read(self, outcome):
        """What a run printed before it was too slow counts: one slow collective must not hide the fast ones. Wrong
        data (status 3) spoils it all."""
        taken = parse(outcome.out, self.prefix)
        if outcome.failed():
            if outcome.status == 3 or not taken.samples:
                raise Cannot(outcome.why())
            taken.failure = outcome.why()
        return taken


class Launch:
    """Programs that do nothing, from the command to its end."""
    turns = OFTEN
    systems = PEERS + ("bare",)

    def __init__(self, tasks, standing):
        self.tasks, self.standing = tasks, standing
        self.name = "launch-vm" if standing else "launch"

    def __str__(self):
        return f"{self.name}-{self.tasks}"

    def take(self, system, bench):
        def one():
            seconds = system.launch(self.tasks, bench.limit_s(10.0), self.standing)
            return Taken([Sample(self.name, self.tasks, "ms", seconds * 1e3)])
        return bench.beside_handover(one)


class Spawn:
    """Programs that do nothing, started by a task of a standing VM."""
    turns = SELDOM
    systems = PEERS + ("bare",)

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name

    def take(self, system, bench):
        return bench.beside_handover(lambda: parse(system.spawn(self.name, bench.limit_s(20.0)), ""))


class SpawnSome(Spawn):
    """The same for fewer of them, by PVM's calls."""
    systems = ("weft-pvm", "pvm")

    def __init__(self, name, count):
        super().__init__(name)
        self.count = count

    def take(self, system, bench):
        def one():
            return self.read(system.run(["spawn"], 1, bench.limit_s(20.0), extra={"BENCH_COUNT": str(self.count)}))
        return bench.beside_handover(one)

    def read(self, outcome):
        if outcome.failed():
            raise Cannot(outcome.why())
        return parse(outcome.out, self.name[:-len("spawn")])


class NetPipe:
    """What NetPIPE's own binary says: the time of a small message, and the bandwidth of a large one."""
    turns = OFTEN
    small, large = 8, 1 << 20

    def __init__(self, prefix, systems):
        self.prefix, self.systems = prefix + "netpipe", systems

    def __str__(self):
        return self.prefix

    def take(self, system, bench):
        def one():
            seconds = {n: system.netpipe(n, bench.limit_s(15.0)) for n in (self.small, self.large)}
            return Taken([Sample(self.prefix, self.small, "us", seconds[self.small] * 1e6),
                          Sample(self.prefix, self.large, "GB/s", self.large / seconds[self.large] / 1e9)])
        return bench.beside_handover(one)


class Start:
    """Ranks that start, find each other and end: the whole of it, in ms."""
    turns = OFTEN

    def __init__(self, prefix, systems, ranks):
        self.name, self.systems, self.ranks = prefix + "start", systems, ranks

    def __str__(self):
        return f"{self.name}-{self.ranks}"

    def take(self, system, bench):
        def one():
            outcome = system.run(["start"], self.ranks, bench.limit_s(20.0), extra={"BENCH_RANKS": str(self.ranks)})
            if outcome.failed():
                raise Cannot(outcome.why())
            return Taken([Sample(self.name, self.ranks, "ms", outcome.seconds * 1e3)])
        return bench.beside_handover(one)


class Daemons:
    """Memory of a system's own processes while so many tasks idle: the sum for all systems, each one for Weft."""
    turns = SELDOM
    systems = PEERS
    few, many, seconds = 2, 34, 0.6

    def __str__(self):
        return "memory-daemons"

    def take(self, system, bench):
        if not system.daemons:
            raise Cannot("it has none")
        system.stop()
        few, many = (self.resident(system, n, bench) for n in (self.few, self.many))
        samples = []
        for tasks, by_name in ((self.few, few), (self.many, many)):
            samples.append(Sample(str(self), tasks, "KiB", sum(by_name.values())))
            if system.name == "weft":
                samples += [Sample(f"memory-{name}", tasks, "KiB", kib) for name, kib in sorted(by_name.items())]
        growth = (sum(many.values()) - sum(few.values())) / (self.many - self.few)
        samples.append(Sample(f"{self}-per-task", self.many, "KiB", max(growth, 0.0)))
        nothing = {} if system.name == "weft" else \
            {(f"memory-{name}", 0): "it has no such process" for name in Weft.daemons}
        return Taken(samples, nothing)

    def resident(self, system, tasks, bench):
        """The largest resident size of each while all tasks run, KiB by name. Before, what a daemon has forked still
        bears its name."""
        largest, problems = {}, []

        def idle():
            try:
                system.idle(tasks, self.seconds, bench.limit_s(10.0))
            except Cannot as problem:
                problems.append(problem)

        thread = threading.Thread(target=idle)
        thread.start()
        while thread.is_alive():
            found = processes.bearing(bench.place.token)
            now = {}
            for pid, name in found:
                if name in system.daemons:
                    now[name] = now.get(name, 0.0) + processes.resident_kib(pid)
            if sum(name == system.idler for _, name in found) >= tasks:
                largest = {name: max(kib, largest.get(name, 0.0)) for name, kib in now.items()}
            time.sleep(0.02)
        if problems:
            raise problems[0]
        if not largest:
            raise Cannot("its processes were not seen")
        return largest


def suites():
    """Name: (share of the time of --quick, figures)."""
    crowd = [Measured("crowd", CROWDED, f"crowd-{n}-", n) for n in (2, 4, 8, 16)]
    pvm, hosts = ("weft-pvm", "pvm"), [(f"host-{mpi}-", (f"weft-{mpi}", mpi)) for mpi in ("openmpi", "mpich")]
    blocked = [Measured("blocked", CROWDED, f"crowd-{n}-", n, timed=False) for n in (2, 8)]
    return {
        "machine": (1, [Measured("handover", ("bare",)), Measured("memcpy", ("bare",))]),
        "latency": (4, [Measured("latency", ALL)]),
        "bandwidth": (4, [Measured("bandwidth", ALL)]),
        "rate": (5, [Measured("rate", PEERS + ("bare",)), Measured("rate-all", CROWDED, tasks=4)]),
        "tcp": (5, [Measured("latency", PEERS + ("bare",), "tcp-", wire="tcp"),
                    Measured("bandwidth", PEERS + ("bare",), "tcp-", wire="tcp")]),
        "wake": (3, [Measured("wake", PEERS + ("bare",))]),
        "crowd": (10, crowd + blocked),
        "coll": (3, [Measured("coll", PEERS, "coll-")]),
        "launch": (7, [Launch(n, standing) for standing in (False, True) for n in (2, 64)]),
        "spawn": (5, [Spawn("spawn"), Spawn("spawn-one")]),
        "memory": (8, [Measured("buffers", PEERS, "memory-", timed=False), Daemons()]),
        "pvm": (6, [NetPipe("pvm-", pvm), Measured("barrier", pvm, "pvm-", tasks=8), SpawnSome("pvm-spawn", 100)]),
        "host": (8, [Start(prefix, systems, n) for prefix, systems in hosts for n in (2, 16)] +
                 [NetPipe(*hosts[0])] + [Measured("latency", systems, prefix) for prefix, systems in hosts]),
        "match": (4, [Measured("match-posted", PEERS), Measured("match-unexpected", PEERS)]),
    }
