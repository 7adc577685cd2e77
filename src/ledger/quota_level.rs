//! Which levels of its storage quota an account has reached.

/// Percent of its quota that an account has reached: 0, 80 or 100. Not by the percentage, which is rounded.
pub fn quota_level(used: u64, quota: u64) -> u8 {
    let reached = |level: u8| quota > 0 && u128::from(used) * 100 >= u128::from(quota) * u128::from(level);
    [100, 80].into_iter().find(|level| reached(*level)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_is_0_80_or_100_and_0_without_a_quota() {
        let levels = [(799, 1_000), (800, 1_000), (999, 1_000), (1_000, 1_000), (7_000, 1_000), (5, 0)].map(|(used, quota)| quota_level(used, quota));
        assert_eq!(levels, [0, 80, 80, 100, 100, 0]);
        assert_eq!(quota_level(u64::MAX, u64::MAX), 100);
    }
}
