"""musicnn or YAMNet here against onnxruntime: processor time for one 30-second clip, one thread each, by turns.

usage: python scripts/bench_ears.py MODEL.onnx[.xz] [ROUNDS]

needs onnxruntime, librosa and numpy, and `cargo build --release -p melisma-ears --example time_ears` (another path may be given
in TIME_EARS). Prints the medians and their ratios: the whole of ours (spectrogram and network) against onnxruntime's
network alone, and against librosa's spectrogram and onnxruntime's network.
"""

import json
import lzma
import os
import statistics
import subprocess
import sys
import tempfile
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = "1"

import librosa
import numpy as np
import onnxruntime

model = sys.argv[1]
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
ours = os.environ.get("TIME_EARS", "target/release/examples/time_ears")
if model.endswith(".xz"):
    unpacked = tempfile.NamedTemporaryFile(suffix=".onnx")
    unpacked.write(lzma.open(model).read())
    unpacked.flush()
    model = unpacked.name

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
entry = session.get_inputs()[0]
yamnet = entry.name != "mel"
samples = np.random.default_rng(0).uniform(-0.5, 0.5, 30 * 16_000).astype(np.float32)


def timed(call):
    start = time.process_time()
    value = call()
    return value, time.process_time() - start


def spectrogram():
    if yamnet:
        mel = librosa.feature.melspectrogram(y=samples, sr=16_000, n_fft=512, win_length=400, hop_length=160, center=False, power=1,
                                             n_mels=64, fmin=125, fmax=7500, htk=True, norm=None).T
        log_mel = np.log(0.001 + mel).astype(np.float32)
        return np.stack([log_mel[start:start + 96] for start in range(0, len(log_mel) - 95, 48)])
    mel = librosa.feature.melspectrogram(y=samples, sr=16_000, n_fft=512, hop_length=256, n_mels=96).T
    log_mel = np.log10(1 + 10_000 * mel).astype(np.float32)
    return log_mel[: len(log_mel) // 187 * 187].reshape(-1, 187, 96)


names = ["our spectrogram", "our network", "librosa", "onnxruntime, patch by patch"]
if not yamnet:
    # The published graph of YAMNet takes one patch only.
    names.append("onnxruntime, all patches")
timings = {name: [] for name in names}
for _ in range(rounds):
    run = json.loads(subprocess.run([ours, model, "3"], capture_output=True, check=True).stdout)
    timings["our spectrogram"].append(statistics.median(run["front"]))
    timings["our network"].append(statistics.median(run["network"]))
    for _ in range(2):
        patches, seconds = timed(spectrogram)
    timings["librosa"].append(seconds)
    calls = {"onnxruntime, patch by patch": lambda: [session.run(None, {entry.name: patch[None]}) for patch in patches],
             "onnxruntime, all patches": lambda: session.run(None, {entry.name: patches})}
    for name, call in calls.items():
        if name in timings:
            call()
            timings[name].append(statistics.median(timed(call)[1] for _ in range(3)))

medians = {name: statistics.median(values) for name, values in timings.items()}
for name, median in medians.items():
    print(f"{name:<28} {median * 1000:7.1f} ms")
whole = medians["our spectrogram"] + medians["our network"]
theirs = min(median for name, median in medians.items() if name.startswith("onnxruntime"))
print(f"ours whole / onnxruntime's network alone (its quicker way): {whole / theirs:.2f}")
print(f"ours whole / librosa and onnxruntime: {whole / (theirs + medians['librosa']):.2f}")
