//! Content descriptor of a video file, from the metadata cache or D1.

use std::rc::Rc;

use crate::access::authorize::ResourceKind;
use crate::auth::playback_token::VideoClaims;
use crate::base::id::Name;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::problem::Problem;
use crate::video::repository;
use crate::video::repository::FileRow;
use crate::worker::content::metadata_cache;
use crate::worker::http::call::Routed;

/// Cache name of a video file.
pub fn known_as(namespace: &Name, video: &Name, path: &str) -> String {
    format!("{}/{path}", repository::group(namespace, video))
}

/// The descriptor of a video file.
///
/// # Errors
/// 403, 404.
pub async fn source(call: &Routed, claims: &VideoClaims, path: &str) -> Result<Rc<ContentDescriptor>, Problem> {
    let read = async {
        let row: FileRow = call.find_owned(ResourceKind::VideoFile, path).await?;
        if !row.video_streaming {
            return Err(Problem::FeatureOff { feature: "video_streaming" });
        }
        Ok(ContentDescriptor::from(row))
    };
    metadata_cache::get_or_read(call, &known_as(&claims.namespace, &claims.video, path), read).await
}
