//! Shapley values against the `shap` package (`tests/golden/tree_shap.py`), against sums over all sets of inputs, and against the law that
//! they add up.

use melisma_learn::Examples;
use melisma_learn::boost::{Boost, BoostParams};
use melisma_learn::explain::{Attributions, kernel, linear, tree};
use melisma_learn::forest::{Forest, ForestParams};
use melisma_learn::logistic::LogisticParams;
use melisma_learn::rng::Rng;
use melisma_learn::tree::{Node, Tree};
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use serde_json::Value;

fn floats(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(floats).collect();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

/// A tree as the script wrote it.
fn dumped(nodes: &Value, inputs: usize, width: usize) -> Tree {
    let node = |node: &Value| {
        if node[1].is_array() {
            let (cover, values) = (node[0].as_f64().unwrap(), floats(&node[1]));
            return Node::Leaf { cover, values };
        }
        Node::Split {
            input: node[0].as_u64().unwrap() as usize,
            threshold: node[1].as_f64().unwrap(),
        }
    };
    let nodes: Vec<Node> = nodes.as_array().unwrap().iter().map(node).collect();
    Tree::from_nodes(&nodes, inputs, width).unwrap()
}

fn near(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) {
    assert_eq!(a.dim(), b.dim());
    let worst = (a - b).iter().fold(0.0, |worst: f64, d| worst.max(d.abs()));
    assert!(worst < tolerance, "differ by {worst}");
}

fn compare(found: &Attributions, golden: &Value) {
    for (base, expected) in found.base.iter().zip(floats(&golden["base"])) {
        assert!((base - expected).abs() < 1e-6, "base {base} {expected}");
    }
    let rows = golden["values"].as_array().unwrap();
    assert_eq!(rows.len(), found.values.len_of(Axis(0)));
    for (row, expected) in found.values.axis_iter(Axis(0)).zip(rows) {
        near(&row.to_owned(), &matrix(expected), 1e-6);
    }
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/tree_shap.json")).unwrap()
}

#[test]
fn a_forest_of_scikit_learn_is_explained_as_the_shap_package_does() {
    let golden = golden();
    let (rows, dump) = (matrix(&golden["rows"]), &golden["forest"]);
    let trees = dump["trees"].as_array().unwrap().iter();
    let forest = Forest::from_trees(trees.map(|tree| dumped(tree, 12, 3)).collect(), 12, 3).unwrap();
    near(&forest.predict_proba(&rows), &matrix(&dump["output"]), 1e-12);
    compare(&tree::shap(&forest, &rows).unwrap(), dump);
}

#[test]
fn boosted_trees_of_xgboost_are_explained_as_the_shap_package_does() {
    let golden = golden();
    let (rows, dump) = (matrix(&golden["rows"]), &golden["boost"]);
    let classes = floats(&dump["classes"]).into_iter().map(|class| class as usize);
    let trees = dump["trees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tree| dumped(tree, 12, 1));
    let boost = Boost::from_trees(classes.zip(trees).collect(), 12, floats(&dump["start"])).unwrap();
    near(&boost.margins(&rows), &matrix(&dump["output"]), 1e-6);
    compare(&tree::shap(&boost, &rows).unwrap(), dump);
}

/// Rows whose class depends on several inputs together.
fn examples(seed: u64, rows: usize, inputs: usize) -> Examples {
    let mut rng = Rng::new(seed);
    let x = Array2::from_shape_fn((rows, inputs), |_| rng.below(1000) as f64 / 1000.0);
    let y = x.rows().into_iter().map(|row| {
        let (a, b, c) = (row[0], row[1 % inputs], row[2 % inputs]);
        usize::from(a + b > 1.0) + usize::from(b * c > 0.4)
    });
    let mut y: Vec<usize> = y.collect();
    (y[0], y[1]) = (0, 1);
    Examples::new(x, y, 3).unwrap()
}

/// Shapley's formula with a value for every set of inputs, shape (inputs, classes).
fn brute(inputs: usize, value: impl Fn(usize) -> Vec<f64>) -> Array2<f64> {
    let values: Vec<Vec<f64>> = (0..1 << inputs).map(value).collect();
    let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
    let mut shares = Array2::zeros((inputs, values[0].len()));
    for (set, of_set) in values.iter().enumerate() {
        let size = set.count_ones() as usize;
        for input in (0..inputs).filter(|input| set >> input & 1 == 0) {
            let weight = factorial(size) * factorial(inputs - size - 1) / factorial(inputs);
            for (class, without) in of_set.iter().enumerate() {
                shares[[input, class]] += weight * (values[set | 1 << input][class] - without);
            }
        }
    }
    shares
}

/// The mean of a tree's leaves where the inputs in `set` are known and others follow the training rows.
fn conditional(nodes: &[Node], row: &[f64], set: usize) -> Vec<f64> {
    fn visit(nodes: &mut std::slice::Iter<'_, Node>, row: &[f64], set: usize) -> (f64, Vec<f64>) {
        match nodes.next().unwrap() {
            Node::Leaf { cover, values } => (*cover, values.clone()),
            Node::Split { input, threshold } => {
                let (left_cover, left) = visit(nodes, row, set);
                let (right_cover, right) = visit(nodes, row, set);
                let cover = left_cover + right_cover;
                let left_share = match (set >> input & 1 == 1, row[*input] <= *threshold) {
                    (true, true) => 1.0,
                    (true, false) => 0.0,
                    (false, _) => left_cover / cover,
                };
                let mix = |(l, r): (&f64, &f64)| left_share * l + (1.0 - left_share) * r;
                (cover, left.iter().zip(&right).map(mix).collect())
            }
        }
    }
    visit(&mut nodes.iter(), row, set).1
}

#[test]
fn trees_agree_with_the_sum_over_all_sets_of_ten_inputs() {
    let examples = examples(1, 80, 10);
    let rows = examples.x().select(Axis(0), &[3, 40]);
    let forest = ForestParams {
        trees: 4,
        ..ForestParams::default()
    }
    .fit(&examples)
    .unwrap();
    let found = tree::shap(&forest, &rows).unwrap();
    let trees: Vec<Vec<Node>> = forest.trees().iter().map(Tree::nodes).collect();
    for (row, found) in rows.rows().into_iter().zip(found.values.axis_iter(Axis(0))) {
        let expected = brute(10, |set| {
            let of_trees = trees
                .iter()
                .map(|nodes| conditional(nodes, row.as_slice().unwrap(), set));
            of_trees.fold(vec![0.0; 3], |sum, v| {
                sum.iter().zip(v).map(|(sum, v)| sum + v / 4.0).collect()
            })
        });
        near(&found.to_owned(), &expected, 1e-10);
    }
    let boost = BoostParams {
        rounds: 3,
        ..BoostParams::default()
    }
    .fit(&examples)
    .unwrap();
    let found = tree::shap(&boost, &rows).unwrap();
    let trees: Vec<(usize, Vec<Node>)> = boost
        .trees()
        .iter()
        .map(|(class, tree)| (*class, tree.nodes()))
        .collect();
    for (row, found) in rows.rows().into_iter().zip(found.values.axis_iter(Axis(0))) {
        let expected = brute(10, |set| {
            let mut sum = vec![0.0; 3];
            for (class, nodes) in &trees {
                sum[*class] += conditional(nodes, row.as_slice().unwrap(), set)[0];
            }
            sum
        });
        near(&found.to_owned(), &expected, 1e-10);
    }
}

/// The mean output over background rows with the inputs in `set` from `row`.
fn replaced(
    predict: impl Fn(&Array2<f64>) -> Array2<f64>,
    background: &Array2<f64>,
    row: &[f64],
    set: usize,
) -> Vec<f64> {
    let mut mixed = background.clone();
    for mut other in mixed.rows_mut() {
        (0..row.len())
            .filter(|input| set >> input & 1 == 1)
            .for_each(|input| other[input] = row[input]);
    }
    predict(&mixed).mean_axis(Axis(0)).unwrap().to_vec()
}

#[test]
fn any_classifier_agrees_with_the_sum_over_all_sets_of_ten_inputs() {
    let examples = examples(2, 60, 10);
    let forest = ForestParams {
        trees: 5,
        ..ForestParams::default()
    }
    .fit(&examples)
    .unwrap();
    let predict = |x: &Array2<f64>| forest.predict_proba(x);
    let (background, rows) = (
        examples.x().select(Axis(0), &[1, 9, 30]),
        examples.x().select(Axis(0), &[5]),
    );
    let found = kernel::shap(predict, &background, &rows, &kernel::KernelParams::default()).unwrap();
    let expected = brute(10, |set| {
        replaced(predict, &background, rows.row(0).as_slice().unwrap(), set)
    });
    near(&found.values.index_axis(Axis(0), 0).to_owned(), &expected, 1e-10);
}

#[test]
fn sampled_sets_find_the_shares_of_a_linear_function_exactly_and_of_others_nearly() {
    let examples = examples(3, 60, 14);
    let (background, rows) = (
        examples.x().select(Axis(0), &[1, 9]),
        examples.x().select(Axis(0), &[5, 6]),
    );
    let params = |samples| kernel::KernelParams {
        samples: Some(samples),
        seed: 7,
    };
    let weights = Array2::from_shape_fn((14, 3), |(i, j)| (i as f64 - 5.0) * (j as f64 + 0.5));
    let found = kernel::shap(|x| x.dot(&weights), &background, &rows, &params(60)).unwrap();
    let mean = background.mean_axis(Axis(0)).unwrap();
    for (row, found) in rows.rows().into_iter().zip(found.values.axis_iter(Axis(0))) {
        let expected = Array2::from_shape_fn((14, 3), |(i, j)| weights[[i, j]] * (row[i] - mean[i]));
        near(&found.to_owned(), &expected, 1e-8);
    }
    let forest = ForestParams {
        trees: 5,
        ..ForestParams::default()
    }
    .fit(&examples)
    .unwrap();
    let predict = |x: &Array2<f64>| forest.predict_proba(x);
    let found = kernel::shap(predict, &background, &rows, &params(6000)).unwrap();
    near(&found.output(), &forest.predict_proba(&rows), 1e-9);
    let expected = brute(14, |set| {
        replaced(predict, &background, rows.row(0).as_slice().unwrap(), set)
    });
    near(&found.values.index_axis(Axis(0), 0).to_owned(), &expected, 0.01);
    assert_eq!(
        found,
        kernel::shap(predict, &background, &rows, &params(6000)).unwrap(),
        "same seed"
    );
}

#[test]
fn logistic_regression_is_shared_by_weight() {
    let examples = examples(4, 60, 4);
    let params: LogisticParams = serde_json::from_str(r#"{"c": 1.0}"#).unwrap();
    let model = params.fit(&examples).unwrap();
    let mean = examples.x().mean_axis(Axis(0)).unwrap();
    let found = linear::shap(&model, mean.view(), examples.x()).unwrap();
    let mut margins = found.output();
    for mut row in margins.rows_mut() {
        row.mapv_inplace(f64::exp);
        let sum = row.sum();
        row /= sum;
    }
    near(&margins, &model.predict_proba(examples.x()), 1e-12);
    let single = linear::shap(&model, mean.view(), &mean.clone().insert_axis(Axis(0))).unwrap();
    assert!(single.values.iter().all(|share| *share == 0.0), "the mean itself");
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let examples = examples(5, 40, 3);
    let forest = ForestParams {
        trees: 2,
        ..ForestParams::default()
    }
    .fit(&examples)
    .unwrap();
    assert!(tree::shap(&forest, &Array2::zeros((1, 4))).is_err());
    let (predict, params) = (
        |x: &Array2<f64>| forest.predict_proba(x),
        kernel::KernelParams::default(),
    );
    for background in [Array2::zeros((0, 3)), Array2::zeros((2, 2))] {
        assert!(kernel::shap(predict, &background, examples.x(), &params).is_err());
    }
    let nan = |x: &Array2<f64>| x * f64::NAN;
    assert!(kernel::shap(nan, examples.x(), examples.x(), &params).is_err());
    let few = kernel::KernelParams {
        samples: Some(23),
        seed: 0,
    };
    let wide = Array2::zeros((1, 12));
    assert!(kernel::shap(|x| x.clone(), &wide, &wide, &few).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn shares_and_base_add_up(seed in any::<u64>(), rows in 10..80_usize, inputs in 1..16_usize, extra in any::<bool>()) {
        let examples = examples(seed, rows, inputs);
        let x = examples.x();
        let forest = ForestParams { trees: 5, extra, seed, ..ForestParams::default() }.fit(&examples).unwrap();
        near(&tree::shap(&forest, x).unwrap().output(), &forest.predict_proba(x), 1e-9);
        let boost = BoostParams { rounds: 4, seed, min_child_weight: 0.1, ..BoostParams::default() }.fit(&examples).unwrap();
        let (found, margins) = (tree::shap(&boost, x).unwrap(), boost.margins(x));
        for class in examples.present() {
            let sum = found.output().column(class).to_owned();
            prop_assert!((sum - margins.column(class)).iter().all(|d| d.abs() < 1e-9));
        }
        let few = x.select(Axis(0), &[0, 1]);
        let params = kernel::KernelParams { samples: Some(64), seed };
        let shares = kernel::shap(|x| forest.predict_proba(x), &x.select(Axis(0), &[2, 3, 4]), &few, &params).unwrap();
        near(&shares.output(), &forest.predict_proba(&few), 1e-9);
    }
}
