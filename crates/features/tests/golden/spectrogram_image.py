"""Golden values of the descriptors of spectrogram images: numpy and scipy's DCT, written from the definitions.

    python spectrogram_image.py > spectrogram_image.json

The picture follows from integers, so that the test can make the same one.
"""

import json

import numpy as np
from scipy.fft import dct

BANDS, COLUMNS = 128, 40
EDGES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 19, 22, 26, 30, 35, 41, 48, 56, 65, 76, 88, 101, 114, 128]


def picture():
    band, column = np.mgrid[0:BANDS, 0:COLUMNS]
    noise = (band * 7919 + column * 104729 + band * column * 31) % 251
    return (noise // 2 + (127 - band) // 2 + 30 * (column % 7 == 0)).astype(float) / 255


def texture(x):
    height, width = x.shape
    centre = x[1:-1, 1:-1]
    code = np.zeros(centre.shape, int)
    steps = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    for bit, (a, b) in enumerate(steps):
        code |= (x[1 + a : height - 1 + a, 1 + b : width - 1 + b] >= centre).astype(int) << bit
    zones = [code[0:15], code[15:31], code[31:63], code[63:]]
    return np.concatenate([np.sqrt(np.bincount(z.ravel(), minlength=256) / z.size) for z in zones])


def dynamics(x):
    z = (x - x.mean()) / x.std()
    pooled = np.stack([z[a:b].mean(0) for a, b in zip(EDGES[:-1], EDGES[1:])])
    cepstrum = dct(pooled, axis=0, norm="ortho")[:12]
    last = cepstrum.shape[1] - 3
    stacked = np.concatenate([cepstrum[:, lag : last + lag] for lag in range(4)])
    centred = stacked - stacked.mean(1, keepdims=True)
    covariance = centred @ centred.T / last
    covariance += 1e-3 * np.trace(covariance) / 48 * np.eye(48)
    values, vectors = np.linalg.eigh(covariance)
    logarithm = (vectors * np.log(np.maximum(values, 1e-8))) @ vectors.T
    row, column = np.triu_indices(48)
    weight = np.where(row == column, 1, np.sqrt(2))
    return np.concatenate([cepstrum.mean(1), logarithm[row, column] * weight])


def rounded(values):
    return [float(f"{v:.12g}") for v in values]


if __name__ == "__main__":
    x = picture()
    both = {"columns": COLUMNS, "texture": rounded(texture(x)), "dynamics": rounded(dynamics(x))}
    print(json.dumps(both))
