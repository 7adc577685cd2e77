//! Bodies in `aws-chunked`: chunks with a length in hex and perhaps a signature, then trailers. Signatures and trailers are not looked at.

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Length,
    Data(u64),
    DataEnd,
    Trailers,
}

/// A body that is read piece by piece.
#[derive(Debug)]
pub struct Decoder {
    next: Next,
    line: Vec<u8>,
}

/// Longest line of a length with its signature.
const LONGEST_LINE: usize = 1_024;

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { next: Next::Length, line: Vec::new() }
    }
}

impl Decoder {
    /// Hands the data in `bytes` to `take`; false: this is not `aws-chunked`.
    pub fn read(&mut self, mut bytes: &[u8], mut take: impl FnMut(&[u8])) -> bool {
        while !bytes.is_empty() {
            match self.next {
                Next::Data(left) => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (data, rest) = bytes.split_at(count);
                    take(data);
                    bytes = rest;
                    let left = left - count as u64;
                    self.next = if left == 0 { Next::DataEnd } else { Next::Data(left) };
                }
                Next::Trailers => return true,
                Next::Length | Next::DataEnd => {
                    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                        self.line.extend_from_slice(bytes);
                        return self.line.len() <= LONGEST_LINE;
                    };
                    let (line, rest) = bytes.split_at(end + 1);
                    self.line.extend_from_slice(line);
                    bytes = rest;
                    if !self.has_line() {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Whether the line that is complete now is right.
    fn has_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        if self.next == Next::DataEnd {
            self.next = Next::Length;
            return text.trim().is_empty();
        }
        let length = text.split(';').next().and_then(|length| u64::from_str_radix(length.trim(), 16).ok());
        self.next = match length {
            Some(0) => Next::Trailers,
            Some(length) => Next::Data(length),
            None => return false,
        };
        true
    }

    /// Whether the last chunk has been read.
    pub fn is_complete(&self) -> bool {
        self.next == Next::Trailers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"5;chunk-signature=ab\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n";

    #[test]
    fn data_is_the_same_however_the_body_is_cut() {
        for size in 1..=BODY.len() {
            let (mut decoder, mut data) = (Decoder::default(), Vec::new());
            assert!(BODY.chunks(size).all(|bytes| decoder.read(bytes, |some| data.extend_from_slice(some))));
            assert!(decoder.is_complete());
            assert_eq!(data, b"hello!");
        }
    }

    #[test]
    fn what_is_not_chunked_is_refused_and_what_is_cut_short_is_not_complete() {
        assert!(!Decoder::default().read(b"hello\n", |_| {}));
        assert!(!Decoder::default().read(b"1\r\nab\r\n", |_| {}));
        assert!(!Decoder::default().read(&[b'1'; 2_000], |_| {}));
        let mut decoder = Decoder::default();
        assert!(decoder.read(b"5\r\nhel", |_| {}) && !decoder.is_complete());
    }
}
