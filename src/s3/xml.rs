//! The XML bodies of S3, out and in, as serde types; each operation has its own (Amazon S3 API reference).

use quick_xml::Reader;
use quick_xml::events::Event;
use quick_xml::se::{QuoteLevel, Serializer};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Error of an XML response that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable answer of the store")]
pub struct Unreadable;

/// Maximum tags of a document: a page of a listing has a thousand entries of a dozen elements, which begin and end.
const MAX_TAGS: usize = 65_536;

/// A document: the name of its root element without a namespace prefix, and its content. Stores do not agree on the names of their roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<T> {
    /// Name of the root element.
    pub root: String,
    /// Its content.
    pub content: T,
}

impl<T> Document<T> {
    /// Whether the root has this name, in any case of its letters.
    pub fn is(&self, name: &str) -> bool {
        self.root.eq_ignore_ascii_case(name)
    }
}

/// Reads a whole document with any root. Names of elements are compared without their namespace prefix, unknown elements are ignored.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<Document<T>, Unreadable> {
    if body.bytes().filter(|byte| *byte == b'<').count() > MAX_TAGS {
        return Err(Unreadable);
    }
    // A byte order mark, and the white space S3 sends while it works (CompleteMultipartUpload), may stand before the XML declaration.
    let body = body.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let root = root(body).ok_or(Unreadable)?;
    Ok(Document { root, content: quick_xml::de::from_str(body).map_err(|_| Unreadable)? })
}

fn root(body: &str) -> Option<String> {
    let mut reader = Reader::from_str(body);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => return Some(start.local_name().as_ref().to_owned()),
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// Reads an answer that a store sends when it has done what was asked: whatever the name of its root, it is not an error's.
pub fn read_result<T: DeserializeOwned>(body: &str) -> Result<Document<T>, Unreadable> {
    let document = read(body)?;
    let refuses = ["Error", "ErrorResponse", "Errors", "Response", "html"].into_iter().any(|name| document.is(name));
    if refuses { Err(Unreadable) } else { Ok(document) }
}

/// Reads an XML Schema boolean (`true`, `1`) in any case of its letters; an empty one is `None`.
///
/// # Errors
/// Any other text: neither answer may be assumed.
pub fn boolean(text: &str) -> Result<Option<bool>, Unreadable> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(Some(true)),
        "false" | "0" => Ok(Some(false)),
        "" => Ok(None),
        _ => Err(Unreadable),
    }
}

/// The document of a request. All five special characters are escaped, as the SDKs of AWS do.
pub fn write(document: &impl Serialize) -> String {
    let mut out = String::new();
    let mut serializer = Serializer::new(&mut out);
    serializer.set_quote_level(QuoteLevel::Full).expand_empty_elements(true);
    // A String takes everything, and a struct of texts and numbers has no form that XML lacks; a document cut short would be refused (MalformedXML).
    let _ = document.serialize(serializer);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Content {
        #[serde(rename = "Text")]
        text: String,
        #[serde(rename = "Item", default)]
        items: Vec<u16>,
    }

    fn text_of(body: &str) -> Result<String, Unreadable> {
        read::<Content>(body).map(|document| document.content.text)
    }

    #[test]
    fn root_is_named_without_its_prefix_and_an_error_is_no_result() {
        for (body, root) in [("<Root><Text>x</Text></Root>", "Root"), ("<a:Other xmlns:a='u'><a:Text>x</a:Text></a:Other>", "Other")] {
            let document = read_result::<Content>(body).unwrap();
            assert_eq!(document.root, root);
            assert!(document.is(&root.to_ascii_uppercase()) && !document.is("Else"));
        }
        for root in ["Error", "ErrorResponse", "HTML", "error"] {
            assert_eq!(read_result::<Content>(&format!("<{root}><Text>x</Text></{root}>")), Err(Unreadable), "{root}");
        }
    }

    #[test]
    fn booleans_in_every_spelling_and_nothing_else() {
        for (text, expected) in [
            ("true", Some(true)),
            (" True\n", Some(true)),
            ("TRUE", Some(true)),
            ("1", Some(true)),
            ("false", Some(false)),
            ("False", Some(false)),
            ("0", Some(false)),
            ("", None),
            (" ", None),
        ] {
            assert_eq!(boolean(text), Ok(expected), "{text}");
        }
        for text in ["yes", "2", "truefalse"] {
            assert_eq!(boolean(text), Err(Unreadable), "{text}");
        }
    }

    #[test]
    fn document_of_65537_tags_is_unreadable() {
        let of = |tags: usize| format!("<Root><Text>x</Text>{}</Root>", "<X/>".repeat(tags - 4));
        assert_eq!(text_of(&of(65_536)), Ok("x".to_owned()));
        assert_eq!(text_of(&of(65_537)), Err(Unreadable));
    }

    #[test]
    fn namespaces_prefixes_marks_and_white_space_are_tolerated() {
        for body in [
            "<Root><Text>x</Text></Root>",
            "<Root xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Text>x</Text></Root>",
            "<s3:Root xmlns:s3=\"urn:x\"><s3:Text>x</s3:Text></s3:Root>",
            "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Root>\n  <Text>x</Text>\n</Root>\n",
            "\r\n \u{feff} <Root><Text>x</Text></Root>\u{feff}\n",
            "<!DOCTYPE Root><Root><Text>x</Text></Root>",
            "<Root><Text>x</Text></Root>\n<!-- end -->\n",
            " \r\n <?xml version='1.0'?>\n\n <!-- c --> <Root><Unknown><Text>y</Text></Unknown><Text>x</Text><Unknown/></Root>",
            "<Root><Text><![CDATA[x]]></Text></Root>",
            "<Root><Text>&#x78;</Text></Root>",
        ] {
            assert_eq!(text_of(body).as_deref(), Ok("x"), "{body}");
        }
    }

    #[test]
    fn texts_keep_their_spaces_and_references_are_resolved() {
        assert_eq!(text_of("<Root><Text> a&amp;b&lt;&#65;&quot; c </Text></Root>").as_deref(), Ok(" a&b<A\" c "));
        assert_eq!(text_of("<Root><Text/></Root>").as_deref(), Ok(""));
        assert_eq!(text_of("<Root><Text></Text></Root>").as_deref(), Ok(""));
    }

    #[test]
    fn lists_may_be_interrupted_by_other_elements() {
        let document = read("<Root><Item>1</Item><Text>x</Text><Item> 2 </Item></Root>").map(|document| document.content);
        assert_eq!(document, Ok(Content { text: "x".to_owned(), items: vec![1, 2] }));
    }

    #[test]
    fn cut_short_and_malformed_documents_are_unreadable() {
        for body in [
            "",
            " ",
            "x",
            "<html>",
            "<Root><Text>x</Text>",
            "<Root><Text>x",
            "<Root><Text>x</Other></Root>",
            "<Root><Text>&unknown;</Text></Root>",
            "<Root><Text>x</Text><Item>65536</Item></Root>",
        ] {
            assert_eq!(text_of(body), Err(Unreadable), "{body}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(body in "(<[/!?]?|Root|Text|Item|/?>|\\[CDATA\\[|\\]\\]>|--|DOCTYPE|&|;|#|x| |\"){0,30}") {
            let _ = read_result::<Content>(&body);
            let _ = read_result::<Content>(&format!("<Root><Text>{body}</Text></Root>"));
        }
    }
}
