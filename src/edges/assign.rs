//! Assigns parts to edges by smooth weighted round robin (the algorithm of nginx's upstream module), which spreads each edge's parts over the file.

use serde::Serialize;

/// The parts to send to one edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Assignment {
    /// Edge id.
    pub edge: String,
    /// Part numbers, ascending.
    pub parts: Vec<u16>,
}

/// Distributes `parts` over `edges`, each with a weight > 0. Edges without parts are omitted.
pub fn assign(edges: &[(String, f64)], parts: &[u16]) -> Vec<Assignment> {
    let weights: Vec<f64> = edges.iter().map(|(_, weight)| *weight).collect();
    let mut assignments: Vec<_> = edges.iter().map(|(edge, _)| Assignment { edge: edge.clone(), parts: Vec::new() }).collect();
    for (index, part) in round_robin(&weights, parts.len()).into_iter().zip(parts) {
        if let Some(assignment) = assignments.get_mut(index) {
            assignment.parts.push(*part);
        }
    }
    assignments.retain(|assignment| !assignment.parts.is_empty());
    assignments
}

/// The index of the edge for each of `parts` parts; `weights` has one value > 0 per edge. Empty without edges.
pub fn round_robin(weights: &[f64], parts: usize) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let mut current = vec![0.0; weights.len()];
    (0..parts)
        .filter_map(|_| {
            current.iter_mut().zip(weights).for_each(|(current, weight)| *current += weight);
            // Ties go to the first edge, so that equal inputs give equal plans.
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_assigned_in_ascending_order() {
        let dealt = assign(&[("a".into(), 2.0), ("b".into(), 1.0), ("c".into(), 0.01)], &[3, 4, 7, 8]);
        let of = |edge: &str, parts: &[u16]| Assignment { edge: edge.to_owned(), parts: parts.to_vec() };
        assert_eq!(dealt, [of("a", &[3, 7, 8]), of("b", &[4])]);
        assert_eq!(assign(&[], &[1]), []);
    }

    #[test]
    fn shares_follow_weights_and_edges_alternate() {
        assert_eq!(round_robin(&[5.0, 1.0, 1.0], 7), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(round_robin(&[1.0, 1.0], 4), [0, 1, 0, 1]);
        assert_eq!(round_robin(&[], 4), [0; 0]);
        assert_eq!(round_robin(&[0.3], 3), [0, 0, 0]);
    }

    proptest! {
        #[test]
        fn every_part_is_assigned_and_every_edge_gets_its_share(weights in prop::collection::vec(0.05f64..1.0, 1..8), parts in 0usize..500) {
            let assigned = round_robin(&weights, parts);
            prop_assert_eq!(assigned.len(), parts);
            let total: f64 = weights.iter().sum();
            for (index, weight) in weights.iter().enumerate() {
                let count = assigned.iter().filter(|edge| **edge == index).count() as f64;
                prop_assert!((count - parts as f64 * weight / total).abs() <= weights.len() as f64, "{count} of {parts}");
            }
        }
    }
}
