//! Tells the tests whether the data folder is at hand.

include!("../../scripts/find_data.rs");

fn main() {
    find_data();
}
