"""Compares `melisma-explore` with scikit-learn and umap-learn, in results and in time, and prints a line for each.

    python scripts/compare_exploration.py TABLE.csv... [--seeds 3] [--threads 1 2] [--methods pca kmeans tsne umap] [--embed BINARY]

TABLE.csv is a feature table like GTZAN's (`filename`, `length` and `label` are left out); its columns are standardised first. Needs
numpy, scikit-learn and umap-learn, and builds the example `embed` itself unless a built one is given. Ours and theirs run by turns, once per seed,
with the same number of threads; times are medians over the seeds. `work` is the wall time of the method alone (umap-learn's after a first fit
that lets numba compile), `cpu` processor time: of theirs the method's alone, of ours the whole process with reading and writing. `whole` is the
wall time of a whole process that imports or starts, reads, and fits once. Trustworthiness is scikit-learn's for both maps.
"""
import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {"filename", "length", "label"}
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
NEIGHBOURS = (5, 12, 15)


def features(path, folder):
    """Writes the numeric columns of a table alone; returns the file."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    kept = [i for i, name in enumerate(header) if name not in LEFT_OUT]
    plain = os.path.join(folder, Path(path).name)
    with open(plain, "w", newline="") as file:
        csv.writer(file).writerows([[row[i] for i in kept] for row in [header, *rows]])
    return plain


def standardised(path):
    import numpy as np

    x = np.loadtxt(path, delimiter=",", skiprows=1)
    return (x - x.mean(0)) / x.std(0)


def ours(binary, method, path, seed, threads):
    """What our method found, with the wall seconds of the method and of the process, and the processor seconds of the process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [binary, method, path, "--seed", str(seed), "--threads", str(threads)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    whole, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found, {"work": found["seconds"], "whole": whole, "cpu": cpu}


def peer(method, x, seed, threads):
    """What the peer found."""
    if method == "pca":
        from sklearn.decomposition import PCA

        model = PCA(10)
        scores = model.fit_transform(x)
        return {"scores": scores, "components": model.components_, "ratio": model.explained_variance_ratio_}
    if method == "kmeans":
        from sklearn.cluster import KMeans

        return {"inertia": KMeans(10, n_init=10, random_state=seed).fit(x).inertia_}
    if method == "tsne":
        from sklearn.manifold import TSNE

        return {"map": TSNE(init="pca", random_state=seed, n_jobs=threads).fit_transform(x)}
    import umap

    # Only without a random state does umap-learn use more threads than one.
    settings = {"random_state": seed} if threads == 1 else {}
    return {"map": umap.UMAP(n_jobs=threads, **settings).fit_transform(x)}


def timed(method, x, seed, threads):
    wall, cpu = time.perf_counter(), time.process_time()
    found = peer(method, x, seed, threads)
    return found, {"work": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def compare(method, path, x, args, threads):
    """One method on one table: results and times."""
    import numpy as np
    from sklearn.manifold import trustworthiness

    start = time.perf_counter()
    subprocess.run([sys.executable, __file__, path, "--once", method, "--threads", str(threads)], check=True)
    whole = time.perf_counter() - start
    peer(method, x, 0, threads)  # Imports and compiles.
    pairs = []
    for seed in range(args.seeds):
        pairs.append((ours(args.embed, method, path, seed, threads), timed(method, x, seed, threads)))
    results = [(a[0], b[0]) for a, b in pairs]
    if method == "pca":
        a, b = results[0]
        worst = {name: np.abs(np.array(a[name]) - np.array(b[name])).max() for name in ("scores", "components", "ratio")}
        print("    greatest difference, signs as they are: " + ", ".join(f"{name} {value:.1e}" for name, value in worst.items()))
    elif method == "kmeans":
        print("    inertia, ours / theirs: " + " ".join(f"{a['inertia'] / b['inertia']:.4f}" for a, b in results))
    else:
        for k in NEIGHBOURS:
            scores = [[trustworthiness(x, np.array(found["map"]), n_neighbors=k) for found in pair] for pair in results]
            mean = np.mean(scores, axis=0)
            listed = " ".join(f"{a:.4f}/{b:.4f}" for a, b in scores)
            print(f"    trustworthiness k={k:<2} ours/theirs {mean[0]:.4f}/{mean[1]:.4f}  difference {mean[0] - mean[1]:+.4f}  per seed {listed}")
    median = lambda side, key: statistics.median(pair[side][1][key] for pair in pairs)
    times = [(key, median(0, key), whole if key == "whole" else median(1, key)) for key in ("work", "cpu", "whole")]
    print("    " + "  ".join(f"{key} {a:.3f}/{b:.3f} s (x{b / a:.1f})" for key, a, b in times), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--methods", nargs="+", default=["pca", "kmeans", "tsne", "umap"])
    parser.add_argument("--embed", help="a built example")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--once", help=argparse.SUPPRESS)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    if args.once:
        peer(args.once, standardised(args.tables[0]), 0, args.threads[0])
        return
    if args.embed is None:
        subprocess.run(["cargo", "build", "--release", "-q", "-p", "melisma-explore", "--example", "embed"], cwd=ROOT, check=True)
        args.embed = str(ROOT / "target/release/examples/embed")
    if not args.worker:
        # The pools of threads are sized when the libraries are loaded, so that every number of threads needs a process of its own.
        for threads in args.threads:
            environment = dict(os.environ, **dict.fromkeys(POOLS, str(threads)))
            rest = ["--seeds", str(args.seeds), "--threads", str(threads), "--methods", *args.methods, "--embed", args.embed, "--worker"]
            subprocess.run([sys.executable, __file__, *args.tables, *rest], env=environment, check=True)
        return
    threads = args.threads[0]
    with tempfile.TemporaryDirectory() as folder:
        for table in args.tables:
            path = features(table, folder)
            x = standardised(path)
            print(f"{Path(table).name}: {x.shape[0]} rows, {x.shape[1]} features, {threads} thread(s), ours/theirs", flush=True)
            for method in args.methods:
                print(f"  {method}", flush=True)
                compare(method, path, x, args, threads)


if __name__ == "__main__":
    main()
