"""Trees of scikit-learn and XGBoost with the Shapley values of the `shap` package, for tests/shap.rs.

    python tree_shap.py > tree_shap.json

A forest of 4 trees and 5 rounds of boosting on 120 rows, 12 inputs, 3 classes; 6 rows explained. Nodes stand in
depth-first order, left first: [input, threshold, cover] with rows going left at `<= threshold`, or [cover, values]. scikit-learn 1.9.1,
xgboost 3.2.0, shap 0.51.0.
"""
import json, sys
import numpy as np, shap, xgboost as xgb
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

X, y = make_classification(120, 12, n_informative=6, n_classes=3, random_state=0)
X = X.astype(np.float32)
rows = X[::20]
out = {"rows": rows.astype(float).tolist()}

forest = RandomForestClassifier(4, max_depth=6, random_state=0).fit(X, y)


def of_forest(t):
    nodes = []
    for i in range(t.node_count):  # already in depth-first order
        cover = float(t.weighted_n_node_samples[i])
        leaf = t.children_left[i] < 0
        nodes.append([cover, t.value[i][0].tolist()] if leaf else [int(t.feature[i]), float(t.threshold[i]), cover])
    return nodes


e = shap.TreeExplainer(forest)
out["forest"] = {
    "trees": [of_forest(t.tree_) for t in forest.estimators_],
    "base": np.asarray(e.expected_value).tolist(),
    "values": np.asarray(e.shap_values(rows)).tolist(),
    "output": forest.predict_proba(rows).tolist(),
    "importance": forest.feature_importances_.tolist(),
}

boost = xgb.XGBClassifier(learning_rate=0.3, max_depth=4, n_estimators=5, n_jobs=1).fit(X, y)
model = json.loads(boost.get_booster().save_raw("json"))["learner"]["gradient_booster"]["model"]


def of_boost(t, i=0):
    cover, left = t["sum_hessian"][i], t["left_children"][i]
    if left < 0:
        return [[cover, [t["base_weights"][i]]]]
    # Rows go left at `< threshold`.
    split = [t["split_indices"][i], float(np.nextafter(np.float64(np.float32(t["split_conditions"][i])), -np.inf)), cover]
    return [split] + of_boost(t, left) + of_boost(t, t["right_children"][i])


def leaves(t):
    # The value of a leaf is in `split_conditions`; `base_weights` is without the rate.
    t["base_weights"] = [float(np.float32(v)) for v in t["split_conditions"]]
    return t


contribs = boost.get_booster().predict(xgb.DMatrix(rows), pred_contribs=True)
e = shap.TreeExplainer(boost)
values = np.asarray(e.shap_values(rows, check_additivity=False))
assert np.abs(values - contribs[:, :, :-1].transpose(0, 2, 1)).max() < 1e-5
base = json.loads(boost.get_booster().save_config())["learner"]["learner_model_param"]["base_score"]
out["boost"] = {
    "trees": [of_boost(leaves(t)) for t in model["trees"]],
    "classes": model["tree_info"],
    "start": json.loads(base),
    "base": contribs[0, :, -1].astype(float).tolist(),
    "values": values.astype(float).tolist(),
    "output": boost.predict(rows, output_margin=True).astype(float).tolist(),
}
short = lambda v: [short(u) for u in v] if isinstance(v, list) else float(f"{v:.17g}") if isinstance(v, float) else v
json.dump(out, sys.stdout, separators=(",", ":"))
print()
