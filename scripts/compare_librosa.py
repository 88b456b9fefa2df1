"""Compares `melisma features` with librosa, column by column, and prints the worst case of each.

    python scripts/compare_librosa.py --melisma target/release/melisma FILE... [--schema spotify] [--window 3] [--pad constant]

Needs librosa 0.11, soundfile and numpy. Exits 1 if a column is outside the tolerance (relative 1e-3; the means of the
harmonic and percussive waveforms, which lie near zero, 3e-6 absolute).

`--schema fma` computes the columns as features.py of the FMA data set does, and prints the worst case of each statistic of each feature.
Relative there is to the value or, where that is larger, to the standard deviation of the row in question (skew and kurtosis: to 1); the tolerance is 1e-3,
and 1e-2 for what comes from the constant-Q transform and for the roll-off, of which a frame can land on the next bin. Where scipy has NaN, for values that do not vary, 0 is expected.
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile
import warnings

import librosa
import numpy as np
from scipy import stats

warnings.filterwarnings("ignore")
RATE = 22050
RELATIVE, ABSOLUTE = 1e-3, 3e-6
FMA_COARSE, COARSE_RELATIVE = ("chroma_cens_", "chroma_cqt_", "tonnetz_", "spectral_rolloff_"), 1e-2
NEAR_ZERO = {"harmonics_mean", "percussive_mean", "harmony_mean", "perceptr_mean"}


def fma(y, pad):
    """The columns of the fma schema by librosa, and what they are relative to at least."""
    f = librosa.feature
    cqt = np.abs(librosa.cqt(y, sr=RATE, hop_length=512, bins_per_octave=12, n_bins=7 * 12, tuning=None, pad_mode=pad))
    cens = f.chroma_cens(C=cqt, n_chroma=12, n_octaves=7, bins_per_octave=12)
    magnitude = np.abs(librosa.stft(y, n_fft=2048, hop_length=512, pad_mode=pad))
    mel = f.melspectrogram(sr=RATE, S=magnitude**2)
    features = {
        "chroma_cens": cens,
        "chroma_cqt": f.chroma_cqt(C=cqt, n_chroma=12, n_octaves=7, bins_per_octave=12),
        "chroma_stft": f.chroma_stft(S=magnitude**2, n_chroma=12),
        "mfcc": f.mfcc(S=librosa.power_to_db(mel), n_mfcc=20),
        "rmse": f.rms(S=magnitude),
        "spectral_bandwidth": f.spectral_bandwidth(S=magnitude),
        "spectral_centroid": f.spectral_centroid(S=magnitude),
        "spectral_contrast": f.spectral_contrast(S=magnitude, n_bands=6),
        "spectral_rolloff": f.spectral_rolloff(S=magnitude),
        "tonnetz": f.tonnetz(chroma=cens),
        "zcr": f.zero_crossing_rate(y, frame_length=2048, hop_length=512),
    }
    row, least = {}, {}
    for name, values in features.items():
        statistics = {
            "kurtosis": np.nan_to_num(stats.kurtosis(values, axis=1)),
            "max": np.max(values, axis=1),
            "mean": np.mean(values, axis=1),
            "median": np.median(values, axis=1),
            "min": np.min(values, axis=1),
            "skew": np.nan_to_num(stats.skew(values, axis=1)),
            "std": np.std(values, axis=1),
        }
        for statistic, numbers in statistics.items():
            for i, number in enumerate(numbers):
                column = f"{name}_{statistic}_{i + 1:02d}"
                row[column] = float(number)
                least[column] = 1.0 if statistic in ("skew", "kurtosis") else float(statistics["std"][i])
    return row, least


def columns(y, schema, pad):
    """The columns of a schema, by librosa, and what differences are relative to where the value is smaller."""
    if schema == "fma":
        return fma(y, pad)
    f, row = librosa.feature, {}

    def add(name, values):
        row[f"{name}_mean"], row[f"{name}_var"] = float(np.mean(values)), float(np.var(values))

    gtzan = schema == "gtzan"
    stft = {"y": y, "pad_mode": pad}
    add("chroma_stft", f.chroma_stft(sr=RATE, **stft))
    add("rms", f.rms(**stft))
    add("spectral_centroid", f.spectral_centroid(sr=RATE, **stft))
    add("spectral_bandwidth", f.spectral_bandwidth(sr=RATE, **stft))
    add("rolloff", f.spectral_rolloff(sr=RATE, **stft))
    if not gtzan:
        add("flatness", f.spectral_flatness(**stft))
        add("contrast", f.spectral_contrast(sr=RATE, **stft))
        add("flux", librosa.onset.onset_strength(y=y, sr=RATE))
    add("zero_crossing_rate" if gtzan else "zcr", f.zero_crossing_rate(y))
    harmonic, percussive = librosa.effects.hpss(y, pad_mode=pad)
    add("harmony" if gtzan else "harmonics", harmonic)
    add("perceptr" if gtzan else "percussive", percussive)
    row["tempo"] = float(f.tempo(y=y, sr=RATE)[0])
    mel = f.melspectrogram(y=y, sr=RATE, pad_mode=pad)
    for i, c in enumerate(f.mfcc(S=librosa.power_to_db(mel), n_mfcc=20), 1):
        add(f"mfcc{i}" if gtzan else f"mfcc_{i}", c)
    return row, {}


def ours(args, folder):
    path = os.path.join(folder, "ours.csv")
    command = [args.melisma, "features", *args.files, "--schema", args.schema, "--pad", args.pad, "--output", path]
    if args.window:
        command += ["--window", str(args.window)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def theirs(args):
    for path in sorted(args.files):
        y, _ = librosa.load(path, sr=RATE)
        size = int(args.window * RATE) if args.window else len(y)
        for start in range(0, len(y) - size + 1, size):
            yield path, *columns(y[start : start + size], args.schema, args.pad)


def limit(name):
    if name in NEAR_ZERO:
        return ABSOLUTE
    return COARSE_RELATIVE if name.startswith(FMA_COARSE) else RELATIVE


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+")
    p.add_argument("--melisma", default="target/release/melisma")
    p.add_argument("--schema", default="spotify", choices=["gtzan", "spotify", "fma"])
    p.add_argument("--window", type=float)
    p.add_argument("--pad", default="constant", choices=["constant", "reflect"])
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = ours(args, folder)
    worst, count = {}, 0
    for mine, (path, row, least) in zip(rows, theirs(args), strict=True):
        count += 1
        stem = os.path.splitext(os.path.basename(path))[0]
        assert mine["filename"].startswith(stem), (mine["filename"], path)
        for name, want in row.items():
            difference = abs(float(mine[name]) - want)
            if name not in NEAR_ZERO:
                difference /= max(abs(want), least.get(name, 0.0), 1e-12)
            group = name.rsplit("_", 1)[0] if args.schema == "fma" else name
            if not difference < worst.get(group, (0.0, ""))[0]:
                worst[group] = (difference, f"{mine['filename']} {name if group != name else ''}")
    failed = 0
    for name, (difference, where) in worst.items():
        accepted = difference <= limit(name)
        failed += not accepted
        kind = "absolute" if name in NEAR_ZERO else "relative"
        print(f"{name:28s} {kind} {difference:.2e}  limit {limit(name):.0e}  {'ok  ' if accepted else 'FAIL'}  {where}")
    print(f"{count} rows, {len(row)} columns, {failed} of {len(worst)} lines outside the limit")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
