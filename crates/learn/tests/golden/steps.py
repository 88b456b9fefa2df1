"""Scalers, projections, filters, penalties, naive Bayes, stacking and calibration by scikit-learn, for tests/steps_golden.rs.

    python steps.py > steps.json

Every table is made by a formula, so that no data is needed. scikit-learn 1.9.1.
"""
import json, sys, warnings
import numpy as np
from scipy.special import logit
from sklearn.calibration import _SigmoidCalibration
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import StackingClassifier
from sklearn.feature_selection import RFE, RFECV, SequentialFeatureSelector, chi2, f_classif, mutual_info_classif
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, RobustScaler, StandardScaler

warnings.filterwarnings("ignore")
ROWS, INPUTS = 90, 6
i, j = np.mgrid[0:ROWS, 0:INPUTS]
x = np.sin(1.3 * i + 2.1 * j + 0.37 * i * j) * (1.0 + j)
x[:, 4] = np.round(x[:, 4])  # equal values
x[:, 5] = 7.5  # a constant
y = (np.arange(ROWS) * 7 // 5 + (x[:, 0] > 0.2) + (x[:, 1] > 0.9)) % 3
train, test = np.arange(ROWS) % 5 != 0, np.arange(ROWS) % 5 == 0
a, b, ya, yb = x[train], x[test] * 1.2, y[train], y[test]
unit = MinMaxScaler().fit(a)
ua, ub = unit.transform(a), unit.transform(b)
r = lambda v: np.asarray(v, float).tolist()

out = {"scalers": {
    "min_max": r(MinMaxScaler().fit(a).transform(b)),
    "standard": r(StandardScaler().fit(a).transform(b)),
    "robust": r(RobustScaler().fit(a).transform(b)),
    "uniform": r(QuantileTransformer().fit(a).transform(b)),
    "normal": r(QuantileTransformer(output_distribution="normal").fit(a).transform(b)),
    "uniform_10": r(QuantileTransformer(n_quantiles=10).fit(a).transform(b)),
}}
out["projections"] = {
    "pca_3": r(PCA(3, svd_solver="full").fit(a).transform(b)),
    "pca_share": r(PCA(0.7, svd_solver="full").fit(a).transform(b)),
    "pca_white": r(PCA(2, whiten=True, svd_solver="full").fit(a).transform(b)),
    "lda": r(LinearDiscriminantAnalysis().fit(a, ya).transform(b)),
    "lda_1": r(LinearDiscriminantAnalysis(n_components=1).fit(a, ya).transform(b)),
}
c, cp = chi2(ua, ya)
f, fp = f_classif(a[:, :5], ya)
out["filters"] = {
    "chi2": {"score": r(np.nan_to_num(c)), "p": r(np.where(np.isnan(c), 1.0, cp))},
    "anova": {"score": r(f), "p": r(fp)},
    "mutual_information": r(mutual_info_classif(a[:, :4], ya, random_state=0)),
}
lr = LogisticRegression(max_iter=20000, tol=1e-10)
folds = StratifiedKFold(5)
out["wrappers"] = {
    "rfe_2": r(RFE(lr, n_features_to_select=2).fit(ua[:, :5], ya).get_support(True)),
    "rfecv_scores": r(RFECV(lr, cv=folds).fit(ua[:, :5], ya).cv_results_["mean_test_score"]),
    "forward_2": r(SequentialFeatureSelector(lr, n_features_to_select=2, cv=folds).fit(ua[:, :5], ya).get_support(True)),
    "backward_2": r(SequentialFeatureSelector(lr, n_features_to_select=2, direction="backward", cv=folds).fit(ua[:, :5], ya).get_support(True)),
}
out["bayes"] = [{"smoothing": s, "p": r(GaussianNB(var_smoothing=s).fit(ua[:, :5], ya).predict_proba(ub[:, :5]))} for s in (1e-9, 0.1)]
pen = []
for penalty, ratio, C in [("l1", 1.0, 1.0), ("l1", 1.0, 0.6), ("elastic_net", 0.3, 0.5), ("l2", 0.0, 2.0), ("none", 0.0, np.inf)]:
    solver = "saga" if ratio else "lbfgs"
    m = LogisticRegression(C=C, l1_ratio=ratio, solver=solver, max_iter=100000, tol=1e-12).fit(ua[:, :5], ya)
    w = m.coef_
    loss = log_loss(ya, m.predict_proba(ua[:, :5]), normalize=False)
    value = loss + (0 if np.isinf(C) else (ratio * abs(w).sum() + (1 - ratio) / 2 * (w**2).sum()) / C)
    pen.append({"penalty": penalty, "l1_ratio": ratio, "c": None if np.isinf(C) else C, "objective": value, "zeros": int((abs(w) < 1e-9).sum()), "p": r(m.predict_proba(ub[:, :5]))})
out["penalties"] = pen
stack = StackingClassifier([("bayes", GaussianNB()), ("logistic", lr)], final_estimator=LogisticRegression(max_iter=20000, tol=1e-10))
out["stacking"] = [
    {"passthrough": p, "p": r(stack.set_params(passthrough=p).fit(ua[:, :5], ya).predict_proba(ub[:, :5]))} for p in (False, True)
]
p = (np.sin(np.arange(60) * 1.7) + 1.02) / 2.04
own = np.sin(np.arange(60) * 1.7 + np.cos(np.arange(60) * 3.1)) > 0.1
out["calibration"] = {
    "sigmoid": r(_SigmoidCalibration().fit(logit(p), own).predict(logit(p))),
    "isotonic": r(IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(p, own).predict(np.linspace(0, 1, 21))),
}
json.dump(out, sys.stdout, separators=(",", ":"))
print()
