//! Content descriptor of a video file, from the metadata cache or D1.

use std::rc::Rc;

use crate::access::authorize::ResourceKind;
use crate::auth::playback_token::VideoClaims;
use crate::base::id::Name;
use crate::config::Config;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::problem::Problem;
use crate::video::pages::{group, state_name};
use crate::video::repository::FileRow;
use crate::worker::content::{metadata_cache, video_pages};
use crate::worker::http::call::Routed;
use crate::worker::platform::pop_cache::PopCache;

/// Cache name of a video file.
fn known_as(namespace: &Name, video: &Name, path: &str) -> String {
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
        let row: FileRow = call.find_near(ResourceKind::VideoFile, path, fresh).await?;
        if !row.video_streaming {
            return Err(Problem::FeatureOff { feature: "video_streaming" });
        }
        Ok(ContentDescriptor::from(row))
    };
    metadata_cache::get_or_read(call, &claims.namespace, &known_as(&claims.namespace, &claims.video, path), read).await
}

/// Invalidates a file that was replaced or removed: immediately in the isolate, within 1 s in the data centre, within 60 s globally.
pub async fn invalidate(pop: &PopCache, namespace: &Name, video: &Name, path: &str) {
    metadata_cache::invalidate(pop, &known_as(namespace, video, path)).await;
    metadata_cache::invalidate(pop, &state_name(namespace, video)).await;
}

/// As [`invalidate`], for a job: in the data centre only if the deployment tells its host.
pub async fn invalidate_by_job(config: &Config, namespace: &Name, video: &Name, path: &str) {
    metadata_cache::invalidate_by_job(config, &known_as(namespace, video, path)).await;
    metadata_cache::invalidate_by_job(config, &state_name(namespace, video)).await;
}
