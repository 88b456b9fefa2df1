//! The one module that is not safe code: stable Rust reaches the tile unit by assembly only.
//!
//! What makes it sound: [`Unit`] exists only where the processor says that it has the unit and the system has granted its use; [`Work`]
//! stays on the thread whose tiles it set up; and a block reads and writes slices whose lengths are checked before.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use crate::{BLOCK, TILE};

/// Says that tiles may be used.
#[derive(Debug, Clone, Copy)]
pub struct Unit(());

/// Tiles set up on this thread, until it is dropped.
pub(crate) struct Work(PhantomData<*const ()>);

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod imp {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid, __cpuid_count};

    /// Whether processor and system have tiles, and this process may use them.
    pub fn granted() -> bool {
        // Leaf 7: bits 22 and 24 of the last register are products in bfloat16 and tiles.
        const NEEDED: u32 = 1 << 22 | 1 << 24;
        // Leaf 1: the system saves what it is asked to.
        const SAVED: u32 = 1 << 27;
        #[allow(unused_unsafe)]
        // SAFETY: every processor of this architecture has the instruction.
        let (most, first) = unsafe { (__cpuid(0).eax, __cpuid(1)) };
        if most < 7 || first.ecx & SAVED == 0 {
            return false;
        }
        #[allow(unused_unsafe)]
        // SAFETY: as above, and the leaf exists.
        let seventh = unsafe { __cpuid_count(7, 0) };
        if seventh.edx & NEEDED != NEEDED {
            return false;
        }
        // The system asks for leave to be taken before (arch_prctl, ARCH_REQ_XCOMP_PERM, the tiles' state); older ones know no such call.
        let answer: i64;
        // SAFETY: a system call that only changes what this process may do; it clobbers what is named.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") 158_i64 => answer,
                in("rdi") 0x1023_i64,
                in("rsi") 18_i64,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        answer == 0
    }

    /// Sets up eight tiles of 16 rows of 64 bytes.
    pub fn set_up() {
        #[repr(C, align(64))]
        struct Setting([u8; 64]);
        let mut setting = Setting([0; 64]);
        setting.0[0] = 1;
        for tile in 0..8 {
            setting.0[16 + 2 * tile] = 64;
            setting.0[48 + tile] = 16;
        }
        // SAFETY: called with leave only; reads 64 bytes that are there.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &setting, options(nostack, readonly));
        }
    }

    /// Ends it.
    pub fn release() {
        // SAFETY: called with leave only.
        unsafe {
            asm!("tilerelease", options(nostack, nomem));
        }
    }

    /// `out = a b` for two strips of `deep` tiles and two panels of as many.
    ///
    /// # Safety
    /// Tiles are set up on this thread; `a` and `b` point to `2 * deep` tiles each, `deep` is at least 1, `out` to 32 rows of 32 numbers.
    pub unsafe fn block(a: *const u32, b: *const u32, deep: usize, out: *mut f32) {
        // SAFETY: by what the caller grants; each round reads one tile of each strip and panel.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm4, [{a0} + {row}*1]",
                "tileloadd tmm6, [{b0} + {row}*1]",
                "tileloadd tmm7, [{b1} + {row}*1]",
                "tileloadd tmm5, [{a1} + {row}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a0}, 1024",
                "add {a1}, 1024",
                "add {b0}, 1024",
                "add {b1}, 1024",
                "dec {deep}",
                "jnz 2b",
                "add {row}, {row}",
                "tilestored [{out} + {row}*1], tmm0",
                "tilestored [{out} + {row}*1 + 64], tmm1",
                "tilestored [{out} + {row}*1 + 2048], tmm2",
                "tilestored [{out} + {row}*1 + 2112], tmm3",
                a0 = inout(reg) a => _,
                a1 = inout(reg) a.add(deep * super::TILE) => _,
                b0 = inout(reg) b => _,
                b1 = inout(reg) b.add(deep * super::TILE) => _,
                deep = inout(reg) deep => _,
                row = inout(reg) 64_usize => _,
                out = in(reg) out,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod imp {
    pub fn granted() -> bool {
        false
    }

    pub fn set_up() {}

    pub fn release() {}

    /// # Safety
    /// Never called: no unit is ever granted here.
    pub unsafe fn block(_: *const u32, _: *const u32, _: usize, _: *mut f32) {}
}

impl Unit {
    /// The unit, if this processor has one and the system lets it be used.
    pub fn get() -> Option<Unit> {
        static GRANTED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        GRANTED.get_or_init(imp::granted).then_some(Unit(()))
    }

    /// Sets up the tiles of this thread.
    pub(crate) fn begin(&self) -> Work {
        imp::set_up();
        Work(PhantomData)
    }
}

impl Work {
    /// `out = a b` for two strips of tiles and two panels of as many.
    ///
    /// # Panics
    /// If they are not as many, or none.
    pub fn block(&self, a: &[u32], b: &[u32], out: &mut [f32; BLOCK * BLOCK]) {
        assert!(!a.is_empty() && a.len() == b.len() && a.len().is_multiple_of(2 * TILE));
        // SAFETY: `self` says that tiles are set up on this thread; both hold `2 * deep` tiles, and `out` is as long as it must be.
        unsafe { imp::block(a.as_ptr(), b.as_ptr(), a.len() / (2 * TILE), out.as_mut_ptr()) }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        imp::release();
    }
}
