//! Any bytes as a MIDI file; what is read is written, read back the same from then on, analysed and tokenised; and any bytes as tokens, and
//! as a text of tokens.

#![no_main]

use libfuzzer_sys::fuzz_target;
use melisma_score::analysis::Analysis;
use melisma_score::tokens::{Compound, Design, Events, MAX_NAMES, Names, Piece, TokenStream};
use melisma_score::{parse, to_bytes};

thread_local! {
    /// Made once: its vocabulary is long.
    static NAMES: Names = Names::new();
}

fuzz_target!(|data: &[u8]| {
    if let Ok(read) = parse(data) {
        let once = parse(&to_bytes(&read.score)).expect("our own writing is readable").score;
        let twice = parse(&to_bytes(&once)).expect("our own writing is readable");
        assert_eq!(once, twice.score);
        assert!(twice.repairs.is_empty(), "our own writing needs no repair: {:?}", twice.repairs);
        let bars = once.bars();
        assert!(bars.windows(2).all(|two| two[0].end == two[1].start));
        let clock = once.clock();
        assert!(clock.seconds(once.end()).is_finite());
        assert_eq!(Analysis::of(&once).roles.len(), once.tracks.len());
        for design in [&Events::new() as &dyn Design, &Events::with_chords(), &Compound::new()] {
            let decoded = design.decode(&design.encode(&once)).expect("what was encoded can be decoded");
            assert_eq!(decoded, design.quantised(&once));
        }
        NAMES.with(|names| {
            let (again, tokens) = names.encode_file(data).expect("what was read is named");
            assert_eq!(again.score, read.score);
            assert!(tokens.len() <= MAX_NAMES);
            let tokens = names.encode(&once);
            if tokens.len() < 10_000 {
                let decoded = names.decode(&tokens).expect("what was encoded can be decoded");
                assert_eq!(names.encode(&decoded), tokens);
            }
        });
    }
    if let Ok(stream) = TokenStream::parse(data.to_vec()) {
        assert!(stream.tokens.iter().all(|token| usize::from(*token) < stream.vocabulary.len()));
    }
    let (pairs, _) = data.as_chunks::<2>();
    let tokens: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair) % 900).collect();
    for design in [&Events::new() as &dyn Design, &Events::with_chords(), &Compound::new()] {
        if let Ok(score) = design.decode(&tokens) {
            assert_eq!(Piece::of(&score).score(), score);
        }
    }
});
