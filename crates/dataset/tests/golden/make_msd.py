"""Makes song.h5 and summary.h5: the layout of the Million Song Dataset, written as its authors did, with PyTables.

Usage: python make_msd.py   (needs the package tables; writes beside itself)
"""
import os

import numpy as np
import tables

I, F, S = tables.IntCol, tables.Float64Col, tables.StringCol


class Metadata(tables.IsDescription):
    artist_familiarity = F()
    artist_hotttnesss = F()
    artist_id = S(32)
    artist_location = S(1024)
    artist_mbid = S(40)
    artist_name = S(1024)
    genre = S(1024)
    release = S(1024)
    song_id = S(32)
    title = S(1024)
    track_7digitalid = I()


class Analysis(tables.IsDescription):
    analysis_sample_rate = I()
    audio_md5 = S(32)
    duration = F()
    key = I()
    loudness = F()
    mode = I()
    tempo = F()
    time_signature = I()
    track_id = S(32)


class MusicBrainz(tables.IsDescription):
    idx_artist_mbtags = I()
    year = I()


def write(name, songs, segments):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    with tables.open_file(path, "w", filters=tables.Filters(complevel=1, complib="zlib")) as file:
        groups = [file.create_group("/", g) for g in ("metadata", "analysis", "musicbrainz")]
        made = [file.create_table(g, "songs", d) for g, d in zip(groups, (Metadata, Analysis, MusicBrainz))]
        for number, (track, artist, title) in enumerate(songs):
            for table, values in zip(
                made,
                (
                    dict(artist_name=artist.encode(), title=title.encode(), release=b"Release"),
                    dict(track_id=track.encode(), duration=200.5 + number, tempo=120.0 + number, loudness=-7.5),
                    dict(year=1987 + number),
                ),
            ):
                row = table.row
                for key, value in values.items():
                    row[key] = value
                row.append()
        for table in made:
            table.flush()
        if segments:
            values = np.arange(segments * 12, dtype=float).reshape(segments, 12)
            for key, scale in (("segments_timbre", 1.0), ("segments_pitches", 0.01)):
                file.create_earray(groups[1], key, tables.Float64Atom(), (0, 12)).append(values * scale)


write("msd_song.h5", [("TRAXLZU12903D05F94", "Rick Astley", "Never Gonna Give You Up")], 5)
write("msd_summary.h5", [(f"TRAAA{n:013}", f"Ärtist {n % 7}", f"Title {n}") for n in range(1500)], 0)
