"""Times feature extraction against librosa, Essentia and openSMILE: same files, one thread, alternately, medians.

    python scripts/bench_peers.py --ours target/release/examples/time_features --librosa ../shared/peers/librosa_features.py FILE...
    python scripts/bench_peers.py --schema fma --ours target/release/examples/time_features FILE...

Needs librosa, soundfile, essentia and opensmile. Build ours with
`cargo build --release -p melisma-dataset --example time_features`. Every program runs in a process of its own, decodes the same files,
warms up, and reports the seconds it spent describing them (not decoding, not starting up). `gtzan`: the 57 columns, against librosa.
`subset`: RMS, zero-crossing rate, centroid, roll-off, flatness, flux, contrast, 128 mel bands and 20 MFCCs on the same grid
(2048/512, Hann), frame level, against Essentia's algorithms as its users call them from Python (the streaming network is slower here) and openSMILE's components.
`--schema fma` times the 518 columns of the FMA data set instead, against librosa called as FMA's features.py calls it (`compare_librosa.py`).
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")}

OPENSMILE = r"""
[componentInstances:cComponentManager]
instance[dataMemory].type=cDataMemory

\{\cm[source{?}:include external source]}

[componentInstances:cComponentManager]
instance[framer].type=cFramer
instance[win].type=cWindower
instance[fft].type=cTransformFFT
instance[mag].type=cFFTmagphase
instance[mel].type=cMelspec
instance[mfcc].type=cMfcc
instance[spectral].type=cSpectral
instance[energy].type=cEnergy
instance[mzcr].type=cMZcr
instance[cat].type=cVectorConcat

[framer:cFramer]
reader.dmLevel=wave
writer.dmLevel=frames
frameMode=fixed
frameSize=0.09287981859
frameStep=0.02321995465
frameCenterSpecial=left
[win:cWindower]
reader.dmLevel=frames
writer.dmLevel=windowed
winFunc=Hann
[fft:cTransformFFT]
reader.dmLevel=windowed
writer.dmLevel=fft
[mag:cFFTmagphase]
reader.dmLevel=fft
writer.dmLevel=mag
[mel:cMelspec]
reader.dmLevel=mag
writer.dmLevel=mel
nBands=128
usePower=1
lofreq=0
hifreq=11025
[mfcc:cMfcc]
reader.dmLevel=mel
writer.dmLevel=mfcc
firstMfcc=0
lastMfcc=19
[spectral:cSpectral]
reader.dmLevel=mag
writer.dmLevel=spectral
rollOff[0]=0.85
flux=1
centroid=1
flatness=1
maxPos=0
minPos=0
entropy=0
[energy:cEnergy]
reader.dmLevel=frames
writer.dmLevel=energy
rms=1
log=0
[mzcr:cMZcr]
reader.dmLevel=frames
writer.dmLevel=zcr
zcr=1
mcr=0
amax=0
maxmin=0
dc=0
[cat:cVectorConcat]
reader.dmLevel=mfcc;spectral;energy;zcr
writer.dmLevel=lld

\{\cm[sink{?}:include external sink]}
"""


def load(path):
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 22050, f"{path}: the peers are timed on files at 22,050 Hz"
    return samples.mean(axis=1)


def essentia_subset():
    import essentia.standard as es

    window, spectrum = es.Windowing(type="hann", normalized=False), es.Spectrum()
    of_frame = [es.RMS(), es.ZeroCrossingRate()]
    of_spectrum = [
        es.MelBands(numberBands=128, sampleRate=22050, highFrequencyBound=11025, warpingFormula="slaneyMel"),
        es.MFCC(numberBands=128, numberCoefficients=20, sampleRate=22050, highFrequencyBound=11025),
        es.SpectralContrast(frameSize=2048, sampleRate=22050),
        es.Centroid(range=11025),
        es.RollOff(sampleRate=22050),
        es.Flatness(),
        es.Flux(),
    ]

    def describe(samples):
        values = []
        for frame in es.FrameGenerator(samples, frameSize=2048, hopSize=512):
            values.append([algorithm(frame) for algorithm in of_frame])
            magnitude = spectrum(window(frame))
            values.append([algorithm(magnitude) for algorithm in of_spectrum])
        return values

    return describe


def opensmile_subset():
    import opensmile

    path = os.path.join(tempfile.mkdtemp(), "subset.conf")
    with open(path, "w") as file:
        file.write(OPENSMILE)
    smile = opensmile.Smile(feature_set=path, feature_level="lld", num_workers=1)
    return lambda samples: smile.process_signal(samples, 22050)


def librosa_fma():
    from compare_librosa import fma

    return lambda samples: fma(samples, "constant")


def child(name, files):
    """Runs one of the peers and prints what it took."""
    if name == "essentia":
        import essentia

        essentia.log.infoActive = False
        essentia.log.warningActive = False
    describe = {"essentia": essentia_subset, "opensmile": opensmile_subset, "librosa_fma": librosa_fma}[name]()
    signals = [load(f) for f in files]
    describe(signals[0][: 3 * 22050])
    start = time.perf_counter()
    for signal in signals:
        describe(signal)
    seconds = time.perf_counter() - start
    print(f"compute_s {seconds:.3f} x_realtime {sum(map(len, signals)) / 22050 / seconds:.1f}")


def measure(command):
    out = subprocess.run(command, env={**os.environ, **THREADS}, capture_output=True, text=True, check=True)
    return float(re.search(r"compute_s ([\d.]+)", out.stdout + out.stderr).group(1))


def main():
    if sys.argv[1:2] == ["--child"]:
        return child(sys.argv[2], sys.argv[3:])
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+")
    p.add_argument("--ours", default="target/release/examples/time_features")
    p.add_argument("--librosa", default="../shared/peers/librosa_features.py")
    p.add_argument("--schema", default="gtzan", choices=["gtzan", "fma"])
    p.add_argument("--runs", type=int, default=5)
    a = p.parse_args()
    python, this = sys.executable, os.path.abspath(__file__)
    pairs = [
        ("gtzan, whole clips", [a.ours, "--what", "gtzan"], {"librosa": [python, a.librosa]}),
        ("gtzan, 3 s windows", [a.ours, "--what", "gtzan", "--window", "3"], {"librosa": [python, a.librosa, "--window", "3"]}),
        (
            "subset, whole clips",
            [a.ours, "--what", "subset"],
            {"essentia": [python, this, "--child", "essentia"], "opensmile": [python, this, "--child", "opensmile"]},
        ),
    ]
    if a.schema == "fma":
        pairs = [("fma, whole clips", [a.ours, "--what", "fma"], {"librosa": [python, this, "--child", "librosa_fma"]})]
    for title, ours, peers in pairs:
        times = {name: [] for name in ["melisma", *peers]}
        for _ in range(a.runs):
            times["melisma"].append(measure([*ours, *a.files]))
            for name, command in peers.items():
                times[name].append(measure([*command, *a.files]))
        medians = {name: statistics.median(t) for name, t in times.items()}
        for name, values in times.items():
            ratio = f"  {medians[name] / medians['melisma']:6.1f} times ours" if name != "melisma" else ""
            print(f"{title:20s} {name:10s} median {medians[name]:7.3f} s  min {min(values):7.3f}  max {max(values):7.3f}{ratio}", flush=True)


main()
