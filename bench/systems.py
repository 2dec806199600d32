"""systems - Weft, its peers and the bare machine: how each is built, and how it runs a program.

A system that can't do something raises Cannot with the reason, which is printed for "missing".
"""
import os
import shutil
import subprocess
import time

import processes

HERE = os.path.dirname(os.path.abspath(__file__))
COMMON = ["measure.c", "measure_pair.c", "measure_team.c", "measure_process.c", "handover.c"]


class Cannot(Exception):
    pass


def finished(outcome):
    """The Outcome of a run that must have ended well."""
    if outcome.failed():
        raise Cannot(outcome.why())
    return outcome


class Place:
    """Where things are: the tree that Weft was built in, our cache of programs, a folder for this run."""

    def __init__(self, builddir, tmp, token):
        self.builddir, self.tmp, self.token, self.runs = builddir, tmp, token, 0
        own = os.path.join(builddir, "bench") if builddir else ""
        if not os.path.isdir(own) or not os.access(own, os.W_OK):
            own = os.path.join(os.environ["XDG_CACHE_HOME"], "weft-bench") if os.environ.get("XDG_CACHE_HOME") else \
                os.path.expanduser("~/.cache/weft-bench")
        self.programs = os.path.join(own, "peers")

    def folder(self, name):
        path = os.path.join(self.tmp, name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def new_token(self):
        """Marks one run and what it starts; all tokens begin alike."""
        self.runs += 1
        return f"{self.token}{self.runs}."

    def new_handover_file(self):
        """The page that two ranks share to measure the hand-over, fresh for each run."""
        path = os.path.join(self.tmp, "handover")
        with open(path, "wb") as f:
            f.write(bytes(4096))
        return path


class System:
    name = ""
    column = property(lambda self: self.name)  # where its values stand: in suites about hosting, Weft's are under "weft"
    compiler, source, libraries = ["cc"], "", []
    daemons = ()  # the system's own processes, by name
    idler = "sleep"  # the program of idle()

    def __init__(self, place):
        self.place = place
        self.program = os.path.join(place.programs, "measure-" + self.name)

    def build(self):
        """Compile bench/measure for this system, unless that has been done."""
        if shutil.which(self.compiler[0]) is None:
            raise Cannot(f"{self.compiler[0]} is not installed")
        sources = [os.path.join(HERE, f) for f in COMMON + [self.source]]
        inputs = sources + [os.path.join(HERE, h) for h in ("measure.h", "handover.h", "sys.h")]
        if os.path.exists(self.program) and \
                os.path.getmtime(self.program) > max(os.path.getmtime(f) for f in inputs):
            return
        os.makedirs(self.place.programs, exist_ok=True)
        unfinished = f"{self.program}.{os.getpid()}"
        compiled = subprocess.run([*self.compiler, "-std=gnu11", "-O2", "-w", *sources, "-o", unfinished, *self.libraries],
                                  capture_output=True, text=True, check=False)
        if compiled.returncode != 0:
            errors = [line for line in compiled.stderr.splitlines() if "error" in line]
            raise Cannot(f"does not compile: {(errors or ['?'])[0][:150]}")
        os.replace(unfinished, self.program)

    def environment(self, tasks, wire):
        return {}

    def launcher(self, tasks, wire):
        """The words before a program that start so many tasks of it."""
        return []

    def run(self, words, tasks, limit_s, wire="shm", extra=None):
        """Run bench/measure with these arguments; the Outcome, also of a run that failed."""
        env = {"BENCH_SHARED": self.place.new_handover_file(), **self.environment(tasks, wire), **(extra or {})}
        return processes.run([*self.launcher(tasks, wire), self.program, *words], self.place.new_token(), env, limit_s)

    def launch(self, tasks, limit_s, standing):
        """Seconds from nothing, or in a standing VM, until so many `true` have run."""
        return self.start_all(tasks, ["true"], self.environment(tasks, "shm"), limit_s)

    def start_all(self, tasks, program, env, limit_s):
        """Seconds that so many of any program take, from start to end."""
        return finished(processes.run([*self.launcher(tasks, "shm"), *program], self.place.new_token(), env,
                                      limit_s)).seconds

    def idle(self, tasks, seconds, limit_s):
        """Tasks that do nothing for some seconds."""
        self.start_all(tasks, ["sleep", str(seconds)], self.environment(tasks, "shm"), limit_s)

    def spawn(self, figure, limit_s):
        """What bench/measure prints for "spawn" or "spawn-one", in a VM that stands where the system has one."""
        return finished(self.run([figure], 1, limit_s)).out

    def netpipe(self, size, limit_s):
        """Seconds that NetPIPE's own program says a message of this size takes one way."""
        raise Cannot("there is no NetPIPE for it")

    def stop(self):
        """End what stands."""


def netpipe_words(size):
    """Options of NetPIPE: this size alone, so often that a sample takes some tens of milliseconds."""
    return ["-l", str(size), "-u", str(size), "-p", "0", "-n", str(max(20, min(20000, 200_000_000 // (size + 10000))))]


def netpipe_seconds(path):
    """The time in the last line of its file: bytes, Mbit/s, seconds."""
    words = processes.read(path).split()
    if len(words) < 3:
        raise Cannot("NetPIPE wrote no figure")
    return float(words[-1])


class Bare(System):
    name = "bare"
    source = "sys_bare.c"

    def build(self):
        """The build of Weft has made it, where there is one."""
        built = os.path.join(self.place.builddir, "bench", "measure-bare")
        if os.access(built, os.X_OK):
            self.program = built
        else:
            super().build()

    def environment(self, tasks, wire):
        return {"BENCH_WAY": wire if tasks == 2 else "none"}

    def run(self, words, tasks, limit_s, wire="shm", extra=None):
        if tasks > 2:
            raise Cannot("no limit is defined for it")
        return super().run(words, tasks, limit_s, "sleep" if words[0] == "wake" else wire, extra)

    def launch(self, tasks, limit_s, standing):
        """Only posix_spawn and wait, without the start of our own program."""
        line = finished(self.run(["spawn"], 1, limit_s, extra={"BENCH_COUNT": str(tasks)})).out
        return float(line.split()[3]) / 1e3

    def handover_ns(self):
        """The hand-over now; 0 when it can't be had."""
        try:
            return float(finished(self.run(["handover"], 2, 5.0)).out.split()[3])
        except (Cannot, IndexError, ValueError):
            return 0.0


class Weft(System):
    name = "weft"
    daemons = ("weftd", "weft-coord", "weft-taskvm", "weft")

    def __init__(self, place):
        super().__init__(place)
        self.program = os.path.join(place.builddir, "bench", "measure-weft")
        self.tool = os.path.join(place.builddir, "console", "weft")
        self.stands, self.token = False, ""

    def build(self):
        for path in (self.tool, self.program):
            if not os.access(path, os.X_OK):
                raise Cannot(f"{path} is not built: make, or --builddir")

    def environment(self, tasks, wire):
        return {"WEFT_RUNDIR": self.place.folder("weft")}

    def launcher(self, tasks, wire):
        nodes = ["--local-nodes", "2", "--host", "#1,#2"] if wire == "tcp" else []
        return [self.tool, "run", "-q", "-n", str(tasks), *nodes, "--"]

    def _standing(self):
        env = {"WEFT_RUNDIR": self.place.folder("weft-up")}
        if not self.stands:
            self.token = self.place.new_token()
            finished(processes.run([self.tool, "up"], self.token, env, 10.0))
            self.stands = True
        return env

    def launch(self, tasks, limit_s, standing):
        env = self._standing() if standing else self.environment(tasks, "shm")
        return self.start_all(tasks, ["true"], env, limit_s)

    def spawn(self, figure, limit_s):
        return finished(self.run([figure], 1, limit_s, extra=self._standing())).out

    def stop(self):
        if self.stands:
            self.stands = False
            env = {"WEFT_RUNDIR": self.place.folder("weft-up")}
            processes.run([self.tool, "down"], self.place.new_token(), env, 3.0)
            processes.kill_all(self.token)


class OpenMpi(System):
    compiler, source = ["mpicc.openmpi"], "sys_mpi.c"
    daemons = ("mpirun.openmpi", "mpirun", "orterun", "orted")
    settings = {"openmpi": {},
                "openmpi-nosc": {"OMPI_MCA_btl_vader_single_copy_mechanism": "none"},
                "openmpi-yield": {"OMPI_MCA_mpi_yield_when_idle": "1"}}

    def __init__(self, place, name):
        self.name = name
        super().__init__(place)
        self.program = os.path.join(place.programs, "measure-openmpi")

    def environment(self, tasks, wire):
        return {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **self.settings[self.name]}

    def netpipe(self, size, limit_s):
        return netpipe_launched(self, "NPopenmpi", size, limit_s)

    def launcher(self, tasks, wire):
        tcp = ["--mca", "pml", "ob1", "--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", "lo"]
        return ["mpirun.openmpi", "--bind-to", "none", "--oversubscribe", *(tcp if wire == "tcp" else []), "-n", str(tasks)]

    def spawn(self, figure, limit_s):
        return launched(self, figure, limit_s)


def netpipe_launched(system, program, size, limit_s):
    """NetPIPE as one job of two ranks, each bound to a core of its own."""
    if shutil.which(program) is None:
        raise Cannot(f"{program} is not installed (netpipe-openmpi)")
    out = os.path.join(system.place.folder("netpipe"), system.name)
    pinned = "exec taskset -c $((${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-0}} % $(nproc --all))) \"$@\""
    words = ["sh", "-c", pinned, "netpipe", program, *netpipe_words(size), "-o", out]
    system.start_all(2, words, system.environment(2, "shm"), limit_s)
    return netpipe_seconds(out)


class Mpich(System):
    name = "mpich"
    compiler, source = ["mpicc.mpich"], "sys_mpi.c"
    daemons = ("mpirun.mpich", "mpiexec.hydra", "mpiexec.mpich", "hydra_pmi_proxy")

    def environment(self, tasks, wire):
        return {"MPIR_CVAR_NOLOCAL": "1", "UCX_TLS": "tcp,self", "UCX_NET_DEVICES": "lo"} if wire == "tcp" else {}

    def launcher(self, tasks, wire):
        return ["mpirun.mpich", "-n", str(tasks)]

    def spawn(self, figure, limit_s):
        return launched(self, figure, limit_s)


def launched(system, figure, limit_s):
    """"spawn" where nothing stands that a process could be spawned into: what is at hand is to launch them."""
    count = 1 if figure == "spawn-one" else 1000
    seconds = system.launch(count, limit_s, standing=False)
    return f"{figure} {count} ms {seconds * 1e3} 0 0\n"


class Pvm(System):
    name = "pvm"
    compiler, source, libraries = ["cc"], "sys_pvm.c", ["-lgpvm3", "-lpvm3"]
    daemons = ("pvmd", "pvmd3", "pvmgs")
    idler = "measure-pvm"

    def __init__(self, place):
        super().__init__(place)
        self.daemon, self.token, self.folder = None, "", ""

    def build(self):
        if shutil.which("pvmd") is None:
            raise Cannot("pvm is not installed")
        super().build()

    def environment(self, tasks, wire):
        return {"PVM_ROOT": os.environ.get("PVM_ROOT", "/usr/lib/pvm3"), "PVM_ALLOW_ROOT": "1",
                "PVM_TMP": self.folder, "PVM_VMID": "bench", "BENCH_TASKS": str(tasks),
                "PVM_EXPORT": "BENCH_RUN:BENCH_SHARED:BENCH_TASKS"}

    def _start(self):
        """A daemon of our own, in a new folder: one that was killed leaves files that confuse the next. It is up when
        it has said where its socket is."""
        self.token = self.place.new_token()
        self.folder = self.place.folder(f"pvm-{self.place.runs}")
        hosts, said = os.path.join(self.folder, "hosts"), os.path.join(self.folder, "said")
        with open(hosts, "w") as f:
            f.write("localhost ep=/usr/lib/pvm3/lib:/usr/bin:/bin\n")
        self.daemon = processes.start(["pvmd", "-nlocalhost", hosts],
                                      processes.environment(self.token, self.environment(1, "shm")), said)
        until = time.monotonic() + 5.0
        while "pvmtmp" not in processes.read(said):
            if time.monotonic() > until:
                self.stop()
                raise Cannot("pvmd does not start")
            time.sleep(0.002)

    def run(self, words, tasks, limit_s, wire="shm", extra=None):
        if wire == "tcp":
            raise Cannot("on one machine its tasks use Unix sockets")
        if self.daemon is None:
            self._start()
        outcome = super().run(words, tasks, limit_s, wire, extra)
        if outcome.failed():
            self.stop()  # it may leave tasks and messages behind
        return outcome

    def launch(self, tasks, limit_s, standing):
        if not standing:
            self.stop()
        elif self.daemon is None:
            self._start()
        began = time.monotonic()
        finished(self.run(["spawn"], 1, limit_s, extra={"BENCH_COUNT": str(tasks)}))
        if not standing:
            self.stop()
        return time.monotonic() - began

    def netpipe(self, size, limit_s):
        """Two programs that enrol and find each other: both must be the only tasks."""
        if shutil.which("NPpvm") is None:
            raise Cannot("NPpvm is not installed (netpipe-pvm)")
        if self.daemon is None:
            self._start()
        return netpipe_pair(self, self.environment(2, "shm"), size, limit_s)

    def idle(self, tasks, seconds, limit_s):
        """Tasks of PVM: its console could start other programs, but not wait for them."""
        finished(self.run(["blocked"], tasks, limit_s))

    def stop(self):
        if self.daemon is not None:
            pid, self.daemon = self.daemon, None
            processes.end(pid, self.token)


def netpipe_pair(system, env, size, limit_s):
    """NPpvm twice, each on a core of its own; the second one measures."""
    out, token = os.path.join(system.place.folder("netpipe"), system.name), system.place.new_token()
    words = ["NPpvm", *netpipe_words(size), "-o"]
    other = processes.start(["taskset", "-c", "0", *words, "/dev/null"], processes.environment(token, env))
    try:
        until = time.monotonic() + 3.0
        while True:
            outcome = processes.run(["taskset", "-c", "1", *words, out, "-h", "x"], token, env, limit_s)
            if "n=1" not in outcome.out + outcome.err or time.monotonic() > until:
                break  # else the first one has not enrolled so far, and this one has ended at once
        finished(outcome)
        processes.wait(other, 1.0)
    finally:
        processes.kill_all(token)
    return netpipe_seconds(out)


class WeftPvm(Weft):
    """PVM's programs, as they were compiled for PVM, with Weft's libraries."""
    name, column, daemons = "weft-pvm", "weft", ()

    def __init__(self, place):
        super().__init__(place)
        self.program = os.path.join(place.programs, "measure-pvm")

    def build(self):
        Pvm(self.place).build()
        if not os.path.exists(os.path.join(self._libraries(), "libpvm3.so.3")):
            raise Cannot("libpvm3 is not built: make, or --builddir")

    def _libraries(self):
        return os.path.join(self.place.builddir, "bindings", "pvm", ".libs")

    def environment(self, tasks, wire):
        return {"LD_LIBRARY_PATH": self._libraries(), "BENCH_TASKS": str(tasks), **self._standing()}

    def launcher(self, tasks, wire):
        return []

    def netpipe(self, size, limit_s):
        return netpipe_pair(self, self.environment(2, "shm"), size, limit_s)


class Hosted(Weft):
    """A program of another MPI, as it was compiled for that, started by weft run."""
    column, daemons = "weft", ()

    def __init__(self, peer):
        super().__init__(peer.place)
        self.peer, self.name, self.program = peer, "weft-" + peer.name, peer.program

    def build(self):
        super().build()
        self.peer.build()

    def environment(self, tasks, wire):
        return {**super().environment(tasks, wire), **self.peer.environment(tasks, wire)}

    def launcher(self, tasks, wire):
        """Said by name: NetPIPE is started by a shell, which is linked with no MPI."""
        return [self.tool, "run", "-q", "--mpi", self.peer.name, "-n", str(tasks), "--"]

    def netpipe(self, size, limit_s):
        return netpipe_launched(self, "NPopenmpi", size, limit_s)


def everything(place):
    """In the order of the first turn: when time is short, Weft and the limit are there."""
    mpich, openmpi = Mpich(place), OpenMpi(place, "openmpi")
    return [Weft(place), Bare(place), mpich, openmpi, OpenMpi(place, "openmpi-nosc"), OpenMpi(place, "openmpi-yield"),
            Pvm(place), WeftPvm(place), Hosted(openmpi), Hosted(mpich)]
