#!/usr/bin/env bash
# Plants copies and faults among clean clips, runs `melisma dataset check` on them, and prints how many of each kind were found.
# Usage: scripts/check_planted.sh CLIPS_FOLDER [WORK_FOLDER]   (needs ffmpeg and python3; CLIPS_FOLDER holds GENRE/NAME.flac)
set -euo pipefail
cd "$(dirname "$0")/.."
clips=$(realpath "$1")
work=${2:-$(mktemp -d)}
mkdir -p "$work"
melisma=${MELISMA:-target/debug/melisma}
[ -x "$melisma" ] || cargo build --quiet -p melisma
encode() { ffmpeg -nostdin -loglevel error -y "$@"; }

rm -rf "$work/planted" "$work/truth.tsv"
cp -r "$clips" "$work/planted"
cd "$work/planted"
# Every third clip gets one copy of each kind, in a folder of its own so that names do not clash.
n=0
find . -name '*.flac' | sort | sed 's|^\./||' | while read -r clip; do
  n=$((n + 1))
  [ $((n % 3)) -eq 1 ] || continue
  genre=$(dirname "$clip") base=$(basename "$clip" .flac)
  plant() { # kind, extension, ffmpeg options
    local kind=$1 extension=$2
    shift 2
    mkdir -p "$genre/$kind/$genre"
    encode -i "$clip" "$@" "$genre/$kind/$genre/$base.$extension"
    printf '%s\t%s\t%s\n' "$kind" "$clip" "$genre/$kind/$genre/$base.$extension" >>../truth.tsv
  }
  plant identical-file flac -c copy
  cp "$clip" "$genre/identical-file/$genre/$base.flac"
  plant same-samples-wav wav -c:a pcm_s16le
  plant mp3-128 mp3 -b:a 128k
  plant mp3-64 mp3 -b:a 64k
  plant mp3-32 mp3 -b:a 32k
  plant vorbis-q3 ogg -c:a libvorbis -q:a 3
  plant opus-48 opus -c:a libopus -b:a 48k
  plant gain-12dB wav -af volume=-12dB
  plant gain+3dB wav -af volume=3dB
  plant rate-44100 wav -ar 44100
  plant shift-1.3s wav -ss 1.3
  plant shift-1.3s-mp3-64 mp3 -ss 1.3 -b:a 64k
  plant cut-5s wav -ss 5
  plant first-half wav -t 9
  plant first-6s wav -t 6
  plant late-7s wav -af adelay=7000:all=1
  plant noise-30dB wav -filter_complex "anoisesrc=a=0.01:r=22050:seed=7[n];[0:a][n]amix=inputs=2:duration=first:normalize=0"
done
cd - >/dev/null
rm -f "$work/cache"
start=$(date +%s.%N)
"$melisma" dataset check "$clips" --kind folder --genre folder --json --threads 1 >"$work/clean.json" 2>/dev/null
end=$(date +%s.%N)
"$melisma" dataset check "$work/planted" --kind folder --genre folder --json --html "$work/report.html" --cache "$work/cache" >"$work/report.json"
python3 - "$work" "$start" "$end" <<'PY'
import json, sys
from collections import defaultdict
work, seconds = sys.argv[1], float(sys.argv[3]) - float(sys.argv[2])
clean = json.load(open(f"{work}/clean.json"))
print(f"clean: {clean['recordings']} clips, {clean['audio_s']:.0f} s of audio in {seconds:.1f} s "
      f"= {clean['audio_s'] / seconds:.0f} x real time on one thread")
for finding in clean["findings"]:
    print("  clean finding:", finding["kind"], finding["recordings"][:3], finding["detail"])
copies = [f for f in json.load(open(f"{work}/report.json"))["findings"] if f["kind"] in ("duplicate", "near-duplicate")]
parent = {}
def find(x):
    parent.setdefault(x, x)
    while parent[x] != x:
        x = parent[x]
    return x
for finding in copies:
    for other in finding["recordings"][1:]:
        parent[find(other)] = find(finding["recordings"][0])
truth, origin = defaultdict(list), {}
for line in open(f"{work}/truth.tsv"):
    kind, clip, copy = line.rstrip("\n").split("\t")
    truth[kind].append((clip, copy))
    origin[copy] = origin[clip] = clip
print("\n| planted | copies | found with their original |\n|---|---|---|")
for kind, pairs in truth.items():
    print(f"| {kind} | {len(pairs)} | {sum(find(a) == find(b) for a, b in pairs)} |")
strangers = {tuple(sorted({origin.get(r, r) for r in f["recordings"]})) for f in copies}
strangers = [s for s in strangers if len(s) > 1]
print(f"\nfindings that join different recordings: {len(strangers)}")
for s in strangers:
    print("  ", s)
PY
