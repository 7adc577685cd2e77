//! Request parameters of the video routes, and their validation.

use serde::Deserialize;

use crate::base::id::Name;
use crate::problem::Problem;
use crate::video::path::VideoPath;

/// Default validity of a playback URL, s (docs/api.md, `POST /api/video/{videoId}/playback`).
const DEFAULT_TTL: u64 = 3_600;

/// Maximum validity, s: one day.
const MAX_TTL: u64 = 86_400;

/// Body of `POST /api/video/{videoId}/playback`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CreatePlayback"))]
pub struct Playback {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    ttl: Option<u64>,
}

impl Playback {
    /// The path to play first and the validity of the URL, ms.
    ///
    /// # Errors
    /// [`Problem::Invalid`] with the name of the invalid field.
    pub fn check(self) -> Result<(VideoPath, u64), Problem> {
        let path = check_path(self.path.as_deref().unwrap_or("index.m3u8"))?;
        match self.ttl.unwrap_or(DEFAULT_TTL) {
            ttl @ 1..=MAX_TTL => Ok((path, ttl * 1000)),
            _ => Err(Problem::invalid("ttl", "must be from 1 to 86400 seconds")),
        }
    }
}

/// Validates a video id.
///
/// # Errors
/// [`Problem::Invalid`] for `videoId`.
pub fn check_video(id: &str) -> Result<Name, Problem> {
    Name::parse(id).ok_or_else(|| Problem::invalid("videoId", "must match [A-Za-z0-9][A-Za-z0-9._-]{0,127}"))
}

/// Validates the path of a file in its video.
///
/// # Errors
/// [`Problem::Invalid`] for `path`.
pub fn check_path(path: &str) -> Result<VideoPath, Problem> {
    let detail = "must be at most 512 bytes of segments that are neither empty nor dots, without control characters or backslashes";
    VideoPath::parse(path).ok_or_else(|| Problem::invalid("path", detail.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_apply_and_values_outside_bounds_are_refused() {
        let check = |body: &str| crate::base::json::read::<Playback>(body).unwrap().check();
        assert_eq!(check("{}"), Ok((VideoPath::parse("index.m3u8").unwrap(), 3_600_000)));
        assert_eq!(check(r#"{"path":"a/b.m3u8","ttl":1}"#), Ok((VideoPath::parse("a/b.m3u8").unwrap(), 1_000)));
        for bad in [r#"{"ttl":0}"#, r#"{"ttl":86401}"#, r#"{"path":"../x"}"#, r#"{"path":""}"#] {
            assert_eq!(check(bad).err().map(|problem| problem.kind().status), Some(422), "{bad}");
        }
        assert!(check_video("film-1").is_ok() && check_video("a/b").is_err());
    }
}
