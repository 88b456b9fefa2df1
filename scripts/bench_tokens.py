"""Times tokens by name against music21, and against symusic with miditok: same files, one thread, alternately, CPU time, medians.

    cargo build --release -p melisma-score --example token_folder
    python scripts/bench_tokens.py --ours target/release/examples/token_folder FOLDER_OF_MIDI_FILES

Needs music21, symusic and miditok. Files are drawn from the folder with a seed; every program reads the same, in a process of its own,
several times in turn. Of the peers the time within the process is taken, without starting up and importing; of ours that of the whole process. music21 does what
the reference did: read, part by instrument, name the notes and chords of the first part. miditok is its REMI with its defaults, on a score that symusic read.
At the end ours encodes the whole folder.
"""
import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

MUSIC21 = r"""
import sys, time, warnings
warnings.simplefilter("ignore")
from music21 import chord, converter, instrument, note
start = time.process_time()
read = 0
for path in sys.argv[1:]:
    try:
        midi = converter.parse(path, forceSource=True)
        parts = instrument.partitionByInstrument(midi)
        source = parts.parts[0].recurse() if parts else midi.flatten().notes
        tokens = [str(e.pitch) if isinstance(e, note.Note) else ".".join(map(str, e.normalOrder))
                  for e in source if isinstance(e, (note.Note, chord.Chord))]
        read += 1
    except Exception:
        pass
print(time.process_time() - start, read)
"""

MIDITOK = r"""
import sys, time, warnings
warnings.simplefilter("ignore")
import miditok, symusic
tokenizer = miditok.REMI(miditok.TokenizerConfig())
start = time.process_time()
read = 0
for path in sys.argv[1:]:
    try:
        tokenizer(symusic.Score(path))
        read += 1
    except Exception:
        pass
print(time.process_time() - start, read)
"""

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def ours(program, design, folder):
    """CPU-seconds of the whole process, and how many files it encoded."""
    with subprocess.Popen([program, design, folder], stdout=subprocess.PIPE, text=True) as process:
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return usage.ru_utime + usage.ru_stime, sum(line.rsplit("\t", 1)[-1].isdigit() for line in lines)


def peer(code, paths):
    done = subprocess.run([sys.executable, "-c", code, *paths], env=ONE_THREAD, capture_output=True, text=True, check=True)
    seconds, read = done.stdout.split()[-2:]
    return float(seconds), int(read)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--ours", required=True)
    parser.add_argument("--files", type=int, default=24, help="files that all programs read")
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    names = sorted(name for name in os.listdir(args.folder) if name.lower().endswith((".mid", ".midi")))
    drawn = random.Random(args.seed).sample(names, min(args.files, len(names)))
    with tempfile.TemporaryDirectory() as folder:
        paths = [shutil.copy(os.path.join(args.folder, name), folder) for name in drawn]
        programs = {
            "melisma names": lambda: ours(args.ours, "names", folder),
            "melisma events": lambda: ours(args.ours, "events", folder),
            "music21": lambda: peer(MUSIC21, paths),
            "symusic + miditok": lambda: peer(MIDITOK, paths),
        }
        times = {name: [] for name in programs}
        for _ in range(args.runs):
            for name, run in programs.items():
                seconds, read = run()
                times[name].append(seconds)
                print(f"{name:18} {seconds:8.3f} CPU-s, {read} of {len(paths)} files", flush=True)
    middle = {name: statistics.median(each) for name, each in times.items()}
    print(f"medians of {args.runs} runs on {len(paths)} files:")
    for name, seconds in middle.items():
        times_ours = seconds / middle["melisma names"]
        print(f"{name:18} {1e3 * seconds / len(paths):9.3f} CPU-ms a file, {times_ours:8.1f} times names, {seconds / middle['melisma events']:8.1f} times events")
    seconds, read = ours(args.ours, "names", args.folder)
    print(f"the whole folder by names: {read} files in {seconds:.3f} CPU-s, {1e3 * seconds / max(read, 1):.3f} ms a file")


if __name__ == "__main__":
    main()
