//! Reads HTTP request heads, for the stores of the benchmarks.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Reads until `buffer` contains a whole head; `filled` counts its valid bytes. Returns the head's end. None at the end of the connection.
pub async fn read(stream: &mut TcpStream, buffer: &mut [u8], filled: &mut usize) -> std::io::Result<Option<usize>> {
    loop {
        if let Some(end) = buffer[..*filled].windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(Some(end + 4));
        }
        let count = stream.read(&mut buffer[*filled..]).await?;
        if count == 0 {
            return Ok(None);
        }
        *filled += count;
    }
}
