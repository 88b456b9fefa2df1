"""Writes the checkpoints that tests/weights_golden.rs reads, and what PyTorch, TensorFlow and safetensors say they hold.

    python weights.py torch        # PyTorch 2 and safetensors
    python weights.py tensorflow   # TensorFlow 2
"""
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(5)
A = rng.standard_normal((3, 2, 2), dtype=np.float32)
B = rng.standard_normal((4, 5), dtype=np.float32)


def with_torch():
    import torch
    from safetensors.torch import save_file

    b = torch.from_numpy(B)
    state = {
        "conv.weight": torch.from_numpy(A).permute(1, 2, 0),
        "dense.weight": b.t(),
        "dense.column": b[1:, 3],
        "dense.shared": b,
        "expanded": b[2, 2].expand(2, 3),
        "half": b.half(),
        "bfloat16": b.bfloat16(),
        "double": b.double(),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "bn.num_batches_tracked": torch.tensor(7),
    }
    layer = torch.nn.BatchNorm1d(2)
    state |= {f"bn.{name}": value for name, value in layer.state_dict().items() if name != "num_batches_tracked"}
    torch.save(state, HERE / "new.pth")
    torch.save(state, HERE / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": layer.state_dict(), "epoch": 3}, HERE / "nested.pth")
    torch.save(layer, HERE / "module.pth")
    state = {name: value.clone().contiguous() for name, value in state.items()}
    save_file(state, HERE / "torch.safetensors", metadata={"format": "pt"})


def with_tensorflow():
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("conv/kernel", initializer=A)
        tf.compat.v1.get_variable("dense/kernel", initializer=B.T.copy())
        tf.compat.v1.get_variable("dense/bias", initializer=B[0])
        tf.compat.v1.get_variable("scalar", initializer=np.float32(2.5))
        tf.compat.v1.get_variable("step", initializer=np.int64(7))
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver()
        saver.save(session, str(HERE / "tf"), write_meta_graph=False, write_state=False)


with_torch() if sys.argv[1] == "torch" else with_tensorflow()
