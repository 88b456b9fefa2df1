"""Golden numbers of YAMNet's spectrogram: made with TensorFlow's own functions, as YAMNet's features.py calls them, in double precision.

usage: python make_yamnet_front.py > yamnet_front.json
"""

import json
import sys

import numpy as np
import tensorflow as tf

i = np.arange(2 * 16_000)
s = i / 16_000
tones = 0.4 * np.sin(2 * np.pi * (220 + 90 * s) * s) + 0.2 * np.sin(2 * np.pi * (3000 - 200 * s) * s)
signal = (tones + 0.3 * (i % 5000 < 20)).astype(np.float32)

# pad_waveform: one patch is 15,600 samples, a hop 7,680.
hops = int(np.ceil((len(signal) - 15_600) / 7_680))
signal = np.pad(signal.astype(np.float64), (0, 15_600 + hops * 7_680 - len(signal)))
magnitude = tf.abs(tf.signal.stft(signal, frame_length=400, frame_step=160, fft_length=512))
matrix = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7500.0, dtype=tf.float64)
log_mel = tf.math.log(tf.matmul(magnitude, matrix) + 0.001)
patches = tf.signal.frame(log_mel, frame_length=96, frame_step=48, axis=0).numpy()
some = patches[:, 5::13, ::5]
json.dump({"patches": len(patches), "some": [float(f"{v:.7g}") for v in some.ravel()]}, sys.stdout)
print()
