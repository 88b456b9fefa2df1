//! Beeswarms: what each feature adds to a prediction, row by row, coloured by the feature's value (the summary of SHAP values of
//! S. Lundberg and S.-I. Lee, 2017). Not for computing contributions.

use crate::axis::{Axis, Tick, number};
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{Colors, GRID, QUIET, TEXT};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{
    Area, BOTTOM, EDGE, Frame, TICK_SIZE, WIDTH, color_bar, color_bar_width, fitted, heading, noted,
    one_line, top,
};
use crate::raster::flatten;
use crate::table::Table;

/// Most strips that are drawn, and most points of one; the rest is in the CSV.
const MAX_STRIPS: usize = 40;
const MAX_POINTS: usize = 3000;
/// Most points of a figure that are shapes of their own and can be pointed at.
const MAX_MARKS: usize = 10_000;
/// Size of the picture that more points become.
const MAX_BYTES: usize = 1_000_000;
const RADIUS: f64 = 2.4;
/// Longest name in pixels, and in letters where it is shown for a point.
const NAME_WIDTH: f64 = 260.0;
const NAME_LETTERS: usize = 30;

/// What one feature adds to the predictions of many rows.
#[derive(Debug, Clone, Default)]
pub struct Strip<'a> {
    /// The feature.
    pub name: &'a str,
    /// What it adds to the prediction of each row; a point that is not finite is left out, and the note says how many.
    pub contributions: &'a [f64],
    /// The feature's value in each row, for the colour; grey where it is not finite.
    pub values: &'a [f64],
}

