"""What librosa.effects makes of a small sound, for tests/vocoder.rs.

    python vocoder.py > vocoder.json

Every 41st sample of `time_stretch` and `pitch_shift`. The sound is a steady tone and a rising one, rounded to single precision and then
handed over in double, so that librosa's own phases do not gather rounding. librosa 0.11.0.
"""
import json
import librosa, numpy as np

rate = 22050
t = np.arange(12000) / rate
x = 0.4 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * (1500 * t + 800 * t * t))
x = x.astype(np.float32).astype(np.float64)


def case(parameter, y):
    return {"parameter": parameter, "length": len(y), "samples": y[::41].round(6).tolist()}


out = {
    "time_stretch": [case(r, librosa.effects.time_stretch(x, rate=r)) for r in (0.8, 0.93, 1.0, 1.1, 1.25, 2.0)],
    "pitch_shift": [case(n, librosa.effects.pitch_shift(x, sr=rate, n_steps=n)) for n in (-2.0, -0.7, 1.3, 2.0, 12.0)],
}
text = json.dumps(out)
print(text.replace('{"parameter"', '\n{"parameter"'))
