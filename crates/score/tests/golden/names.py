"""Writes names.json: what music21 tokenises MIDI files to, to hold the design `names` against.

    pip install music21==10.5.1
    python names.py FOLDER_OF_MIDI_FILES COUNT KEPT names.json

Reads files of the folder in an order drawn with a seed, the first COUNT of them, as the reference did: read, part by instrument, name
the notes and chords of the first part. The folder KEPT keeps the tokens of each, so that a run can go on where it was ended; names.json
holds no music: of each file how many tokens there are, and the SHA-256 of their text, one a line. Of a file that music21 cannot read it
holds what music21 says.
"""
import hashlib
import json
import os
import random
import sys
import warnings

warnings.simplefilter("ignore")
from music21 import chord, converter, instrument, note

SEED = 1


def tokens(path):
    midi = converter.parse(path, forceSource=True)
    parts = instrument.partitionByInstrument(midi)
    source = parts.parts[0].recurse() if parts else midi.flatten().notes
    return [str(e.pitch) if isinstance(e, note.Note) else ".".join(map(str, e.normalOrder))
            for e in source if isinstance(e, (note.Note, chord.Chord))]


def main():
    folder, count, kept, output = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith((".mid", ".midi")))
    random.Random(SEED).shuffle(names)
    rows = []
    for name in sorted(names[:count]):
        path = os.path.join(kept, name + ".txt")
        if not os.path.exists(path):
            try:
                text = "".join(token + "\n" for token in tokens(os.path.join(folder, name)))
            except Exception as fault:
                text = f"!{type(fault).__name__}: {fault}\n"
            with open(path + ".part", "w") as file:
                file.write(text)
            os.replace(path + ".part", path)
        with open(path) as file:
            text = file.read()
        if text.startswith("!"):
            rows.append({"file": name, "fault": text[1:].strip()})
        else:
            rows.append({"file": name, "tokens": text.count("\n"), "sha256": hashlib.sha256(text.encode()).hexdigest()})
    with open(output, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