/// A strip of points for each feature.
#[derive(Debug, Clone, Default)]
pub struct Beeswarm<'a> {
    /// The features from the top, the most important first; of more than 40 the first are drawn.
    ///
    /// Of more than 3,000 rows every second, third, ... is drawn, and the note says so: whoever has more should sample.
    pub strips: &'a [Strip<'a>],
    /// What a contribution is, for example `SHAP value (log odds of jazz)`.
    pub axis: &'a str,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Beeswarm<'_> {
    /// Draws the strips.
    ///
    /// A point's colour is the rank of its value within its feature, so that single extremes do not wash out the others.
    ///
    /// # Errors
    /// If no contribution is finite, or lengths do not match.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        for strip in self.strips {
            let rows = strip.contributions.len();
            caption.same("values", strip.values.len(), "contributions", rows)?;
        }
        let shown = &self.strips[..self.strips.len().min(MAX_STRIPS)];
        let finite = || {
            shown
                .iter()
                .flat_map(|s| s.contributions.iter().copied())
                .filter(|c| c.is_finite())
        };
        finite().next().ok_or_else(|| caption.empty())?;
        let x = Axis::loose(finite().chain([0.0]), 8, self.axis).ok_or_else(|| caption.empty())?;
        let note = noted(self.note, &self.left_out(shown));

        let (names, widest) = fitted(shown.iter().map(|s| s.name), NAME_WIDTH);
        let ends = [(0.0, "low"), (1.0, "high")];
        let ends = ends.map(|(at, label)| Tick {
            at,
            label: label.to_owned(),
        });
        let scale = Axis::with_ticks(0.0, 1.0, ends.to_vec(), "value of the feature");
        let each = (640.0 / shown.len() as f64).clamp(26.0, 60.0);
        let left = EDGE + widest + 14.0;
        let area = Area {
            x: left,
            y: top(&note),
            w: WIDTH - left - color_bar_width(&scale),
            h: (each * shown.len() as f64).max(190.0),
        };
        let each = area.h / shown.len() as f64;
        let frame = Frame {
            area,
            x,
            y: Axis::with_ticks(0.0, 1.0, Vec::new(), ""),
        };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + BOTTOM);
        heading(&mut canvas, caption.title, &note);
        frame.grid(&mut canvas, true, false);
        for (i, name) in names.iter().enumerate() {
            let y = area.y + (i as f64 + 0.5) * each;
            canvas.line((area.x, y), (area.x + area.w, y), GRID, 1.0);
            canvas.text(
                area.x - 9.0,
                y + TICK_SIZE * 0.36,
                name,
                TICK_SIZE,
                Anchor::End,
                TEXT,
            );
        }
        let zero = frame.px(0.0);
        canvas.line((zero, area.y), (zero, area.y + area.h), QUIET, 1.2);
        let middles = (0..shown.len()).map(|i| area.y + (i as f64 + 0.5) * each);
        let marks: Vec<Mark> = shown
            .iter()
            .zip(middles)
            .flat_map(|(strip, y)| strip.marks(&frame, y, each / 2.0 - 1.0))
            .collect();
        place(&mut canvas, area, marks);
        frame.outline(&mut canvas);
        frame.x_axis(&mut canvas, true);
        color_bar(&mut canvas, area, Colors::Points, &scale);
        Figure::new(caption, canvas, self.table())
    }

    /// What is not drawn, in a sentence.
    fn left_out(&self, shown: &[Strip<'_>]) -> String {
        let mut said = Vec::new();
        if self.strips.len() > shown.len() {
            said.push(format!("{} more features", self.strips.len() - shown.len()));
        }
        let values = shown.iter().flat_map(|s| s.contributions);
        match values.filter(|c| !c.is_finite()).count() {
            0 => {}
            1 => said.push("1 contribution that is not finite".to_owned()),
            n => said.push(format!("{n} contributions that are not finite")),
        }
        let most = shown.iter().map(|s| s.contributions.len()).max().unwrap_or(0);
        match most.div_ceil(MAX_POINTS) {
            0 | 1 => {}
            2 => said.push("every second row".to_owned()),
            step => said.push(format!("all but one in {step} rows")),
        }
        match said.is_empty() {
            true => String::new(),
            false => format!("Not drawn: {}.", said.join(", ")),
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(["feature", "row", "value", "contribution"]);
        for strip in self.strips {
            for (row, (&value, &contribution)) in strip.values.iter().zip(strip.contributions).enumerate() {
                table
                    .cell(strip.name)
                    .cell(&row.to_string())
                    .number(value)
                    .number(contribution)
                    .end();
            }
        }
        table
    }
}

impl Strip<'_> {
    /// The points, spread about the height `y` by no more than `reach`.
    fn marks(&self, frame: &Frame, y: f64, reach: f64) -> Vec<Mark> {
        let step = self.contributions.len().div_ceil(MAX_POINTS).max(1);
        let kept = (0..self.contributions.len()).step_by(step);
        let kept: Vec<usize> = kept.filter(|&i| self.contributions[i].is_finite()).collect();
        let places: Vec<f64> = kept.iter().map(|&i| frame.px(self.contributions[i])).collect();
        let name: String = one_line(self.name).chars().take(NAME_LETTERS).collect();
        let ranks = ranks(self.values);
        let points = kept
            .iter()
            .zip(places.iter().zip(spread(&places, 2.0 * RADIUS, reach - RADIUS)));
        points
            .map(|(&i, (&x, dy))| {
                let shape = Shape::Circle {
                    x,
                    y: y + dy,
                    r: RADIUS,
                };
                let value = number(self.values[i]);
                let hover = format!("{name} = {value}\n{}", number(self.contributions[i]));
                Mark::filled(shape, Colors::Points.at(ranks[i]))
                    .opacity(0.85)
                    .hover(hover)
            })
            .collect()
    }
}

/// Points as shapes of their own where they are few, as a picture where they are many.
fn place(canvas: &mut Canvas, area: Area, marks: Vec<Mark>) {
    if marks.len() <= MAX_MARKS {
        marks.into_iter().for_each(|mark| canvas.add(mark));
        return;
    }
    let Area { x, y, w, h } = area;
    if let Some(picture) = flatten(&marks, (x, y), (w, h), MAX_BYTES) {
        canvas.image(x, y, w, h, picture);
    }
}

/// The rank of each value, 0 for the lowest to 1 for the highest, equal ones the mean of theirs; no number where there is none.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&i| values[i].is_finite()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let last = order.len().saturating_sub(1) as f64;
    let mut ranks = vec![f64::NAN; values.len()];
    let mut first = 0.0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = first + (equal.len() - 1) as f64 / 2.0;
        let rank = if last > 0.0 { mean / last } else { 0.5 };
        equal.iter().for_each(|&i| ranks[i] = rank);
        first += equal.len() as f64;
    }
    ranks
}

