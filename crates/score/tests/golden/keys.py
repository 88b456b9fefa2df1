"""Writes keys.json: music21's keys of 100 MIDI files, to hold melisma_score::analysis::key against.

    pip install music21==10.5.1 mido
    python keys.py PATH/TO/midi.tar.xz keys.json

The files are drawn with a seed, as evenly as can be from every genre (folder) of the archive, among those that mido (clip=True) reads and in
which some tone has a length. Each has two answers of `music21.analysis.discrete.KrumhanslSchmuckler`:

- `key`, `correlation`, `runner_up`: of a stream of the file's notes with their exact lengths, drums left out;
- `parsed`: of the file as music21 reads it (quantised, percussion left out); null where it does not.
"""

import io
import json
import random
import sys
import tarfile
import tempfile
import warnings

import mido
from music21 import analysis, converter, note, stream

FILES = 100
SEED = 7


def tones(data):
    """Pitch and length in quarters of every note that is no drum; those that are never let go end with their track."""
    midi = mido.MidiFile(file=io.BytesIO(data), clip=True)
    found = []
    for track in midi.tracks:
        time, sounding = 0, {}
        for message in track:
            time += message.time
            if message.type not in ("note_on", "note_off") or message.channel == 9:
                continue
            key = (message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                sounding.setdefault(key, []).append(time)
            elif sounding.get(key):
                start = sounding[key].pop(0)
                found.append((message.note, (time - start) / midi.ticks_per_beat))
        for (_, pitch), starts in sounding.items():
            found.extend((pitch, (time - start) / midi.ticks_per_beat) for start in starts)
    return found


def name(key):
    return f"{key.tonic.pitchClass} {key.mode}"


def keys(flat):
    best = analysis.discrete.KrumhanslSchmuckler().getSolution(flat)
    others = best.alternateInterpretations
    return {"key": name(best), "correlation": best.correlationCoefficient, "runner_up": name(others[0])}


def exact(data):
    notes = [(pitch, length) for pitch, length in tones(data) if length > 0]
    if not notes:
        raise ValueError("no tones")
    flat = stream.Stream()
    at = 0.0
    for pitch, length in notes:
        one = note.Note(pitch)
        one.duration.quarterLength = length
        flat.insert(at, one)
        at += 1.0
    return keys(flat)


def parsed(data):
    with tempfile.NamedTemporaryFile(suffix=".mid") as file:
        file.write(data)
        file.flush()
        score = converter.parse(file.name, forceSource=True)
    flat = stream.Stream()
    for one in score.flatten().notes:
        if one.isNote or (one.isChord and not hasattr(one, "getChord") and one.pitches):
            flat.insert(one.offset, one)
    return keys(flat)["key"]


def main(archive, output):
    warnings.simplefilter("ignore")
    with tarfile.open(archive) as tar:
        files = {
            member.name.removeprefix("./"): tar.extractfile(member).read()
            for member in tar
            if member.isfile() and member.name.endswith(".mid")
        }
    genres = {}
    for path in sorted(files):
        genres.setdefault(path.split("/")[0], []).append(path)
    chance = random.Random(SEED)
    for names in genres.values():
        chance.shuffle(names)
    golden = []
    while len(golden) < FILES and any(genres.values()):
        for names in genres.values():
            while names and len(golden) < FILES:
                path = names.pop()
                try:
                    row = exact(files[path])
                except Exception as error:
                    print(f"{path}: {error}", file=sys.stderr)
                    continue
                try:
                    row["parsed"] = parsed(files[path])
                except Exception as error:
                    print(f"{path}: not parsed: {error}", file=sys.stderr)
                    row["parsed"] = None
                golden.append({"file": path} | row)
                print(len(golden), path, file=sys.stderr)
                break
    golden.sort(key=lambda row: row["file"])
    rows = ",\n".join(json.dumps(row) for row in golden)
    with open(output, "w", encoding="utf-8") as file:
        file.write(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
