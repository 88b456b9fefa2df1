"""Golden numbers of musicnn: made with onnxruntime and librosa from data/models/{MSD,MTT}_musicnn.onnx.

usage: python make_musicnn.py MODELS_DIR > musicnn.json

The patches and the signal are formulas, repeated in tests/musicnn.rs, so that no audio is needed here.
"""

import json
import sys

import librosa
import numpy as np
import onnxruntime

FRAMES, BANDS = 187, 96


def patch(k):
    """Values like those of music: 0 to 4, smooth in time, with a beat; in double precision, then rounded."""
    t, b = np.meshgrid(np.arange(FRAMES), np.arange(BANDS), indexing="ij")
    slow = np.sin(0.05 * (k + 1) * t + 0.11 * b)
    beat = ((t * (k + 2)) % 31 < 6).astype(float)
    return np.maximum(1.6 + 0.9 * slow + 0.8 * beat - 0.02 * b, 0.0).astype(np.float32)


def signal():
    """Four seconds at 16 kHz: two gliding tones and clicks."""
    i = np.arange(4 * 16_000)
    s = i / 16_000
    tones = 0.4 * np.sin(2 * np.pi * (220 + 90 * s) * s) + 0.2 * np.sin(2 * np.pi * (3000 - 200 * s) * s)
    return (tones + 0.3 * (i % 5000 < 20)).astype(np.float32)


def brief(values):
    return [float(f"{v:.7g}") for v in np.asarray(values).ravel()]


out = {}
patches = np.stack([patch(k) for k in range(3)])
for name in ["MSD", "MTT"]:
    session = onnxruntime.InferenceSession(f"{sys.argv[1]}/{name}_musicnn.onnx", providers=["CPUExecutionProvider"])
    tags, penultimate, mean, peak = session.run(["tags", "penultimate", "mean_pool", "max_pool"], {"mel": patches})
    out[name] = {
        "tags": brief(tags),
        "penultimate": brief(penultimate),
        "mean_pool": brief(mean[:, ::7]),
        "max_pool": brief(peak[:, ::7]),
    }
mel = librosa.feature.melspectrogram(y=signal(), sr=16_000, n_fft=512, hop_length=256, n_mels=BANDS)
log_mel = np.log10(1 + 10_000 * mel.T.astype(np.float64))[:FRAMES]
out["front"] = {"first": brief(log_mel[0]), "some": brief(log_mel[5::13, ::5])}
json.dump(out, sys.stdout)
print()
