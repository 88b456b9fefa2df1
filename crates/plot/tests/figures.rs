//! Every kind of figure through the public API: what it draws, what it refuses, and that no data makes it panic or leave its canvas.

use melisma_plot::{
    Bars, Beeswarm, Calibration, Caption, CellText, Classes, Colors, Confusion, Contribution, Crossings,
    Curve, Envelope, Error, Estimates, Figure, Grid, Group, HeatMap, Histogram, Intervals, Line, Lines,
    Pairs, Panel, Regions, Reliability, Rows, Scatter, Scree, Series, Stretch, Strip, Tile, Tiles, Timeline,
    ViolinGrid, Violins, Waterfall,
};
use proptest::prelude::*;
use roxmltree::Document;

const CAPTION: Caption<'_> = Caption {
    id: "figure",
    title: "Title <of> \"it\" & all",
    description: "What it & they <show>",
};

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("name {i}")).collect()
}

/// Every x and y of the drawing's marks.
fn positions(document: &Document<'_>) -> Vec<(f64, f64)> {
    let mut positions = Vec::new();
    for node in document.descendants().filter(|n| n.is_element()) {
        let number = |name: &str| node.attribute(name).and_then(|text| text.parse::<f64>().ok());
        match node.tag_name().name() {
            "rect" | "image" => {
                let (x, y) = (number("x").unwrap(), number("y").unwrap());
                let (w, h) = (number("width").unwrap(), number("height").unwrap());
                assert!(w >= 0.0 && h >= 0.0, "{w} x {h}");
                positions.extend([(x, y), (x + w, y + h)]);
            }
            "text" => positions.push((number("x").unwrap(), number("y").unwrap())),
            "circle" => positions.push((number("cx").unwrap(), number("cy").unwrap())),
            "polyline" | "polygon" => {
                let points = node.attribute("points").unwrap().split(' ').map(|point| {
                    let (x, y) = point.split_once(',').unwrap();
                    (x.parse().unwrap(), y.parse().unwrap())
                });
                positions.extend(points);
            }
            _ => {}
        }
    }
    positions
}

/// Asserts what holds for every figure, and hands back its SVG.
fn sound(figure: &Figure) -> String {
    let svg = figure.svg();
    let document = Document::parse(&svg).unwrap_or_else(|error| panic!("{error}:\n{svg}"));
    let (width, height) = figure.size();
    for (x, y) in positions(&document) {
        let inside = (-12.0..=width + 12.0).contains(&x) && (-12.0..=height + 12.0).contains(&y);
        assert!(inside, "({x}, {y}) outside {width} x {height}");
    }
    assert!(svg.len() < 2_000_000, "{} bytes", svg.len());
    assert!(width <= 3000.0 && height <= 6000.0, "{width} x {height}");
    svg
}

fn count(svg: &str, tag: &str) -> usize {
    let document = Document::parse(svg).unwrap();
    document
        .descendants()
        .filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", tag)))
        .count()
}

/// The texts shown where the drawing is pointed at.
fn hovers(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let titles = document.descendants().filter(|n| n.tag_name().name() == "title");
    titles.filter_map(|n| n.text().map(str::to_owned)).collect()
}

#[test]
fn regions_have_a_picture_and_a_strip_of_windows() {
    let image = Grid::new(16, (0..16 * 40).map(|i| (i % 37) as f32).collect());
    let map = Grid::new(4, (0..4 * 10).map(|i| i as f32 - 20.0).collect());
    let windows = [(0.0, 3.0, 0.5), (3.0, 6.0, -0.25), (6.0, 6.0, 1.0)];
    let windows = windows.map(|(from, to, value)| Stretch { from, to, value });
    let regions = Regions {
        image: Some(&image),
        map: Some(&map),
        seconds: 6.0,
        rows: Rows::Linear { f_max: 11_025.0 },
        windows: &windows,
        value: "log-odds",
        note: "a note",
    };
    let figure = regions.draw(&CAPTION).unwrap();
    let svg = sound(&figure);
    // The picture and the scale beside it.
    assert_eq!(count(&svg, "image"), 2);
    // A window without length is not drawn.
    assert_eq!(
        hovers(&svg).iter().filter(|text| text.contains(" s to ")).count(),
        2
    );
    let csv = std::str::from_utf8(figure.csv()).unwrap();
    assert_eq!(csv.lines().count(), 1 + 40);
    assert!(
        Regions {
            map: None,
            ..regions.clone()
        }
        .draw(&CAPTION)
        .is_err()
    );
    let silent = Grid::new(4, vec![f32::NAN; 8]);
    assert!(
        Regions {
            map: Some(&silent),
            ..regions.clone()
        }
        .draw(&CAPTION)
        .is_err()
    );
    assert!(
        Regions {
            map: Some(&Grid::new(4, vec![0.0; 8])),
            ..regions
        }
        .draw(&CAPTION)
        .is_ok()
    );
}

