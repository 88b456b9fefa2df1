//! Grouped cross-validation: no group is ever on both sides.

use std::collections::BTreeMap;

use crate::Result;
use crate::rng::Rng;
use crate::split::fault;

/// Assigns each item to one of `folds` folds so that items of one group share a fold and the classes spread evenly.
///
/// Groups are taken by size, largest first and in random order among equals, and each goes to the fold in which it
/// least raises the sum of squared class counts. Returns the fold of every item.
///
/// # Errors
/// [`Error::Split`](crate::Error::Split) when lengths differ, or there are fewer than two folds or fewer groups than folds.
pub fn stratified_group_folds(
    classes: &[usize],
    groups: &[usize],
    folds: usize,
    seed: u64,
) -> Result<Vec<usize>> {
    if classes.len() != groups.len() {
        return Err(fault(format!(
            "{} classes but {} groups",
            classes.len(),
            groups.len()
        )));
    }
    let width = classes.iter().max().map_or(0, |largest| largest + 1);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (item, &group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(item);
    }
    if folds < 2 || members.len() < folds {
        return Err(fault(format!("{folds} folds of {} groups", members.len())));
    }
    let mut order: Vec<Vec<usize>> = members.into_values().collect();
    Rng::new(seed).shuffle(&mut order);
    order.sort_by_key(|items| std::cmp::Reverse(items.len()));
    let mut counts = vec![vec![0i64; width]; folds];
    let mut sizes = vec![0; folds];
    let mut fold_of = vec![0; classes.len()];
    for items in order {
        let mut added = vec![0i64; width];
        items.iter().for_each(|&item| added[classes[item]] += 1);
        let growth = |fold: usize| {
            counts[fold]
                .iter()
                .zip(&added)
                .map(|(c, a)| a * (2 * c + a))
                .sum::<i64>()
        };
        let best = (0..folds)
            .min_by_key(|&fold| (growth(fold), sizes[fold]))
            .unwrap_or(0);
        counts[best]
            .iter_mut()
            .zip(&added)
            .for_each(|(count, a)| *count += a);
        sizes[best] += items.len();
        items.into_iter().for_each(|item| fold_of[item] = best);
    }
    Ok(fold_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn groups_never_cross_and_every_fold_is_used(
            items in prop::collection::vec((0usize..5, 0usize..30), 60..200), folds in 2usize..6, seed: u64
        ) {
            let (classes, groups): (Vec<_>, Vec<_>) = items.into_iter().unzip();
            let distinct = groups.iter().collect::<std::collections::BTreeSet<_>>().len();
            prop_assume!(distinct >= folds);
            let fold_of = stratified_group_folds(&classes, &groups, folds, seed).unwrap();
            for (i, a) in groups.iter().enumerate() {
                for (j, b) in groups.iter().enumerate() {
                    prop_assert!(a != b || fold_of[i] == fold_of[j]);
                }
            }
            for fold in 0..folds {
                prop_assert!(fold_of.contains(&fold));
            }
            prop_assert_eq!(fold_of, stratified_group_folds(&classes, &groups, folds, seed).unwrap());
        }
    }

    #[test]
    fn single_tracks_are_stratified() {
        let classes: Vec<usize> = (0..100).map(|i| i % 10).collect();
        let groups: Vec<usize> = (0..100).collect();
        let fold_of = stratified_group_folds(&classes, &groups, 5, 3).unwrap();
        for class in 0..10 {
            for fold in 0..5 {
                assert_eq!(
                    (0..100)
                        .filter(|&i| classes[i] == class && fold_of[i] == fold)
                        .count(),
                    2
                );
            }
        }
    }

    #[test]
    fn too_few_groups_are_an_error() {
        assert!(stratified_group_folds(&[0, 1, 0], &[4, 4, 5], 3, 0).is_err());
        assert!(stratified_group_folds(&[0, 1], &[4], 2, 0).is_err());
    }
}
