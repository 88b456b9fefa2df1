"""Compares `melisma-explore` with scikit-learn and umap-learn, in results and in time, and prints a table of each.

    python scripts/compare_exploration.py TABLE.csv... [--seeds 3] [--rounds 3] [--threads 1 2] [--methods pca kmeans tsne umap]

TABLE.csv is a feature table like GTZAN's (`filename`, `length` and `label` are left out); its columns are standardised first. Needs
numpy, scikit-learn and umap-learn, and builds the example `embed` itself. Every run is a process of its own with the same number of threads, ours and
theirs by turns. `work` is the seconds the method took by its own clock (for umap-learn a second fit, after numba has compiled), `whole` those
of the whole process, `cpu` the processor seconds of the whole process; medians over the rounds. Trustworthiness is scikit-learn's, of
both maps alike, over the seeds.
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
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {"filename", "length", "label"}
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
NEIGHBOURS = (5, 12, 15)

PEER = r"""
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
method, path, seed, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
x = np.loadtxt(path, delimiter=",", skiprows=1)
from sklearn.preprocessing import StandardScaler
x = StandardScaler().fit_transform(x)
found = {}
def timed(fit):
    start = time.perf_counter()
    result = fit()
    found["seconds"] = time.perf_counter() - start
    return result
if method == "pca":
    from sklearn.decomposition import PCA
    model = PCA(10, svd_solver="full")
    fast = PCA(10)
    found["scores"] = model.fit_transform(x).tolist()
    timed(lambda: fast.fit_transform(x))
    found["components"], found["ratio"] = model.components_.tolist(), model.explained_variance_ratio_.tolist()
elif method == "kmeans":
    from sklearn.cluster import KMeans
    model = timed(lambda: KMeans(10, n_init=10, random_state=seed).fit(x))
    found["inertia"], found["iterations"] = model.inertia_, model.n_iter_
elif method == "tsne":
    from sklearn.manifold import TSNE
    found["map"] = timed(lambda: TSNE(init="pca", random_state=seed, n_jobs=threads).fit_transform(x)).tolist()
elif method == "umap":
    import umap
    # Without a random state umap-learn may use all its threads; that is its fast way.
    settings = {"random_state": seed} if threads == 1 else {}
    np.random.seed(seed)
    found["map"] = umap.UMAP(n_jobs=threads, **settings).fit_transform(x).tolist()
    if len(sys.argv) > 5:
        timed(lambda: umap.UMAP(n_jobs=threads, **settings).fit_transform(x))
print(json.dumps(found))
"""


def process(command, threads):
    """What a command printed, and the wall and processor seconds of its process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ, **dict.fromkeys(POOLS, str(threads))))
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), wall, cpu


def ours(method, path, seed, threads):
    binary = ROOT / "target/release/examples/embed"
    return process([str(binary), method, path, "--seed", str(seed), "--threads", str(threads)], threads)


def theirs(method, path, seed, threads, twice=False):
    return process([sys.executable, "-c", PEER, method, path, str(seed), str(threads), *(["twice"] if twice else [])], threads)


def features(path, folder):
    """Writes the numeric columns of a table alone; returns the file and the standardised values."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    kept = [i for i, name in enumerate(header) if name not in LEFT_OUT]
    plain = os.path.join(folder, Path(path).name)
    with open(plain, "w", newline="") as file:
        csv.writer(file).writerows([[row[i] for i in kept] for row in [header, *rows]])
    x = np.array([[float(row[i]) for i in kept] for row in rows])
    return plain, (x - x.mean(0)) / x.std(0)


def compare_pca(path):
    a, b = ours("pca", path, 1, 1)[0], theirs("pca", path, 1, 1)[0]
    worst = {name: float(np.abs(np.array(a[name]) - np.array(b[name])).max()) for name in ("scores", "components", "ratio")}
    print("  pca: greatest difference (signs as they are) " + ", ".join(f"{name} {value:.1e}" for name, value in worst.items()))


def compare_kmeans(path, seeds):
    ratios = [ours("kmeans", path, s, 2)[0]["inertia"] / theirs("kmeans", path, s, 2)[0]["inertia"] for s in seeds]
    print("  kmeans: inertia, ours / theirs, per seed " + " ".join(f"{ratio:.4f}" for ratio in ratios))


def compare_map(method, path, x, seeds):
    from sklearn.manifold import trustworthiness

    for name, run in (("ours", ours), ("theirs", theirs)):
        maps = [np.array(run(method, path, seed, 1)[0]["map"]) for seed in seeds]
        for k in NEIGHBOURS:
            scores = [trustworthiness(x, found, n_neighbors=k) for found in maps]
            print(f"  {method}: trustworthiness k={k:<2} {name:<6} mean {np.mean(scores):.4f}  per seed " + " ".join(f"{s:.4f}" for s in scores))


def time_method(method, path, threads, rounds):
    seen = {"ours": [], "theirs": []}
    for round_ in range(rounds):
        for name, run in (("ours", ours), ("theirs", theirs)):
            found, wall, cpu = run(method, path, round_, threads)
            work = found.get("seconds")
            if work is None:
                work = theirs(method, path, round_, threads, twice=True)[0]["seconds"]
            seen[name].append((work, wall, cpu))
    a, b = ([statistics.median(column) for column in zip(*seen[name])] for name in ("ours", "theirs"))
    columns = "  ".join(f"{name} {x:.3f}/{y:.3f} s (x{y / x:.2f})" for name, x, y in zip(("work", "whole", "cpu"), a, b))
    print(f"  {method}, {threads} thread(s): ours/theirs  {columns}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--methods", nargs="+", default=["pca", "kmeans", "tsne", "umap"])
    args = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "melisma-explore", "--example", "embed"], cwd=ROOT, check=True)
    seeds = range(args.seeds)
    with tempfile.TemporaryDirectory() as folder:
        for table in args.tables:
            path, x = features(table, folder)
            print(f"{Path(table).name}: {x.shape[0]} rows, {x.shape[1]} features", flush=True)
            for method in args.methods:
                if method == "pca":
                    compare_pca(path)
                elif method == "kmeans":
                    compare_kmeans(path, seeds)
                else:
                    compare_map(method, path, x, seeds)
                for threads in args.threads:
                    time_method(method, path, threads, args.rounds)


if __name__ == "__main__":
    main()
