//! Pretrained ears: published networks that have heard more music than any collection here holds.
//!
//! ```text
//! published file ─ weights ─► store ─► musicnn, yamnet ─ hear ─► Said ─ head (map of genres) ─► Mixture
//! ```
//!
//! Weights are read from the files their makers published ([`weights`]), kept in a folder of one's own ([`store`]) and run here
//! without a framework ([`musicnn`], [`yamnet`]). Nothing here trains, and nothing is fetched unless
//! [`Store::download`](store::Store::download) is asked to.

pub mod front;
pub mod head;
pub mod hear;
pub mod layers;
pub mod musicnn;
pub mod store;
pub mod weights;
pub mod yamnet;
