"""Writes measures.json: muspy's numbers for 100 MIDI files, to hold melisma_score::measures against.

    pip install muspy==0.5.0 mido numpy
    python measures.py PATH/TO/midi.tar.xz measures.json

The files are drawn with a seed, as evenly as can be from every genre (folder) of the archive, among those that mido (clip=True) and
muspy read. What is not a number is null.
"""

import io
import json
import math
import random
import sys
import tarfile
import warnings

import mido
import muspy

FILES = 100
SEED = 6


def first_bar(music):
    """Ticks of a bar of the first time signature; of 4/4 where there is none. At one tick, the last message holds."""
    if not music.time_signatures:
        return 4 * music.resolution
    first = min(s.time for s in music.time_signatures)
    signature = [s for s in music.time_signatures if s.time == first][-1]
    return max(1, 4 * music.resolution * signature.numerator // signature.denominator)


def measure(data):
    music = muspy.from_mido(mido.MidiFile(file=io.BytesIO(data), clip=True))
    if not any(track.notes for track in music.tracks):
        raise ValueError("no notes")
    bar = first_bar(music)
    numbers = {
        "bar_ticks": bar,
        "pitch_class_entropy": muspy.pitch_class_entropy(music),
        "pitch_entropy": muspy.pitch_entropy(music),
        "n_pitches_used": muspy.n_pitches_used(music),
        "n_pitch_classes_used": muspy.n_pitch_classes_used(music),
        "pitch_range": muspy.pitch_range(music),
        "polyphony": muspy.polyphony(music),
        "polyphony_rate": muspy.polyphony_rate(music),
        "scale_consistency": muspy.scale_consistency(music),
        "pitch_in_d_minor_rate": muspy.pitch_in_scale_rate(music, 2, "minor"),
        "pitch_in_e_major_rate": muspy.pitch_in_scale_rate(music, 4, "major"),
        "empty_beat_rate": muspy.empty_beat_rate(music),
        "empty_measure_rate": muspy.empty_measure_rate(music, bar),
        "groove_consistency": muspy.groove_consistency(music, bar),
        "drum_in_duple_pattern_rate": muspy.drum_in_pattern_rate(music, "duple"),
        "drum_in_triple_pattern_rate": muspy.drum_in_pattern_rate(music, "triple"),
        "drum_pattern_consistency": muspy.drum_pattern_consistency(music),
    }
    return {name: None if math.isnan(value) else float(value) for name, value in numbers.items()}


def main(archive, output):
    warnings.simplefilter("ignore")
    with tarfile.open(archive) as tar:
        files = {
            member.name.removeprefix("./"): tar.extractfile(member).read()
            for member in tar
            if member.isfile() and member.name.endswith(".mid")
        }
    genres = {}
    for name in sorted(files):
        genres.setdefault(name.split("/")[0], []).append(name)
    chance = random.Random(SEED)
    for names in genres.values():
        chance.shuffle(names)
    golden = []
    while len(golden) < FILES and any(genres.values()):
        for names in genres.values():
            while names and len(golden) < FILES:
                name = names.pop()
                try:
                    numbers = measure(files[name])
                except Exception as error:
                    print(f"{name}: {error}", file=sys.stderr)
                    continue
                golden.append({"file": name} | numbers)
                break
    golden.sort(key=lambda row: row["file"])
    rows = ",\n".join(json.dumps(row) for row in golden)
    with open(output, "w", encoding="utf-8") as file:
        file.write(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
