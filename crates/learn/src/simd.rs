//! Running a piece of code with the processor's vector units.

use pulp::Arch;

/// Evaluates an expression with the vector instructions of the processor at hand (chosen by `pulp` when the program runs).
///
/// What the code calls must be `#[inline(always)]` to be compiled along. The order of the operations is written
/// down in that code, and none are fused, so the result is the same on every processor.
macro_rules! vectorise {
    ($arch:expr, $code:expr) => {{
        // Moving a value out makes the closure callable once only. Any other closure would be called through a
        // generated function of the baseline processor, and stay there.
        let once = $crate::simd::Once;
        $arch.dispatch(
            #[inline(always)]
            || {
                let _once: $crate::simd::Once = once;
                $code
            },
        )
    }};
}

pub(crate) use vectorise;

/// Has no value and cannot be copied: see [`vectorise`].
pub(crate) struct Once;

/// The vector units at hand.
pub(crate) fn arch() -> Arch {
    Arch::new()
}
