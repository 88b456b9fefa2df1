"""Compares melisma's resampler with soxr HQ as librosa calls it, and times both.

    python scripts/resample_compare.py [CLIP...]

Needs librosa, soxr and soundfile (`pip install librosa`), and builds the example `resample` itself. For every pair of
rates: the greatest and the RMS difference in dB relative to full scale, on a sine sweep from 20 Hz to the source's
Nyquist frequency, on white noise, and on each CLIP (any file that soundfile reads; its samples are taken to be at the
source rate, so that its whole spectrum meets the filter, and upsampled to it by soxr VHQ first). `mid` leaves out a
tenth of a second at either end, where soxr works with fewer samples than its filter is long. `x` columns are seconds of
sound per second of work, one thread, best of five.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
PAIRS = [
    (44100, 22050), (48000, 22050), (88200, 22050), (96000, 22050), (192000, 22050), (32000, 22050),
    (16000, 22050), (11025, 22050), (8000, 22050), (44056, 22050), (44100, 48000), (22050, 44100), (22050, 16000),
]
SECONDS = 10


def binary():
    command = ["cargo", "build", "--release", "-p", "melisma-audio", "--example", "resample", "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(line.split('"executable":"')[1].split('"')[0] for line in lines if '"executable":"' in line)


def ours(program, samples, source, target):
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("in.f32", "out.f32")]
        samples.tofile(files[0])
        command = [program, files[0], str(source), str(target), files[1], "5"]
        seconds = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return np.fromfile(files[1], np.float32), seconds


def theirs(samples, source, target):
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        out = librosa.resample(samples, orig_sr=source, target_sr=target, res_type="soxr_hq")
        best = min(best, time.perf_counter() - start)
    return out, best


def decibels(value):
    return 20 * np.log10(max(value, 1e-12))


def signals(source, clips):
    t = np.arange(source * SECONDS) / source
    end = source / 2
    yield "sweep", 0.5 * np.sin(2 * np.pi * (20 * t + (end - 20) / (2 * SECONDS) * t * t))
    yield "noise", np.random.default_rng(0).uniform(-0.5, 0.5, len(t))
    for clip in clips:
        samples, rate = soundfile.read(clip, always_2d=True)
        samples = samples.mean(axis=1)
        yield Path(clip).name + " as is", samples[: source * SECONDS]
        if rate < source:
            samples = librosa.resample(samples[: rate * SECONDS], orig_sr=rate, target_sr=source, res_type="soxr_vhq")
            yield Path(clip).name + " upsampled", samples


def main():
    program = binary()
    print("source  target  signal                          length     max dB    rms dB   mid max dB     ours x     soxr x")
    for source, target in PAIRS:
        for name, samples in signals(source, sys.argv[1:]):
            samples = samples.astype(np.float32)
            a, our_seconds = ours(program, samples, source, target)
            b, their_seconds = theirs(samples, source, target)
            same = "equal" if len(a) == len(b) else f"{len(a)}!={len(b)}"
            difference = a[: len(b)] - b[: len(a)]
            edge = target // 10
            length = len(samples) / source
            print(
                f"{source:6d}  {target:6d}  {name:30.30s}  {same:9s} {decibels(np.abs(difference).max()):7.1f}  "
                f"{decibels(np.sqrt(np.mean(difference.astype(float) ** 2))):8.1f}   "
                f"{decibels(np.abs(difference[edge:-edge]).max()):10.1f}  {length / our_seconds:9.0f}  "
                f"{length / their_seconds:9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
