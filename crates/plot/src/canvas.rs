//! What a figure is made of: shapes in order of drawing, each with its colours and the text shown when pointed at.
//!
//! Not for axes or data: those are above. A canvas is turned into SVG by `svg` and into pixels by `raster`.

use crate::color::{PAPER, Rgb};
use crate::picture::Picture;

/// Longest text that is shown when something is pointed at, in letters.
const MAX_HOVER: usize = 240;

/// Where a text stands about its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text and how it is set; its point lies on the base line.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub x: f64,
    pub y: f64,
    pub text: String,
    pub size: f64,
    pub anchor: Anchor,
    pub bold: bool,
    /// Reads from bottom to top.
    pub upright: bool,
}

/// A shape in pixels, y downwards.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Rect {
        x: f64,
        y: f64,
        w: f64,
        h: f64,
    },
    Circle {
        x: f64,
        y: f64,
        r: f64,
    },
    Line(Vec<(f64, f64)>),
    Polygon(Vec<(f64, f64)>),
    Text(Label),
    Image {
        x: f64,
        y: f64,
        w: f64,
        h: f64,
        picture: Picture,
    },
}

/// A shape with its looks.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub shape: Shape,
    pub fill: Option<Rgb>,
    pub stroke: Option<(Rgb, f64)>,
    pub opacity: f64,
    pub dashed: bool,
    pub hover: Option<String>,
}

impl Mark {
    pub(crate) fn filled(shape: Shape, color: Rgb) -> Self {
        Mark {
            shape,
            fill: Some(color),
            stroke: None,
            opacity: 1.0,
            dashed: false,
            hover: None,
        }
    }

    pub(crate) fn stroked(shape: Shape, color: Rgb, width: f64) -> Self {
        Mark {
            fill: None,
            stroke: Some((color, width)),
            ..Mark::filled(shape, color)
        }
    }

    pub(crate) fn edge(mut self, color: Rgb, width: f64) -> Self {
        self.stroke = Some((color, width));
        self
    }

    pub(crate) fn opacity(mut self, opacity: f64) -> Self {
        self.opacity = opacity;
        self
    }

    pub(crate) fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    pub(crate) fn hover(mut self, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        self.hover = Some(match text.char_indices().nth(MAX_HOVER) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text.to_owned(),
        });
        self
    }
}

/// A surface with marks on it.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    pub width: f64,
    pub height: f64,
    pub marks: Vec<Mark>,
}

impl Canvas {
    /// A white surface, of whole pixels so that its edges are white too.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let (width, height) = (width.ceil(), height.ceil());
        let paper = Shape::Rect {
            x: 0.0,
            y: 0.0,
            w: width,
            h: height,
        };
        Canvas {
            width,
            height,
            marks: vec![Mark::filled(paper, PAPER)],
        }
    }

    pub(crate) fn add(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    pub(crate) fn rect(&mut self, x: f64, y: f64, w: f64, h: f64, color: Rgb) {
        self.add(Mark::filled(Shape::Rect { x, y, w, h }, color));
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), color: Rgb, width: f64) {
        self.add(Mark::stroked(Shape::Line(vec![from, to]), color, width));
    }

    pub(crate) fn text(
        &mut self,
        x: f64,
        y: f64,
        text: impl Into<String>,
        size: f64,
        anchor: Anchor,
        color: Rgb,
    ) {
        let label = Label {
            x,
            y,
            text: text.into(),
            size,
            anchor,
            bold: false,
            upright: false,
        };
        self.add(Mark::filled(Shape::Text(label), color));
    }

    /// A text that reads from bottom to top.
    pub(crate) fn upright_text(
        &mut self,
        x: f64,
        y: f64,
        text: impl Into<String>,
        size: f64,
        anchor: Anchor,
        color: Rgb,
    ) {
        let label = Label {
            x,
            y,
            text: text.into(),
            size,
            anchor,
            bold: false,
            upright: true,
        };
        self.add(Mark::filled(Shape::Text(label), color));
    }

    pub(crate) fn bold_text(&mut self, x: f64, y: f64, text: impl Into<String>, size: f64, color: Rgb) {
        let label = Label {
            x,
            y,
            text: text.into(),
            size,
            anchor: Anchor::Start,
            bold: true,
            upright: false,
        };
        self.add(Mark::filled(Shape::Text(label), color));
    }

    pub(crate) fn image(&mut self, x: f64, y: f64, w: f64, h: f64, picture: Picture) {
        self.add(Mark::filled(Shape::Image { x, y, w, h, picture }, PAPER));
    }
}
