//! Images to embeddings, once, so that only what learns from them is trained.

use burn::tensor::{Device, Tensor, TensorData};

use super::layers::Backbone;
use crate::train::Samples;
use crate::{Error, Result};

/// Images that are embedded at once.
const BATCH: usize = 8;

/// The embeddings of images (values from 0 to 1) as samples of their own, with the same labels, groups and weights.
///
/// A network of [`crate::networks`] with two dense layers on these is transfer learning with a frozen backbone.
///
/// # Errors
/// [`Error::Samples`] where the samples are no images, or of other channels than one and the network's.
pub fn embed(backbone: &impl Backbone, samples: &Samples, device: &Device) -> Result<Samples> {
    let (channels, height, width) = checked(samples, backbone.channels())?;
    let mut values = Vec::with_capacity(samples.len() * backbone.width());
    let all: Vec<usize> = (0..samples.len()).collect();
    for some in all.chunks(BATCH) {
        let images: Vec<f32> = some.iter().flat_map(|&i| samples.row(i)).copied().collect();
        let images = TensorData::new(images, [some.len(), channels, height, width]);
        let found = backbone.features(Tensor::from_data(images, device)).into_data();
        values.extend(found.iter::<f32>());
    }
    embedded(samples, backbone.width(), values)
}

/// Channels, height and width of samples that a network of so many channels can see.
pub(super) fn checked(samples: &Samples, asked: usize) -> Result<(usize, usize, usize)> {
    match *samples.shape() {
        [channels, height, width] if channels == 1 || channels == asked => Ok((channels, height, width)),
        [channels, ..] if samples.shape().len() == 3 => {
            let fault = format!("images of {channels} channels for a network of {asked}");
            Err(Error::Samples(fault))
        }
        _ => Err(Error::Samples(format!(
            "shape {:?} is not that of images",
            samples.shape()
        ))),
    }
}

/// Samples with these values in place of theirs.
pub(super) fn embedded(samples: &Samples, width: usize, values: Vec<f32>) -> Result<Samples> {
    let mut out = Samples::new(&[width], values, samples.labels().to_vec(), samples.classes())?;
    if let Some(groups) = samples.groups() {
        out = out.with_groups(groups.to_vec())?;
    }
    if let Some(weights) = samples.weights() {
        out = out.with_weights(weights.to_vec())?;
    }
    Ok(out)
}
