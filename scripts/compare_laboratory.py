"""The reference's table by melisma and by scikit-learn and xgboost: the same rows, one thread, protocol after protocol in turn.

    python scripts/compare_laboratory.py ../shared/data [--protocols random grouped filtered] [--skip voting stacking]

Prints accuracy and CPU seconds to fit of both, and CPU seconds of both whole tables. melisma is built with --release beforehand
(CARGO_TARGET_DIR is respected). Needs numpy, pandas, scikit-learn and xgboost.
"""
import argparse, json, os, subprocess, sys, tempfile, time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
import numpy as np, pandas as pd
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, MinMaxScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

ROOT = os.path.join(os.path.dirname(__file__), "..")


def models():
    members = {
        "knn": KNeighborsClassifier(1),
        "svm": SVC(C=100, gamma=1, probability=True, random_state=0),
        "forest": RandomForestClassifier(200, random_state=0),
        "logistic": LogisticRegression(C=np.inf, max_iter=2000),
        "bayes": GaussianNB(var_smoothing=1e-6),
        "boost": XGBClassifier(learning_rate=0.1, max_depth=7, n_estimators=200, n_jobs=1),
    }
    named = list(members.items())
    stacking = StackingClassifier(named, final_estimator=LogisticRegression(max_iter=2000))
    return members | {"voting": VotingClassifier(named, voting="soft"), "stacking": stacking}


def rows(data, table, track, y, protocol):
    if protocol == "random":
        return train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=42)
    if protocol == "grouped":
        return next(GroupShuffleSplit(1, test_size=0.2, random_state=42).split(y, y, track))
    names = lambda part: {
        line.strip().split("/")[-1].rsplit(".", 1)[0]
        for line in open(os.path.join(data, "gtzan", "splits", f"{part}_filtered.txt"))
    }
    return tuple(np.flatnonzero(track.isin(tracks)) for tracks in (names("train") | names("valid"), names("test")))


def ours(data, protocol, skip):
    """The recipe with this protocol alone, run on one thread."""
    text = open(os.path.join(ROOT, "recipes", "gtzan-reference.toml")).read()
    head, _, rest = text.partition("[report]")
    candidates = ["[[candidate]]" + part for part in rest.split("[[candidate]]")[1:]]
    kept = [part for part in candidates if not any(f'name = "{name}"' in part for name in skip)]
    protocols = 'protocols = ["random", "grouped", "filtered"]'
    assert protocols in head
    with tempfile.TemporaryDirectory() as folder:
        recipe = os.path.join(folder, "recipe.toml")
        open(recipe, "w").write(head.replace(protocols, f'protocols = ["{protocol}"]') + "".join(kept))
        binary = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "melisma")
        command = [binary, "run", recipe, "--data", data, "--output", os.path.join(folder, "out"), "--json", "--threads", "1"]
        before = os.times()
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return {row["name"]: row for row in json.loads(run.stdout)["results"]}, spent


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data")
    p.add_argument("--protocols", nargs="*", default=["random", "grouped", "filtered"])
    p.add_argument("--skip", nargs="*", default=[])
    a = p.parse_args()
    table = pd.read_csv(os.path.join(a.data, "gtzan", "features_10_sec.csv"))
    track = table["filename"].str.split(".").str[:2].str.join(".")
    y = LabelEncoder().fit_transform(table["label"])
    x = table.drop(columns=["filename", "length", "label"]).to_numpy(float)
    totals = [0.0, 0.0]
    for protocol in a.protocols:
        mine, spent = ours(a.data, protocol, a.skip)
        totals[0] += spent
        train, test = rows(a.data, table, track, y, protocol)
        start = time.process_time()
        for name, model in models().items():
            if name in a.skip:
                continue
            pipe = make_pipeline(MinMaxScaler(), model)
            c0 = time.process_time(); pipe.fit(x[train], y[train])
            fit = time.process_time() - c0
            accuracy = pipe.score(x[test], y[test])
            m = mine[name]
            print(
                f"{protocol:9s} {name:9s} accuracy {m['accuracy']:.4f} theirs {accuracy:.4f} ({100 * (m['accuracy'] - accuracy):+.1f} points)"
                f"  fit CPU s {m['fit_cpu_s']:.3f} theirs {fit:.3f}",
                flush=True,
            )
        whole = time.process_time() - start
        totals[1] += whole
        print(f"{protocol:9s} whole, CPU s: {spent:.1f} with reading and report, theirs {whole:.1f}: {whole / spent:.1f} times", flush=True)
    print(f"all       whole, CPU s: {totals[0]:.1f}, theirs {totals[1]:.1f}: {totals[1] / totals[0]:.1f} times")


main()
