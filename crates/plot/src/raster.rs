//! A canvas as pixels, drawn in the program: no browser, no fonts of the machine, the same picture everywhere.

use tiny_skia::{
    FillRule, FilterQuality, IntSize, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PixmapPaint, Rect,
    Stroke, StrokeDash, Transform,
};

use crate::canvas::{Anchor, Canvas, Label, Mark, Shape};
use crate::color::Rgb;
use crate::font::Font;
use crate::picture::{Picture, Pixels, encode_rgb};

/// Most pixels of a picture: 64 million.
const MAX_PIXELS: f64 = 64e6;

/// The canvas as a PNG file, `scale` pixels to its unit; nothing where that is too large or too small to draw.
pub(crate) fn png(canvas: &Canvas, scale: f64) -> Option<Vec<u8>> {
    let pixmap = draw(&canvas.marks, (0.0, 0.0), (canvas.width, canvas.height), scale)?;
    // The paper is opaque, so that what is multiplied by the opacity is what it was.
    let rgb: Vec<u8> = pixmap
        .data()
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    Some(encode_rgb(
        pixmap.width() as usize,
        pixmap.height() as usize,
        &rgb,
    ))
}

/// Draws marks into a picture of the part of the surface from `origin` on, as fine as a PNG of so many bytes can be.
pub(crate) fn flatten(marks: &[Mark], origin: (f64, f64), size: (f64, f64), bytes: usize) -> Option<Picture> {
    let pictures = [1.5, 1.0, 0.7]
        .into_iter()
        .filter_map(|scale| picture(marks, origin, size, scale));
    let mut last = None;
    for picture in pictures {
        let small = picture.png().len() <= bytes;
        last = Some(picture);
        if small {
            break;
        }
    }
    last
}

fn picture(marks: &[Mark], origin: (f64, f64), size: (f64, f64), scale: f64) -> Option<Picture> {
    let pixmap = draw(marks, origin, size, scale)?;
    let rgba = pixmap
        .pixels()
        .iter()
        .flat_map(|pixel| {
            let color = pixel.demultiply();
            [color.red(), color.green(), color.blue(), color.alpha()]
        })
        .collect();
    Some(Picture {
        width: pixmap.width() as usize,
        height: pixmap.height() as usize,
        pixels: Pixels::Rgba(rgba),
        smooth: true,
    })
}

fn draw(marks: &[Mark], origin: (f64, f64), size: (f64, f64), scale: f64) -> Option<Pixmap> {
    let (width, height) = ((size.0 * scale).round(), (size.1 * scale).round());
    let fits = width >= 1.0 && height >= 1.0 && width * height <= MAX_PIXELS;
    let mut pixmap = fits.then(|| Pixmap::new(width as u32, height as u32)).flatten()?;
    let transform =
        Transform::from_translate(-origin.0 as f32, -origin.1 as f32).post_scale(scale as f32, scale as f32);
    let fonts = [Font::new(false), Font::new(true)];
    for mark in marks {
        draw_mark(&mut pixmap, mark, transform, &fonts);
    }
    Some(pixmap)
}

fn draw_mark(pixmap: &mut Pixmap, mark: &Mark, transform: Transform, fonts: &[Font; 2]) {
    match &mark.shape {
        Shape::Image { x, y, w, h, picture } => {
            draw_image(pixmap, picture, [*x, *y, *w, *h], mark.opacity, transform)
        }
        Shape::Text(label) => draw_text(pixmap, label, mark, transform, fonts),
        Shape::Rect { x, y, w, h } => {
            if let Some(rect) = Rect::from_xywh(*x as f32, *y as f32, *w as f32, *h as f32) {
                paint(pixmap, Some(PathBuilder::from_rect(rect)), mark, transform);
            }
        }
        Shape::Circle { x, y, r } => {
            let path = PathBuilder::from_circle(*x as f32, *y as f32, *r as f32);
            paint(pixmap, path, mark, transform);
        }
        Shape::Line(points) => paint(pixmap, path_of(points, false), mark, transform),
        Shape::Polygon(points) => paint(pixmap, path_of(points, true), mark, transform),
    }
}

fn path_of(points: &[(f64, f64)], closed: bool) -> Option<tiny_skia::Path> {
    let mut builder = PathBuilder::new();
    for (i, &(x, y)) in points.iter().enumerate() {
        match i {
            0 => builder.move_to(x as f32, y as f32),
            _ => builder.line_to(x as f32, y as f32),
        }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn paint_of(color: Rgb, opacity: f64) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(color.0, color.1, color.2, (opacity * 255.0).round() as u8);
    paint.anti_alias = true;
    paint
}

fn paint(pixmap: &mut Pixmap, path: Option<tiny_skia::Path>, mark: &Mark, transform: Transform) {
    let Some(path) = path else { return };
    if let Some(color) = mark.fill {
        let paint = paint_of(color, mark.opacity);
        pixmap.fill_path(&path, &paint, FillRule::Winding, transform, None);
    }
    if let Some((color, width)) = mark.stroke {
        let stroke = Stroke {
            width: width as f32,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: mark
                .dashed
                .then(|| StrokeDash::new(vec![7.0, 5.0], 0.0))
                .flatten(),
            ..Stroke::default()
        };
        pixmap.stroke_path(&path, &paint_of(color, mark.opacity), &stroke, transform, None);
    }
}

fn draw_text(pixmap: &mut Pixmap, label: &Label, mark: &Mark, transform: Transform, fonts: &[Font; 2]) {
    let font = &fonts[usize::from(label.bold)];
    let width = font.width(&label.text, label.size);
    let shift = match label.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let mut builder = PathBuilder::new();
    font.outline(&label.text, label.size, &mut builder);
    let turn = if label.upright { -90.0 } else { 0.0 };
    let place = Transform::from_translate(shift as f32, 0.0)
        .post_rotate(turn)
        .post_translate(label.x as f32, label.y as f32);
    paint(pixmap, builder.finish(), mark, place.post_concat(transform));
}

fn draw_image(
    pixmap: &mut Pixmap,
    picture: &Picture,
    [x, y, w, h]: [f64; 4],
    opacity: f64,
    transform: Transform,
) {
    let rgba = picture.rgba();
    let premultiplied = rgba
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, a]| {
            let pixel = tiny_skia::ColorU8::from_rgba(r, g, b, a).premultiply();
            [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
        })
        .collect();
    let size = IntSize::from_wh(picture.width as u32, picture.height as u32);
    let Some(image) = size.and_then(|size| Pixmap::from_vec(premultiplied, size)) else {
        return;
    };
    let place = Transform::from_scale(w as f32 / picture.width as f32, h as f32 / picture.height as f32)
        .post_translate(x as f32, y as f32);
    let quality = if picture.smooth {
        FilterQuality::Bilinear
    } else {
        FilterQuality::Nearest
    };
    let paint = PixmapPaint {
        opacity: opacity as f32,
        quality,
        ..PixmapPaint::default()
    };
    pixmap.draw_pixmap(0, 0, image.as_ref(), &paint, place.post_concat(transform), None);
}
