//! Work on blocks of rows by several threads, with results that do not depend on how many there are.
//!
//! The blocks are cut by size, never by thread, and each writes to its own place; sums over blocks are then taken in
//! the order of the blocks.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Calls `fill(block, part)` for every part of `out` that is `length` long (the last may be shorter).
pub(crate) fn for_blocks<T: Send>(
    threads: usize,
    out: &mut [T],
    length: usize,
    fill: impl Fn(usize, &mut [T]) + Sync,
) {
    let length = length.max(1);
    let blocks = out.len().div_ceil(length);
    let threads = threads.clamp(1, blocks.max(1));
    if threads == 1 {
        for (block, part) in out.chunks_mut(length).enumerate() {
            fill(block, part);
        }
        return;
    }
    let queue = Mutex::new(out.chunks_mut(length).enumerate());
    let work = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some((block, part)) => fill(block, part),
                None => break,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}

/// The results of `work(0)`, `work(1)`, … `work(count - 1)`, in that order.
pub(crate) fn map<R: Send>(threads: usize, count: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let mut results: Vec<Option<R>> = (0..count).map(|_| None).collect();
    for_blocks(threads, &mut results, 1, |item, slot| slot[0] = Some(work(item)));
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_filled_once_by_any_number_of_threads() {
        for threads in [0, 1, 2, 7] {
            let mut out = vec![0; 10];
            for_blocks(threads, &mut out, 3, |block, part| {
                part.iter_mut().for_each(|v| *v += block + 1)
            });
            assert_eq!(out, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]);
            assert_eq!(map(threads, 4, |item| item * item), [0, 1, 4, 9]);
        }
        for_blocks(2, &mut Vec::<u8>::new(), 0, |_, _| unreachable!());
    }
}
