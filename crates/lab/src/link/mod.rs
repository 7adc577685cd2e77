//! A network in user space: packets of some namespaces' TUN devices, delayed, paced and dropped on their way to the others'.

pub mod model;
pub mod switch;
