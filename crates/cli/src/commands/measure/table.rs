//! The tables that people read.

use std::io::{self, Write};

use melisma_score::analysis::{Analysis, Section};
use melisma_score::measures::{CopyRate, Difference, Measures};

use super::{Comparison, Measured};

/// What the table shows of a piece: head, digits after the point, value.
type Column = (&'static str, usize, fn(&Measures) -> f64);

const COLUMNS: [Column; 11] = [
    ("notes", 0, |m| f64::from(m.notes)),
    ("bars", 0, |m| f64::from(m.bars)),
    ("pc-ent", 2, |m| m.pitch_class_entropy),
    ("pc-ent4", 2, |m| m.pitch_class_entropy_4_bars),
    ("scale", 2, |m| m.scale_consistency),
    ("range", 0, |m| f64::from(m.pitch_range)),
    ("polyph", 2, |m| m.polyphony),
    ("empty", 2, |m| m.empty_beat_rate),
    ("groove", 3, |m| m.groove_consistency),
    ("struct4", 2, |m| m.structureness_mid),
    ("repeat4", 2, |m| m.self_repetition_4_bars),
];

/// The same of copies.
type CopyColumn = (&'static str, usize, fn(&CopyRate) -> f64);

const COPY_COLUMNS: [CopyColumn; 3] = [
    ("copy4", 2, |c| c.exact.share_4_bars),
    ("copy4t", 2, |c| c.transposed.share_4_bars),
    ("longest", 0, |c| f64::from(c.transposed.longest_bars)),
];

/// Characters of a number's column.
const WIDTH: usize = 8;
/// Characters of the longest name that is shown whole.
const NAME: usize = 40;

/// One row per piece, and the means.
pub fn pieces(rows: &[(String, Measured)], out: &mut impl Write) -> io::Result<()> {
    let copies = rows.iter().any(|(_, row)| row.copies.is_some());
    let longest = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let width = longest.clamp(4, NAME);
    write!(out, "{:width$}", "file")?;
    let copy_heads = COPY_COLUMNS.iter().map(|column| column.0).filter(|_| copies);
    for head in COLUMNS.iter().map(|column| column.0).chain(copy_heads) {
        write!(out, "{head:>WIDTH$}")?;
    }
    writeln!(out)?;
    let mut sums = vec![(0.0, 0_u32); COLUMNS.len() + COPY_COLUMNS.len()];
    for (name, row) in rows {
        write!(out, "{:width$}", shown(name))?;
        let values = COLUMNS
            .iter()
            .map(|(_, digits, value)| (*digits, value(&row.measures)));
        let copied = row.copies.iter().flat_map(|copies| {
            COPY_COLUMNS
                .iter()
                .map(move |(_, digits, value)| (*digits, value(copies)))
        });
        for ((digits, value), sum) in values.chain(copied).zip(&mut sums) {
            write!(out, "{}", number(value, digits))?;
            if !value.is_nan() {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
        writeln!(out)?;
    }
    if rows.len() > 1 {
        write!(out, "{:width$}", "mean")?;
        let digits = COLUMNS
            .iter()
            .map(|c| c.1)
            .chain(COPY_COLUMNS.iter().map(|c| c.1).filter(|_| copies));
        for ((sum, count), digits) in sums.iter().zip(digits) {
            // Means of whole numbers have a digit more.
            write!(out, "{}", number(sum / f64::from(*count), digits.max(1)))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What was found out about one piece, a line each: key, swing, form, chords, and a line for each track.
pub fn analysis(
    found: &Analysis,
    instruments: &[String],
    measures: &Measures,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out)?;
    match &found.key {
        Some(key) => writeln!(
            out,
            "{:12}{} (correlation {:.3}; next {}, {:.3})",
            "key", key.key, key.strength, key.runner_up, key.runner_up_strength
        )?,
        None => writeln!(out, "{:12}-", "key")?,
    }
    match measures.swing_ratio.is_nan() {
        true => writeln!(out, "{:12}-", "swing")?,
        false => writeln!(
            out,
            "{:12}{:.2} to 1 (long to short eighth); {:.0} % of the off-beat eighths are swung",
            "swing",
            measures.swing_ratio,
            100.0 * measures.swung_eighth_share
        )?,
    }
    writeln!(out, "{:12}{}", "form", found.form)?;
    let lengths = found.sections.iter().map(|row| &row.section);
    let told: Vec<String> = lengths
        .map(|s: &Section| format!("{} {}", s.name(), s.bars))
        .collect();
    lines("sections", &told, out)?;
    let chords = found.chords.iter().filter(|span| span.chord.is_some());
    let flats = found.key.is_some_and(|found| found.key.sharps() <= 0);
    let names: Vec<String> = chords.map(|span| span.name(flats)).collect();
    lines("chords", &names, out)?;
    for (at, (role, instrument)) in found.roles.iter().zip(instruments).enumerate() {
        let head = if at == 0 { "tracks" } else { "" };
        writeln!(
            out,
            "{head:12}{:8}{instrument} (mean pitch {:.0}, {:.2} notes at once, in {:.0} % of the piece)",
            role.role.name(),
            role.pitch,
            role.polyphony,
            100.0 * role.coverage
        )?;
    }
    Ok(())
}

/// Words under a head in lines that a terminal holds; of very many the first.
fn lines(head: &str, words: &[String], out: &mut impl Write) -> io::Result<()> {
    const MOST: usize = 64;
    let mut line = format!("{head:12}");
    for word in words.iter().take(MOST) {
        if line.chars().count() + word.chars().count() > 100 {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(12);
        }
        line.push_str(word);
        line.push_str("  ");
    }
    match words.len() > MOST {
        true => writeln!(out, "{}… ({} in all)", line, words.len()),
        false => writeln!(out, "{}", line.trim_end()),
    }
}

/// One row per measure, and the copies.
pub fn comparison(found: &Comparison, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{} pieces here, {} there; intervals hold 95 %",
        found.pieces[0], found.pieces[1]
    )?;
    let heads = ["here", "there", "differ", "from", "to", "std", "overlap", "KL"];
    write!(out, "{:28}", "measure")?;
    for head in heads {
        write!(out, "{head:>10}")?;
    }
    writeln!(out)?;
    for row in &found.measures {
        write!(out, "{:28}", row.measure)?;
        let Difference {
            means,
            difference,
            interval,
            standardised,
            overlap,
            divergence,
            ..
        } = row;
        for value in [
            means[0],
            means[1],
            *difference,
            interval[0],
            interval[1],
            *standardised,
            *overlap,
            *divergence,
        ] {
            write!(out, "  {}", number(value, 3))?;
        }
        writeln!(out)?;
    }
    for (name, copies) in [
        ("copied exactly", &found.copies.exact),
        ("copied, transposed or not", &found.copies.transposed),
    ] {
        writeln!(
            out,
            "{name:28} bars{}, spans of 2{}, 4{}, 8{}; longest {} bars",
            number(copies.share_1_bar, 3),
            number(copies.share_2_bars, 3),
            number(copies.share_4_bars, 3),
            number(copies.share_8_bars, 3),
            copies.longest_bars
        )?;
    }
    Ok(())
}

fn number(value: f64, digits: usize) -> String {
    match value.is_nan() {
        true => format!("{:>WIDTH$}", "-"),
        false => format!("{value:WIDTH$.digits$}"),
    }
}

/// The name, its front cut off if it is long; a stranger's name must not steer the terminal.
fn shown(name: &str) -> String {
    let clean: Vec<char> = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match clean.len() > NAME {
        true => "…"
            .chars()
            .chain(clean[clean.len() - NAME + 1..].iter().copied())
            .collect(),
        false => clean.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_keep_to_their_columns() {
        assert_eq!(number(f64::NAN, 2), "       -");
        assert_eq!(
            number(2.345, 2),
            "    2.35".replace("2.35", &format!("{:.2}", 2.345))
        );
        assert_eq!(shown("a\u{1b}b"), "a b");
        let long = shown(&format!("{}end", "x".repeat(60)));
        assert!(long.starts_with('…') && long.ends_with("end") && long.chars().count() == NAME);
    }
}
