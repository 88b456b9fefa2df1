//! What every model is: something that tells how likely the next token is.

use crate::{Error, Result};

/// A model of tokens.
///
/// Steps have one or several fields, each with a vocabulary of its own; tokens come field after field, step after step.
pub trait Model: Send + Sync {
    /// How many tokens the vocabulary of each field has.
    fn fields(&self) -> &[usize];

    /// A reader at the beginning of a piece.
    fn begin(&self) -> Box<dyn Reader + '_>;

    /// The cost in nats of each token of a piece, read from its beginning.
    ///
    /// Models that can tell many at once do so in a way of their own; the costs are the same up to rounding.
    ///
    /// # Errors
    /// [`Error::Tokens`] for a token outside its vocabulary.
    fn costs(&self, tokens: &[u16]) -> Result<Vec<f32>> {
        check(self.fields(), tokens)?;
        let mut reader = self.begin();
        let mut out = Vec::new();
        let cost = |token: &u16| {
            reader.predict(&mut out);
            let cost = -out[usize::from(*token)];
            reader.read(*token);
            cost
        };
        Ok(tokens.iter().map(cost).collect())
    }
}

/// A model in the midst of a piece.
pub trait Reader: Send {
    /// The natural logarithms of the probabilities of the next token, one for each of its field's vocabulary; `out` is
    /// overwritten. They sum to 1 as probabilities, up to rounding.
    fn predict(&mut self, out: &mut Vec<f32>);

    /// Goes on by a token, which must lie in its field's vocabulary.
    fn read(&mut self, token: u16);
}

/// What a piece costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Nats of the whole piece.
    pub nats: f64,
    /// Its tokens.
    pub tokens: usize,
}

impl Cost {
    /// Nats for each token; 0 for a piece without.
    pub fn per_token(&self) -> f64 {
        self.nats / self.tokens.max(1) as f64
    }
}

/// What a piece costs under a model.
///
/// # Errors
/// [`Error::Tokens`] for a token outside its vocabulary.
pub fn cost(model: &dyn Model, tokens: &[u16]) -> Result<Cost> {
    let nats = model.costs(tokens)?.into_iter().map(f64::from).sum();
    Ok(Cost {
        nats,
        tokens: tokens.len(),
    })
}

/// Whether every token lies in its field's vocabulary.
pub(crate) fn check(fields: &[usize], tokens: &[u16]) -> Result<()> {
    let strange = tokens
        .iter()
        .zip(fields.iter().cycle())
        .position(|(token, size)| usize::from(*token) >= *size);
    match strange {
        None => Ok(()),
        Some(at) => Err(Error::Tokens(format!(
            "token {} at place {at} is outside its vocabulary",
            tokens[at]
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every token alike.
    struct Alike([usize; 2]);

    struct Place<'a>(&'a [usize], usize);

    impl Model for Alike {
        fn fields(&self) -> &[usize] {
            &self.0
        }

        fn begin(&self) -> Box<dyn Reader + '_> {
            Box::new(Place(&self.0, 0))
        }
    }

    impl Reader for Place<'_> {
        fn predict(&mut self, out: &mut Vec<f32>) {
            let size = self.0[self.1 % self.0.len()];
            out.clear();
            out.resize(size, -(size as f32).ln());
        }

        fn read(&mut self, _: u16) {
            self.1 += 1;
        }
    }

    #[test]
    fn a_model_that_knows_nothing_pays_the_logarithms_of_its_vocabularies() {
        let cost = cost(&Alike([4, 8]), &[3, 7, 0, 0]).unwrap();
        assert!((cost.nats - 2.0 * 32_f64.ln()).abs() < 1e-6);
        assert_eq!(cost.tokens, 4);
    }

    #[test]
    fn a_token_outside_its_own_vocabulary_is_refused() {
        let error = cost(&Alike([4, 8]), &[3, 7, 4]).unwrap_err();
        assert!(error.to_string().contains("place 2"), "{error}");
    }
}
