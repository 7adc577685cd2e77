//! Content descriptor of a video file, from the metadata cache or D1.

use std::rc::Rc;

use crate::access::authorize::ResourceKind;
use crate::auth::playback_token::VideoClaims;
use crate::base::id::Name;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::problem::Problem;
use crate::video::pages::group;
use crate::video::repository::FileRow;
use crate::worker::content::{metadata_cache, video_pages};
use crate::worker::http::call::Routed;

/// Cache name of a video file.
pub fn known_as(namespace: &Name, video: &Name, path: &str) -> String {
    format!("{}/{path}", group(namespace, video))
}

/// The descriptor of a video file.
///
/// # Errors
/// 403, 404.
pub async fn source(call: &Routed, claims: &VideoClaims, path: &str) -> Result<Rc<ContentDescriptor>, Problem> {
    if let Some(found) = video_pages::find(call, claims, path).await? {
        return Ok(Rc::new(found));
    }
    let read = async |fresh| {
        let row: FileRow = call.service.find_near(ResourceKind::VideoFile, path, fresh).await?;
        if !row.video_streaming {
            return Err(Problem::FeatureOff { feature: "video_streaming" });
        }
        Ok(ContentDescriptor::from(row))
    };
    metadata_cache::get_or_read(call, &claims.namespace, &known_as(&claims.namespace, &claims.video, path), read).await
}
