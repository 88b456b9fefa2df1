//! Dividing groups of items among parts and folds. Everything here counts; names are the caller's business.

use crate::Result;
use crate::rng::Rng;
use crate::split::{fault, folds::stratified_group_folds};

/// The items of each group, groups in order of their numbers, which count up from 0.
fn members(groups: &[usize]) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); groups.iter().max().map_or(0, |largest| largest + 1)];
    for (item, &group) in groups.iter().enumerate() {
        members[group].push(item);
    }
    members
}

/// Refuses to fill more parts than there are groups.
fn enough(groups: usize, parts: usize, what: &str) -> Result<()> {
    match groups < parts {
        true => Err(fault(format!("{parts} {what} of {groups} groups"))),
        false => Ok(()),
    }
}

/// Cuts the groups, in random order, into parts of these shares.
///
/// Each cut falls between the two groups where the sum of sizes is nearest to the sum of shares, so that a part misses
/// its share by one group's size at most, unless it is to hold less than one group.
pub(super) fn by_groups(groups: &[usize], fractions: &[f64], seed: u64) -> Result<Vec<u32>> {
    let mut order = members(groups);
    enough(order.len(), fractions.len(), "parts")?;
    Rng::new(seed).shuffle(&mut order);
    let total = groups.len() as f64;
    let mut sums = vec![0usize];
    sums.extend(order.iter().scan(0, |sum, items| {
        *sum += items.len();
        Some(*sum)
    }));
    let mut part_of = vec![0; groups.len()];
    let (mut from, mut share) = (0, 0.0);
    for (part, fraction) in fractions.iter().enumerate() {
        share += fraction;
        let target = share * total;
        // Every part takes one group at least and leaves one for each part to come.
        let last = order.len() - (fractions.len() - part - 1);
        let to = match part + 1 == fractions.len() {
            true => order.len(),
            false => (from + 1..=last)
                .min_by(|&a, &b| {
                    (sums[a] as f64 - target)
                        .abs()
                        .total_cmp(&(sums[b] as f64 - target).abs())
                })
                .unwrap_or(last),
        };
        order[from..to]
            .iter()
            .flatten()
            .for_each(|&item| part_of[item] = part as u32);
        from = to;
    }
    Ok(part_of)
}

/// Deals the groups, largest first and in random order among equals, each to the fold that has the fewest items.
///
/// Folds differ by one group's size at most.
pub(super) fn folds_by_groups(groups: &[usize], folds: usize, seed: u64) -> Result<Vec<u32>> {
    let mut order = members(groups);
    enough(order.len(), folds, "folds")?;
    Rng::new(seed).shuffle(&mut order);
    order.sort_by_key(|items| std::cmp::Reverse(items.len()));
    let mut sizes = vec![0; folds];
    let mut fold_of = vec![0; groups.len()];
    for items in order {
        let least = (0..folds).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
        sizes[least] += items.len();
        items.into_iter().for_each(|item| fold_of[item] = least as u32);
    }
    Ok(fold_of)
}

/// Cuts each class by itself; the rows that are left over go where most are wanting so far.
///
/// The count of a class in a part misses its share by less than one.
pub(super) fn by_class(classes: &[usize], fractions: &[f64], seed: u64) -> Vec<u32> {
    let mut rng = Rng::new(seed);
    let mut part_of = vec![0; classes.len()];
    let mut wanting = vec![0.0; fractions.len()];
    for mut items in members(classes) {
        rng.shuffle(&mut items);
        let shares: Vec<f64> = fractions.iter().map(|f| f * items.len() as f64).collect();
        // What rounding in the fractions took away must not cost a whole row.
        let mut counts: Vec<usize> = shares
            .iter()
            .map(|share| (share + 1e-9).floor() as usize)
            .collect();
        let left = items.len().saturating_sub(counts.iter().sum());
        for ((want, share), count) in wanting.iter_mut().zip(&shares).zip(&counts) {
            *want += share - *count as f64;
        }
        // Only where a share is no whole number may a row more be given.
        let mut open: Vec<usize> = (0..counts.len())
            .filter(|&part| shares[part] - counts[part] as f64 > 1e-9)
            .collect();
        open.sort_by(|&a, &b| wanting[b].total_cmp(&wanting[a]));
        for part in open.into_iter().take(left) {
            counts[part] += 1;
            wanting[part] -= 1.0;
        }
        let mut items = items.into_iter();
        for (part, count) in counts.into_iter().enumerate() {
            items
                .by_ref()
                .take(count)
                .for_each(|item| part_of[item] = part as u32);
        }
    }
    part_of
}

