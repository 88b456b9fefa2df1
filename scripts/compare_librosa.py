"""Compares `melisma features` with librosa, column by column, and prints the worst case of each.

    python scripts/compare_librosa.py --melisma target/release/melisma FILE... [--schema spotify] [--window 3] [--pad constant]

Needs librosa 0.11, soundfile and numpy. Exits 1 if a column is outside the tolerance (relative 1e-3; the means of the
harmonic and percussive waveforms, which lie near zero, 3e-6 absolute).
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

warnings.filterwarnings("ignore")
RATE = 22050
RELATIVE, ABSOLUTE = 1e-3, 3e-6
NEAR_ZERO = {"harmonics_mean", "percussive_mean", "harmony_mean", "perceptr_mean"}


def columns(y, schema, pad):
    """The columns of a schema, by librosa."""
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
    return row


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
            yield path, columns(y[start : start + size], args.schema, args.pad)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+")
    p.add_argument("--melisma", default="target/release/melisma")
    p.add_argument("--schema", default="spotify", choices=["gtzan", "spotify"])
    p.add_argument("--window", type=float)
    p.add_argument("--pad", default="constant", choices=["constant", "reflect"])
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = ours(args, folder)
    worst, count = {}, 0
    for mine, (path, row) in zip(rows, theirs(args), strict=True):
        count += 1
        stem = os.path.splitext(os.path.basename(path))[0]
        assert mine["filename"].startswith(stem), (mine["filename"], path)
        for name, want in row.items():
            difference = abs(float(mine[name]) - want)
            if name not in NEAR_ZERO:
                difference /= max(abs(want), 1e-12)
            if difference >= worst.get(name, (-1.0, ""))[0]:
                worst[name] = (difference, mine["filename"])
    failed = 0
    for name, (difference, where) in worst.items():
        limit = ABSOLUTE if name in NEAR_ZERO else RELATIVE
        failed += difference > limit
        kind = "absolute" if name in NEAR_ZERO else "relative"
        print(f"{name:24s} {kind} {difference:.2e}  limit {limit:.0e}  {'ok  ' if difference <= limit else 'FAIL'}  {where}")
    print(f"{count} rows, {len(worst)} columns, {failed} outside the limit")
    sys.exit(1 if failed else 0)


main()
