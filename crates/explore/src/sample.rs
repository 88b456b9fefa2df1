//! A random sample of a stream of rows whose length nobody knows, in bounded memory.
//!
//! Every row is given a random number by the seed and its place in the stream, and the rows with the least numbers stay (bottom-k
//! sampling): every set of rows is as likely as any other, and samples of parts of a stream merge into a sample of the whole. A floor keeps
//! rare classes visible: the least numbers of each class stay as well.

use std::collections::{BTreeMap, BinaryHeap};

use melisma_dataset::rng::Rng;

use crate::{Error, Result};

/// A row in the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn<T> {
    /// The row's place in the stream, from 0.
    pub place: u64,
    /// Its class, if it has one.
    pub class: Option<usize>,
    /// What was kept of it.
    pub row: T,
}

/// A random number and what it belongs to, ordered by number and place.
#[derive(Debug, Clone)]
struct Ticket<T> {
    number: u64,
    drawn: Drawn<T>,
}

impl<T> Ticket<T> {
    fn key(&self) -> (u64, u64) {
        (self.number, self.drawn.place)
    }
}

impl<T> PartialEq for Ticket<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Ticket<T> {}

impl<T> PartialOrd for Ticket<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ticket<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// The tickets with the least numbers, as many as it may hold.
type Least<T> = BinaryHeap<Ticket<T>>;

/// Draws rows from a stream.
#[derive(Debug, Clone)]
pub struct Reservoir<T> {
    capacity: usize,
    floor: usize,
    seed: u64,
    seen: u64,
    all: Least<T>,
    /// The rows of a class that its floor may need, and how many rows of it were seen.
    classes: BTreeMap<usize, (Least<T>, u64)>,
}

impl<T: Clone> Reservoir<T> {
    /// A sample of `capacity` rows, with at least `floor` of each class as far as there are so many (0: no floors). Floors
    /// that exceed the capacity together are brought down; no more than `capacity` classes have one. At most
    /// `capacity · (floor + 1)` rows are held.
    ///
    /// # Errors
    /// [`Error::Params`] when the capacity is 0 or less than the floor.
    pub fn new(capacity: usize, floor: usize, seed: u64) -> Result<Self> {
        if capacity == 0 || floor > capacity {
            return Error::params(
                "sample",
                format!("{capacity} rows with at least {floor} of each class"),
            );
        }
        Ok(Reservoir {
            capacity,
            floor,
            seed,
            seen: 0,
            all: BinaryHeap::new(),
            classes: BTreeMap::new(),
        })
    }

    /// Offers the next row of the stream; `row` is called only if it is kept, for the time being.
    pub fn offer(&mut self, class: Option<usize>, row: impl FnOnce() -> T) {
        let place = self.seen;
        self.seen += 1;
        let number = Rng::new(self.seed ^ place.wrapping_mul(0x9FB2_1C65_1E98_DF25)).next_u64();
        let key = (number, place);
        let for_all = has_room(&self.all, self.capacity, key);
        let mut rare = None;
        if let Some(class) = class.filter(|_| self.floor > 0) {
            let known = self.classes.len();
            if known < self.capacity || self.classes.contains_key(&class) {
                let (least, count) = self
                    .classes
                    .entry(class)
                    .or_insert_with(|| (BinaryHeap::new(), 0));
                *count += 1;
                rare = Some(least).filter(|least| has_room(least, self.floor, key));
            }
        }
        if !for_all && rare.is_none() {
            return;
        }
        let drawn = Drawn {
            place,
            class,
            row: row(),
        };
        let ticket = Ticket { number, drawn };
        if let Some(least) = rare {
            keep(least, self.floor, ticket.clone());
        }
        if for_all {
            keep(&mut self.all, self.capacity, ticket);
        }
    }

    /// How many rows were offered.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// How many rows of each class with a floor were offered.
    pub fn class_counts(&self) -> BTreeMap<usize, u64> {
        self.classes
            .iter()
            .map(|(&class, (_, count))| (class, *count))
            .collect()
    }

    /// The rows drawn, in the order of the stream.
    pub fn finish(self) -> Vec<Drawn<T>> {
        let floor = self.floor.min(self.capacity / self.classes.len().max(1));
        let mut chosen: BTreeMap<u64, Drawn<T>> = BTreeMap::new();
        for (least, _) in self.classes.into_values() {
            for ticket in least.into_sorted_vec().into_iter().take(floor) {
                chosen.insert(ticket.drawn.place, ticket.drawn);
            }
        }
        for ticket in self.all.into_sorted_vec() {
            if chosen.len() >= self.capacity {
                break;
            }
            chosen.entry(ticket.drawn.place).or_insert(ticket.drawn);
        }
        chosen.into_values().collect()
    }
}

fn has_room<T>(least: &Least<T>, capacity: usize, key: (u64, u64)) -> bool {
    least.len() < capacity || least.peek().is_some_and(|greatest| key < greatest.key())
}

fn keep<T>(least: &mut Least<T>, capacity: usize, ticket: Ticket<T>) {
    least.push(ticket);
    if least.len() > capacity {
        least.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(n: u64, capacity: usize, floor: usize, seed: u64) -> Vec<Drawn<u64>> {
        let mut reservoir = Reservoir::new(capacity, floor, seed).unwrap();
        for place in 0..n {
            reservoir.offer(Some(usize::from(place % 1000 == 7)), || place);
        }
        assert_eq!(reservoir.seen(), n);
        reservoir.finish()
    }

    #[test]
    fn every_row_is_as_likely_as_any_other() {
        let mut hits = [0; 10];
        for seed in 0..2000 {
            draw(10, 3, 0, seed)
                .iter()
                .for_each(|drawn| hits[drawn.row as usize] += 1);
        }
        assert!(hits.iter().all(|&hit| (500..700).contains(&hit)), "{hits:?}");
    }

    #[test]
    fn rare_classes_keep_their_floor_and_the_size_is_exact() {
        let drawn = draw(5000, 50, 4, 1);
        assert_eq!(drawn.len(), 50);
        assert!(drawn.iter().filter(|d| d.class == Some(1)).count() >= 4);
        assert!(drawn.windows(2).all(|pair| pair[0].place < pair[1].place));
        assert_eq!(drawn, draw(5000, 50, 4, 1));
        assert_ne!(drawn, draw(5000, 50, 4, 2));
    }

    #[test]
    fn few_rows_are_all_kept_and_many_classes_share_the_room() {
        assert_eq!(draw(20, 50, 5, 0).len(), 20);
        let mut reservoir = Reservoir::new(10, 5, 0).unwrap();
        (0..100).for_each(|place| reservoir.offer(Some(place % 5), || place));
        let drawn = reservoir.finish();
        assert_eq!(drawn.len(), 10);
        assert!((0..5).all(|class| drawn.iter().filter(|d| d.class == Some(class)).count() == 2));
        assert!(Reservoir::<u8>::new(0, 0, 0).is_err() && Reservoir::<u8>::new(3, 4, 0).is_err());
    }
}
