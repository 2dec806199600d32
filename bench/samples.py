"""samples - from single samples to the rows of the table.

The time that a cache line takes from core to core changes with where a virtual machine's cores happen to run, and
with it every other figure. So samples are compared only when the hand-over beside them was alike: one regime.
"""
import statistics
from dataclasses import dataclass, field

ALIKE = 1.5  # hand-overs of one regime differ by less than this factor; the regimes that we have seen, by 2.5 and more

SPLIT = "not seen in the regime of the others"


@dataclass
class Sample:
    figure: str
    size: int
    unit: str
    value: float
    before_ns: float = 0.0  # hand-over right before and after; 0: not known
    after_ns: float = 0.0

    def handover_ns(self):
        return (self.before_ns + self.after_ns) / 2

    def steady(self):
        low, high = sorted((self.before_ns, self.after_ns))
        return high <= low * ALIKE


@dataclass
class Taken:
    """What one system has given for one figure, and why it has not given more."""
    samples: list = field(default_factory=list)
    missing: dict = field(default_factory=dict)  # (figure, size), size 0 for all: why
    failure: str = ""                            # why a run ended before its end

    def add(self, other):
        self.samples += other.samples
        self.missing.update(other.missing)
        self.failure = other.failure

    def why_not(self, figure, size):
        return self.missing.get((figure, size)) or self.missing.get((figure, 0)) or self.failure


@dataclass
class Value:
    best: float
    median: float
    samples: int


@dataclass
class Row:
    figure: str
    size: int
    unit: str
    regime_ns: float
    values: dict = field(default_factory=dict)   # system: Value
    missing: dict = field(default_factory=dict)  # system: why

    def higher_is_better(self):
        return self.unit.endswith("/s")

    def is_split(self):
        """Has a system samples, but only in another regime than the others?"""
        return SPLIT in self.missing.values()

    def get(self, system, which):
        value = self.values.get(system)
        return getattr(value, which) if value else None

    def advantage(self, which):
        """How many times better than the best peer Weft is."""
        peers = [getattr(v, which) for name, v in self.values.items() if name not in ("weft", "bare")]
        if not peers:
            return None
        return self._times(self.get("weft", which), (max if self.higher_is_better() else min)(peers))

    def of_limit(self, which):
        """The share of the bare limit that Weft reaches."""
        return self._times(self.get("weft", which), self.get("bare", which))

    def _times(self, ours, theirs):
        if not ours or not theirs:
            return None
        return ours / theirs if self.higher_is_better() else theirs / ours


def parse(text, prefix):
    """The lines of bench/measure (bench/measure.h says how they look), figures renamed."""
    taken = Taken()
    for line in text.splitlines():
        words = line.split()
        try:
            if words[:1] == ["missing"]:
                taken.missing[prefix + words[1], int(words[2])] = " ".join(words[3:])
            elif len(words) == 6:
                figure, size, unit, *numbers = words
                taken.samples.append(Sample(prefix + figure, int(size), unit, *map(float, numbers)))
        except (ValueError, IndexError):
            pass  # a word of the launcher
    return taken


def regimes(samples):
    """Samples in groups of like hand-over."""
    groups = []
    for s in sorted(samples, key=Sample.handover_ns):
        if groups and s.handover_ns() <= groups[-1][0].handover_ns() * ALIKE:
            groups[-1].append(s)
        else:
            groups.append([s])
    return groups


def rows(taken_by_system, figure):
    """The rows of a figure: one for each name and size that any system has given a sample or an excuse for."""
    names, keys = [], set()
    for taken in taken_by_system.values():
        for s in taken.samples:
            keys.add((s.figure, s.size))
            names.append(s.figure)
    for taken in taken_by_system.values():
        for name, size in taken.missing:
            if name not in names:
                keys.add((name, size))
                names.append(name)
    if not keys:
        keys.add((figure, 0))
        names.append(figure)
    return [row(*key, taken_by_system) for key in sorted(keys, key=lambda k: (names.index(k[0]), k[1]))]


def row(figure, size, taken_by_system):
    """One row: the samples of the regime in which most systems, then most samples, were seen."""
    mine = {name: [s for s in taken.samples if (s.figure, s.size) == (figure, size)]
            for name, taken in taken_by_system.items()}
    owner = {id(s): name for name, samples in mine.items() for s in samples}
    unit = next((s.unit for samples in mine.values() for s in samples), "")
    groups = regimes([s for samples in mine.values() for s in samples if s.steady()])
    chosen = max(groups, key=lambda g: (len({owner[id(s)] for s in g}), len(g)), default=[])
    result = Row(figure, size, unit, statistics.median([s.handover_ns() for s in chosen] or [0.0]))
    for name, samples in mine.items():
        values = [s.value for s in chosen if owner[id(s)] == name]
        if values:
            best = max(values) if result.higher_is_better() else min(values)
            result.values[name] = Value(best, statistics.median(values), len(values))
        elif samples:
            result.missing[name] = SPLIT
        else:
            result.missing[name] = taken_by_system[name].why_not(figure, size) or "not measured"
    return result
