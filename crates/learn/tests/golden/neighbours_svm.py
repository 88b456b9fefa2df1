"""scikit-learn's neighbours and support vector machines, for tests/neighbours_svm_golden.rs.

    python neighbours_svm.py > neighbours_svm.json

90 rows of 3 classes made by a formula, some of them twice, so that no data is needed; every fourth is a test row. The machines
are solved to 1e-6 without probabilities; `votes` are `predict`, `decision` the one-vs-one decision values. scikit-learn 1.9.1.
"""
import json, sys
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

i, j = np.mgrid[0:90, 0:5]
y = np.arange(90) % 3
x = np.sin(1.3 * i + 2.1 * j + 0.37 * i * j) + 0.4 * (y[:, None] == j % 3)
x[30:36] = x[60:66]
test = np.arange(90) % 4 == 1
train = ~test
out = {"knn": [], "svm": []}
for k, metric, weights in [(1, "euclidean", "uniform"), (5, "euclidean", "distance"), (4, "euclidean", "uniform"),
                           (7, "cosine", "uniform"), (3, "cosine", "distance")]:
    m = KNeighborsClassifier(k, metric=metric, weights=weights, algorithm="brute").fit(x[train], y[train])
    d, near = m.kneighbors(x[test])
    order = [sorted(zip(d.round(12), n)) for d, n in zip(d, near)]
    out["knn"].append({"params": {"k": k, "metric": metric, "weights": weights},
                       "neighbours": [[int(n) for _, n in row] for row in order],
                       "distances": [[float(d) for d, _ in row] for row in order],
                       "p": m.predict_proba(x[test]).round(12).tolist(), "predict": m.predict(x[test]).tolist()})
for params in [{"kernel": "linear", "c": 1.0}, {"kernel": "rbf", "c": 100.0, "gamma": 1.0}, {"kernel": "rbf", "c": 1.0, "gamma": "scale"},
               {"kernel": "poly", "c": 10.0, "gamma": 0.5, "coef0": 1.0}, {"kernel": "poly", "c": 0.5, "gamma": 2.0, "degree": 2},
               {"kernel": "rbf", "c": 3.0, "gamma": 0.3, "balanced": True}]:
    for rows in [train, train & (np.arange(90) % 9 != 2)]:
        sk = {"C" if k == "c" else k: v for k, v in params.items() if k != "balanced"}
        m = SVC(tol=1e-6, decision_function_shape="ovo", class_weight="balanced" if params.get("balanced") else None, **sk)
        m.fit(x[rows], y[rows])
        out["svm"].append({"params": params, "rows": np.flatnonzero(rows).tolist(),
                           "decision": m.decision_function(x[test]).round(6).tolist(), "votes": m.predict(x[test]).tolist()})
json.dump(out, sys.stdout, separators=(",", ":"))
print()
