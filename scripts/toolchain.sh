# Sourced by quickstart and test: says what is missing before a compiler does.
if ! command -v cargo >/dev/null; then
  echo "melisma needs Rust 1.95 or newer: install it from https://rustup.rs" >&2
  exit 2
fi
if ! command -v cc >/dev/null && ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
  echo "melisma needs a C toolchain for linking: on Debian, apt-get install gcc libc6-dev; on macOS, xcode-select --install" >&2
  exit 2
fi
