//! Proof of possession: references an object of another namespace. Both namespaces must have `cross_namespace_dedup`, and the caller must answer a
//! challenge over the file's bytes. The hash alone is not sufficient, because it can be stolen or guessed (S. Halevi et al., "Proofs of Ownership in Remote
//! Storage Systems", 2011; docs/uploads.md, Proof of possession).

pub mod challenge;
pub mod repository;
