//! Bytes that another namespace stores, for whoever proves to have them: both namespaces take part (`cross_namespace_dedup`), and the caller answers a
//! challenge about the bytes themselves. A hash alone, stolen or guessed, gets nobody a file (S. Halevi et al., "Proofs of Ownership in Remote Storage
//! Systems", 2011).

pub mod challenge;
pub mod repository;
