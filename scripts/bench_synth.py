"""Times rendering against fluidsynth: same files and SoundFont, one thread, alternately, medians.

    cargo build --release -p melisma
    python scripts/bench_synth.py --ours target/release/melisma --font FluidR3_GM.sf2 [--runs 5] FILE.mid...

CPU seconds of whole processes that read the SoundFont and a score and write a 16-bit wav file at 44,100 Hz, with reverb and chorus.
Ours also measures loudness and true peaks, and limits.
Needs fluidsynth on the path.
"""
import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import wave

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--ours", required=True)
parser.add_argument("--font", required=True)
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("files", nargs="+")
args = parser.parse_args()


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=dict(os.environ, OMP_NUM_THREADS="1"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def seconds_of(path):
    with wave.open(str(path)) as sound:
        return sound.getnframes() / sound.getframerate()


total_ours, total_theirs = [], []
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    print(f"{'file':32} {'ours':>8} {'x real':>7} {'theirs':>8} {'x real':>7} {'ratio':>6}")
    for file in args.files:
        ours, theirs = folder / "ours.wav", folder / "theirs.wav"
        our_command = [args.ours, "render", file, "--output", ours, "--soundfont", args.font, "--threads", "1"]
        their_command = ["fluidsynth", "-ni", "-q", "-F", theirs, "-r", "44100", "-O", "s16", args.font, file]
        our_times, their_times = [], []
        for _ in range(args.runs):
            our_times.append(cpu_seconds(our_command))
            their_times.append(cpu_seconds(their_command))
        a, b = statistics.median(our_times), statistics.median(their_times)
        total_ours.append(a)
        total_theirs.append(b)
        name = pathlib.Path(file).name[:32]
        print(f"{name:32} {a:8.2f} {seconds_of(ours) / a:7.1f} {b:8.2f} {seconds_of(theirs) / b:7.1f} {b / a:6.2f}")
ratios = [b / a for a, b in zip(total_ours, total_theirs)]
print(f"median ratio {statistics.median(ratios):.2f} over {len(ratios)} files, {os.path.basename(args.font)}")
