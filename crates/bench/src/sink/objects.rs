//! Objects that nobody uploaded. The last part of their key begins with their size: `…/250000-0001.ts` has 250,000 bytes; `index.m3u8` is a playlist.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::ETAG;

/// Name of the playlist.
pub const PLAYLIST: &str = "index.m3u8";
/// Size of a segment, bytes: four seconds at 500 kbit/s.
pub const SEGMENT: u64 = 250_000;
/// Segments of the playlist.
pub const SEGMENTS: u32 = 30;
const BLOCK: usize = 64 * 1024;

/// Name of a segment.
pub fn segment(number: u32) -> String {
    format!("{SEGMENT}-{number:04}.ts")
}

/// The playlist of all segments.
pub fn playlist() -> String {
    let list: String = (0..SEGMENTS).map(|number| format!("#EXTINF:4.0,\n{}\n", segment(number))).collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{list}#EXT-X-ENDLIST\n")
}

/// What a GET or HEAD asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    size: u64,
    /// First byte and count, if a range is asked for.
    range: Option<(u64, u64)>,
    is_head: bool,
    is_playlist: bool,
}

impl Asked {
    /// That of a request's head in lower case; `uploaded` is the size of an object that was uploaded.
    pub fn of(head: &str, uploaded: Option<u64>) -> Asked {
        let target = head.split(' ').nth(1).unwrap_or_default();
        let name = target.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let is_playlist = name == PLAYLIST;
        let named = name.split(['-', '.']).next().and_then(|size| size.parse().ok());
        let size = uploaded.or_else(|| is_playlist.then(|| playlist().len() as u64)).or(named).unwrap_or_default();
        let range = head.lines().find_map(|line| {
            let (first, last) = line.strip_prefix("range:")?.trim().strip_prefix("bytes=")?.split_once('-')?;
            let first: u64 = first.parse().ok()?;
            let last = last.parse::<u64>().unwrap_or(u64::MAX).min(size.saturating_sub(1));
            Some((first, (last + 1).saturating_sub(first)))
        });
        Asked { size, range, is_head: head.starts_with("head"), is_playlist }
    }

    fn head(&self) -> String {
        let (first, count) = self.range.unwrap_or((0, self.size));
        let status = match self.range {
            Some(_) => format!("206 Partial Content\r\nContent-Range: bytes {first}-{}/{}", (first + count).saturating_sub(1), self.size),
            None => "200 OK".to_owned(),
        };
        format!("HTTP/1.1 {status}\r\nETag: \"{ETAG}\"\r\nContent-Length: {count}\r\nContent-Type: application/octet-stream\r\n\r\n")
    }

    /// Sends the answer.
    ///
    /// # Errors
    /// Of the connection.
    pub async fn answer(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        stream.write_all(self.head().as_bytes()).await?;
        if self.is_head {
            return Ok(());
        }
        let (first, mut left) = self.range.unwrap_or((0, self.size));
        if self.is_playlist {
            let text: Vec<u8> = playlist().into_bytes().into_iter().skip(usize::try_from(first).unwrap_or_default()).collect();
            return stream.write_all(&text[..text.len().min(usize::try_from(left).unwrap_or(usize::MAX))]).await;
        }
        let zeros = [0u8; BLOCK];
        while left > 0 {
            let count = left.min(BLOCK as u64);
            stream.write_all(&zeros[..usize::try_from(count).unwrap_or(BLOCK)]).await?;
            left -= count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_tells_the_size_and_an_upload_overrides_it() {
        let of = |line: &str, uploaded| Asked::of(&format!("{line} http/1.1\r\nhost: x\r\n\r\n"), uploaded).size;
        assert_eq!((of("get /b/v/250000-0001.ts", None), of("get /b/o/1000?x=1", None), of("get /b/o/x", None)), (250_000, 1_000, 0));
        assert_eq!((of("head /b/o/x", Some(9)), of("get /b/v/index.m3u8", None)), (9, playlist().len() as u64));
    }

    #[test]
    fn range_is_cut_at_the_end() {
        let asked = Asked::of("get /b/1000 http/1.1\r\nrange: bytes=900-2000\r\n\r\n", None);
        assert_eq!(asked.range, Some((900, 100)));
        assert!(asked.head().contains("206 Partial Content\r\nContent-Range: bytes 900-999/1000\r\n"));
    }
}
