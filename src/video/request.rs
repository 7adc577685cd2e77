//! What callers send.

use serde::Deserialize;

use crate::base::id::Name;
use crate::problem::Problem;
use crate::video::path::VideoPath;

/// How long a playback URL lives where nobody says, s (SPEC section 8).
const DEFAULT_TTL: u64 = 3_600;

/// The longest, s: a day.
const MAX_TTL: u64 = 86_400;

/// Body of `POST /api/video/{videoId}/playback`.
#[derive(Debug, Default, Deserialize)]
pub struct Playback {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    ttl: Option<u64>,
}

impl Playback {
    /// What to play first, and for how many ms.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn check(self) -> Result<(VideoPath, u64), Problem> {
        let path = check_path(self.path.as_deref().unwrap_or("index.m3u8"))?;
        match self.ttl.unwrap_or(DEFAULT_TTL) {
            ttl @ 1..=MAX_TTL => Ok((path, ttl * 1000)),
            _ => Err(Problem::invalid("ttl", "must be from 1 to 86400 seconds")),
        }
    }
}

/// A video's id.
///
/// # Errors
/// [`Problem::Invalid`].
pub fn check_video(id: &str) -> Result<Name, Problem> {
    Name::parse(id).ok_or_else(|| Problem::invalid("videoId", "must match [A-Za-z0-9][A-Za-z0-9._-]{0,127}"))
}

/// A file's path in its video.
///
/// # Errors
/// [`Problem::Invalid`].
pub fn check_path(path: &str) -> Result<VideoPath, Problem> {
    let detail = "must be at most 512 bytes of segments that are neither empty nor dots, without control characters or backslashes";
    VideoPath::parse(path).ok_or_else(|| Problem::invalid("path", detail.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_bounds() {
        let check = |body: &str| crate::base::json::read::<Playback>(body).unwrap().check();
        assert_eq!(check("{}"), Ok((VideoPath::parse("index.m3u8").unwrap(), 3_600_000)));
        assert_eq!(check(r#"{"path":"a/b.m3u8","ttl":1}"#), Ok((VideoPath::parse("a/b.m3u8").unwrap(), 1_000)));
        for bad in [r#"{"ttl":0}"#, r#"{"ttl":86401}"#, r#"{"path":"../x"}"#, r#"{"path":""}"#] {
            assert_eq!(check(bad).err().map(|problem| problem.kind().status), Some(422), "{bad}");
        }
        assert!(check_video("film-1").is_ok() && check_video("a/b").is_err());
    }
}
