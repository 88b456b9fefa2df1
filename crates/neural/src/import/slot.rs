//! The places in a network that arrays go to.

use burn::module::{Param, RunningState};
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, LayerNorm, Linear};
use burn::tensor::{Tensor, TensorData};
use melisma_ears::weights::Fault;

use super::Walker;
use crate::backbones::layers::settle;

/// A place for an array.
pub(super) enum Slot<'a> {
    One(&'a mut Param<Tensor<1>>),
    Three(&'a mut Param<Tensor<3>>),
    Four(&'a mut Param<Tensor<4>>),
    /// A matrix that is published with its columns as rows.
    Turned(&'a mut Param<Tensor<2>>),
    Running(&'a mut RunningState<Tensor<1>>),
}

impl Slot<'_> {
    /// The shape that the array is published with.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Slot::One(param) => param.dims().to_vec(),
            Slot::Three(param) => param.dims().to_vec(),
            Slot::Four(param) => param.dims().to_vec(),
            Slot::Turned(param) => param.dims().iter().rev().copied().collect(),
            Slot::Running(state) => state.value().dims().to_vec(),
        }
    }

    pub fn read(&self) -> Vec<f32> {
        let data = match self {
            Slot::One(param) => param.val().into_data(),
            Slot::Three(param) => param.val().into_data(),
            Slot::Four(param) => param.val().into_data(),
            Slot::Turned(param) => param.val().transpose().into_data(),
            Slot::Running(state) => state.value().into_data(),
        };
        data.iter::<f32>().collect()
    }

    /// Takes values, as many as the shape asks for.
    pub fn write(self, values: &[f32]) {
        let data = TensorData::new(values.to_vec(), self.shape());
        match self {
            Slot::One(param) => set(param, |like| Tensor::from_data(data, &like.device())),
            Slot::Three(param) => set(param, |like| Tensor::from_data(data, &like.device())),
            Slot::Four(param) => set(param, |like| Tensor::from_data(data, &like.device())),
            Slot::Turned(param) => set(param, |like| Tensor::from_data(data, &like.device()).transpose()),
            Slot::Running(state) => {
                let device = state.value().device();
                *state = RunningState::new(Tensor::from_data(data, &device));
            }
        }
    }
}

/// Replaces a parameter's value; its identity stays, and so does whether it is trained.
fn set<const D: usize>(param: &mut Param<Tensor<D>>, value: impl FnOnce(Tensor<D>) -> Tensor<D>) {
    *param = param.clone().map(|old| {
        let trained = old.is_require_grad();
        value(old).set_require_grad(trained)
    });
}

impl Walker<'_> {
    pub(super) fn conv(&mut self, name: &str, conv: &mut Conv2d) -> Result<(), Fault> {
        self.array(&format!("{name}.weight"), Slot::Four(&mut conv.weight))?;
        match &mut conv.bias {
            Some(bias) => self.array(&format!("{name}.bias"), Slot::One(bias)),
            None => Ok(()),
        }
    }

    pub(super) fn norm(&mut self, name: &str, norm: &mut BatchNorm) -> Result<(), Fault> {
        self.array(&format!("{name}.weight"), Slot::One(&mut norm.gamma))?;
        self.array(&format!("{name}.bias"), Slot::One(&mut norm.beta))?;
        self.array(
            &format!("{name}.running_mean"),
            Slot::Running(&mut norm.running_mean),
        )?;
        self.array(
            &format!("{name}.running_var"),
            Slot::Running(&mut norm.running_var),
        )?;
        if self.loads() {
            settle(norm);
        }
        Ok(())
    }

    pub(super) fn linear(&mut self, name: &str, linear: &mut Linear) -> Result<(), Fault> {
        self.array(&format!("{name}.weight"), Slot::Turned(&mut linear.weight))?;
        match &mut linear.bias {
            Some(bias) => self.array(&format!("{name}.bias"), Slot::One(bias)),
            None => Ok(()),
        }
    }

    pub(super) fn layer_norm(&mut self, name: &str, norm: &mut LayerNorm) -> Result<(), Fault> {
        self.array(&format!("{name}.weight"), Slot::One(&mut norm.gamma))?;
        match &mut norm.beta {
            Some(beta) => self.array(&format!("{name}.bias"), Slot::One(beta)),
            None => Ok(()),
        }
    }
}
