"""musicnn here against onnxruntime: processor time for one 30-second clip, one thread each, by turns.

usage: python scripts/bench_ears.py MODEL.onnx [ROUNDS]

needs onnxruntime, librosa and numpy, and `cargo build -p melisma-ears --example time_musicnn` (another path may be given
in TIME_MUSICNN). Prints the medians and their ratios: the whole of ours
(spectrogram and network) against onnxruntime's network alone, and against librosa's spectrogram and onnxruntime's network.
"""

import json
import os
import statistics
import subprocess
import sys
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = "1"

import librosa
import numpy as np
import onnxruntime

model = sys.argv[1]
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
ours = os.environ.get("TIME_MUSICNN", "target/debug/examples/time_musicnn")

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
samples = np.random.default_rng(0).uniform(-0.5, 0.5, 30 * 16_000).astype(np.float32)


def timed(call):
    start = time.process_time()
    value = call()
    return value, time.process_time() - start


def spectrogram():
    mel = librosa.feature.melspectrogram(y=samples, sr=16_000, n_fft=512, hop_length=256, n_mels=96).T
    log_mel = np.log10(1 + 10_000 * mel).astype(np.float32)
    return log_mel[: len(log_mel) // 187 * 187].reshape(-1, 187, 96)


timings = {"our spectrogram": [], "our network": [], "librosa": [], "onnxruntime": [], "onnxruntime, patch by patch": []}
session.run(None, {"mel": spectrogram()})
for _ in range(rounds):
    run = json.loads(subprocess.run([ours, model, "3"], capture_output=True, check=True).stdout)
    timings["our spectrogram"].append(statistics.median(run["front"]))
    timings["our network"].append(statistics.median(run["network"]))
    for _ in range(2):
        patches, seconds = timed(spectrogram)
    timings["librosa"].append(seconds)
    timings["onnxruntime"].append(statistics.median(timed(lambda: session.run(None, {"mel": patches}))[1] for _ in range(3)))
    single = lambda: [session.run(None, {"mel": patch[None]}) for patch in patches]
    timings["onnxruntime, patch by patch"].append(statistics.median(timed(single)[1] for _ in range(3)))

medians = {name: statistics.median(values) for name, values in timings.items()}
for name, median in medians.items():
    print(f"{name:<28} {median * 1000:7.1f} ms")
whole = medians["our spectrogram"] + medians["our network"]
theirs = min(medians["onnxruntime"], medians["onnxruntime, patch by patch"])
print(f"ours whole / onnxruntime's network alone (its quicker way): {whole / theirs:.2f}")
print(f"ours whole / librosa and onnxruntime: {whole / (theirs + medians['librosa']):.2f}")
