"""report - the rows as a table, as JSON, and as pictures."""
import json
import os
import shutil
import subprocess

PICTURES = {"latency": "half a round trip, us", "bandwidth": "GB/s",
            "tcp-latency": "half a round trip, us", "tcp-bandwidth": "GB/s"}


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def pair(best, median):
    return f"{number(best)}/{number(median)}"


def cell(row, system):
    value = row.values.get(system)
    return pair(value.best, value.median) if value else "missing" if system in row.missing else "-"


def header():
    return (f"{'figure':24} {'size':>8} {'unit':5} {'weft':15} PEER=value … advantage of_limit\n"
            "values: best/median of the samples of one regime")


def line(row, systems):
    peers = [f"{name}={cell(row, name)}".ljust(len(name) + 16) for name in systems if name != "weft"]
    gains = [pair(row.advantage("best"), row.advantage("median")), pair(row.of_limit("best"), row.of_limit("median"))]
    return f"{row.figure:24} {row.size:>8} {row.unit:5} {cell(row, 'weft'):15} {' '.join(peers)} {gains[0]:10} {gains[1]}"


def excuses(rows):
    """Why something is missing: each reason once, with the figures that it holds for."""
    where, occurs = {}, {}
    for row in rows:
        for system in [*row.values, *row.missing]:
            occurs.setdefault(system, set()).add(row.figure)
        for system, why in row.missing.items():
            where.setdefault((system, why), {})[row.figure] = None
    return [f"missing: {system}: {', '.join(figures) if occurs[system] > set(figures) else 'all'}: {why}"
            for (system, why), figures in where.items()]


def as_json(rows):
    return json.dumps([one_json(row) for row in rows], indent=1)


def one_json(row):
    def value(v):
        return {"best": v.best, "median": v.median, "samples": v.samples}

    return {
        "figure": row.figure, "size": row.size, "unit": row.unit,
        "better": "higher" if row.higher_is_better() else "lower",
        "handover_ns": round(row.regime_ns, 1),
        "weft": value(row.values["weft"]) if "weft" in row.values else None,
        "peers": {name: value(row.values[name]) if name in row.values else None
                  for name in [*row.values, *row.missing] if name not in ("weft", "bare")},
        "limit": value(row.values["bare"]) if "bare" in row.values else None,
        "missing": row.missing,
        "advantage": row.advantage("best"), "advantage_median": row.advantage("median"),
        "of_limit": row.of_limit("best"), "of_limit_median": row.of_limit("median"),
    }


def plot(rows, folder):
    """One picture for each figure that has sizes; the paths that were written."""
    if shutil.which("gnuplot") is None:
        raise FileNotFoundError("gnuplot is not installed")
    written = []
    for figure, unit in PICTURES.items():
        mine = [row for row in rows if row.figure == figure and row.size > 0]
        systems = [name for name in dict.fromkeys(name for row in mine for name in row.values)]
        if not systems:
            continue
        path = os.path.join(folder, f"{figure}.svg")
        script = picture(path, figure, unit, mine, systems)
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
        written.append(path)
    return written


def picture(path, figure, unit, rows, systems):
    curves, data = [], []
    for i, name in enumerate(systems):
        style = "dashtype 2 linecolor rgb 'gray40'" if name == "bare" else f"linetype {i + 1}"
        curves.append(f"'-' using 1:2 with linespoints {style} linewidth {3 if name == 'weft' else 1} title '{name}'")
        points = [f"{row.size} {row.values[name].best:.6g}" for row in rows if name in row.values]
        data.append("\n".join(points) + "\ne\n")
    where = "left top" if "latency" in figure else "right bottom"
    return (f"set terminal svg size 760,480 dynamic background rgb 'white'\nset output '{path}'\n"
            f"set title '{figure}'\nset xlabel 'bytes'\nset ylabel '{unit}'\n"
            f"set logscale x 2\nset logscale y\nset format x '%.0b%B'\nset grid\nset key {where}\n"
            f"plot {', '.join(curves)}\n{''.join(data)}")
