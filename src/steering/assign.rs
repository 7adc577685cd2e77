//! Which part goes to which edge: smooth weighted round robin (as nginx's upstream module does it), so that each edge's parts are spread over the file.

/// For each of `parts`, the index of its edge; `weights` above 0, as many as there are edges. No edge, no assignment.
pub fn round_robin(weights: &[f64], parts: usize) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let mut current = vec![0.0; weights.len()];
    (0..parts)
        .filter_map(|_| {
            current.iter_mut().zip(weights).for_each(|(current, weight)| *current += weight);
            // The first of the largest: equal inputs, equal plans.
            let chosen = current.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(index, _)| index)?;
            if let Some(current) = current.get_mut(chosen) {
                *current -= total;
            }
            Some(chosen)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_follow_weights_and_alternate() {
        assert_eq!(round_robin(&[5.0, 1.0, 1.0], 7), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(round_robin(&[1.0, 1.0], 4), [0, 1, 0, 1]);
        assert_eq!(round_robin(&[], 4), [0; 0]);
        assert_eq!(round_robin(&[0.3], 3), [0, 0, 0]);
    }

    proptest! {
        #[test]
        fn every_part_has_an_edge_and_every_edge_its_share(weights in prop::collection::vec(0.05f64..1.0, 1..8), parts in 0usize..500) {
            let assigned = round_robin(&weights, parts);
            prop_assert_eq!(assigned.len(), parts);
            let total: f64 = weights.iter().sum();
            for (index, weight) in weights.iter().enumerate() {
                let got = assigned.iter().filter(|edge| **edge == index).count() as f64;
                prop_assert!((got - parts as f64 * weight / total).abs() <= weights.len() as f64, "{got} of {parts}");
            }
        }
    }
}
