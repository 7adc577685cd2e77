//! The gateway: a deployment of this Worker beside the store that does the store's requests for all PoPs (docs/deploying.md, The gateway). A request goes to it
//! as it would go to the store, signed, with the fields of this module beside it; what the gateway sends on is the store's business again.

pub mod fields;
pub mod pass;
pub mod repeat;
pub mod shield;
