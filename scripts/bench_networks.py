"""Times training steps against Keras: the same networks and batches, one thread each, alternately, medians.

    cargo build -p melisma-neural --example bench_step
    python scripts/bench_networks.py --ours target/debug/examples/bench_step [--rounds 3] [NETWORK...]

Needs keras and tensorflow in the Python that runs it. Prints CPU milliseconds of the whole process for a step (first step left
out), and ours divided by Keras's. `--child NETWORK STEPS` is what it calls itself with.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

NETWORKS = ("dense", "cnn_64x128", "cnn_lstm_64x128", "cnn_128x256", "cnn_lstm_128x256")
ONE = {name: "1" for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "MKL_NUM_THREADS")}


def build(name):
    from keras import Input, Sequential, layers

    if name == "dense":
        network = Sequential([Input((63,))])
        for units in (1024, 512, 256, 128, 64):
            network.add(layers.Dense(units, activation="elu"))
            network.add(layers.BatchNormalization())
        network.add(layers.Dropout(0.25))
        shape, batch = (63,), 64
    else:
        height, width = (int(n) for n in name.split("_")[-1].split("x"))
        shape, batch = (height, width, 1), 32
        network = Sequential([Input(shape)])
        for filters in (32, 32, 64):
            network.add(layers.Conv2D(filters, 3, padding="same", activation="elu", kernel_initializer="he_uniform"))
            network.add(layers.BatchNormalization())
            network.add(layers.MaxPooling2D(2))
            network.add(layers.Dropout(0.25))
        if "lstm" in name:
            network.add(layers.Permute((2, 1, 3)))
            network.add(layers.Reshape((width // 8, height // 8 * 64)))
            network.add(layers.LSTM(128))
        else:
            network.add(layers.Flatten())
        network.add(layers.Dense(64, activation="elu"))
    network.add(layers.Dense(10, activation="softmax"))
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network, shape, batch


def child(name, steps):
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    network, shape, batch = build(name)
    x = np.random.default_rng(0).random((batch, *shape), dtype=np.float32)
    y = np.arange(batch) % 10
    data = tf.data.Dataset.from_tensors((x, y)).cache().repeat()
    network.fit(data, steps_per_epoch=2, epochs=1, verbose=0)
    start = time.process_time()
    network.fit(data, steps_per_epoch=steps, epochs=1, verbose=0)
    print((time.process_time() - start) * 1e3 / steps)


def spent(command):
    out = subprocess.run(command, env={**os.environ, **ONE, "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True, text=True, check=True)
    return float(out.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=2, metavar=("NETWORK", "STEPS"))
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    args = parser.parse_args()
    if args.child:
        return child(args.child[0], int(args.child[1]))
    if not args.ours:
        parser.error("--ours is needed")
    print(f"{'network':18} {'ours, ms':>10} {'Keras, ms':>10} {'ratio':>6}")
    for name in args.networks:
        steps = "100" if name == "dense" else "6" if "64" in name else "3"
        ours, theirs = [], []
        for _ in range(args.rounds):
            ours.append(spent([args.ours, name, steps]))
            theirs.append(spent([sys.executable, __file__, "--child", name, steps]))
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        print(f"{name:18} {ours:10.1f} {theirs:10.1f} {ours / theirs:6.2f}", flush=True)


if __name__ == "__main__":
    main()
