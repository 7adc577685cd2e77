//! The exact cache of models' responses: what asks for one, the key that it has, what is kept beside it (docs/delivery.md, "Responses of models").

pub mod canonical;
pub mod entry;
pub mod request;
