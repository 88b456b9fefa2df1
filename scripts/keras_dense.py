"""The reference's dense network in Keras on the filtered split of the 10-second table, several seeds: what ours stands beside.

usage: python scripts/keras_dense.py DATA/gtzan [SEEDS] [--with-valid]

needs keras, tensorflow, numpy. Trains on the training list (with --with-valid, on the validation list too), standardised by it, 30 epochs of 64
rows, the rate cut tenfold every 10, and prints the accuracy per window and by vote of the windows' probabilities on the test
list. `melisma run recipes/dense-seeds.toml` prints ours.
"""
import csv
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

folder = sys.argv[1]
seeds = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else 8
parts = {part: {line.strip().split("/")[-1].rsplit(".", 1)[0] for line in open(f"{folder}/splits/{part}_filtered.txt")}
         for part in ("train", "valid", "test")}
if "--with-valid" in sys.argv:
    parts["train"] |= parts["valid"]
rows = list(csv.DictReader(open(f"{folder}/features_10_sec.csv")))
columns = [name for name in rows[0] if name not in ("filename", "label", "length")]
genres = sorted({row["label"] for row in rows})
track = [".".join(row["filename"].split(".")[:2]) for row in rows]
x = np.array([[float(row[name]) for name in columns] for row in rows])
y = np.array([genres.index(row["label"]) for row in rows])
train, test = (np.array([i for i, name in enumerate(track) if name in parts[part]]) for part in ("train", "test"))
mean, deviation = x[train].mean(0), x[train].std(0)
x = ((x - mean) / deviation).astype(np.float32)
print(f"{len(columns)} columns, {len(train)} training rows, {len(test)} test rows")


def network():
    model = keras.Sequential([keras.Input((len(columns),))])
    for units in (1024, 512, 256, 128, 64):
        model.add(layers.Dense(units, activation="elu"))
        model.add(layers.BatchNormalization())
    model.add(layers.Dropout(0.25))
    model.add(layers.Dense(len(genres), activation="softmax"))
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


found = []
for seed in range(seeds):
    keras.utils.set_random_seed(seed)
    model = network()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, _: 1e-3 * 0.1 ** (epoch // 10))
    model.fit(x[train], y[train], batch_size=64, epochs=30, callbacks=[schedule], verbose=0)
    p = model.predict(x[test], verbose=0)
    votes = {}
    for row, i in zip(p, test):
        votes[track[i]] = votes.get(track[i], 0) + row
    right = np.mean([np.argmax(vote) == genres.index(name.split(".")[0]) for name, vote in votes.items()])
    found.append((np.mean(p.argmax(1) == y[test]), right))
    print(f"seed {seed}: {found[-1][0]:.3f} per window, {right:.3f} per track", flush=True)
    keras.backend.clear_session()
found = np.array(found)
for name, values in zip(("per window", "per track"), found.T):
    print(f"{name}: mean {values.mean():.3f}, deviation {values.std(ddof=1):.3f}, from {values.min():.3f} to {values.max():.3f}")
