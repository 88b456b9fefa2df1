//! Points that belong to classes: colours and markers for the frequent ones, one grey for the rest.

use crate::color::{Rgb, class_color};
use crate::error::Error;
use crate::figure::Caption;
use crate::frame::Entry;

/// Classes that are told apart by colour and marker; nobody tells more.
const MAX_SHOWN: usize = 24;
const OTHERS: Rgb = Rgb(0xb9, 0xb9, 0xb9);

/// Which class each point belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Classes<'a> {
    /// Names of the classes; may be empty where there is only one.
    pub names: &'a [String],
    /// For each point, the position of its class among the names; empty where there is only one class.
    pub of: &'a [usize],
}

/// How each class is drawn.
#[derive(Debug)]
pub(crate) struct Looks {
    /// Colour and marker, by class.
    looks: Vec<Option<usize>>,
    pub legend: Vec<Entry>,
}

impl Classes<'_> {
    pub(crate) fn check(&self, caption: &Caption<'_>, points: usize) -> Result<(), Error> {
        if self.of.is_empty() && self.names.len() <= 1 {
            return Ok(());
        }
        caption.same("classes", self.of.len(), "points", points)?;
        match self.of.iter().find(|&&class| class >= self.names.len()) {
            None => Ok(()),
            Some(class) => Err(Error::Shape {
                figure: caption.id.to_owned(),
                fault: format!("class {class} of {}", self.names.len()),
            }),
        }
    }

    pub(crate) fn of(&self, point: usize) -> usize {
        self.of.get(point).copied().unwrap_or(0)
    }

    pub(crate) fn name(&self, point: usize) -> &str {
        self.names.get(self.of(point)).map_or("", String::as_str)
    }

    /// Colours and markers go to the classes in their order, or to the most frequent where there are too many.
    pub(crate) fn looks(&self) -> Looks {
        let n = self.names.len().max(1);
        let mut counts = vec![0usize; n];
        for &class in self.of {
            counts[class] += 1;
        }
        let mut shown: Vec<usize> = (0..n).collect();
        if n > MAX_SHOWN {
            shown.sort_by_key(|&class| (std::cmp::Reverse(counts[class]), class));
            shown.truncate(MAX_SHOWN);
        }
        let mut looks = vec![None; n];
        for (place, &class) in shown.iter().enumerate() {
            looks[class] = Some(place);
        }
        let mut legend: Vec<Entry> = shown
            .iter()
            .filter_map(|&class| self.names.get(class))
            .enumerate()
            .map(|(place, name)| Entry {
                name: name.clone(),
                color: class_color(place),
                marker: Some(place),
            })
            .collect();
        if n > MAX_SHOWN {
            legend.push(Entry {
                name: format!("{} others", n - MAX_SHOWN),
                color: OTHERS,
                marker: Some(0),
            });
        }
        Looks { looks, legend }
    }
}

impl Looks {
    /// Colour, marker, and whether the class is among those shown.
    pub(crate) fn of(&self, class: usize) -> (Rgb, usize, bool) {
        match self.looks[class] {
            Some(place) => (class_color(place), place, true),
            None => (OTHERS, 0, false),
        }
    }
}
