//! Which migrations of this build the database lacks.

/// The numbers of the migrations up to `schema` that are not among the `applied` ones, ascending. Later ones are no fault: the code works with a newer schema.
pub fn missing(applied: &[u32], schema: u32) -> Vec<u32> {
    (1..=schema).filter(|number| !applied.contains(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_numbers_are_missing_and_newer_ones_are_no_fault() {
        assert_eq!(missing(&[1, 2, 3], 3), Vec::<u32>::new());
        assert_eq!(missing(&[3, 1, 4], 3), [2]);
        assert_eq!(missing(&[], 2), [1, 2]);
    }
}
