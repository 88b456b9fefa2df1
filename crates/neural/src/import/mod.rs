//! Published weights into networks, and back, under the names they were published with.
//!
//! A network's arrays are visited in one walk for reading and writing, so that what is written can be read. Arrays that a network
//! does not have (a classifier of a thousand kinds of things) are left alone; each one that it has must be there, with its shape and
//! only finite values.

mod graph;
mod inverted;
mod resnet_v2;
mod slot;
mod vgg16;
mod vit;

use melisma_ears::weights::{Array, Fault, Weights, exactly};

pub use graph::{convolutions, efficientnet_lite0, mobilenet_v2};
pub use inverted::{Convolution, load_convolutions};
use slot::Slot;

/// Whose names the arrays have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Those of the package torchvision.
    Torchvision,
    /// Those of the package timm.
    Timm,
    /// Those of the package efficientnet_pytorch and its Lite kin.
    EfficientnetPytorch,
}

impl Names {
    fn unknown(self, network: &str) -> Fault {
        let package = match self {
            Names::Torchvision => "torchvision",
            Names::Timm => "timm",
            Names::EfficientnetPytorch => "efficientnet_pytorch",
        };
        Fault::new(format!("{package} has no names for {network}"))
    }
}

/// A network whose arrays have published names.
pub trait Published: Sized {
    /// Visits every array.
    #[doc(hidden)]
    fn walk(&mut self, names: Names, walker: &mut Walker<'_>) -> Result<(), Fault>;

    /// The network with these weights; its batch norms keep the published means and variances from now on, in training too.
    ///
    /// # Errors
    /// Names an array that is missing, of another shape or not finite, or says that the network has no such names.
    fn load(mut self, weights: &Weights, names: Names) -> Result<Self, Fault> {
        self.walk(
            names,
            &mut Walker {
                task: Task::Load(weights),
            },
        )?;
        Ok(self)
    }

    /// The network's weights under these names.
    ///
    /// # Errors
    /// When the network has no such names.
    fn store(&mut self, names: Names) -> Result<Weights, Fault> {
        let mut weights = Weights::new();
        self.walk(
            names,
            &mut Walker {
                task: Task::Store(&mut weights),
            },
        )?;
        Ok(weights)
    }
}

enum Task<'a> {
    Load(&'a Weights),
    Store(&'a mut Weights),
}

/// What is done with each array.
pub struct Walker<'a> {
    task: Task<'a>,
}

impl Walker<'_> {
    fn array(&mut self, name: &str, slot: Slot<'_>) -> Result<(), Fault> {
        match &mut self.task {
            Task::Load(weights) => {
                let values = exactly(weights, name, &slot.shape())?;
                slot.write(values);
            }
            Task::Store(weights) => {
                weights.insert(name.to_owned(), Array::new(slot.shape(), slot.read())?);
            }
        }
        Ok(())
    }

    fn loads(&self) -> bool {
        matches!(self.task, Task::Load(_))
    }
}