/// Keeps groups whole and spreads classes: groups are taken largest first, in random order among equals, and each goes
/// to the part in which it least raises the sum over classes of the squared miss of the share, relative to the share.
pub(super) fn by_class_and_groups(
    classes: &[usize],
    groups: &[usize],
    fractions: &[f64],
    seed: u64,
) -> Result<Vec<u32>> {
    let mut order = members(groups);
    enough(order.len(), fractions.len(), "parts")?;
    Rng::new(seed).shuffle(&mut order);
    order.sort_by_key(|items| std::cmp::Reverse(items.len()));
    let totals: Vec<f64> = members(classes).iter().map(|items| items.len() as f64).collect();
    let mut counts = vec![vec![0.0; totals.len()]; fractions.len()];
    let mut held: Vec<Vec<usize>> = vec![Vec::new(); fractions.len()];
    for (position, items) in order.iter().enumerate() {
        let mut added = vec![0.0; totals.len()];
        items.iter().for_each(|&item| added[classes[item]] += 1.0);
        let growth = |part: usize| -> f64 {
            let of_class = |class: usize| {
                let target = fractions[part] * totals[class];
                let a: f64 = added[class];
                a * (2.0 * (counts[part][class] - target) + a) / target
            };
            (0..totals.len())
                .filter(|&class| added[class] > 0.0)
                .map(of_class)
                .sum()
        };
        let best = (0..fractions.len())
            .min_by(|&a, &b| growth(a).total_cmp(&growth(b)))
            .unwrap_or(0);
        counts[best]
            .iter_mut()
            .zip(&added)
            .for_each(|(count, a)| *count += a);
        held[best].push(position);
    }
    // A part too small for any group gets the smallest of the part that has most.
    while let Some(empty) = held.iter().position(Vec::is_empty) {
        let most = (0..held.len()).max_by_key(|&part| held[part].len()).unwrap_or(0);
        let moved = held[most].pop();
        held[empty].extend(moved);
    }
    let mut part_of = vec![0; classes.len()];
    for (part, positions) in held.iter().enumerate() {
        for &position in positions {
            order[position]
                .iter()
                .for_each(|&item| part_of[item] = part as u32);
        }
    }
    Ok(part_of)
}

