"""Writes frames.json: librosa's values for a synthetic signal, at a few frames of every descriptor.

    python crates/features/tests/golden/make.py        (needs librosa 0.11)

The signal is the one `golden_signal` in ../golden.rs makes: three detuned partials with a click every 0.4 s, noise from a linear
congruential generator, 3 seconds at 22,050 Hz.
"""
import json
import os
import warnings

import librosa
import numpy as np

warnings.filterwarnings("ignore")
RATE, COUNT = 22050, 66150


def signal():
    t = np.arange(COUNT, dtype=np.float64) / RATE
    y = 0.3 * np.sin(2 * np.pi * 223.0 * t) + 0.2 * np.sin(2 * np.pi * 336.0 * t) + 0.1 * np.sin(2 * np.pi * 1333.0 * t)
    y *= 0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * t)
    state, noise = 1, np.empty(COUNT)
    for i in range(COUNT):
        state = (state * 1664525 + 1013904223) % 2**32
        noise[i] = state / 2**31 - 1
    since = np.mod(np.arange(COUNT), 8820)
    y += noise * (0.02 + 0.5 * np.exp(-since / 400.0))
    return y.astype(np.float32)


def descriptors(y, pad):
    f, o = librosa.feature, {"y": y, "pad_mode": pad}
    D = librosa.stft(y, pad_mode=pad)
    S = np.abs(D)
    N = S / np.maximum(S.sum(axis=0), 1e-30)
    mel = f.melspectrogram(sr=RATE, **o)
    cqt = np.abs(librosa.cqt(y, sr=RATE, tuning=None, pad_mode=pad))
    cens = f.chroma_cens(C=cqt, bins_per_octave=12)
    harmonic, percussive = librosa.effects.hpss(y, pad_mode=pad)
    return {
        "magnitude": S,
        "chroma_stft": f.chroma_stft(sr=RATE, **o),
        "rms": f.rms(**o),
        "spectral_centroid": f.spectral_centroid(sr=RATE, **o),
        "spectral_bandwidth": f.spectral_bandwidth(sr=RATE, **o),
        "spectral_rolloff": f.spectral_rolloff(sr=RATE, **o),
        "spectral_flatness": f.spectral_flatness(**o),
        "spectral_contrast": f.spectral_contrast(sr=RATE, **o),
        "spectral_flux": np.concatenate([[0.0], np.sum(np.diff(N, axis=1) ** 2, axis=0)])[None],
        "onset_strength": librosa.onset.onset_strength(y=y, sr=RATE)[None],
        "zero_crossing_rate": f.zero_crossing_rate(y),
        "harmonic": harmonic[None],
        "percussive": percussive[None],
        "tempo": np.array([[f.tempo(y=y, sr=RATE)[0]]]),
        "tuning": np.array([[librosa.estimate_tuning(S=S**2, sr=RATE)]]),
        "tempogram": f.tempogram(y=y, sr=RATE),
        "mfcc": f.mfcc(S=librosa.power_to_db(mel), n_mfcc=20),
        "melspectrogram": mel,
        "melspectrogram_db": librosa.power_to_db(mel),
        "cqt": cqt,
        "chroma_cqt": f.chroma_cqt(C=cqt, bins_per_octave=12),
        "chroma_cens": cens,
        "tonnetz": f.tonnetz(chroma=cens),
        "rms_stft": f.rms(S=S),
    }


def main():
    y = signal()
    out = {}
    for pad in ("constant", "reflect"):
        out[pad] = {}
        for name, values in descriptors(y, pad).items():
            frames = values.shape[1]
            # The first and last frames, where padding shows, and some between; of tall descriptors a few rows.
            columns = sorted({c for c in (0, 1, 2, 17, 40, 71, 100, frames - 3, frames - 2, frames - 1) if 0 <= c < frames})
            if name in ("harmonic", "percussive"):
                columns = list(range(0, frames, 997)) + [frames - 1]
            rows = list(range(values.shape[0])) if values.shape[0] <= 20 else list(range(0, values.shape[0], 37))
            out[pad][name] = {
                "shape": list(values.shape),
                "rows": rows,
                "columns": columns,
                "values": [[float(f"{values[r, c]:.9g}") for r in rows] for c in columns],
            }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frames.json")
    with open(path, "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


main()
