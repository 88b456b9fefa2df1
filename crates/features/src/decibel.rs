//! Power in decibels.

/// Smallest power that is told from silence, as in `librosa.power_to_db`.
pub const AMIN: f32 = 1e-10;
/// Range below the loudest value that is kept, in dB.
pub const TOP_DB: f32 = 80.0;

/// `10 log10(max(power, 1e-10))`, in dB relative to 1; source: `librosa.power_to_db` with `top_db=None`.
#[inline]
pub fn power_to_db(power: f32) -> f32 {
    10.0 * power.max(AMIN).log10()
}

/// Raises every value to at least [`TOP_DB`] below the largest; source: `librosa.power_to_db` with `top_db=80`.
pub fn limit_range(db: &mut [f32]) {
    let floor = db.iter().copied().fold(f32::NEG_INFINITY, f32::max) - TOP_DB;
    for value in db {
        *value = value.max(floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels() {
        assert_eq!(power_to_db(1.0), 0.0);
        assert_eq!(power_to_db(0.0), -100.0);
        assert!((power_to_db(100.0) - 20.0).abs() < 1e-5);
        let mut db = [0.0, -50.0, -100.0];
        limit_range(&mut db);
        assert_eq!(db, [0.0, -50.0, -80.0]);
        limit_range(&mut []);
    }
}
