#!/usr/bin/env bash
# Measures how far a 56 kbit/s mono mp3 and a 12 dB lower level move the genre mixture, and how well clips that the model has
# never seen are recognised; the model card shows the result.
#
#   scripts/robustness.sh ../shared/data/gtzan/audio/clips models/genre-table-1-robustness.json
#
# Needs ffmpeg with libmp3lame. Then `melisma run recipes/genre-table.toml` writes the card anew.
set -euo pipefail
clips=$(realpath "${1:?usage: scripts/robustness.sh CLIPS OUT.json}")
output=$(realpath "${2:?usage: scripts/robustness.sh CLIPS OUT.json}")
cd "$(dirname "$0")/.."
cargo build --release --quiet -p melisma
melisma=${CARGO_TARGET_DIR:-target}/release/melisma
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$clips" && find . -name '*.flac') | while read -r clip; do
  mkdir -p "$work/mp3/$(dirname "$clip")" "$work/quiet/$(dirname "$clip")"
  ffmpeg -nostdin -v error -i "$clips/$clip" -ac 1 -c:a libmp3lame -b:a 56k "$work/mp3/${clip%.flac}.mp3"
  ffmpeg -nostdin -v error -i "$clips/$clip" -af volume=-12dB -c:a pcm_f32le "$work/quiet/${clip%.flac}.wav"
done
features() { "$melisma" features "$1" --schema gtzan --pad reflect --window 3 --output "$2" 2>/dev/null; }
features "$clips" "$work/original.csv"
features "$work/mp3" "$work/mp3.csv"
features "$work/quiet" "$work/quiet.csv"
cargo run --release --quiet -p melisma-lab --example robustness -- recipes/genre-table.toml "$output" \
  "$work/original.csv" "mp3, 56 kbit/s mono=$work/mp3.csv" "12 dB quieter=$work/quiet.csv"
