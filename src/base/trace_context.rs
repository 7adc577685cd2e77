//! W3C Trace Context, level 2: the header field `traceparent` (w3.org/TR/trace-context-2, section 3.2).

/// Which trace a request, job or message belongs to, and which step of it is its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    parent: [u8; 8],
    flags: u8,
}

/// Flags that are known: sampled, random trace id. Others are not passed on (section 3.2.2.5.3, "Other Flags").
const FLAGS: u8 = 0b11;

/// The trace id is random.
const RANDOM: u8 = 0b10;

/// Length of version 00.
const LENGTH: usize = 55;

impl TraceContext {
    /// A new trace of these random bytes, not sampled. An id of zeros would be invalid.
    pub fn begin(trace: [u8; 16], parent: [u8; 8]) -> TraceContext {
        let not_zero = |byte: u8| byte | 1;
        let ([first, rest @ ..], [first_of_parent, rest_of_parent @ ..]) = (trace, parent);
        let mut context = TraceContext { trace: [0; 16], parent: [0; 8], flags: RANDOM };
        context.trace.iter_mut().zip([not_zero(first)].into_iter().chain(rest)).for_each(|(into, from)| *into = from);
        context.parent.iter_mut().zip([not_zero(first_of_parent)].into_iter().chain(rest_of_parent)).for_each(|(into, from)| *into = from);
        context
    }

    /// Reads `traceparent`. `None` for what is malformed, for ids of zeros and for version ff; of later versions the fields of version 00 are read.
    pub fn parse(text: &str) -> Option<TraceContext> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let mut fields = known.split('-');
        let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let [version] = bytes(version)?;
        let is_whole = if version == 0 { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
        if version == 0xff || !is_whole || fields.next().is_some() {
            return None;
        }
        let (trace, parent, [flags]) = (bytes::<16>(trace)?, bytes::<8>(parent)?, bytes(flags)?);
        (trace != [0; 16] && parent != [0; 8]).then_some(TraceContext { trace, parent, flags: flags & FLAGS })
    }

    /// The next step of the same trace, whose id is made of these random bytes.
    #[must_use]
    pub fn next(self, parent: [u8; 8]) -> TraceContext {
        TraceContext { trace: self.trace, flags: self.flags, ..TraceContext::begin(self.trace, parent) }
    }

    /// The next step of the trace that something came with, or the first of a new one, for which alone `trace` is drawn.
    ///
    /// # Errors
    /// Of `trace`.
    pub fn step_of<E>(came_with: Option<TraceContext>, parent: [u8; 8], trace: impl FnOnce() -> Result<[u8; 16], E>) -> Result<TraceContext, E> {
        match came_with {
            Some(context) => Ok(context.next(parent)),
            None => Ok(TraceContext::begin(trace()?, parent)),
        }
    }

    /// The field's value, in version 00.
    pub fn to_text(self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id(), self.step_id(), self.flags)
    }

    /// The trace, as 32 hex digits.
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace)
    }

    /// The step, as 16 hex digits.
    pub fn step_id(&self) -> String {
        hex::encode(self.parent)
    }
}

/// Bytes of hex digits, of which the format has lower ones only.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    (is_lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn valid_field_is_read_and_written_alike() {
        for text in [VALID, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"] {
            assert_eq!(TraceContext::parse(text).unwrap().to_text(), text);
        }
        let context = TraceContext::parse(VALID).unwrap();
        assert_eq!((context.trace_id().as_str(), context.step_id().as_str()), ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"));
    }

    #[test]
    fn later_versions_are_read_as_version_00_and_unknown_flags_are_dropped() {
        for text in [
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd",
        ] {
            assert_eq!(TraceContext::parse(text).map(TraceContext::to_text).as_deref(), Some(VALID), "{text}");
        }
    }

    #[test]
    fn malformed_fields_are_no_trace() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e47360-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01, 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }

    #[test]
    fn next_step_has_the_trace_and_its_flags_and_another_id() {
        let next = TraceContext::parse(VALID).unwrap().next([0x11; 8]);
        assert_eq!(next.to_text(), "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01");
        assert_eq!(TraceContext::step_of(TraceContext::parse(VALID), [0x11; 8], || Err("drawn")), Ok(next));
    }

    #[test]
    fn what_came_without_a_trace_begins_one() {
        assert_eq!(TraceContext::step_of(None, [0x11; 8], || Ok::<_, ()>([7; 16])), Ok(TraceContext::begin([7; 16], [0x11; 8])));
        assert_eq!(TraceContext::step_of(None, [0x11; 8], || Err("no randomness")), Err("no randomness"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic_and_what_is_begun_can_be_read(text in ".{0,70}", trace: [u8; 16], parent: [u8; 8]) {
            if let Some(context) = TraceContext::parse(&text) {
                prop_assert_eq!(TraceContext::parse(&context.to_text()), Some(context));
            }
            for begun in [TraceContext::begin(trace, parent), TraceContext::begin([0; 16], [0; 8])] {
                prop_assert_eq!(TraceContext::parse(&begun.to_text()), Some(begun));
            }
        }
    }
}