/// As [`by_class_and_groups`] for equal folds.
pub(super) fn folds_by_class_and_groups(
    classes: &[usize],
    groups: &[usize],
    folds: usize,
    seed: u64,
) -> Result<Vec<u32>> {
    let fold_of = stratified_group_folds(classes, groups, folds, seed)?;
    Ok(fold_of.into_iter().map(|fold| fold as u32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Groups numbered in order of appearance, as callers number them.
    fn numbered(raw: &[usize]) -> Vec<usize> {
        let mut seen = std::collections::HashMap::new();
        raw.iter()
            .map(|group| {
                let next = seen.len();
                *seen.entry(*group).or_insert(next)
            })
            .collect()
    }

    fn sizes(parts: &[u32], count: usize) -> Vec<usize> {
        (0..count)
            .map(|part| parts.iter().filter(|&&p| p as usize == part).count())
            .collect()
    }

    fn never_cross(parts: &[u32], groups: &[usize]) -> bool {
        members(groups)
            .iter()
            .all(|items| items.iter().all(|&i| parts[i] == parts[items[0]]))
    }

    prop_compose! {
        fn fractions()(weights in prop::collection::vec(1u32..10, 2..4)) -> Vec<f64> {
            let sum: u32 = weights.iter().sum();
            weights.iter().map(|w| f64::from(*w) / f64::from(sum)).collect()
        }
    }

    proptest! {
        #[test]
        fn groups_never_cross_and_shares_are_met_within_one(
            raw in prop::collection::vec(0usize..60, 30..300), fractions in fractions(), seed: u64
        ) {
            let groups = numbered(&raw);
            let largest = members(&groups).iter().map(Vec::len).max().unwrap();
            let parts = by_groups(&groups, &fractions, seed);
            prop_assume!(parts.is_ok());
            let parts = parts.unwrap();
            prop_assert!(never_cross(&parts, &groups));
            let sizes = sizes(&parts, fractions.len());
            prop_assert!(sizes.iter().all(|&size| size > 0));
            prop_assert_eq!(sizes.iter().sum::<usize>(), groups.len());
            let targets: Vec<f64> = fractions.iter().map(|f| f * groups.len() as f64).collect();
            if targets.iter().all(|&target| target >= largest as f64) {
                for (size, target) in sizes.iter().zip(&targets) {
                    prop_assert!((*size as f64 - target).abs() <= largest as f64, "{} {}", size, target);
                }
            }
        }

        #[test]
        fn folds_differ_by_one_group_at_most(
            raw in prop::collection::vec(0usize..60, 30..300), folds in 2usize..8, seed: u64
        ) {
            let groups = numbered(&raw);
            let largest = members(&groups).iter().map(Vec::len).max().unwrap();
            prop_assume!(members(&groups).len() >= folds);
            let parts = folds_by_groups(&groups, folds, seed).unwrap();
            prop_assert!(never_cross(&parts, &groups));
            let sizes = sizes(&parts, folds);
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= largest);
            prop_assert!(sizes.iter().all(|&size| size > 0));
        }

        #[test]
        fn classes_are_met_within_one_row(
            raw in prop::collection::vec(0usize..5, 10..300), fractions in fractions(), seed: u64
        ) {
            let classes = numbered(&raw);
            let parts = by_class(&classes, &fractions, seed);
            for items in members(&classes) {
                for (part, fraction) in fractions.iter().enumerate() {
                    let count = items.iter().filter(|&&i| parts[i] as usize == part).count() as f64;
                    prop_assert!((count - fraction * items.len() as f64).abs() < 1.0);
                }
            }
        }

        #[test]
        fn stratified_groups_never_cross_and_no_part_is_empty(
            raw in prop::collection::vec((0usize..4, 0usize..40), 20..200), fractions in fractions(), seed: u64
        ) {
            let (classes, groups): (Vec<_>, Vec<_>) = raw.into_iter().unzip();
            let (classes, groups) = (numbered(&classes), numbered(&groups));
            let parts = by_class_and_groups(&classes, &groups, &fractions, seed);
            prop_assume!(parts.is_ok());
            let parts = parts.unwrap();
            prop_assert!(never_cross(&parts, &groups));
            prop_assert!(sizes(&parts, fractions.len()).iter().all(|&size| size > 0));
        }
    }

    #[test]
    fn stratified_groups_come_near_the_shares_of_every_class() {
        // 100 artists of 2 to 6 tracks in one of four classes each.
        let groups: Vec<usize> = (0..100).flat_map(|g| vec![g; 2 + g % 5]).collect();
        let classes: Vec<usize> = groups.iter().map(|g| g % 4).collect();
        let parts = by_class_and_groups(&classes, &groups, &[0.7, 0.15, 0.15], 1).unwrap();
        for items in members(&classes) {
            for (part, fraction) in [0.7, 0.15, 0.15].iter().enumerate() {
                let count = items.iter().filter(|&&i| parts[i] as usize == part).count() as f64;
                assert!((count - fraction * items.len() as f64).abs() <= 6.0, "{count}");
            }
        }
    }
}
