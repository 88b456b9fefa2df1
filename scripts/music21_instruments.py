"""Writes what music21 knows of instruments' names, which the token design `names` needs to tell which notes are of the main part.

    python scripts/music21_instruments.py > crates/score/src/tokens/names/instruments.tsv

Needs music21. Lines, with tabs between: `class`, a class, its name or nothing, the class it is a kind of; `program`, a General MIDI
program, its class; `word`, what a track may be called, the class that is meant by it.
"""
import string

from music21 import instrument
from music21._version import __version__
from music21.languageExcerpts import instrumentLookup

# Punctuation is taken out of a name before it is looked up, so words with it are never found.
words = sorted((word, name) for word, name in instrumentLookup.allToClassName.items() if not set(word) & set(string.punctuation))
programs = []
for number in range(128):
    try:
        programs.append(type(instrument.instrumentFromMidiProgram(number)))
    except instrument.InstrumentException:
        programs.append(instrument.Instrument)

classes = set(programs) | {getattr(instrument, name) for _, name in words} | {instrument.UnpitchedPercussion}
for kind in list(classes):
    classes |= {above for above in kind.__mro__ if issubclass(above, instrument.Instrument)}


def depth(kind):
    return (len(kind.__mro__), kind.__name__)


print(f"# Names of instruments as music21 {__version__} (BSD-3-Clause) knows them; written by scripts/music21_instruments.py")
for kind in sorted(classes, key=depth):
    above = [base for base in kind.__bases__ if issubclass(base, instrument.Instrument)]
    assert len(above) <= 1, kind
    print("class", kind.__name__, kind().instrumentName or "", above[0].__name__ if above else "", sep="\t")
for number, kind in enumerate(programs):
    print("program", number, kind.__name__, sep="\t")
for word, name in words:
    assert "\t" not in word and word == word.strip(), word
    print("word", word, name, sep="\t")
