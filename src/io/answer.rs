//! An answer of the store.

use crate::s3::error::StoreError;

/// Its head; the body has not been read.
#[allow(async_fn_in_trait)] // Dispatched statically, on one thread.
pub trait Answer {
    /// HTTP status.
    fn status(&self) -> u16;

    /// A header field.
    fn header(&self, name: &str) -> Option<String>;

    /// The body as text: the answer of a single operation, of at most 64 KB.
    ///
    /// # Errors
    /// [`StoreError::unreachable`] if it breaks off or is longer.
    async fn text(&self) -> Result<String, StoreError>;

    /// The body as text: a page of a listing, of at most 1 MB.
    ///
    /// # Errors
    /// As [`Answer::text`].
    async fn listing(&self) -> Result<String, StoreError>;

    /// Gives the body up, so that its connection is released.
    fn discard(&self);

    /// `Content-Length`.
    fn content_length(&self) -> Option<u64> {
        self.header("content-length").and_then(|text| text.trim().parse().ok())
    }
}
