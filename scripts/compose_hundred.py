"""Composes a hundred pieces of 32 bars in four settings and checks that each is as it was asked for.

usage: python3 scripts/compose_hundred.py MELISMA FOLDER [MORE ARGUMENTS OF COMPOSE...]

Bars and instruments are read from the written files by `melisma measure`, the tempo is the file's (the design tells tempos in steps of
5 %), the key as composing hears it and as the analysis of scores does, which is music21's. Prints counts; takes that are there are kept.
"""

import json
import subprocess
import sys
import time

melisma, folder, *more = sys.argv[1:]
SETTINGS = [
    ("trio", "F", 180, ["piano", "bass", "drums"], "AABA"),
    ("quartet", "Bb", 140, ["piano", "bass", "drums", "tenor sax"], "AABA"),
    ("guitar", "C minor", 120, ["jazz guitar", "bass", "drums", "trumpet"], None),
    ("quintet", "Eb", 200, ["piano", "bass", "drums", "trumpet", "trombone"], "AABA"),
]
NAMES = {"piano": "acoustic grand piano", "bass": "acoustic bass"}


def run(*arguments):
    out = subprocess.run([melisma, *map(str, arguments)], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


counts = dict.fromkeys(["pieces", "bars", "tempo", "instruments", "key", "key by the analysis"], 0)
seconds = []
for number, (name, key, tempo, instruments, form) in enumerate(SETTINGS):
    form = ["--form", form] if form else []
    place = f"{folder}/{name}"
    began = time.time()
    takes = run("compose", "--genre", "jazz", "--key", key, "--tempo", tempo, "--bars", 32, "--instruments", ",".join(instruments),
                *form, "--count", 25, "--seed", 1000 * number + 1, "--output", place, "--json", *more)
    seconds += [take["composing_seconds"] for take in takes]
    told = {take["output"]: take for take in takes}
    asked = key if "minor" in key else f"{key} major"
    for line in run("measure", place, "--json"):
        counts["pieces"] += 1
        counts["bars"] += line["measures"]["bars"] == 32
        counts["instruments"] += sorted(line["instruments"]) == sorted(NAMES.get(i, i) for i in instruments)
        counts["key by the analysis"] += line["analysis"]["key"]["key"] == asked
        take = told.get(line["file"])
        counts["tempo"] += take is not None and abs(take["tempo"] / tempo - 1) < 0.05
        counts["key"] += take is not None and take["key"] == asked
for name, count in counts.items():
    print(f"{name}: {count}")
if seconds:
    seconds.sort()
    print(f"seconds a piece, as many at once as there are processors: median {seconds[len(seconds) // 2]:.1f}, longest {seconds[-1]:.1f}")
