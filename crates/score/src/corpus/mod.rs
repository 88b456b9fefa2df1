//! Corpora: many songs as tokens in one file, with the bounds of the songs and their parts in training and test.
//!
//! A file is a header of JSON (the design, its vocabularies, the songs) and then tokens of two bytes, little end first. It is
//! never read as a whole: a window of a song is fetched from its place in the file, which the operating system keeps in memory
//! as it does a mapped one (a map itself would need code that this project forbids).

mod file;
mod songs;
mod split;

pub use file::{Corpus, Header, Song, write};
pub use songs::{Groups, group, normal_title};
pub use split::{Part, Shares, split};
