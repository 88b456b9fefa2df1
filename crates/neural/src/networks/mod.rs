//! The registry of networks: one line each in one list.

mod cnn;
mod cnn_lstm;
mod dense;
mod network;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::layers::{Builder, Pass};
use crate::{Error, Result};

pub use cnn::{CnnParams, Pool};
pub use cnn_lstm::CnnLstmParams;
pub use dense::DenseParams;
pub use network::Network;

/// Parameters of the largest network.
const MOST_PARAMETERS: usize = 1 << 30;

/// The layers of a network: what it does with its variables.
pub trait Layers: Send + Sync + std::fmt::Debug {
    /// Inputs (batch x channels x height x width; a row of a table is features x 1 x 1) to one logit a class.
    fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<2>;
}

/// What describes one kind of network.
pub trait Definition {
    /// Checks the parameters, and that inputs of `shape` (features, or channels, height and width) suit them.
    ///
    /// # Errors
    /// [`crate::Error::Params`] naming the network and the parameter.
    fn check(&self, shape: &[usize], classes: usize) -> Result<()>;

    /// Makes the layers in `builder`; [`Definition::check`] has passed.
    fn build(&self, shape: &[usize], classes: usize, builder: &mut Builder) -> Box<dyn Layers>;
}

/// Lists the networks: variant, its parameters, its documentation.
macro_rules! registry {
    ($($(#[$doc:meta])* $kind:ident($params:ty),)*) => {
        /// The parameters of any network, as a recipe writes them.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum NetworkParams {
            $($(#[$doc])* $kind($params),)*
        }

        impl NetworkParams {
            fn definition(&self) -> &dyn Definition {
                match self {
                    $(NetworkParams::$kind(params) => params,)*
                }
            }
        }
    };
}

registry! {
    /// Fully connected layers.
    Dense(DenseParams),
    /// Blocks of convolution over images.
    Cnn(CnnParams),
    /// Blocks of convolution, then an LSTM over time.
    CnnLstm(CnnLstmParams),
}

impl NetworkParams {
    /// Checks the parameters, and that inputs of `shape` (features, or channels, height and width) suit them.
    ///
    /// # Errors
    /// [`crate::Error::Params`] naming the network and the parameter.
    pub fn check(&self, shape: &[usize], classes: usize) -> Result<()> {
        self.definition().check(shape, classes)
    }

    /// A new network for inputs of `shape` whose weights are drawn from `seed`.
    ///
    /// # Errors
    /// As [`NetworkParams::check`].
    pub fn init(&self, shape: &[usize], classes: usize, seed: u64) -> Result<Network> {
        self.make(shape, classes, Builder::within(seed, MOST_PARAMETERS))
    }

    /// A network of no more than `most` numbers, for weights that are known.
    pub(crate) fn init_within(&self, shape: &[usize], classes: usize, most: usize) -> Result<Network> {
        self.make(shape, classes, Builder::within(0, most))
    }

    fn make(&self, shape: &[usize], classes: usize, mut builder: Builder) -> Result<Network> {
        self.check(shape, classes)?;
        let layers = self.definition().build(shape, classes, &mut builder);
        if builder.exceeded() {
            return Err(Error::params(
                "the network",
                "it needs more weights than there are or can be",
            ));
        }
        Ok(Network::new(self.clone(), shape, classes, layers, builder))
    }
}
