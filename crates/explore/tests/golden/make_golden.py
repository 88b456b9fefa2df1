"""Writes explore.json: a small table and what numpy, scipy and scikit-learn make of it.

    python make_golden.py > explore.json

Made with numpy 2.4, scipy 1.17 and scikit-learn 1.9.
"""
import json

import numpy as np
from scipy import stats
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, silhouette_samples
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(8)
labels = np.arange(60) % 3
x = rng.normal(size=(60, 6)) + 2.5 * labels[:, None] * np.array([1, 0, -1, 0.5, 0, 1])
x[:, 1] = 0.7 * x[:, 0] + 0.4 * x[:, 1]
x[:, 5] = np.exp(0.5 * x[:, 5])
x = np.round(x * [1, 10, 100, 1, 1e-3, 1] + [0, 0, 5000, 0, 0, 0], 6)
holed = x.copy()
holed[rng.random(x.shape) < 0.1] = np.nan

z = StandardScaler().fit_transform(x)
pca = PCA(6, svd_solver="full")
scores = pca.fit_transform(z)
r = np.corrcoef(x.T)
other = KMeans(4, n_init=10, random_state=0).fit(z)
neighbours = NearestNeighbors(n_neighbors=5).fit(z).kneighbors()
groups = [x[labels == c] for c in range(3)]
golden = {
    "table": x.tolist(),
    "labels": labels.tolist(),
    "holed": [[None if np.isnan(v) else v for v in row] for row in holed],
    "mean": np.nanmean(holed, axis=0).tolist(),
    "variance": np.nanvar(holed, axis=0).tolist(),
    "skewness": stats.skew(holed, nan_policy="omit").tolist(),
    "kurtosis": stats.kurtosis(holed, nan_policy="omit").tolist(),
    "covariance": np.cov(x.T).tolist(),
    "correlation": r.tolist(),
    "order": leaves_list(linkage(squareform(1 - np.abs(r), checks=False), "average")).tolist(),
    "scores": scores.tolist(),
    "components": pca.components_.tolist(),
    "explained_variance": pca.explained_variance_.tolist(),
    "explained_variance_ratio": pca.explained_variance_ratio_.tolist(),
    "clusters": other.labels_.tolist(),
    "inertia": other.inertia_,
    "silhouettes": silhouette_samples(z, labels).tolist(),
    "adjusted_rand_index": adjusted_rand_score(labels, other.labels_),
    "trustworthiness": trustworthiness(z, scores[:, :2], n_neighbors=5),
    "neighbours": neighbours[1].tolist(),
    "distances": neighbours[0].tolist(),
    "f": [stats.f_oneway(*[g[:, i] for g in groups]).statistic for i in range(6)],
    "quartiles": [np.quantile(g[:, 0], [0.25, 0.5, 0.75]).tolist() for g in groups],
    "robust_width": stats.median_abs_deviation(x, scale="normal").tolist(),
}
print(json.dumps(golden))
