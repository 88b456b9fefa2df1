//! Small pieces of text for people.

use melisma_learn::classify::GenreProbability;

/// Characters of a full bar.
const BAR: f64 = 40.0;

/// A bar of eighths of a character: `share` of the full length.
pub fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * BAR * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// One line per genre: name, percentage, bar.
pub fn genre_bars(genres: &[GenreProbability]) -> String {
    let widest = genres.iter().map(|g| g.genre.chars().count()).max().unwrap_or(0);
    let width = (widest + 1).max(10);
    let line = |g: &GenreProbability| {
        let share = g.probability * 100.0;
        format!("  {:width$}{share:6.2} %  {}", g.genre, bar(g.probability))
            .trim_end()
            .to_owned()
            + "\n"
    };
    genres.iter().map(line).collect()
}

/// Seconds as `m:ss.s`, or `h:mm:ss.s` from an hour on.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    let rest = format!("{:02}.{}", rest / 10, rest % 10);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest}")
    } else {
        format!("{minutes}:{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_bars() {
        assert_eq!(clock(0.0), "0:00.0");
        assert_eq!(clock(63.06), "1:03.1");
        assert_eq!(clock(3599.99), "1:00:00.0");
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0).chars().count(), 40);
        assert_eq!(bar(0.5 / 40.0), "▌");
        assert_eq!(bar(f64::NAN), "");
    }
}