#[test]
fn a_heat_map_has_a_cell_for_each_value() {
    let (rows, columns) = (names(3), vec!["<a>".to_owned(), "b & c".to_owned()]);
    let map = HeatMap {
        rows: &rows,
        columns: &columns,
        values: &[1.0, -1.0, 0.5, f64::NAN, 0.0, 0.25],
        colors: Colors::Diverging,
        limits: Some((-1.0, 1.0)),
        value: "correlation",
        cell_text: CellText::Decimals(2),
        ..HeatMap::default()
    };
    let figure = map.draw(&CAPTION).unwrap();
    let svg = sound(&figure);
    let hovers = hovers(&svg);
    assert_eq!(hovers.len(), 6);
    assert_eq!(hovers[0], "name 0 × <a>: 1 correlation");
    assert_eq!(hovers[3], "name 1 × b & c: no value correlation");
    for text in [
        ">1.00<",
        ">−1.00<",
        ">b &amp; c<",
        "Title &lt;of&gt; &quot;it&quot; &amp; all",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    assert_eq!(
        std::str::from_utf8(figure.csv()).unwrap(),
        ",<a>,b & c\nname 0,1,-1\nname 1,0.5,\nname 2,0,0.25\n"
    );
}

#[test]
fn a_large_matrix_is_a_picture() {
    let names = names(518);
    let values: Vec<f64> = (0..518 * 518).map(|i| f64::from(i % 97)).collect();
    let map = HeatMap {
        rows: &names,
        columns: &names,
        values: &values,
        ..HeatMap::default()
    };
    let svg = sound(&map.draw(&CAPTION).unwrap());
    // The matrix and the scale of colours.
    assert_eq!(count(&svg, "image"), 2);
    assert_eq!(count(&svg, "rect"), 3);
}

#[test]
fn a_confusion_matrix_tells_numbers_and_shares() {
    let classes = names(2);
    let confusion = Confusion {
        classes: &classes,
        counts: &[3, 1, 0, 0],
        note: "",
    };
    let figure = confusion.draw(&CAPTION).unwrap();
    let hovers = hovers(&sound(&figure));
    assert_eq!(hovers[1], "true name 0, predicted name 1: 1 (25.0 %)");
    assert_eq!(
        figure.csv(),
        b"true \\ predicted,name 0,name 1\nname 0,3,1\nname 1,0,0\n"
    );
    let classes = names(30);
    let counts: Vec<u64> = (0..900).map(|i| i % 7).collect();
    sound(
        &Confusion {
            classes: &classes,
            counts: &counts,
            note: "n",
        }
        .draw(&CAPTION)
        .unwrap(),
    );
    let none = Confusion {
        classes: &classes,
        counts: &[0; 900],
        note: "",
    };
    assert!(matches!(none.draw(&CAPTION), Err(Error::Empty { .. })));
}

#[test]
fn points_carry_their_names() {
    let (classes, names) = (vec!["jazz".to_owned(), "rock".to_owned()], names(3));
    let scatter = Scatter {
        x: &[0.0, 1.0, f64::NAN],
        y: &[0.0, 2.0, 3.0],
        classes: Classes {
            names: &classes,
            of: &[0, 1, 1],
        },
        names: &names,
        ..Scatter::default()
    };
    let figure = scatter.draw(&CAPTION).unwrap();
    assert_eq!(
        hovers(&sound(&figure)),
        ["name 0\njazz\n0, 0", "name 1\nrock\n1, 2"]
    );
    assert_eq!(
        std::str::from_utf8(figure.csv()).unwrap(),
        "name,class,x,y\nname 0,jazz,0,0\nname 1,rock,1,2\nname 2,rock,,3\n"
    );
    let wrong = Scatter {
        classes: Classes {
            names: &classes,
            of: &[0, 2, 1],
        },
        ..scatter
    };
    assert!(matches!(wrong.draw(&CAPTION), Err(Error::Shape { .. })));
}

#[test]
fn a_hundred_thousand_points_stay_small() {
    let classes = names(161);
    let n = 100_000usize;
    let x: Vec<f64> = (0..n).map(|i| (i * 7919 % 10_007) as f64).collect();
    let y: Vec<f64> = (0..n).map(|i| (i * 104_729 % 10_009) as f64).collect();
    let of: Vec<usize> = (0..n).map(|i| i % 161).collect();
    let scatter = Scatter {
        x: &x,
        y: &y,
        classes: Classes {
            names: &classes,
            of: &of,
        },
        margins: true,
        ..Scatter::default()
    };
    let svg = sound(&scatter.draw(&CAPTION).unwrap());
    assert_eq!(count(&svg, "image"), 1);
    assert!(svg.contains(">137 others<"));
}

/// The text of an error about lengths or values.
fn fault(result: Result<Figure, Error>) -> String {
    match result {
        Err(error @ Error::Shape { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The numbers of an attribute of all elements with a tag and a fill.
fn attributes(svg: &str, tag: &str, fill: &str, name: &str) -> Vec<f64> {
    let document = Document::parse(svg).unwrap();
    let nodes = document
        .descendants()
        .filter(|n| n.tag_name().name() == tag && n.attribute("fill") == Some(fill));
    nodes
        .map(|n| n.attribute(name).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn stacked_bars_add_up() {
    let names = names(2);
    let series = |name, values| Series { name, values };
    let bars = Bars {
        names: &names,
        series: &[
            series("jazz", &[1.0, 3.0]),
            series("rock", &[2.0, f64::NAN]),
            series("metal", &[0.5, 0.25]),
        ],
        stacked: true,
        ..Bars::default()
    };
    for upright in [false, true] {
        let figure = Bars {
            upright,
            ..bars.clone()
        }
        .draw(&CAPTION)
        .unwrap();
        let svg = sound(&figure);
        let texts = hovers(&svg);
        assert_eq!(texts.len(), 5);
        assert_eq!(texts[1], "name 0\nrock: 2");
        // Each begins where the one before it ends; the sum stands at the end of lying ones.
        let (at, size) = if upright { ("y", "height") } else { ("x", "width") };
        let ends = |fill: &str| {
            let (at, size) = (
                attributes(&svg, "rect", fill, at),
                attributes(&svg, "rect", fill, size),
            );
            let bar = at.len() - 2;
            (at[bar], at[bar] + size[bar])
        };
        let (jazz, metal) = (ends("#0072b2"), ends("#009e73"));
        let rock = (
            attributes(&svg, "rect", "#e69f00", at)[1],
            attributes(&svg, "rect", "#e69f00", size)[1],
        );
        let near = |a: f64, b: f64| (a - b).abs() < 0.03;
        match upright {
            false => assert!(
                near(rock.0, jazz.1) && near(metal.0, rock.0 + rock.1),
                "{jazz:?} {rock:?} {metal:?}"
            ),
            true => assert!(
                near(rock.0 + rock.1, jazz.0) && near(metal.1, rock.0),
                "{jazz:?} {rock:?} {metal:?}"
            ),
        }
        assert_eq!(svg.contains(">3.5<") && svg.contains(">3.25<"), !upright);
        assert_eq!(
            std::str::from_utf8(figure.csv()).unwrap(),
            "name,jazz,rock,metal\nname 0,1,2,0.5\nname 1,3,,0.25\n"
        );
    }
}

#[test]
fn a_beeswarm_has_a_point_for_each_row() {
    let strips = [
        Strip {
            name: "mfcc1 <mean>",
            contributions: &[0.5, -0.25, f64::NAN],
            values: &[-100.0, 20.0, 5.0],
        },
        Strip {
            name: "テンポ",
            contributions: &[0.0, 0.125, 0.125],
            values: &[90.0, f64::NAN, 180.0],
        },
    ];
    let beeswarm = Beeswarm {
        strips: &strips,
        axis: "SHAP value",
        note: "Forest.",
    };
    let figure = beeswarm.draw(&CAPTION).unwrap();
    let svg = sound(&figure);
    let texts = hovers(&svg);
    assert_eq!(
        texts,
        [
            "mfcc1 <mean> = −100\n0.5",
            "mfcc1 <mean> = 20\n−0.25",
            "テンポ = 90\n0",
            "テンポ = no value\n0.125",
            "テンポ = 180\n0.125"
        ]
    );
    assert!(svg.contains(">Forest. Not drawn: 1 contribution that is not finite.<"));
    assert!(svg.contains(">low<") && svg.contains(">high<") && svg.contains(">value of the feature<"));
    // Low, high and missing values.
    for (color, points) in [("#0d0887", 2), ("#feb72d", 2), ("#d0d0d0", 1)] {
        assert_eq!(attributes(&svg, "circle", color, "cx").len(), points, "{color}");
    }
    assert!(
        std::str::from_utf8(figure.csv())
            .unwrap()
            .starts_with("feature,row,value,contribution\nmfcc1 <mean>,0,-100,0.5\n")
    );
    let wrong = Strip {
        values: &[1.0],
        ..strips[0].clone()
    };
    assert_eq!(
        fault(
            Beeswarm {
                strips: &[wrong],
                ..beeswarm
            }
            .draw(&CAPTION)
        ),
        "figure figure: 1 values for 3 contributions"
    );
}

#[test]
fn a_beeswarm_of_many_rows_is_a_picture_and_says_what_it_leaves_out() {
    let contributions: Vec<f64> = (0..7000)
        .map(|i| f64::from(i * 7919 % 997) / 997.0 - 0.5)
        .collect();
    let strip = Strip {
        name: "a",
        contributions: &contributions,
        values: &contributions,
    };
    let strips = vec![strip; 43];
    let beeswarm = |strips| Beeswarm {
        strips,
        axis: "",
        note: "",
    };
    let svg = sound(&beeswarm(&strips).draw(&CAPTION).unwrap());
    // The points and the scale of colours.
    assert_eq!(count(&svg, "image"), 2);
    assert!(svg.contains(">Not drawn: 3 more features, all but one in 3 rows.<"));
    let svg = sound(&beeswarm(&strips[..1]).draw(&CAPTION).unwrap());
    assert_eq!(
        (count(&svg, "image"), count(&svg, "circle")),
        (1, 7000usize.div_ceil(3))
    );
}

#[test]
fn a_waterfall_leads_from_the_base_to_the_prediction() {
    let part = |name, value, adds| Contribution { name, value, adds };
    let parts = [
        part("tempo & <beat>", 120.0, -0.125),
        part("mfcc4_mean", 12.25, 0.5),
        part("zcr", f64::NAN, 0.0625),
        part("rms", 0.1, 0.03125),
        part("rolloff", 4000.0, -0.015625),
    ];
    let waterfall = Waterfall {
        base: 0.25,
        contributions: &parts,
        shown: Some(2),
        axis: "probability of jazz",
        note: "",
    };
    let figure = waterfall.draw(&CAPTION).unwrap();
    assert_eq!(
        hovers(&sound(&figure)),
        [
            "3 other features\n+0.07812",
            "tempo & <beat> = 120\n−0.125",
            "mfcc4_mean = 12.25\n+0.5",
            "base value: 0.25",
            "prediction: 0.7031"
        ]
    );
    assert_eq!(
        std::str::from_utf8(figure.csv()).unwrap(),
        "feature,value,contribution\n(base value),,0.25\nmfcc4_mean,12.25,0.5\ntempo & <beat>,120,-0.125\n\
         zcr,,0.0625\nrms,0.1,0.03125\nrolloff,4000,-0.015625\n(prediction),,0.703125\n"
    );
    // One feature left over has a bar of its own.
    for shown in [Some(4), Some(5), None] {
        let all = Waterfall {
            shown,
            ..waterfall.clone()
        }
        .draw(&CAPTION)
        .unwrap();
        let texts = hovers(&sound(&all));
        assert_eq!(texts.len(), 7, "{shown:?}");
        assert_eq!(texts[2], "zcr = no value\n+0.0625");
    }
    let with = |base, adds| {
        let parts = [part("zcr", 1.0, adds)];
        let contributions = &parts;
        fault(
            Waterfall {
                base,
                contributions,
                ..Waterfall::default()
            }
            .draw(&CAPTION),
        )
    };
    assert_eq!(
        with(0.0, f64::NAN),
        "figure figure: the contribution of `zcr` is not finite"
    );
    assert_eq!(with(f64::NAN, 1.0), "figure figure: the base value is not finite");
    assert_eq!(
        with(f64::MAX, f64::MAX),
        "figure figure: the contributions add up to no finite number"
    );
}

#[test]
fn intervals_have_a_mark_and_a_whisker() {
    let names = vec!["knn".to_owned(), "svm".to_owned()];
    let series = [
        Estimates {
            name: "random",
            values: &[0.922, 0.905],
            low: &[0.9, f64::NAN],
            high: &[0.94, 0.92],
        },
        Estimates {
            name: "filtered",
            values: &[0.409, f64::NAN],
            low: &[0.38, 0.4],
            high: &[0.43, 0.5],
        },
    ];
    let intervals = Intervals {
        names: &names,
        series: &series,
        axis: "accuracy",
        reference: Some((0.1, "chance")),
        note: "",
    };
    let figure = intervals.draw(&CAPTION).unwrap();
    let svg = sound(&figure);
    // A whisker and a mark each.
    assert_eq!(
        hovers(&svg),
        [
            "chance: 0.1",
            "knn\nrandom: 0.922 (0.9 to 0.94)",
            "knn\nrandom: 0.922 (0.9 to 0.94)",
            "knn\nfiltered: 0.409 (0.38 to 0.43)",
            "knn\nfiltered: 0.409 (0.38 to 0.43)",
            "svm\nrandom: 0.905"
        ]
    );
    assert!(svg.contains(">chance<") && svg.contains(">filtered<"));
    // Two marks and the legend's; other series have other shapes.
    assert_eq!(attributes(&svg, "circle", "#0072b2", "cx").len(), 3);
    assert_eq!(attributes(&svg, "circle", "#e69f00", "cx").len(), 0);
    assert_eq!(
        std::str::from_utf8(figure.csv()).unwrap(),
        "name,series,value,low,high\nknn,random,0.922,0.9,0.94\nknn,filtered,0.409,0.38,0.43\n\
         svm,random,0.905,,0.92\nsvm,filtered,,0.4,0.5\n"
    );
    let with = |change: fn(&mut Estimates<'_>)| {
        let mut one = series[0].clone();
        change(&mut one);
        let series = [one];
        fault(
            Intervals {
                series: &series,
                ..intervals.clone()
            }
            .draw(&CAPTION),
        )
    };
    assert_eq!(with(|s| s.values = &[1.0]), "figure figure: 1 values for 2 names");
    assert_eq!(with(|s| s.low = &[]), "figure figure: 0 lower ends for 2 names");
    assert_eq!(
        with(|s| s.high = &[1.0]),
        "figure figure: 1 upper ends for 2 names"
    );
    assert_eq!(
        with(|s| s.low = &[0.9, 0.93]),
        "figure figure: the interval of `svm` reaches from 0.93 to 0.92"
    );
}

#[test]
fn a_reliability_figure_has_curves_and_the_sizes_of_bins() {
    let series = [
        Calibration {
            name: "knn",
            confidence: &[0.25, f64::NAN, 0.75, 0.9],
            right: &[0.5, f64::NAN, 0.5, 1.0],
            counts: &[4, 0, 8, 0],
        },
        Calibration {
            name: "svm",
            confidence: &[0.1],
            right: &[0.2],
            counts: &[5],
        },
    ];
    let reliability = Reliability {
        series: &series,
        note: "",
    };
    let figure = reliability.draw(&CAPTION).unwrap();
    let svg = sound(&figure);
    let texts = hovers(&svg);
    let told = |text: &str| texts.iter().filter(|t| *t == text).count();
    // A point and a bar; none for empty bins.
    assert_eq!(told("knn\nconfidence 0.25, right 0.5 of 4"), 2);
    assert_eq!(told("knn\nconfidence 0.75, right 0.5 of 8"), 2);
    assert_eq!(told("svm\nconfidence 0.1, right 0.2 of 5"), 2);
    assert_eq!(texts.len(), 8, "{texts:?}");
    // The bar of 8 is twice as high as that of 4.
    let heights = attributes(&svg, "rect", "#0072b2", "height");
    assert!((heights[1] - 2.0 * heights[0]).abs() < 0.03, "{heights:?}");
    assert_eq!(
        std::str::from_utf8(figure.csv()).unwrap(),
        "series,confidence,right,count\nknn,0.25,0.5,4\nknn,,,0\nknn,0.75,0.5,8\nknn,0.9,1,0\nsvm,0.1,0.2,5\n"
    );
    let with = |change: fn(&mut Calibration<'_>)| {
        let mut one = series[1].clone();
        change(&mut one);
        fault(
            Reliability {
                series: &[one],
                note: "",
            }
            .draw(&CAPTION),
        )
    };
    assert_eq!(with(|s| s.right = &[]), "figure figure: 0 shares for 1 bins");
    assert_eq!(
        with(|s| s.confidence = &[]),
        "figure figure: 0 mean confidences for 1 bins"
    );
    assert_eq!(
        with(|s| s.confidence = &[50.0]),
        "figure figure: 50 is no share of the predictions"
    );
    assert_eq!(
        with(|s| (s.confidence, s.right, s.counts) = (&[0.5; 101], &[0.5; 101], &[1; 101])),
        "figure figure: 101 bins, more than 100"
    );
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let draw = || {
        let violins = Violins {
            groups: &[
                Group {
                    name: "a",
                    values: &[1.0, 2.0, 2.5, 7.0],
                },
                Group {
                    name: "b",
                    values: &[3.0],
                },
            ],
            axis: "value (Hz)",
            note: "",
        };
        let figure = violins.draw(&CAPTION).unwrap();
        (figure.svg(), figure.png(1.0).unwrap(), figure.csv().to_vec())
    };
    assert_eq!(draw(), draw());
}

#[test]
fn a_png_has_the_size_asked_for_and_text_in_it() {
    let figure = |title| {
        let histogram = Histogram {
            values: &[1.0, 2.0, 3.0],
            ..Histogram::default()
        };
        histogram.draw(&Caption::new("h", title, "")).unwrap()
    };
    let png = figure("Tempo").png(0.5).unwrap();
    let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    let (width, height) = figure("").size();
    assert_eq!(
        (size(16), size(20)),
        ((width / 2.0) as u32, (height / 2.0).round() as u32)
    );
    assert_ne!(png, figure("Tempi").png(0.5).unwrap());
    for scale in [0.0, -1.0, f32::NAN, 1e9] {
        assert!(
            matches!(figure("").png(scale), Err(Error::TooLarge { .. })),
            "{scale}"
        );
    }
}

#[test]
fn files_are_complete_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let scree = Scree {
        ratios: &[0.75, 0.25],
        note: "",
    };
    let figure = scree.draw(&Caption::new("scree", "t", "d")).unwrap();
    let written = figure.write(folder.path()).unwrap();
    assert_eq!(std::fs::read_to_string(&written.svg).unwrap(), figure.svg());
    assert_eq!(std::fs::read(&written.csv).unwrap(), figure.csv());
    assert_eq!(std::fs::read(&written.png).unwrap(), figure.png(2.0).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    let error = figure.write(&folder.path().join("none")).unwrap_err().to_string();
    assert!(error.contains("scree.svg: cannot be written"), "{error}");
    for id in ["", "../x", ".x", "a b", "é"] {
        assert!(
            matches!(scree.draw(&Caption::new(id, "t", "d")), Err(Error::Id { .. })),
            "{id}"
        );
    }
}

#[test]
fn nothing_to_draw_is_an_error() {
    let empty = |result: Result<Figure, Error>| {
        assert!(matches!(result, Err(Error::Empty { .. })), "{result:?}");
    };
    let nan = [f64::NAN, f64::INFINITY];
    let two = names(2);
    empty(HeatMap::default().draw(&CAPTION));
    empty(Scatter::default().draw(&CAPTION));
    empty(
        Scatter {
            x: &nan,
            y: &nan,
            ..Scatter::default()
        }
        .draw(&CAPTION),
    );
    empty(Scree::default().draw(&CAPTION));
    empty(Violins::default().draw(&CAPTION));
    empty(ViolinGrid::default().draw(&CAPTION));
    empty(Bars::default().draw(&CAPTION));
    empty(
        Bars {
            names: &two,
            series: &[Series {
                name: "",
                values: &nan,
            }],
            ..Bars::default()
        }
        .draw(&CAPTION),
    );
    empty(
        Histogram {
            values: &nan,
            ..Histogram::default()
        }
        .draw(&CAPTION),
    );
    empty(Lines::default().draw(&CAPTION));
    empty(Tiles::default().draw(&CAPTION));
    empty(Timeline::default().draw(&CAPTION));
    empty(Beeswarm::default().draw(&CAPTION));
    let strips = [Strip {
        name: "",
        contributions: &nan,
        values: &[1.0, 2.0],
    }];
    empty(
        Beeswarm {
            strips: &strips,
            ..Beeswarm::default()
        }
        .draw(&CAPTION),
    );
    empty(Waterfall::default().draw(&CAPTION));
    empty(Intervals::default().draw(&CAPTION));
    let series = [Estimates {
        name: "",
        values: &nan,
        low: &[0.0, 0.0],
        high: &[1.0, 1.0],
    }];
    empty(
        Intervals {
            names: &two,
            series: &series,
            ..Intervals::default()
        }
        .draw(&CAPTION),
    );
    empty(Reliability::default().draw(&CAPTION));
    let series = [Calibration {
        name: "",
        confidence: &nan,
        right: &nan,
        counts: &[1, 1],
    }];
    empty(
        Reliability {
            series: &series,
            note: "",
        }
        .draw(&CAPTION),
    );
    empty(Crossings::default().draw(&CAPTION));
    assert!(matches!(
        Pairs::default().draw(&CAPTION),
        Err(Error::Shape { .. })
    ));
    let lengths = Bars {
        names: &two,
        series: &[Series {
            name: "",
            values: &[1.0],
        }],
        ..Bars::default()
    };
    assert_eq!(
        lengths.draw(&CAPTION).unwrap_err().to_string(),
        "figure figure: 1 values for 2 names"
    );
}

/// Numbers of every kind.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e3f64,
        1 => any::<f64>(),
        1 => prop_oneof![Just(0.0), Just(f64::MAX), Just(f64::MIN), Just(f64::MIN_POSITIVE), Just(f64::NAN), Just(1e-300)],
    ]
}

fn numbers(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(any_number(), length)
}

/// A figure is sound, and can be drawn as pixels.
fn holds(result: Result<Figure, Error>) {
    if let Ok(figure) = result {
        sound(&figure);
        figure.png(0.2).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_data_leave_the_canvas(
        (x, y) in (1..60usize).prop_flat_map(|n| (numbers(n..n + 1), numbers(n..n + 1))),
        name in ".{0,60}",
        flags in any::<[bool; 3]>(),
    ) {
        let caption = Caption { id: "figure", title: &name, description: &name };
        let all = vec![name.clone(); x.len()];
        let classes = [name.clone(), "b".to_owned(), "c".to_owned()];
        let of: Vec<usize> = (0..x.len()).map(|i| i % 3).collect();
        let classes = Classes { names: &classes, of: &of };
        let [a, b, c] = flags;
        holds(Scatter { x: &x, y: &y, classes, names: &all, x_axis: &name, y_axis: &name, margins: a, bare: b, note: &name }.draw(&caption));
        holds(Pairs { features: &[name.clone(), "b".to_owned()], values: &[&x, &y], classes, names: &all, note: &name }.draw(&caption));
        holds(Histogram { values: &x, axis: &name, counted: &name, bins: a.then_some(7), note: &name }.draw(&caption));
        let series = [Series { name: &name, values: &x }, Series { name: "b", values: &y }];
        holds(Bars { names: &all, series: &series[usize::from(a)..], stacked: c, axis: &name, upright: b, note: &name }.draw(&caption));
        let strips = [Strip { name: &name, contributions: &x, values: &y }, Strip { name: "b", contributions: &y, values: &x }];
        holds(Beeswarm { strips: &strips[usize::from(a)..], axis: &name, note: &name }.draw(&caption));
        let parts: Vec<Contribution<'_>> = x.iter().zip(&y).map(|(&value, &adds)| Contribution { name: &name, value, adds }).collect();
        holds(Waterfall { base: x[0], contributions: &parts, shown: a.then_some(parts.len() / 2), axis: &name, note: &name }.draw(&caption));
        let ends = |choose: fn(f64, f64) -> f64| x.iter().zip(&y).map(|(&x, &y)| choose(x, y)).collect::<Vec<f64>>();
        let (low, high) = (ends(f64::min), ends(f64::max));
        let series = [Estimates { name: &name, values: &x, low: &low, high: &high }, Estimates { name: "b", values: &low, low: &y, high: &y }];
        holds(Intervals { names: &all, series: &series[usize::from(a)..], axis: &name, reference: b.then_some((y[0], &name)), note: &name }.draw(&caption));
        let shares: Vec<f64> = x.iter().map(|v| v.abs().fract()).collect();
        let counts: Vec<u64> = y.iter().map(|v| v.abs() as u64).collect();
        let series = [Calibration { name: &name, confidence: &shares, right: &shares, counts: &counts }, Calibration::default()];
        holds(Reliability { series: &series, note: &name }.draw(&caption));
        let groups = [Group { name: &name, values: &x }, Group { name: "b", values: &y }];
        let violins = Violins { groups: &groups, axis: &name, note: &name };
        holds(violins.draw(&caption));
        holds(ViolinGrid { panels: &[violins.clone(), violins], note: &name }.draw(&caption));
        let mut sorted = x.clone();
        sorted.sort_by(f64::total_cmp);
        let lines = [Line { name: &name, x: &sorted, y: &y }, Line { name: "b", x: &sorted, y: &x }];
        holds(Lines { lines: &lines[usize::from(a)..], x_axis: &name, y_axis: &name, log_x: b, from_zero: c, note: &name }.draw(&caption));
        let ratios: Vec<f64> = x.iter().map(|v| v.abs().fract() / x.len() as f64).collect();
        holds(Scree { ratios: &ratios, note: &name }.draw(&caption));
        let rows = names(1);
        let cell_text = if c { CellText::Decimals(3) } else { CellText::None };
        let colors = if a { Colors::Diverging } else { Colors::Count };
        let map = HeatMap { rows: &rows, columns: &all, values: &x, colors, value: &name, row_axis: &name, column_axis: &name, cell_text, note: &name, ..HeatMap::default() };
        holds(map.draw(&caption));
        holds(HeatMap { rows: &all, columns: &rows, ..map }.draw(&caption));
    }

    #[test]
    fn no_recording_leaves_the_canvas(
        values in prop::collection::vec(prop_oneof![3 => -1.0..1.0f32, 1 => any::<f32>()], 1..400),
        rows in 1..20usize,
        start in 0.0..1e4f64,
        length in 1e-3..1e5f64,
    ) {
        let envelope = Envelope::of(&values);
        let grid = Grid::new(rows, values.clone());
        let curves = [Curve { name: "a", values: &values }, Curve { name: "b", values: &values }];
        let picture = |rows| Panel::Picture { grid: &grid, rows, colors: Colors::Intensity, limits: None, value: "dB", mark: Some((60.0, "x")) };
        let panels = [
            Panel::Wave { envelope: &envelope, curves: &curves, axis: "amplitude" },
            Panel::Curves { curves: &curves, axis: "Hz" },
            picture(Rows::Mel { f_max: 11_025.0 }),
            picture(Rows::Linear { f_max: 11_025.0 }),
            picture(Rows::PitchClasses),
            picture(Rows::Coefficients),
            picture(Rows::Tempi { from: 30.0, to: 480.0 }),
        ];
        holds(Timeline { seconds: (start, start + length), panels: &panels, note: "" }.draw(&CAPTION));
        holds(Crossings { samples: &values, rate: 22_050.0, start_s: start, note: "" }.draw(&CAPTION));
        holds(Tiles { tiles: &[Tile { name: "a", grid: &grid, seconds: length }, Tile { name: "b", grid: &grid, seconds: 0.0 }], ..Tiles::default() }.draw(&CAPTION));
    }
}
