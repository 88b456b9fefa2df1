#!/bin/sh
# Makes crates/audio/tests/fixtures: 0.2 s of a synthesised stereo sweep in every compressed format.
#
#   scripts/make_audio_fixtures.sh
#
# Needs ffmpeg (with libopus and libvorbis), lame, flac, oggenc and opusenc. The results are kept in the repository, so
# nothing but this script needs them. All sound is made here; no recording is used.
set -eu
cd "$(dirname "$0")/../crates/audio/tests/fixtures"
export LC_ALL=C

# Left: a sweep from 200 Hz to 2.7 kHz. Right: a steady 440 Hz tone, quieter. 0.2 s at 22,050 Hz, 4,410 frames.
ffmpeg -v error -y -f lavfi \
    -i "aevalsrc=0.5*sin(2*PI*(200*t+6333*t*t))|0.25*sin(2*PI*440*t):s=22050:d=0.2" \
    -c:a pcm_s16le -bitexact sweep.wav

ff() { ffmpeg -v error -y -i sweep.wav -bitexact "$@"; }
flac --silent --force --best --no-padding -o sweep.flac sweep.wav
ff -c:a flac -f ogg sweep.flac.ogg
lame --quiet -m j -b 64 --tt Sweep --ta Melisma --ty 2026 --tg Blues sweep.wav sweep.mp3
lame --quiet -t -m j -b 64 sweep.wav sweep_untagged.mp3
ff -c:a mp2 -b:a 64k sweep.mp2
oggenc -Q -q 3 --serial 1 -t Sweep -a Melisma -G Blues -o sweep.ogg sweep.wav
opusenc --quiet --bitrate 64 --serial 1 --title Sweep sweep.wav sweep.opus
ff -c:a libopus -b:a 64k sweep.webm
ff -c:a libopus -b:a 64k -strict -2 sweep.opus.mp4
ff -c:a aac -aac_coder fast -b:a 128k -metadata title=Sweep sweep.m4a
ff -c:a aac -aac_coder fast -b:a 128k sweep.aac
ff -c:a alac sweep.alac.m4a
ff -c:a alac sweep.alac.caf
ff -c:a pcm_s16be sweep.caf
ff -c:a pcm_s16be sweep.aiff
ff -c:a adpcm_ms sweep.adpcm_ms.wav
ff -c:a adpcm_ima_wav sweep.adpcm_ima.wav
ff -c:a pcm_mulaw sweep.mulaw.wav
# Surround, 48 kHz: six channels of the same tone.
ffmpeg -v error -y -f lavfi -i "sine=f=440:d=0.3:r=48000,volume=2,pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0" \
    -c:a libopus -b:a 96k -mapping_family 1 -bitexact tone51.opus
ls -l