/// Distances from the middle that keep points at these places apart by `size`, as far as `reach` allows.
///
/// Points go into the free lane nearest to the middle. Where the lanes need more room than there is, they are pressed together: those
/// places alone that need more than half of it, so that more points still reach further.
fn spread(places: &[f64], size: f64, reach: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    // Rows at the same place take lanes in an order that does not follow the table's.
    let mixed = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    order.sort_by(|&a, &b| places[a].total_cmp(&places[b]).then(mixed(a).cmp(&mixed(b))));
    let mut ends: Vec<f64> = Vec::new();
    let mut lanes = vec![0; places.len()];
    for i in order {
        let free = ends.iter().position(|end| places[i] - end >= size);
        let lane = free.unwrap_or(ends.len());
        match free {
            Some(lane) => ends[lane] = places[i],
            None => ends.push(places[i]),
        }
        lanes[i] = lane;
    }
    let heights = lanes.iter().map(|&lane| {
        let away = lane.div_ceil(2) as f64 * size;
        if lane % 2 == 0 { -away } else { away }
    });
    let heights: Vec<f64> = heights.collect();
    press(places, &heights, size, reach.max(0.0))
}

fn press(places: &[f64], heights: &[f64], size: f64, reach: f64) -> Vec<f64> {
    let low = places.iter().copied().fold(f64::INFINITY, f64::min);
    let column = |place: f64| ((place - low) / size) as usize;
    let columns = places.iter().map(|&p| column(p) + 1).max().unwrap_or(0);
    let mut needs = vec![0.0f64; columns];
    for (&place, height) in places.iter().zip(heights) {
        let need = &mut needs[column(place)];
        *need = need.max(height.abs());
    }
    let most = needs.iter().copied().fold(0.0, f64::max);
    if most <= reach {
        return heights.to_vec();
    }
    let half = reach / 2.0;
    let taken = |need: f64| {
        if need <= half {
            need
        } else {
            half + half * (need - half) / (most - half)
        }
    };
    let pressed = places.iter().zip(heights).map(|(&place, height)| {
        // Neighbours count, so that a swarm has no steps.
        let at = column(place);
        let near = &needs[at.saturating_sub(1)..(at + 2).min(columns)];
        let need = near.iter().copied().fold(0.0, f64::max);
        if need > 0.0 {
            height * taken(need) / need
        } else {
            0.0
        }
    });
    pressed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_do_not_heed_distances() {
        let values = [5.0, 1e9, f64::NAN, 5.0, -2.0];
        let ranks = ranks(&values);
        assert_eq!([ranks[4], ranks[0], ranks[3], ranks[1]], [0.0, 0.5, 0.5, 1.0]);
        assert!(ranks[2].is_nan());
        assert_eq!(super::ranks(&[3.0, 3.0]), [0.5, 0.5]);
        assert_eq!(super::ranks(&[3.0]), [0.5]);
    }

    #[test]
    fn points_do_not_touch_where_there_is_room() {
        let places: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 101) * 3.0).collect();
        let heights = spread(&places, 5.0, 20.0);
        for i in 0..200 {
            for j in 0..i {
                let away = (places[i] - places[j]).hypot(heights[i] - heights[j]);
                assert!(away > 5.0 - 1e-9, "{i} and {j}: {away}");
            }
        }
    }

    #[test]
    fn crowds_are_pressed_and_loners_are_not() {
        // A hundred in one place need 250 on either side; three elsewhere need 5.
        let mut places = vec![0.0; 100];
        places.extend([500.0; 3]);
        let heights = spread(&places, 5.0, 20.0);
        let far = heights[..100].iter().fold(0.0f64, |far, h| far.max(h.abs()));
        assert!((far - 20.0).abs() < 1e-9, "{far}");
        let mut loners = heights[100..].to_vec();
        loners.sort_by(f64::total_cmp);
        assert_eq!(loners, [-5.0, 0.0, 5.0]);
    }

    #[test]
    fn denser_places_reach_further() {
        let mut places = vec![0.0; 100];
        places.extend([500.0; 30]);
        let heights = spread(&places, 5.0, 20.0);
        let far = |part: &[f64]| part.iter().fold(0.0f64, |far, h| far.max(h.abs()));
        let (dense, less) = (far(&heights[..100]), far(&heights[100..]));
        assert!(10.0 < less && less < dense, "{less} {dense}");
    }
}
