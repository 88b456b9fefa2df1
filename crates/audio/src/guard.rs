//! Keeps a panic inside a foreign decoder from ending the program.
//!
//! Every call into Symphonia, lofty and the Opus decoder goes through [`guarded`], because they parse bytes that
//! strangers made. Not for our own code: a panic of ours is a bug to fix.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::Fault;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Silences the panic message of threads that are inside a guarded decoder call.
///
/// Such a panic becomes [`Error::Malformed`](crate::Error::Malformed), so its message on standard error would only
/// confuse. All other panics are reported as before. For a program to call once at its start; later calls do
/// nothing.
pub fn install_quiet_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !INSIDE.get() {
                previous(info);
            }
        }));
    });
}

/// Runs `call`; a panic in it becomes its message. For other crates' foreign code that is given strangers' bytes.
///
/// The caller must not use what `call` was changing after a panic.
///
/// # Errors
/// The panic's message.
pub fn contained<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    let outer = INSIDE.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(call));
    INSIDE.set(outer);
    outcome.map_err(|payload| {
        payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message")
            .to_owned()
    })
}

/// Runs `call`; a panic in it becomes [`Fault::Malformed`].
///
/// The caller must not use what `call` was changing after a panic.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Fault> {
    contained(call).map_err(|message| Fault::Malformed(format!("the decoder gave up ({message})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_fault() {
        install_quiet_panic_hook();
        install_quiet_panic_hook();
        let fault = guarded(|| -> () { panic!("index 3 out of range") }).unwrap_err();
        assert!(matches!(fault, Fault::Malformed(text) if text.contains("index 3 out of range")));
        assert_eq!(guarded(|| 7).unwrap(), 7);
    }
}
