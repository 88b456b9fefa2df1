"""Renders made-up chord charts with MMA in many styles, to hold the chord recognition against: FOLDER/NAME.mid and NAME.chords.

    apt-get install mma
    python3 scripts/chord_accuracy.py FOLDER
    cargo run --release -p melisma-score --example analyse_folder -- FOLDER --chords

A chart has 16 bars of 4/4 with one or two chords to the bar, drawn with a seed from cadences of jazz and pop in all keys. Each is played in every style
below by MMA's accompaniment (bass, comping, drums, strings as the style has them), half of them under a melody that walks through the scale of its key. A .chords
file names the chord of every beat.
"""

import random
import subprocess
import sys
from pathlib import Path

STYLES = [
    "Swing", "BossaNova", "Ballad", "BasicRock", "PopBallad", "JazzGuitar", "BigBand", "Blues", "FolkRock", "GuitarBallad",
    "Hymn", "LightTango", "PianoBallad", "Rhumba", "RockBallad", "Samba", "SlowJazz", "SoftRock", "StringBallad",
]
CHARTS = 3
SEED = 6
ROOTS = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"]
# Semitones above the tonic and quality, a bar each; two in a bar are joined.
CADENCES = {
    "jazz": [
        [[(2, "m7")], [(7, "7")], [(0, "maj7")], [(0, "maj7")]],
        [[(0, "maj7"), (9, "7")], [(2, "m7"), (7, "7")], [(4, "m7"), (9, "7")], [(2, "m7"), (7, "7")]],
        [[(2, "m7b5")], [(7, "7")], [(0, "m7")], [(0, "m6")]],
        [[(5, "maj7")], [(5, "m6")], [(0, "maj7")], [(9, "7")]],
        [[(0, "6")], [(1, "dim7")], [(2, "m7")], [(7, "7")]],
        [[(5, "7")], [(5, "7")], [(0, "7")], [(0, "7")]],
    ],
    "pop": [
        [[(0, "")], [(7, "")], [(9, "m")], [(5, "")]],
        [[(9, "m")], [(5, "")], [(0, "")], [(7, "sus4"), (7, "")]],
        [[(0, ""), (5, "")], [(0, ""), (7, "")], [(9, "m"), (4, "m")], [(5, ""), (7, "7")]],
        [[(0, "")], [(2, "m")], [(4, "m")], [(5, "")]],
        [[(0, "")], [(0, "aug")], [(9, "m")], [(5, "m")]],
        [[(0, "")], [(10, "")], [(5, "")], [(0, "")]],
    ],
}
MMA_NAMES = {"maj7": "M7", "": "", "m": "m", "sus4": "sus4", "aug": "+"}
SCALE = [0, 2, 4, 5, 7, 9, 11]


def chart(chance):
    kind = chance.choice(["jazz", "pop"])
    tonic = chance.randrange(12)
    bars = [bar for _ in range(4) for bar in chance.choice(CADENCES[kind])]
    return tonic, [[((tonic + step) % 12, quality) for step, quality in bar] for bar in bars]


def melody(tonic, bars, chance):
    """Two bars of eight eighths, wandering through the scale, for each two bars."""
    lines, at = [], 7
    for _ in bars:
        notes = []
        for _ in range(8):
            at = max(0, min(14, at + chance.choice([-2, -1, -1, 0, 1, 1, 2])))
            pitch = 60 + tonic % 12 + 12 * (at // 7) + SCALE[at % 7]
            notes.append(pitch)
        lines.append(notes)
    return lines


def mma(style, bars, lines):
    text = [f"Tempo 110", f"Groove {style}"]
    if lines:
        text.append("Solo Voice Flute")
    for number, bar in enumerate(bars, 1):
        names = [ROOTS[root] + MMA_NAMES.get(quality, quality) for root, quality in bar]
        beats = names if len(bar) == 1 else [names[0], "/", names[1], "/"]
        line = f"{number} {' '.join(beats)}"
        if lines:
            spelled = ["c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b"]
            notes = [f"8{spelled[p % 12]}{'+' * max(0, p // 12 - 5)}{'-' * max(0, 5 - p // 12)}" for p in lines[number - 1]]
            line += " {" + ";".join(notes) + ";}"
        text.append(line)
    return "\n".join(text) + "\n"


def main(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(SEED)
    made = 0
    for number in range(CHARTS):
        tonic, bars = chart(chance)
        lines = melody(tonic, bars, chance) if number % 2 else None
        names = [ROOTS[root] + quality for bar in bars for root, quality in bar for _ in range(4 // len(bar))]
        for style in STYLES:
            stem = folder / f"{style}-{number}"
            stem.with_suffix(".mma").write_text(mma(style, bars, lines))
            command = ["mma", stem.with_suffix(".mma").name, "-f", stem.with_suffix(".mid").name]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if ran.returncode:
                stem.with_suffix(".mid").unlink(missing_ok=True)
                print(f"{stem.name}: {ran.stdout[-300:]}", file=sys.stderr)
                continue
            stem.with_suffix(".chords").write_text(" ".join(names) + "\n")
            made += 1
    print(f"{made} files")


if __name__ == "__main__":
    main(*sys.argv[1:])
