//! Failures that are told to an error tracker by the envelope protocol of Sentry (develop.sentry.dev, "Envelopes"), without personal data.

pub mod budget;
pub mod dsn;
pub mod event;
